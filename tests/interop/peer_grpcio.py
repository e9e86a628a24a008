#!/usr/bin/python3
"""The interop client and server as grpcio plays them: peer_grpcio.py client|server --flag=value …

Flags are those of weft-interop-client and weft-interop-server. --messages names the folder with
Python's messages for the contracts. `client --test_case=list` prints the cases it can play: grpcio
cannot see whether a message came compressed, nor, at a client, leave one message of a call out.
"""

import argparse
import pathlib
import queue
import signal
import time
from concurrent import futures

import grpc

SERVICE = "/grpc.testing.TestService/"
TIMEOUT = 120
LARGE_REQUEST, LARGE_RESPONSE = 271828, 314159
REQUEST_SIZES = [27182, 8, 1828, 45904]
RESPONSE_SIZES = [31415, 9, 2653, 58979]
INITIAL, TRAILING = "x-grpc-test-echo-initial", "x-grpc-test-echo-trailing-bin"
SPECIAL = "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n"


def boolean(text):
    return {"true": True, "false": False}[text]


def parse_flags():
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["client", "server"])
    parser.add_argument("--messages", type=pathlib.Path)
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--host", default="0.0.0.0")
    parser.add_argument("--use_tls", type=boolean, default=False)
    parser.add_argument("--tls_cert_file", type=pathlib.Path)
    parser.add_argument("--tls_key_file", type=pathlib.Path)
    parser.add_argument("--server_host", default="localhost")
    parser.add_argument("--server_port", type=int, default=8080)
    parser.add_argument("--server_host_override", default="")
    parser.add_argument("--use_test_ca", type=boolean, default=False)
    parser.add_argument("--ca_file", type=pathlib.Path)
    parser.add_argument("--test_case", default="empty_unary")
    parser.add_argument("--soak_iterations", type=int, default=10)
    return parser.parse_known_args()[0]


flags = parse_flags()
if flags.messages:
    grpc.__path__.append(str(flags.messages / "grpc"))
    from grpc.testing import empty_pb2, messages_pb2 as pb

    METHODS = {
        "EmptyCall": ("unary_unary", empty_pb2.Empty, empty_pb2.Empty),
        "UnaryCall": ("unary_unary", pb.SimpleRequest, pb.SimpleResponse),
        "StreamingOutputCall": ("unary_stream", pb.StreamingOutputCallRequest,
                                pb.StreamingOutputCallResponse),
        "StreamingInputCall": ("stream_unary", pb.StreamingInputCallRequest,
                               pb.StreamingInputCallResponse),
        "FullDuplexCall": ("stream_stream", pb.StreamingOutputCallRequest,
                           pb.StreamingOutputCallResponse),
        "HalfDuplexCall": ("stream_stream", pb.StreamingOutputCallRequest,
                           pb.StreamingOutputCallResponse),
    }

# --- The server -----------------------------------------------------------------------------------


def payload(size):
    return pb.Payload(body=bytes(size))


def echo_metadata(context):
    for key, value in context.invocation_metadata():
        if key == INITIAL:
            context.send_initial_metadata([(key, value)])
        if key == TRAILING:
            context.set_trailing_metadata([(key, value)])


def fail_if_asked(request, context):
    status = request.response_status
    if status.code:
        code = next(code for code in grpc.StatusCode if code.value[0] == status.code)
        context.abort(code, status.message)


def empty_call(request, context):
    echo_metadata(context)
    return empty_pb2.Empty()


def unary_call(request, context):
    echo_metadata(context)
    fail_if_asked(request, context)
    if request.response_compressed.value:
        context.set_compression(grpc.Compression.Gzip)
    return pb.SimpleResponse(payload=payload(request.response_size))


def answer(request, context):
    for asked in request.response_parameters:
        time.sleep(asked.interval_us / 1e6)
        if asked.HasField("compressed") and not asked.compressed.value:
            context.disable_next_message_compression()
        yield pb.StreamingOutputCallResponse(payload=payload(asked.size))


def streaming_output_call(request, context):
    if any(asked.compressed.value for asked in request.response_parameters):
        context.set_compression(grpc.Compression.Gzip)
    echo_metadata(context)
    fail_if_asked(request, context)
    yield from answer(request, context)


def streaming_input_call(requests, context):
    echo_metadata(context)
    total = sum(len(request.payload.body) for request in requests)
    return pb.StreamingInputCallResponse(aggregated_payload_size=total)


def full_duplex_call(requests, context):
    echo_metadata(context)
    for request in requests:
        fail_if_asked(request, context)
        yield from answer(request, context)


def half_duplex_call(requests, context):
    echo_metadata(context)
    for request in list(requests):
        yield from answer(request, context)


class Service(grpc.GenericRpcHandler):
    handlers = {
        "EmptyCall": empty_call,
        "UnaryCall": unary_call,
        "StreamingOutputCall": streaming_output_call,
        "StreamingInputCall": streaming_input_call,
        "FullDuplexCall": full_duplex_call,
        "HalfDuplexCall": half_duplex_call,
    }

    def service(self, call):
        name = call.method.removeprefix(SERVICE)
        if name not in self.handlers:
            return None
        kind, request, response = METHODS[name]
        make = getattr(grpc, kind + "_rpc_method_handler")
        return make(self.handlers[name], request.FromString, response.SerializeToString)


def serve():
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=64))
    server.add_generic_rpc_handlers([Service()])
    address = f"{flags.host}:{flags.port}"
    if flags.use_tls:
        pair = flags.tls_key_file.read_bytes(), flags.tls_cert_file.read_bytes()
        port = server.add_secure_port(address, grpc.ssl_server_credentials([pair]))
    else:
        port = server.add_insecure_port(address)
    server.start()
    print(f"listening at {flags.host}:{port}", flush=True)
    signal.sigwait([signal.SIGTERM, signal.SIGINT])
    server.stop(5).wait()


# --- The client -----------------------------------------------------------------------------------


def open_channel():
    target = f"{flags.server_host}:{flags.server_port}"
    options = [("grpc.use_local_subchannel_pool", 1)]
    override = flags.server_host_override
    if not flags.use_tls:
        options += [("grpc.default_authority", override)] if override else []
        return grpc.insecure_channel(target, options)
    options += [("grpc.ssl_target_name_override", override)] if override else []
    roots = flags.ca_file.read_bytes() if flags.use_test_ca else None
    return grpc.secure_channel(target, grpc.ssl_channel_credentials(roots), options)


def method(channel, name):
    kind, request, response = METHODS[name]
    start = getattr(channel, kind)
    return start(SERVICE + name, request.SerializeToString, response.FromString)


def large_request(**fields):
    return pb.SimpleRequest(response_size=LARGE_RESPONSE, payload=payload(LARGE_REQUEST), **fields)


def stream_request(response_size, size):
    request = pb.StreamingOutputCallRequest(payload=payload(size))
    request.response_parameters.add(size=response_size)
    return request


def sizes(responses):
    return [len(response.payload.body) for response in responses]


def failure(call, *args, **kwargs):
    """What a call that must fail says."""
    try:
        result = call(*args, timeout=TIMEOUT, **kwargs)
        list(result)
    except grpc.RpcError as error:
        return error
    raise AssertionError("the call did not fail")


def empty_unary(channel):
    got = method(channel, "EmptyCall")(empty_pb2.Empty(), timeout=TIMEOUT)
    assert got == empty_pb2.Empty()


def large_unary(channel, **fields):
    got = method(channel, "UnaryCall")(large_request(**fields), timeout=TIMEOUT)
    assert got.payload.body == bytes(LARGE_RESPONSE)


def client_compressed_unary(channel):
    call = method(channel, "UnaryCall")
    yes, no = pb.BoolValue(value=True), pb.BoolValue(value=False)
    error = failure(call, large_request(expect_compressed=yes))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    got = call(large_request(expect_compressed=yes), timeout=TIMEOUT,
               compression=grpc.Compression.Gzip)
    assert len(got.payload.body) == LARGE_RESPONSE
    large_unary(channel, expect_compressed=no)


def server_compressed_unary(channel):
    for value in [True, False]:
        large_unary(channel, response_compressed=pb.BoolValue(value=value))


def server_compressed_streaming(channel):
    request = pb.StreamingOutputCallRequest()
    request.response_parameters.add(size=31415, compressed=pb.BoolValue(value=True))
    request.response_parameters.add(size=92653, compressed=pb.BoolValue(value=False))
    call = method(channel, "StreamingOutputCall")(request, timeout=TIMEOUT)
    assert sizes(call) == [31415, 92653]


def client_streaming(channel):
    requests = (pb.StreamingInputCallRequest(payload=payload(size)) for size in REQUEST_SIZES)
    got = method(channel, "StreamingInputCall")(requests, timeout=TIMEOUT)
    assert got.aggregated_payload_size == 74922


def server_streaming(channel):
    request = pb.StreamingOutputCallRequest()
    for size in RESPONSE_SIZES:
        request.response_parameters.add(size=size)
    call = method(channel, "StreamingOutputCall")(request, timeout=TIMEOUT)
    assert sizes(call) == RESPONSE_SIZES


def ping_pong(channel):
    outgoing = queue.Queue()
    call = method(channel, "FullDuplexCall")(iter(outgoing.get, None), timeout=TIMEOUT)
    for response_size, size in zip(RESPONSE_SIZES, REQUEST_SIZES):
        outgoing.put(stream_request(response_size, size))
        assert len(next(call).payload.body) == response_size
    outgoing.put(None)
    assert sizes(call) == [] and call.code() == grpc.StatusCode.OK


def empty_stream(channel):
    call = method(channel, "FullDuplexCall")(iter([]), timeout=TIMEOUT)
    assert sizes(call) == [] and call.code() == grpc.StatusCode.OK


def half_duplex(channel):
    requests = map(stream_request, RESPONSE_SIZES, REQUEST_SIZES)
    assert sizes(method(channel, "HalfDuplexCall")(requests, timeout=TIMEOUT)) == RESPONSE_SIZES


def cancel_after_begin(channel):
    outgoing = queue.Queue()
    call = method(channel, "StreamingInputCall").future(iter(outgoing.get, None), timeout=TIMEOUT)
    call.cancel()
    assert call.cancelled() and call.code() == grpc.StatusCode.CANCELLED
    outgoing.put(None)


def cancel_after_first_response(channel):
    outgoing = queue.Queue()
    call = method(channel, "FullDuplexCall")(iter(outgoing.get, None), timeout=TIMEOUT)
    outgoing.put(stream_request(RESPONSE_SIZES[0], REQUEST_SIZES[0]))
    assert len(next(call).payload.body) == RESPONSE_SIZES[0]
    call.cancel()
    try:
        next(call)
        raise AssertionError("a response after the end")
    except grpc.RpcError:
        assert call.code() == grpc.StatusCode.CANCELLED
    outgoing.put(None)


def timeout_on_sleeping_server(channel):
    outgoing = queue.Queue()
    outgoing.put(pb.StreamingOutputCallRequest(payload=payload(27182)))
    call = method(channel, "FullDuplexCall")(iter(outgoing.get, None), timeout=0.001)
    assert failure(lambda timeout: call).code() == grpc.StatusCode.DEADLINE_EXCEEDED
    outgoing.put(None)


def check_metadata(call):
    assert dict(call.initial_metadata())[INITIAL] == "test_initial_metadata_value"
    assert dict(call.trailing_metadata())[TRAILING] == b"\xab\xab\xab"


def custom_metadata(channel):
    metadata = [(INITIAL, "test_initial_metadata_value"), (TRAILING, b"\xab\xab\xab")]
    start = method(channel, "UnaryCall").with_call
    got, call = start(large_request(), timeout=TIMEOUT, metadata=metadata)
    assert len(got.payload.body) == LARGE_RESPONSE
    check_metadata(call)
    requests = iter([stream_request(LARGE_RESPONSE, LARGE_REQUEST)])
    call = method(channel, "FullDuplexCall")(requests, timeout=TIMEOUT, metadata=metadata)
    assert sizes(call) == [LARGE_RESPONSE]
    check_metadata(call)


def status_code_and_message(channel):
    status = pb.EchoStatus(code=2, message="test status message")
    request = pb.StreamingOutputCallRequest(response_status=status)
    for error in [
        failure(method(channel, "UnaryCall"), pb.SimpleRequest(response_status=status)),
        failure(method(channel, "FullDuplexCall"), iter([request])),
    ]:
        assert (error.code().value[0], error.details()) == (2, "test status message")


def special_status_message(channel):
    request = pb.SimpleRequest(response_status=pb.EchoStatus(code=2, message=SPECIAL))
    error = failure(method(channel, "UnaryCall"), request)
    assert (error.code().value[0], error.details()) == (2, SPECIAL)


def unimplemented(channel, path):
    error = failure(channel.unary_unary(path), b"")
    assert error.code() == grpc.StatusCode.UNIMPLEMENTED


def unimplemented_method(channel):
    unimplemented(channel, SERVICE + "UnimplementedCall")


def unimplemented_service(channel):
    unimplemented(channel, "/grpc.testing.UnimplementedService/UnimplementedCall")


def slow_consumer(channel):
    request = pb.StreamingOutputCallRequest()
    for _ in range(2000):
        request.response_parameters.add(size=1030)
    count = 0
    for response in method(channel, "StreamingOutputCall")(request, timeout=TIMEOUT):
        assert len(response.payload.body) == 1030
        count += 1
        time.sleep(0.002)
    assert count == 2000


def rpc_soak(channel):
    for _ in range(flags.soak_iterations):
        large_unary(channel)


def channel_soak(channel):
    for _ in range(flags.soak_iterations):
        with open_channel() as fresh:
            large_unary(fresh)


def concurrent_large_unary(channel):
    call = method(channel, "UnaryCall").future
    running = [call(large_request(), timeout=TIMEOUT) for _ in range(1000)]
    assert {len(one.result().payload.body) for one in running} == {LARGE_RESPONSE}


def long_lived_channel(channel):
    for _ in range(flags.soak_iterations):
        large_unary(channel)
        time.sleep(1)


CASES = [
    empty_unary, large_unary, client_compressed_unary, server_compressed_unary, client_streaming,
    server_streaming, server_compressed_streaming, ping_pong, empty_stream, half_duplex,
    cancel_after_begin, cancel_after_first_response, timeout_on_sleeping_server,
    custom_metadata, status_code_and_message, special_status_message, unimplemented_method,
    unimplemented_service, slow_consumer, rpc_soak, channel_soak, concurrent_large_unary,
    long_lived_channel,
]


def play():
    cases = {case.__name__: case for case in CASES}
    if flags.test_case == "list":
        print("\n".join(cases))
        return
    with open_channel() as channel:
        cases[flags.test_case](channel)
    print(f"{flags.test_case}: passed")


if __name__ == "__main__":
    if flags.role == "server":
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT])
        serve()
    else:
        play()
