"""A real MCP server of Python's `mcp` 2.x, with tools named as an AgentCore Gateway names them: `target___tool`.

Serves both generations of the protocol on a free loopback port, prints the port, and writes each tool call and each
prompt that reaches it to the file given as argument.
"""

import socket
import sys

import uvicorn
from mcp.server import MCPServer

reached = open(sys.argv[1], "a", buffering=1)
server = MCPServer("target", log_level="ERROR")


@server.tool(name="kubernetes___listPods")
def list_pods(environment: str) -> str:
    """Lists pods."""
    print(f"listPods {environment}", file=reached)
    return f"pods of {environment}"


@server.tool(name="kubernetes___deletePod")
def delete_pod(environment: str, pod: str) -> str:
    """Deletes a pod."""
    print(f"deletePod {environment}", file=reached)
    return f"deleted {pod}"


@server.prompt(name="internal")
def internal() -> str:
    """A prompt that nobody is to have."""
    print("internal", file=reached)
    return "internal"


listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
app = server.streamable_http_app(host="127.0.0.1")
uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1)).run(sockets=[listener])
