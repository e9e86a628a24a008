//! Messages and stubs from our own contracts, which are in the folder $WEFT_PROTO.

fn main() {
    println!("cargo:rerun-if-env-changed=WEFT_PROTO");
    let home = std::env::var("WEFT_PROTO").expect("WEFT_PROTO names the folder of the contracts");
    tonic_prost_build::configure()
        .compile_protos(&[format!("{home}/grpc/testing/test.proto")], &[home])
        .unwrap();
}
