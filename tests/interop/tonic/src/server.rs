//! grpc.testing.TestService. tonic does not show a server whether a message came compressed, and
//! compresses all messages of a response or none.

use std::pin::Pin;
use std::time::Duration;

use tokio::signal::unix::{signal, SignalKind};
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tokio_stream::{Stream, StreamExt};
use tonic::codec::CompressionEncoding::Gzip;
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic::{Code, Request, Response, Status, Streaming};

use crate::pb::test_service_server::{TestService, TestServiceServer};
use crate::pb::*;
use crate::{zeros, Failure, Flags, NAME_OF_INITIAL};

type Answers = Pin<Box<dyn Stream<Item = Result<StreamingOutputCallResponse, Status>> + Send>>;
type Sender = tokio::sync::mpsc::Sender<Result<StreamingOutputCallResponse, Status>>;

struct Service;

fn asked_status(asked: &Option<EchoStatus>) -> Result<(), Status> {
    match asked {
        Some(status) if status.code != 0 => {
            Err(Status::new(Code::from_i32(status.code), &status.message))
        }
        _ => Ok(()),
    }
}

/// The metadata that the client wants back before the messages. What it wants after them has no way:
/// tonic's handlers have trailers in a status alone.
fn echo<T, M>(request: &Request<T>, message: M) -> Response<M> {
    let mut response = Response::new(message);
    if let Some(value) = request.metadata().get(NAME_OF_INITIAL) {
        response.metadata_mut().insert(NAME_OF_INITIAL, value.clone());
    }
    response
}

async fn answer(request: StreamingOutputCallRequest, sender: &Sender) -> Result<(), Failure> {
    if let Err(status) = asked_status(&request.response_status) {
        sender.send(Err(status)).await?;
        return Err("the call has ended".into());
    }
    for asked in request.response_parameters {
        tokio::time::sleep(Duration::from_micros(asked.interval_us as u64)).await;
        let payload = zeros(asked.size);
        sender.send(Ok(StreamingOutputCallResponse { payload })).await?;
    }
    Ok(())
}

fn duplex(mut requests: Streaming<StreamingOutputCallRequest>, at_end: bool) -> Answers {
    let (sender, receiver) = tokio::sync::mpsc::channel(4);
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Some(Ok(request)) = requests.next().await {
            if at_end {
                kept.push(request);
            } else {
                answer(request, &sender).await?;
            }
        }
        for request in kept {
            answer(request, &sender).await?;
        }
        Ok::<(), Failure>(())
    });
    Box::pin(ReceiverStream::new(receiver))
}

#[tonic::async_trait]
impl TestService for Service {
    type StreamingOutputCallStream = Answers;
    type FullDuplexCallStream = Answers;
    type HalfDuplexCallStream = Answers;

    async fn empty_call(&self, request: Request<Empty>) -> Result<Response<Empty>, Status> {
        Ok(echo(&request, Empty {}))
    }

    async fn unary_call(
        &self,
        request: Request<SimpleRequest>,
    ) -> Result<Response<SimpleResponse>, Status> {
        let asked = request.get_ref();
        asked_status(&asked.response_status)?;
        let message = SimpleResponse { payload: zeros(asked.response_size), ..Default::default() };
        let mut response = echo(&request, message);
        if !asked.response_compressed.is_some_and(|wanted| wanted.value) {
            response.disable_compression();
        }
        Ok(response)
    }

    async fn cacheable_unary_call(
        &self,
        request: Request<SimpleRequest>,
    ) -> Result<Response<SimpleResponse>, Status> {
        self.unary_call(request).await
    }

    async fn streaming_output_call(
        &self,
        request: Request<StreamingOutputCallRequest>,
    ) -> Result<Response<Answers>, Status> {
        let (sender, receiver) = tokio::sync::mpsc::channel(4);
        let answers: Answers = Box::pin(ReceiverStream::new(receiver));
        let response = echo(&request, answers);
        tokio::spawn(async move { answer(request.into_inner(), &sender).await });
        Ok(response)
    }

    async fn streaming_input_call(
        &self,
        mut request: Request<Streaming<StreamingInputCallRequest>>,
    ) -> Result<Response<StreamingInputCallResponse>, Status> {
        let mut aggregated_payload_size = 0;
        while let Some(message) = request.get_mut().next().await {
            aggregated_payload_size += message?.payload.map_or(0, |it| it.body.len() as i32);
        }
        Ok(echo(&request, StreamingInputCallResponse { aggregated_payload_size }))
    }

    async fn full_duplex_call(
        &self,
        request: Request<Streaming<StreamingOutputCallRequest>>,
    ) -> Result<Response<Answers>, Status> {
        let response = echo(&request, ());
        Ok(response.map(|()| duplex(request.into_inner(), false)))
    }

    async fn half_duplex_call(
        &self,
        request: Request<Streaming<StreamingOutputCallRequest>>,
    ) -> Result<Response<Answers>, Status> {
        Ok(Response::new(duplex(request.into_inner(), true)))
    }

    async fn unimplemented_call(&self, _: Request<Empty>) -> Result<Response<Empty>, Status> {
        Err(Status::unimplemented("no server implements it"))
    }
}

pub async fn serve(flags: &Flags) -> Result<(), Failure> {
    let address = format!("{}:{}", flags.text("host", "0.0.0.0"), flags.text("port", "8080"));
    let listener = tokio::net::TcpListener::bind(address).await?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut server = Server::builder();

    if flags.is_set("use_tls") {
        let identity =
            Identity::from_pem(flags.file("tls_cert_file")?, flags.file("tls_key_file")?);
        server = server.tls_config(ServerTlsConfig::new().identity(identity))?;
    }
    println!("listening at {}", listener.local_addr()?);
    server
        .add_service(TestServiceServer::new(Service).send_compressed(Gzip).accept_compressed(Gzip))
        .serve_with_incoming_shutdown(TcpListenerStream::new(listener), async {
            terminate.recv().await;
        })
        .await?;
    Ok(())
}
