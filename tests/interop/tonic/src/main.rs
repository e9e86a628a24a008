//! The interop client and server as tonic plays them: peer client|server --flag=value …
//!
//! Flags are those of weft-interop-client and weft-interop-server.

mod client;
mod server;

use std::collections::HashMap;

mod pb {
    tonic::include_proto!("grpc.testing");
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

const NAME_OF_INITIAL: &str = "x-grpc-test-echo-initial";
const NAME_OF_TRAILING: &str = "x-grpc-test-echo-trailing-bin";

struct Flags(HashMap<String, String>);

impl Flags {
    fn text(&self, name: &str, default: &str) -> String {
        self.0.get(name).map_or(default, String::as_str).to_string()
    }

    fn is_set(&self, name: &str) -> bool {
        self.text(name, "false") == "true"
    }

    fn file(&self, name: &str) -> Result<String, Failure> {
        let path = self.text(name, "");
        std::fs::read_to_string(&path).map_err(|e| format!("--{name}={path}: {e}").into())
    }
}

fn zeros(size: i32) -> Option<pb::Payload> {
    Some(pb::Payload { body: vec![0; size as usize], ..Default::default() })
}

#[tokio::main]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let pairs = words.iter().skip(1).filter_map(|word| word.strip_prefix("--")?.split_once('='));
    let flags = Flags(pairs.map(|(name, value)| (name.to_string(), value.to_string())).collect());
    let done = match words.first().map(String::as_str) {
        Some("client") => client::play(&flags).await,
        Some("server") => server::serve(&flags).await,
        _ => Err("peer client|server --flag=value …".into()),
    };
    if let Err(failure) = done {
        eprintln!("{failure}");
        std::process::exit(1);
    }
}
