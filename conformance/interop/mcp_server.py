"""FastMCP servers in front of a tool, one for each way of FastMCP's own to verify a token; and
FastMCP's client, which calls the tool with the last token of a chain.

Usage: mcp_server.py DESCRIPTION
"""

import asyncio
import logging
import sys

import requests
import uvicorn
from fastmcp import Client, FastMCP
from fastmcp.client.auth import BearerAuth
from fastmcp.client.transports import StreamableHttpTransport
from fastmcp.server.auth.providers.introspection import IntrospectionTokenVerifier
from fastmcp.server.auth.providers.jwt import JWTVerifier
from fastmcp.server.dependencies import get_access_token

from deployed import free_port
from scene import DOCUMENTS, agent, chain, exchange, expect, read, resource_server, revoke, signed_in

CALLER = "agent:archivist for alice"


def by_introspection(scene):
    client_id, client_secret = resource_server(scene, "documents-api")
    return IntrospectionTokenVerifier(
        introspection_url=scene["introspection_endpoint"],
        client_id=client_id,
        client_secret=client_secret,
        required_scopes=["documents:read"],
        audience=DOCUMENTS,
    )


def by_jwks(scene):
    return JWTVerifier(
        jwks_uri=scene["jwks_uri"],
        issuer=scene["issuer"],
        audience=DOCUMENTS,
        algorithm="ES256",
        required_scopes=["documents:read"],
    )


def server(verifier):
    mcp = FastMCP("Documents", auth=verifier)

    @mcp.tool
    def who_asks() -> str:
        claims = get_access_token().claims
        return f"{claims['act']['sub']} for {claims['sub']}"

    return mcp


async def asks(url, token):
    """What the tool says to FastMCP's client, or how the server refuses a token (RFC 6750 §3.1)."""
    call = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json, text/event-stream"}
    knock = await asyncio.to_thread(requests.post, url, json=call, headers=headers, timeout=10)
    if knock.status_code == 401:
        return knock.json()["error"]
    async with Client(StreamableHttpTransport(url, auth=BearerAuth(token))) as client:
        return (await client.call_tool("who_asks")).data


async def served(verifier, story):
    """Runs the story against a server on a free port, and ends it."""
    port = free_port()
    app = server(verifier).http_app()
    running = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", lifespan="on"))
    task = asyncio.create_task(running.serve())
    while not running.started and not task.done():
        await asyncio.sleep(0.02)
    try:
        await story(f"http://127.0.0.1:{port}/mcp")
    finally:
        running.should_exit = True
        await task


def tells(name, scene, after):
    async def story(url):
        first, _, third = chain(scene)
        said = await asks(url, third)
        expect(f"FastMCP by {name}: the tool is called by {said}", said == CALLER)
        said = await asks(url, first)
        expect(f"FastMCP by {name}: a token for somebody else: {said}", said == "invalid_token")
        calendar = exchange(
            scene["token_endpoint"],
            agent(scene, "orchestrator"),
            signed_in(scene),
            resource="https://calendar.demo.example",
        )
        said = await asks(url, calendar.json()["access_token"])
        expect(f"FastMCP by {name}: a token for another resource: {said}", said == "invalid_token")
        revoke(scene, "orchestrator", first)
        said = await asks(url, third)
        expect(f"FastMCP by {name}: after the first hop was revoked: {said}", said == after)

    return story


async def main(description):
    scene = read(description)
    await served(by_introspection(scene), tells("introspection", scene, "invalid_token"))
    # Who asks nobody finds out when the token expires; that is what introspection and status are for.
    await served(by_jwks(scene), tells("the JWKS", scene, CALLER))


if __name__ == "__main__":
    logging.disable(logging.WARNING)  # FastMCP tells of each refusal, which is what is wanted here.
    asyncio.run(main(*sys.argv[1:]))
