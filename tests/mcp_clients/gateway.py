"""A loopback stand-in for an AgentCore Gateway: a REQUEST interceptor before a real MCP server.

Knows the interceptor's events and answers and the transport (Streamable HTTP, POST only, as the gateway documents it).
Knows nothing of policies: every decision is `toolgate decide`'s, one process for each message.
"""

import http.client
import json
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DECIDE_SECONDS = 20
UPSTREAM_SECONDS = 20
# Headers that belong to one connection, and those that the copy of a message gets anew.
PER_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "host", "content-length"}


class Interceptor:
    """The function as the gateway sees it: an event in, an answer out."""

    def __init__(self, command, environment):
        self.command = command
        self.environment = environment

    def __call__(self, event):
        done = subprocess.run(
            self.command, input=json.dumps(event), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, timeout=DECIDE_SECONDS, env=self.environment,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{self.command[0]} exited with {done.returncode}: {done.stderr.strip()}")
        return json.loads(done.stdout)


class Gateway(ThreadingHTTPServer):
    """Listens on a free loopback port; `decisions` has (method, status or None if allowed) of every message."""

    daemon_threads = True

    def __init__(self, upstream_port, interceptor):
        super().__init__(("127.0.0.1", 0), Handler)
        self.upstream_port = upstream_port
        self.interceptor = interceptor
        self.decisions = []
        self.failures = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/mcp"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        try:
            body = json.loads(raw)
        except ValueError:
            # The gateway itself refuses what it cannot parse; no interceptor is asked.
            error = {"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "Parse error"}}
            return self.answer(400, error)
        try:
            answer = self.server.interceptor(self.event(raw.decode(), body))["mcp"]
        except Exception as error:  # Any failure of the interceptor is an HTTP 500 at the gateway.
            self.server.failures.append(repr(error))
            return self.answer(500, {"message": "Internal Server Error"})
        denial = answer.get("transformedGatewayResponse")
        self.server.decisions.append((body.get("method"), denial and denial["statusCode"]))
        if denial:
            return self.answer(denial["statusCode"], denial["body"])
        # What was judged is what goes on.
        self.forward(json.dumps(answer["transformedGatewayRequest"]["body"]).encode())

    def do_GET(self):
        self.answer(405, {"message": "Method Not Allowed"})

    do_DELETE = do_GET

    def event(self, raw, body):
        request = {
            "path": self.path,
            "httpMethod": self.command,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": body,
            "context": None,
        }
        mcp = {"rawGatewayRequest": {"body": raw}, "gatewayRequest": request, "gatewayResponse": None}
        return {"interceptorInputVersion": "1.0", "mcp": mcp}

    def answer(self, status, body):
        content = json.dumps(body, separators=(",", ":")).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def forward(self, body):
        headers = {name: value for name, value in self.headers.items() if name.lower() not in PER_CONNECTION}
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.upstream_port, timeout=UPSTREAM_SECONDS)
        try:
            upstream.request("POST", self.path, body=body, headers=headers)
            response = upstream.getresponse()
            self.send_response(response.status)
            for name, value in response.getheaders():
                if name.lower() not in PER_CONNECTION | {"date", "server"}:
                    self.send_header(name, value)
            # An event stream ends when it ends, so the end of the connection is the end of the answer.
            self.send_header("Connection", "close")
            self.end_headers()
            while chunk := response.read1(65536):
                self.wfile.write(chunk)
                self.wfile.flush()
        except (BrokenPipeError, ConnectionResetError):
            pass  # The client has what it wanted.
        finally:
            self.close_connection = True
            upstream.close()

    def log_message(self, *_):
        pass
