//! The test cases. tonic does not show a client whether a message came compressed, and cannot leave
//! one message of a call uncompressed.

use std::time::Duration;

use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::StreamExt;
use tonic::codec::CompressionEncoding::Gzip;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Status};

use crate::pb::test_service_client::TestServiceClient;
use crate::pb::unimplemented_service_client::UnimplementedServiceClient;
use crate::pb::*;
use crate::{zeros, Failure, Flags, NAME_OF_INITIAL, NAME_OF_TRAILING};

type Client = TestServiceClient<Channel>;
type Played = Result<(), Failure>;

const LARGE_REQUEST: i32 = 271828;
const LARGE_RESPONSE: i32 = 314159;
const REQUESTS: [i32; 4] = [27182, 8, 1828, 45904];
const RESPONSES: [i32; 4] = [31415, 9, 2653, 58979];
const SPECIAL: &str =
    "\t\ntest with whitespace\r\nand Unicode BMP \u{263a} and non-BMP \u{1f608}\t\n";

macro_rules! check {
    ($condition:expr) => {
        if !$condition {
            return Err(format!("not so: {}", stringify!($condition)).into());
        }
    };
}

fn size_of(payload: Option<Payload>) -> i32 {
    payload.map_or(-1, |it| it.body.len() as i32)
}

fn large() -> SimpleRequest {
    let payload = zeros(LARGE_REQUEST);
    SimpleRequest { response_size: LARGE_RESPONSE, payload, ..Default::default() }
}

fn asking(responses: &[i32], size: i32) -> StreamingOutputCallRequest {
    let one = |size: &i32| ResponseParameters { size: *size, ..Default::default() };
    StreamingOutputCallRequest {
        response_parameters: responses.iter().map(one).collect(),
        payload: zeros(size),
        ..Default::default()
    }
}

fn failure<T>(result: Result<T, Status>) -> Result<Status, Failure> {
    result.err().ok_or_else(|| "the call did not fail".into())
}

async fn large_unary(mut client: Client, request: SimpleRequest) -> Played {
    let response = client.unary_call(request).await?.into_inner();
    check!(size_of(response.payload) == LARGE_RESPONSE);
    Ok(())
}

async fn client_compressed_unary(mut client: Client) -> Played {
    let expecting = |value| SimpleRequest { expect_compressed: Some(BoolValue { value }), ..large() };
    let status = failure(client.unary_call(expecting(true)).await)?;
    check!(status.code() == Code::InvalidArgument);
    large_unary(client.clone().send_compressed(Gzip), expecting(true)).await?;
    large_unary(client, expecting(false)).await
}

async fn server_compressed_unary(client: Client) -> Played {
    for value in [true, false] {
        let response_compressed = Some(BoolValue { value });
        large_unary(client.clone(), SimpleRequest { response_compressed, ..large() }).await?;
    }
    Ok(())
}

async fn client_streaming(mut client: Client) -> Played {
    let one = |size: i32| StreamingInputCallRequest { payload: zeros(size), ..Default::default() };
    let requests = tokio_stream::iter(REQUESTS.map(one));
    let response = client.streaming_input_call(requests).await?.into_inner();
    check!(response.aggregated_payload_size == 74922);
    Ok(())
}

async fn check_output(mut client: Client, request: StreamingOutputCallRequest, pause: u64) -> Played {
    let wanted: Vec<i32> = request.response_parameters.iter().map(|it| it.size).collect();
    let mut responses = client.streaming_output_call(request).await?.into_inner();
    let mut got = Vec::new();
    while let Some(response) = responses.next().await {
        got.push(size_of(response?.payload));
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
    check!(got == wanted);
    Ok(())
}

async fn server_compressed_streaming(client: Client) -> Played {
    let mut request = asking(&[31415, 92653], 0);
    for (asked, value) in request.response_parameters.iter_mut().zip([true, false]) {
        asked.compressed = Some(BoolValue { value });
    }
    check_output(client, request, 0).await
}

async fn ping_pong(mut client: Client) -> Played {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let call = client.full_duplex_call(ReceiverStream::new(receiver));
    let first = sender.send(asking(&RESPONSES[..1], REQUESTS[0]));
    let (sent, call) = tokio::join!(first, call);
    let mut responses = call?.into_inner();
    sent?;
    for (i, wanted) in RESPONSES.iter().enumerate() {
        if i > 0 {
            sender.send(asking(&RESPONSES[i..=i], REQUESTS[i])).await?;
        }
        let response = responses.next().await.ok_or("too few responses")??;
        check!(size_of(response.payload) == *wanted);
    }
    drop(sender);
    check!(responses.next().await.is_none());
    Ok(())
}

async fn empty_stream(mut client: Client) -> Played {
    let mut responses = client.full_duplex_call(tokio_stream::empty()).await?.into_inner();
    check!(responses.next().await.is_none());
    Ok(())
}

async fn half_duplex(mut client: Client) -> Played {
    let one = |(i, size): (usize, i32)| asking(&RESPONSES[i..=i], size);
    let requests: Vec<_> = REQUESTS.into_iter().enumerate().map(one).collect();
    let mut responses = client.half_duplex_call(tokio_stream::iter(requests)).await?.into_inner();
    for wanted in RESPONSES {
        let response = responses.next().await.ok_or("too few responses")??;
        check!(size_of(response.payload) == wanted);
    }
    check!(responses.next().await.is_none());
    Ok(())
}

/// tonic cancels what is dropped; there is no status to look at afterwards.
async fn cancel_after_begin(mut client: Client) -> Played {
    let (_sender, receiver) = tokio::sync::mpsc::channel(1);
    let call = client.streaming_input_call(ReceiverStream::new(receiver));
    check!(tokio::time::timeout(Duration::from_millis(100), call).await.is_err());
    large_unary(client, large()).await
}

async fn cancel_after_first_response(mut client: Client) -> Played {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    sender.send(asking(&RESPONSES[..1], REQUESTS[0])).await?;
    let call = client.full_duplex_call(ReceiverStream::new(receiver)).await?;
    let mut responses = call.into_inner();
    let response = responses.next().await.ok_or("no response")??;
    check!(size_of(response.payload) == RESPONSES[0]);
    drop(responses);
    large_unary(client, large()).await
}

async fn timeout_on_sleeping_server(mut client: Client) -> Played {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    sender.send(asking(&[], 27182)).await?;
    let mut request = Request::new(ReceiverStream::new(receiver));
    request.set_timeout(Duration::from_millis(1));
    let status = match client.full_duplex_call(request).await {
        Err(status) => status,
        Ok(call) => failure(call.into_inner().next().await.ok_or("a clean end")?)?,
    };
    check!(status.code() == Code::DeadlineExceeded);
    Ok(())
}

fn with_metadata<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    let metadata = request.metadata_mut();
    metadata.insert(NAME_OF_INITIAL, MetadataValue::from_static("test_initial_metadata_value"));
    metadata.insert_bin(NAME_OF_TRAILING, MetadataValue::from_bytes(&[0xab; 3]));
    request
}

fn check_initial(metadata: &MetadataMap) -> Played {
    let value = metadata.get(NAME_OF_INITIAL).ok_or("no initial metadata")?;
    check!(value == "test_initial_metadata_value");
    Ok(())
}

fn check_trailing(metadata: &MetadataMap) -> Played {
    let value = metadata.get_bin(NAME_OF_TRAILING).ok_or("no trailing metadata")?;
    check!(value.to_bytes()?.as_ref() == [0xab; 3]);
    Ok(())
}

/// tonic merges a unary response's trailers into its headers.
async fn custom_metadata(mut client: Client) -> Played {
    let response = client.unary_call(with_metadata(large())).await?;
    check_initial(response.metadata())?;
    check_trailing(response.metadata())?;
    check!(size_of(response.into_inner().payload) == LARGE_RESPONSE);

    let requests = tokio_stream::iter([asking(&[LARGE_RESPONSE], LARGE_REQUEST)]);
    let call = client.full_duplex_call(with_metadata(requests)).await?;
    check_initial(call.metadata())?;
    let mut responses = call.into_inner();
    let response = responses.next().await.ok_or("no response")??;
    check!(size_of(response.payload) == LARGE_RESPONSE);
    check!(responses.next().await.is_none());
    check_trailing(&responses.trailers().await?.ok_or("no trailers")?)
}

async fn status_code_and_message(mut client: Client) -> Played {
    let message = "test status message".to_string();
    let response_status = Some(EchoStatus { code: 2, message: message.clone() });
    let request = SimpleRequest { response_status: response_status.clone(), ..Default::default() };
    let status = failure(client.unary_call(request).await)?;
    check!(status.code() == Code::Unknown && status.message() == message);

    let request = StreamingOutputCallRequest { response_status, ..Default::default() };
    let status = match client.full_duplex_call(tokio_stream::iter([request])).await {
        Err(status) => status,
        Ok(call) => failure(call.into_inner().next().await.ok_or("a clean end")?)?,
    };
    check!(status.code() == Code::Unknown && status.message() == message);
    Ok(())
}

async fn special_status_message(mut client: Client) -> Played {
    let response_status = Some(EchoStatus { code: 2, message: SPECIAL.to_string() });
    let request = SimpleRequest { response_status, ..Default::default() };
    let status = failure(client.unary_call(request).await)?;
    check!(status.code() == Code::Unknown && status.message() == SPECIAL);
    Ok(())
}

async fn concurrent_large_unary(client: Client) -> Played {
    let calls: Vec<_> =
        (0..1000).map(|_| tokio::spawn(large_unary(client.clone(), large()))).collect();
    for call in calls {
        call.await??;
    }
    Ok(())
}

async fn connect(flags: &Flags) -> Result<Channel, Failure> {
    let tls = flags.is_set("use_tls");
    let scheme = if tls { "https" } else { "http" };
    let host = flags.text("server_host", "localhost");
    let port = flags.text("server_port", "8080");
    let mut endpoint = Endpoint::from_shared(format!("{scheme}://{host}:{port}"))?;
    if tls {
        let ca = Certificate::from_pem(flags.file("ca_file")?);
        let name = flags.text("server_host_override", &host);
        endpoint =
            endpoint.tls_config(ClientTlsConfig::new().ca_certificate(ca).domain_name(name))?;
    }
    Ok(endpoint.connect().await?)
}

fn client_on(channel: &Channel) -> Client {
    TestServiceClient::new(channel.clone()).accept_compressed(Gzip)
}

async fn soak(flags: &Flags, fresh: bool, pause: u64) -> Played {
    let channel = connect(flags).await?;
    for _ in 0..flags.text("soak_iterations", "10").parse()? {
        let channel = if fresh { connect(flags).await? } else { channel.clone() };
        large_unary(client_on(&channel), large()).await?;
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
    Ok(())
}

async fn unimplemented_service(channel: Channel) -> Played {
    let mut client = UnimplementedServiceClient::new(channel);
    let status = failure(client.unimplemented_call(Empty {}).await)?;
    check!(status.code() == Code::Unimplemented);
    Ok(())
}

pub async fn play(flags: &Flags) -> Played {
    let case = flags.text("test_case", "empty_unary");
    let channel = connect(flags).await?;
    let mut client = client_on(&channel);
    match case.as_str() {
        "empty_unary" => check!(client.empty_call(Empty {}).await?.into_inner() == Empty {}),
        "large_unary" => large_unary(client, large()).await?,
        "client_compressed_unary" => client_compressed_unary(client).await?,
        "server_compressed_unary" => server_compressed_unary(client).await?,
        "client_streaming" => client_streaming(client).await?,
        "server_streaming" => check_output(client, asking(&RESPONSES, 0), 0).await?,
        "server_compressed_streaming" => server_compressed_streaming(client).await?,
        "ping_pong" => ping_pong(client).await?,
        "empty_stream" => empty_stream(client).await?,
        "half_duplex" => half_duplex(client).await?,
        "cancel_after_begin" => cancel_after_begin(client).await?,
        "cancel_after_first_response" => cancel_after_first_response(client).await?,
        "timeout_on_sleeping_server" => timeout_on_sleeping_server(client).await?,
        "custom_metadata" => custom_metadata(client).await?,
        "status_code_and_message" => status_code_and_message(client).await?,
        "special_status_message" => special_status_message(client).await?,
        "unimplemented_method" => {
            let status = failure(client.unimplemented_call(Empty {}).await)?;
            check!(status.code() == Code::Unimplemented);
        }
        "unimplemented_service" => unimplemented_service(channel).await?,
        "slow_consumer" => check_output(client, asking(&[1030; 2000], 0), 2).await?,
        "rpc_soak" => soak(flags, false, 0).await?,
        "channel_soak" => soak(flags, true, 0).await?,
        "long_lived_channel" => soak(flags, false, 1000).await?,
        "concurrent_large_unary" => concurrent_large_unary(client).await?,
        _ => return Err(format!("there is no test case \"{case}\"").into()),
    }
    println!("{case}: passed");
    Ok(())
}
