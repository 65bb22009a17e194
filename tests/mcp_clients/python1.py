"""What an agent on Python's `mcp` 1.x sees. Arguments: the gateway's address. Prints one JSON object, see run.py."""

import asyncio
import json
import sys
from datetime import timedelta

import httpx
from mcp import ClientSession, McpError
from mcp.client.streamable_http import streamable_http_client

seen = {}


def described(error):
    """The exceptions that task groups have packed, as data."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in described(inner)]
    data = {"type": type(error).__name__, "message": str(error)}
    if isinstance(error, McpError):
        data["code"] = error.error.code
    if isinstance(error, httpx.HTTPStatusError):
        data["status"] = error.response.status_code
    return [data]


async def attempt(step, action):
    try:
        result = await action
    except McpError as error:
        seen[step] = {"errors": described(error)}
    else:
        texts = getattr(result, "content", None) or []
        seen[step] = {"isError": getattr(result, "isError", False), "text": "".join(part.text for part in texts)}


async def main(url):
    async with streamable_http_client(url) as (read, write, _):
        async with ClientSession(read, write, read_timeout_seconds=timedelta(seconds=15)) as session:
            seen["protocol"] = (await session.initialize()).protocolVersion
            seen["tools"] = len((await session.list_tools()).tools)
            call = session.call_tool
            await attempt("before", call("kubernetes___listPods", {"environment": "production"}))
            await attempt("denied", call("kubernetes___deletePod", {"environment": "production", "pod": "a"}))
            await attempt("after", call("kubernetes___deletePod", {"environment": "staging", "pod": "a"}))
            await attempt("prompt", session.get_prompt("internal"))
            await attempt("end", call("kubernetes___listPods", {"environment": "staging"}))


try:
    asyncio.run(asyncio.wait_for(main(sys.argv[1]), 40))
except BaseException as error:
    seen["session"] = described(error)
print(json.dumps(seen))
