// What an agent on the TypeScript SDK sees. Arguments: the gateway's address; `sdk` (1.x) or `client` (2.x); and for
// 2.x `legacy` or `auto` for the generation of the protocol. Prints one JSON object, see run.py.

const [url, generation, mode] = process.argv.slice(2);
const seen = {};
const info = { name: "agent", version: "1.0.0" };
const options = { timeout: 15_000 };

// Nothing here may hang a pipeline: what is seen by then is what was seen.
setTimeout(() => finish([{ type: "Timeout" }]), 40_000).unref();

function finish(session) {
  if (session) seen.session = session;
  process.stdout.write(JSON.stringify(seen) + "\n", () => process.exit(0));
}

function described(error) {
  return [{ type: error.constructor.name, message: error.message, code: error.code, status: error.status }];
}

async function attempt(step, action) {
  try {
    const result = await action();
    const text = (result.content ?? []).map((part) => part.text).join("");
    seen[step] = { isError: result.isError ?? false, text };
  } catch (error) {
    seen[step] = { errors: described(error) };
  }
}

async function connected() {
  if (generation === "sdk") {
    const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
    const { StreamableHTTPClientTransport } = await import("@modelcontextprotocol/sdk/client/streamableHttp.js");
    const client = new Client(info);
    const transport = new StreamableHTTPClientTransport(new URL(url));
    await client.connect(transport);
    seen.protocol = transport.protocolVersion;
    return { client, call: (tool, args) => client.callTool({ name: tool, arguments: args }, undefined, options) };
  }
  const { Client, StreamableHTTPClientTransport } = await import("@modelcontextprotocol/client");
  const client = new Client(info, { versionNegotiation: { mode } });
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  seen.protocol = client.getNegotiatedProtocolVersion();
  return { client, call: (tool, args) => client.callTool({ name: tool, arguments: args }, options) };
}

try {
  const { client, call } = await connected();
  seen.tools = (await client.listTools()).tools.length;
  await attempt("before", () => call("kubernetes___listPods", { environment: "production" }));
  await attempt("denied", () => call("kubernetes___deletePod", { environment: "production", pod: "a" }));
  await attempt("after", () => call("kubernetes___deletePod", { environment: "staging", pod: "a" }));
  await attempt("prompt", () => client.getPrompt({ name: "internal" }, options));
  await attempt("end", () => call("kubernetes___listPods", { environment: "staging" }));
  await client.close();
  finish();
} catch (error) {
  finish(described(error));
}
