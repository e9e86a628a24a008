// The interop client and server as grpc-js plays them: peer.js client|server --flag=value …
//
// Flags are those of weft-interop-client and weft-interop-server. --protos names the folder of the
// contracts. `client --test_case=list` prints the cases it can play: a client of grpc-js cannot see
// whether a message came compressed, and its server compresses nothing.
"use strict";

const assert = require("node:assert");
const fs = require("node:fs");
const { once } = require("node:events");
const { setTimeout: sleep } = require("node:timers/promises");
const { parseArgs } = require("node:util");
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");

const text = { type: "string" };
const { values: flags, positionals: [role] } = parseArgs({
  allowPositionals: true,
  strict: false,
  options: {
    protos: text, port: text, host: text, use_tls: text, tls_cert_file: text, tls_key_file: text,
    server_host: text, server_port: text, server_host_override: text, use_test_ca: text,
    ca_file: text, test_case: text, soak_iterations: text,
  },
});
const testing = grpc.loadPackageDefinition(
  loader.loadSync("grpc/testing/test.proto", { includeDirs: [flags.protos], keepCase: true }),
).grpc.testing;
const useTls = flags.use_tls === "true";

const LARGE_REQUEST = 271828, LARGE_RESPONSE = 314159;
const REQUEST_SIZES = [27182, 8, 1828, 45904], RESPONSE_SIZES = [31415, 9, 2653, 58979];
const INITIAL = "x-grpc-test-echo-initial", TRAILING = "x-grpc-test-echo-trailing-bin";
const SPECIAL = "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \u{1f608}\t\n";
const GZIP = 2; // grpc.CompressionAlgorithms.gzip

const payload = (size) => ({ body: Buffer.alloc(size) });

// --- The server ----------------------------------------------------------------------------------

// Sends the initial metadata that is asked for, and gives the trailing.
function echoMetadata(call) {
  const initial = new grpc.Metadata(), trailing = new grpc.Metadata();
  for (const value of call.metadata.get(INITIAL)) initial.add(INITIAL, value);
  for (const value of call.metadata.get(TRAILING)) trailing.add(TRAILING, value);
  call.sendMetadata(initial);
  return trailing;
}

const failure = (status, metadata) => ({ code: status.code, details: status.message, metadata });

async function answer(call, request) {
  for (const asked of request.response_parameters ?? []) {
    if (asked.interval_us) await sleep(asked.interval_us / 1000);
    if (!call.write({ payload: payload(asked.size) })) await once(call, "drain");
  }
}

const service = {
  EmptyCall(call, respond) {
    respond(null, {}, echoMetadata(call));
  },

  UnaryCall(call, respond) {
    const trailing = echoMetadata(call), status = call.request.response_status;
    if (status?.code) respond(failure(status, trailing));
    else respond(null, { payload: payload(call.request.response_size) }, trailing);
  },

  async StreamingOutputCall(call) {
    const trailing = echoMetadata(call), status = call.request.response_status;
    if (status?.code) return call.emit("error", failure(status, trailing));
    await answer(call, call.request);
    call.end(trailing);
  },

  StreamingInputCall(call, respond) {
    const trailing = echoMetadata(call);
    let sum = 0;
    call.on("data", (request) => { sum += request.payload.body.length; });
    call.on("end", () => respond(null, { aggregated_payload_size: sum }, trailing));
  },

  FullDuplexCall(call) {
    const trailing = echoMetadata(call);
    let answered = Promise.resolve(), failed = false;
    const take = async (request) => {
      const status = request.response_status;
      if (failed) return;
      failed = Boolean(status?.code);
      if (failed) call.emit("error", failure(status, trailing));
      else await answer(call, request);
    };
    call.on("data", (request) => { answered = answered.then(() => take(request)); });
    call.on("end", () => answered.then(() => failed || call.end(trailing)));
  },

  HalfDuplexCall(call) {
    const trailing = echoMetadata(call), requests = [];
    call.on("data", (request) => requests.push(request));
    call.on("end", async () => {
      for (const request of requests) await answer(call, request);
      call.end(trailing);
    });
  },
};

function serve() {
  const server = new grpc.Server();
  const { UnimplementedCall, CacheableUnaryCall, ...methods } = testing.TestService.service;
  server.addService(methods, service);
  let credentials = grpc.ServerCredentials.createInsecure();
  if (useTls) {
    const [key, chain] = [flags.tls_key_file, flags.tls_cert_file].map((at) => fs.readFileSync(at));
    credentials = grpc.ServerCredentials.createSsl(null, [{ private_key: key, cert_chain: chain }]);
  }
  server.bindAsync(`${flags.host ?? "0.0.0.0"}:${flags.port}`, credentials, (error, port) => {
    if (error) throw error;
    console.log(`listening at ${flags.host}:${port}`);
  });
  process.on("SIGTERM", () => {
    setTimeout(() => server.forceShutdown(), 5000).unref();
    server.tryShutdown(() => {});
  });
}

// --- The client ----------------------------------------------------------------------------------

function open(options = {}, Client = testing.TestService) {
  let credentials = grpc.credentials.createInsecure();
  if (useTls) {
    const roots = flags.use_test_ca === "true" ? fs.readFileSync(flags.ca_file) : null;
    credentials = grpc.credentials.createSsl(roots);
  }
  if (flags.server_host_override) {
    options["grpc.ssl_target_name_override"] = flags.server_host_override;
    options["grpc.default_authority"] = flags.server_host_override;
  }
  options["grpc.use_local_subchannel_pool"] = 1;
  return new Client(`${flags.server_host}:${flags.server_port}`, credentials, options);
}

const deadline = () => ({ deadline: Date.now() + 120000 });

// A unary call's response, with its metadata as `initial` and `trailing`; or it throws the status.
function unary(client, name, request, metadata = new grpc.Metadata()) {
  return new Promise((resolve, reject) => {
    const got = {};
    const call = client[name](request, metadata, deadline(), (error, response) => {
      got.response = response;
      got.error = error;
    });
    call.on("metadata", (initial) => { got.initial = initial; });
    call.on("status", (status) => {
      got.trailing = status.metadata;
      setImmediate(() => (got.error ? reject(got.error) : resolve(got)));
    });
  });
}

// The responses' sizes and the status of a stream; `onMessage(call, i)` may go on.
function stream(call, onMessage = () => {}) {
  return new Promise((resolve) => {
    const got = { sizes: [] };
    call.on("metadata", (initial) => { got.initial = initial; });
    call.on("data", (message) => {
      assert(message.payload.body.every((byte) => byte === 0));
      got.sizes.push(message.payload.body.length);
      onMessage(call, got.sizes.length);
    });
    call.on("error", () => {});
    call.on("status", (status) => resolve({ ...got, status }));
  });
}

const largeRequest = (fields) =>
  ({ response_size: LARGE_RESPONSE, payload: payload(LARGE_REQUEST), ...fields });
const streamRequest = (responseSize, size) =>
  ({ response_parameters: [{ size: responseSize }], payload: payload(size) });

async function largeUnary(client, fields) {
  const { response } = await unary(client, "UnaryCall", largeRequest(fields));
  assert.equal(Buffer.compare(response.payload.body, Buffer.alloc(LARGE_RESPONSE)), 0);
}

// A StreamingInputCall of `messages`, [size, fields, flags] each.
function input(client, messages) {
  return new Promise((resolve, reject) => {
    const call = client.StreamingInputCall(deadline(), (error, response) =>
      (error ? reject(error) : resolve(response.aggregated_payload_size)));
    for (const [size, fields, flags] of messages) {
      call.write({ payload: payload(size), ...fields }, flags);
    }
    call.end();
  });
}

const refused = (code, details) => (error) =>
  error.code === code && (details === undefined || error.details === details);

const cases = {
  async empty_unary(client) {
    assert.deepEqual({ ...(await unary(client, "EmptyCall", {})).response }, {});
  },

  large_unary: (client) => largeUnary(client),

  async client_compressed_unary(client) {
    const zipping = open({ "grpc.default_compression_algorithm": GZIP });
    const yes = { expect_compressed: { value: true } }, no = { expect_compressed: { value: false } };
    await assert.rejects(largeUnary(client, yes), refused(grpc.status.INVALID_ARGUMENT));
    await largeUnary(zipping, yes);
    await largeUnary(client, no);
    zipping.close();
  },

  async server_compressed_unary(client) {
    for (const value of [true, false]) await largeUnary(client, { response_compressed: { value } });
  },

  async client_streaming(client) {
    assert.equal(await input(client, REQUEST_SIZES.map((size) => [size])), 74922);
  },

  async server_streaming(client) {
    const request = { response_parameters: RESPONSE_SIZES.map((size) => ({ size })) };
    const { sizes, status } = await stream(client.StreamingOutputCall(request, deadline()));
    assert.deepEqual([sizes, status.code], [RESPONSE_SIZES, 0]);
  },

  async server_compressed_streaming(client) {
    const request = { response_parameters: [{ size: 31415, compressed: { value: true } },
                                            { size: 92653, compressed: { value: false } }] };
    const { sizes, status } = await stream(client.StreamingOutputCall(request, deadline()));
    assert.deepEqual([sizes, status.code], [[31415, 92653], 0]);
  },

  async ping_pong(client) {
    const call = client.FullDuplexCall(deadline());
    const ask = (i) => call.write(streamRequest(RESPONSE_SIZES[i], REQUEST_SIZES[i]));
    ask(0);
    const { sizes, status } = await stream(call, (_, n) => {
      if (n < RESPONSE_SIZES.length) ask(n);
      else call.end();
    });
    assert.deepEqual([sizes, status.code], [RESPONSE_SIZES, 0]);
  },

  async empty_stream(client) {
    const call = client.FullDuplexCall(deadline());
    call.end();
    const { sizes, status } = await stream(call);
    assert.deepEqual([sizes, status.code], [[], 0]);
  },

  async half_duplex(client) {
    const call = client.HalfDuplexCall(deadline());
    RESPONSE_SIZES.forEach((size, i) => call.write(streamRequest(size, REQUEST_SIZES[i])));
    call.end();
    const { sizes, status } = await stream(call);
    assert.deepEqual([sizes, status.code], [RESPONSE_SIZES, 0]);
  },

  async cancel_after_begin(client) {
    await assert.rejects(new Promise((resolve, reject) => {
      const call = client.StreamingInputCall(deadline(), (error) => reject(error));
      call.cancel();
    }), refused(grpc.status.CANCELLED));
  },

  async cancel_after_first_response(client) {
    const call = client.FullDuplexCall(deadline());
    call.write(streamRequest(RESPONSE_SIZES[0], REQUEST_SIZES[0]));
    const { sizes, status } = await stream(call, () => call.cancel());
    assert.deepEqual([sizes, status.code], [[RESPONSE_SIZES[0]], grpc.status.CANCELLED]);
  },

  async timeout_on_sleeping_server(client) {
    const call = client.FullDuplexCall({ deadline: Date.now() + 1 });
    call.write({ payload: payload(27182) });
    const { status } = await stream(call);
    assert.equal(status.code, grpc.status.DEADLINE_EXCEEDED);
  },

  async custom_metadata(client) {
    const metadata = new grpc.Metadata();
    const check = ({ initial, trailing }) => {
      assert.deepEqual(initial.get(INITIAL), ["test_initial_metadata_value"]);
      assert.deepEqual(trailing.get(TRAILING), [Buffer.from([0xab, 0xab, 0xab])]);
    };
    metadata.set(INITIAL, "test_initial_metadata_value");
    metadata.set(TRAILING, Buffer.from([0xab, 0xab, 0xab]));
    check(await unary(client, "UnaryCall", largeRequest(), metadata));

    const call = client.FullDuplexCall(metadata, deadline());
    call.write(streamRequest(LARGE_RESPONSE, LARGE_REQUEST));
    call.end();
    const { sizes, initial, status } = await stream(call);
    assert.deepEqual(sizes, [LARGE_RESPONSE]);
    check({ initial, trailing: status.metadata });
  },

  async status_code_and_message(client) {
    const request = { response_status: { code: 2, message: "test status message" } };
    await assert.rejects(unary(client, "UnaryCall", request), refused(2, "test status message"));
    const call = client.FullDuplexCall(deadline());
    call.write(request);
    call.end();
    const { status } = await stream(call);
    assert.deepEqual([status.code, status.details], [2, "test status message"]);
  },

  async special_status_message(client) {
    const request = { response_status: { code: 2, message: SPECIAL } };
    await assert.rejects(unary(client, "UnaryCall", request), refused(2, SPECIAL));
  },

  async unimplemented_method(client) {
    await assert.rejects(unary(client, "UnimplementedCall", {}),
                         refused(grpc.status.UNIMPLEMENTED));
  },

  async unimplemented_service() {
    const client = open({}, testing.UnimplementedService);
    await assert.rejects(unary(client, "UnimplementedCall", {}),
                         refused(grpc.status.UNIMPLEMENTED));
    client.close();
  },

  async slow_consumer(client) {
    const request = { response_parameters: Array(2000).fill({ size: 1030 }) };
    let count = 0;
    for await (const message of client.StreamingOutputCall(request, deadline())) {
      assert.equal(message.payload.body.length, 1030);
      count++;
      await sleep(2);
    }
    assert.equal(count, 2000);
  },

  async rpc_soak(client) {
    for (let i = 0; i < Number(flags.soak_iterations ?? 10); i++) await largeUnary(client);
  },

  async channel_soak() {
    for (let i = 0; i < Number(flags.soak_iterations ?? 10); i++) {
      const client = open();
      await largeUnary(client);
      client.close();
    }
  },

  async concurrent_large_unary(client) {
    await Promise.all(Array.from({ length: 1000 }, () => largeUnary(client)));
  },

  async long_lived_channel(client) {
    for (let i = 0; i < Number(flags.soak_iterations ?? 10); i++) {
      await largeUnary(client);
      await sleep(1000);
    }
  },
};

async function play() {
  const name = flags.test_case;
  if (name === "list") return console.log(Object.keys(cases).join("\n"));
  const client = open();
  await cases[name](client);
  client.close();
  console.log(`${name}: passed`);
}

if (role === "server") serve();
else play().catch((error) => { console.error(error); process.exit(1); });
