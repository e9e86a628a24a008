// grpc_web.mjs URL DESCRIPTORS HTTP-VERSION: what connect's gRPC-Web client makes of the edge.
import { readFileSync } from "node:fs";
import { createFileRegistry, fromBinary, toJson } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-node";

const [url, descriptors, httpVersion] = process.argv.slice(2);
const set = fromBinary(FileDescriptorSetSchema, readFileSync(descriptors));
const registry = createFileRegistry(set);
const catalog = createClient(
  registry.getService("catalog.v1.Catalog"),
  createGrpcWebTransport({ baseUrl: url, httpVersion, nodeOptions: { rejectUnauthorized: false } }),
);
const errorInfo = registry.getMessage("google.rpc.ErrorInfo");
const seen = {};

let headers;
const product = await catalog.getProduct(
  { name: "products/7" },
  { onHeader: (given) => (headers = given) },
);
seen.product = product.title;
seen.type = headers.get("content-type");

try {
  await catalog.getProduct({ name: "products/missing" });
} catch (error) {
  const failure = ConnectError.from(error);
  seen.code = Code[failure.code];
  seen.message = failure.rawMessage;
  seen.details = failure.findDetails(errorInfo).map((detail) => toJson(errorInfo, detail));
}

seen.exported = [];
for await (const answer of catalog.exportProducts({})) seen.exported.push(answer.product.name);

try {
  await catalog.getProduct({ name: "products/slow" }, { timeoutMs: 300 });
} catch (error) {
  seen.late = Code[ConnectError.from(error).code];
}
console.log(JSON.stringify(seen));
process.exit(0);
