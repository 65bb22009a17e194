#!/usr/bin/env python3
"""Real MCP clients before the interceptor, once for each form of a denial: what each sees, against what it must see.

    run.py --toolgate target/debug/toolgate --python1 PY --python2 PY --node DIRECTORY

`PY` is a Python with that generation of `mcp`, DIRECTORY has the TypeScript packages in its node_modules. `.ci/mcp-clients`
installs them and calls this. Needs nothing but Python's own library. Exit codes: 0 all as expected, 1 not.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from gateway import Gateway, Interceptor

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
POLICIES = [ROOT / "policies" / "no-deletes-in-production.yaml", HERE / "policies"]
CLIENT_SECONDS = 60
START_SECONDS = 60

DEFAULT_FORM = "httpStatus"
FORMS = [DEFAULT_FORM, "jsonRpcError", "toolResult"]
STATUS = CODE = 403
DELETE_REASON = "Deletes are not allowed in production. Use another environment, or ask the platform team."
PROMPT_REASON = "This prompt is not for agents."
LISTED, DELETED, LISTED_AT_END = (
    {"isError": False, "text": text} for text in ("pods of production", "deleted a", "pods of staging")
)
HANDSHAKE, PER_REQUEST = "2025-11-25", "2026-07-28"


# ---- what must be seen: docs/agentcore.md §3 ----


def raised(kind, message, **more):
    """A step that ends with this exception."""
    return {"errors": [{"type": kind, "message": message, **more}]}


def flagged(reason):
    """A step that ends with a tool result which is flagged as an error."""
    return {"isError": True, "text": reason}


def typed(kind, prefix=""):
    """Clients that raise the JSON-RPC error with its code and message."""
    return lambda reason: raised(kind, prefix + reason, code=CODE)


def containing(*parts):
    """A message that has these parts, in this order; between them stands what the client or the denial adds."""
    return {"contains": list(parts)}


def http_error(kind, **more):
    """Clients that paste the whole body into the message of an HTTP error."""
    return lambda reason: raised(kind, containing('"jsonrpc":"2.0"', reason, "decisionId"), **more)


class Expected:
    """What a client sees of the three forms. `status` is None for a client whose session ends with the HTTP status."""

    def __init__(self, protocol, status, error):
        self.protocol, self.status, self.error = protocol, status, error

    def of(self, form):
        if form == DEFAULT_FORM and self.status is None:
            # The exception of the transport's task group is all that there is: the body was never read.
            session = [{"type": "HTTPStatusError", "message": containing("403"), "status": STATUS}]
            return {"protocol": self.protocol, "tools": 2, "before": LISTED, "session": session}
        see = self.status if form == DEFAULT_FORM else self.error
        return {
            "protocol": self.protocol,
            "tools": 2,
            "before": LISTED,
            "denied": flagged(DELETE_REASON) if form == "toolResult" else see(DELETE_REASON),
            "after": DELETED,
            # A prompt has no tool result, so its denial is an error in both forms with status 200.
            "prompt": see(PROMPT_REASON),
            "end": LISTED_AT_END,
        }


TYPESCRIPT_1 = Expected(HANDSHAKE, http_error("StreamableHTTPError", code=STATUS), typed("McpError", f"MCP error {CODE}: "))


def typescript_2(protocol):
    http = http_error("SdkHttpError", code="CLIENT_HTTP_NOT_IMPLEMENTED", status=STATUS)
    return Expected(protocol, http, typed("ProtocolError"))


def clients(options):
    """Name, command and expectations of each client; the gateway's address is put in at `None`."""
    python1, python2 = [options.python1, HERE / "python1.py"], [options.python2, HERE / "python2.py"]
    node = [shutil.which("node") or "node", Path(options.node) / "typescript.mjs"]
    python2_sees = typed("MCPError")
    return [
        ("Python mcp 1.x", [*python1, None], Expected(HANDSHAKE, None, typed("McpError"))),
        ("Python mcp 2.x", [*python2, None, "legacy"], Expected(HANDSHAKE, python2_sees, python2_sees)),
        ("Python mcp 2.x, 2026-07-28", [*python2, None, "auto"], Expected(PER_REQUEST, python2_sees, python2_sees)),
        ("TypeScript sdk 1.x", [*node, None, "sdk"], TYPESCRIPT_1),
        ("TypeScript client 2.x", [*node, None, "client", "legacy"], typescript_2(HANDSHAKE)),
        ("TypeScript client 2.x, 2026-07-28", [*node, None, "client", "auto"], typescript_2(PER_REQUEST)),
    ]


def differences(expected, seen, path=""):
    """Where `seen` is not as `expected`, one line for each place."""
    if isinstance(expected, dict) and set(expected) == {"contains"}:
        rest = seen if isinstance(seen, str) else ""
        for part in expected["contains"]:
            _, found, rest = rest.partition(part)
            if not found:
                return [f"{path}: expected a text with {part!r}, saw {seen!r}"]
        return []
    if isinstance(expected, dict) and isinstance(seen, dict):
        lines = []
        for key in [*expected, *(key for key in seen if key not in expected)]:
            lines += differences(expected.get(key), seen.get(key), f"{path}.{key}" if path else key)
        return lines
    if isinstance(expected, list) and isinstance(seen, list) and len(expected) == len(seen):
        return [line for i, pair in enumerate(zip(expected, seen)) for line in differences(*pair, f"{path}[{i}]")]
    return [] if expected == seen else [f"{path}: expected {expected!r}, saw {seen!r}"]


# ---- the run ----


def environment():
    """This process's environment without settings of Toolgate and without proxies: everything is on loopback."""
    dropped = {"http_proxy", "https_proxy", "all_proxy"}
    return {
        name: value for name, value in os.environ.items()
        if not name.startswith("TOOLGATE_") and name.lower() not in dropped
    }


def start_server(python, reached):
    server = subprocess.Popen(
        [python, HERE / "server.py", reached], stdout=subprocess.PIPE, text=True, env=environment()
    )
    watchdog = threading.Timer(START_SECONDS, server.kill)
    watchdog.start()
    port = server.stdout.readline().strip()
    watchdog.cancel()
    if not port:
        raise SystemExit("the MCP server did not start")
    return server, int(port)


def run_client(command, url):
    command = [url if part is None else part for part in command]
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=CLIENT_SECONDS,
            env=environment(),
        )
        return json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return {"session": f"no end after {CLIENT_SECONDS} s"}
    except ValueError:
        return {"session": f"exit {done.returncode}: {done.stderr.strip()}"}


def decide_command(toolgate, form):
    command = [toolgate, "decide", "--default", "allow"]
    for path in POLICIES:
        command += ["--policies", path]
    # The default form is the one without any setting.
    if form != DEFAULT_FORM:
        command += ["--config", HERE / "config" / f"{form}.yaml"]
    return [*command, "-"]


def check(form, command, expected, toolgate, upstream_port, reached):
    """One client before one form: the differences, and what it saw."""
    reached.write_text("")
    gateway = Gateway(upstream_port, Interceptor(decide_command(toolgate, form), environment()))
    threading.Thread(target=gateway.serve_forever, daemon=True).start()
    try:
        seen = run_client(command, gateway.url)
    finally:
        gateway.shutdown()
        gateway.server_close()
    expected = expected.of(form)
    found = differences(expected, seen) + [f"interceptor: {failure}" for failure in gateway.failures]
    # Whatever the client believes: what is denied has not reached the server, and what is allowed has.
    arrived = ["listPods production"]
    if "after" in expected:
        arrived += ["deletePod staging", "listPods staging"]
    found += differences(arrived, reached.read_text().splitlines(), "reached the server")
    statuses = {status for _, status in gateway.decisions if status is not None}
    found += differences({STATUS if form == DEFAULT_FORM else 200}, statuses, "HTTP status of denials")
    return found, seen


def summary(seen):
    """The denied step on one line."""
    step = seen.get("denied") or {"errors": seen.get("session")}
    life = "session lives" if "end" in seen else "session dead"
    errors = step.get("errors")
    if not isinstance(errors, list):
        return f"{errors or 'a result, isError ' + str(step.get('isError'))}; {life}"
    kinds = ", ".join(f"{error['type']} {error.get('status') or error.get('code') or ''}".strip() for error in errors)
    return f"{kinds}; {life}"


def main():
    parser = argparse.ArgumentParser(description="Real MCP clients before the interceptor")
    parser.add_argument("--toolgate", required=True)
    parser.add_argument("--python1", required=True)
    parser.add_argument("--python2", required=True)
    parser.add_argument("--node", required=True)
    parser.add_argument("--form", choices=FORMS, action="append", help="only this form")
    parser.add_argument("--show", action="store_true", help="print everything that clients saw")
    options = parser.parse_args()
    shutil.copy(HERE / "typescript.mjs", options.node)
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        reached = Path(folder) / "reached"
        server, port = start_server(options.python2, reached)
        try:
            for form in options.form or FORMS:
                print(f"\ndenial.form: {form}")
                for name, command, expected in clients(options):
                    found, seen = check(form, command, expected, options.toolgate, port, reached)
                    passed, failed = passed + (not found), failed + bool(found)
                    print(f"  {'FAIL' if found else 'ok':4} {name:34} {summary(seen)}", flush=True)
                    for line in found:
                        print(f"       {line}")
                    if options.show or found:
                        print(f"       saw {json.dumps(seen)}")
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
    print(f"\n{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
