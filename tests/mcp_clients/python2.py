"""What an agent on Python's `mcp` 2.x sees. Arguments: the gateway's address, and `legacy` or `auto` for the
generation of the protocol. Prints one JSON object, see run.py."""

import asyncio
import json
import sys

from mcp import Client, MCPError

seen = {}


def described(error):
    """The exceptions that task groups have packed, as data."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in described(inner)]
    data = {"type": type(error).__name__, "message": str(error)}
    if isinstance(error, MCPError):
        data["code"] = error.error.code
    return [data]


async def attempt(step, action):
    try:
        result = await action
    except MCPError as error:
        seen[step] = {"errors": described(error)}
    else:
        texts = getattr(result, "content", None) or []
        seen[step] = {"isError": getattr(result, "is_error", False), "text": "".join(part.text for part in texts)}


async def main(url, mode):
    async with Client(url, mode=mode, read_timeout_seconds=15) as client:
        seen["protocol"] = client.protocol_version
        seen["tools"] = len((await client.list_tools()).tools)
        call = client.call_tool
        await attempt("before", call("kubernetes___listPods", {"environment": "production"}))
        await attempt("denied", call("kubernetes___deletePod", {"environment": "production", "pod": "a"}))
        await attempt("after", call("kubernetes___deletePod", {"environment": "staging", "pod": "a"}))
        await attempt("prompt", client.get_prompt("internal"))
        await attempt("end", call("kubernetes___listPods", {"environment": "staging"}))


try:
    asyncio.run(asyncio.wait_for(main(*sys.argv[1:]), 40))
except BaseException as error:
    seen["session"] = described(error)
print(json.dumps(seen))
