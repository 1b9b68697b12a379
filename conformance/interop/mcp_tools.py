"""The MCP server of mcp/, called by the client of the MCP SDK with tokens that come of exchanges: listing
tools takes one scope, calling them another, and who lacks one is told which.

Usage: mcp_tools.py DESCRIPTION FOLDER; the binary is in $ACTAS. Starts an actas of its own, which trusts the
identity provider of the description, and the MCP server.
"""

import asyncio
import contextlib
import pathlib
import subprocess
import sys

import requests

from deployed import Deployed, await_ready, free_port
from scene import exchange, expect, read, signed_in

HERE = pathlib.Path(__file__).parent
sys.path.append(str(HERE / "mcp"))
from exchanging import Exchanging  # noqa: E402
from mcp import Client  # noqa: E402
from mcp.client.streamable_http import streamable_http_client  # noqa: E402
from mcp.shared._httpx_utils import create_mcp_http_client  # noqa: E402

READ, WRITE = "mcp:tools:read", "mcp:tools:write"
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
LISTING = {**PING, "method": "tools/list"}

ORGANIZATION = """\
id = "notes"
name = "Notes"

[[connections]]
id = "home"
issuer = "{idp}"
client_id = "actas"
client_secret = {{ value = "the-introspection-secret" }}
algorithms = ["RS256"]

[[agents]]
id = "assistant"
scope = "{read} {write}"

[[agents]]
id = "reader"
scope = "{read}"

[[resources]]
id = "{server}"
scope = "{read} {write}"

[[resources]]
id = "https://elsewhere.example"
scope = "{read}"

[[grants]]
connection = "home"
user = "alice"
agent = "assistant"
scope = "{read} {write}"
targets = ["{server}", "https://elsewhere.example"]

[[grants]]
connection = "home"
user = "alice"
agent = "reader"
scope = "{read}"
targets = ["{server}"]
"""


class Story:
    def __init__(self, scene, actas, server):
        self.scene, self.server, self.issuer = scene, server, actas.issuer("notes")
        organization = ORGANIZATION.format(idp=scene["idp"]["issuer"], server=server, read=READ, write=WRITE)
        self.secrets = actas.apply(organization)

    def user_token(self, agent):
        return signed_in(self.scene, client_id=agent, scope=f"{READ} {WRITE}")

    def agent(self, agent):
        return agent, self.secrets[agent]

    def strangers_are_told(self):
        knock = requests.post(self.server, json=LISTING, timeout=10)
        challenge = knock.headers["WWW-Authenticate"]
        expect(f"no token: {knock.status_code} {challenge}", knock.status_code == 401 and "error" not in challenge)
        expect("the challenge names the scope", f'scope="{READ}"' in challenge)
        metadata = requests.get(challenge.split('resource_metadata="')[1].split('"')[0], timeout=10).json()
        expect(f"the metadata is of {metadata['resource']}", metadata["resource"] == self.server)
        expect(f"it names {metadata['authorization_servers']}", metadata["authorization_servers"] == [self.issuer])
        for said, target in [("another resource", "https://elsewhere.example"), ("this one", self.server)]:
            reply = exchange(
                f"{self.issuer}/oauth/token", self.agent("assistant"), self.user_token("assistant"),
                resource=target, scope=READ,
            )
            token = reply.json()["access_token"]
            accepts = "application/json, text/event-stream"
            headers = {"Authorization": f"Bearer {token}", "Accept": accepts}
            status = requests.post(self.server, json=PING, headers=headers, timeout=10).status_code
            expect(f"a token for {said}: {status}", (status == 401) == (said == "another resource"))

    async def called(self, agent):
        """What the tool says, and the scope of the token after listing and after calling."""
        auth = Exchanging(self.server, self.issuer, self.agent(agent), self.user_token(agent))
        async with create_mcp_http_client(auth=auth) as http:
            async with Client(streamable_http_client(self.server, http_client=http)) as client:
                names = [tool.name for tool in (await client.list_tools()).tools]
                expect(f"{agent} lists {names} with {auth.scope}", names == ["who_asks"] and auth.scope == READ)
                try:
                    result = await client.call_tool("who_asks")
                except Exception:
                    return auth, None
                return auth, result.content[0].text

    async def agents_get_what_they_need(self):
        auth, said = await self.called("assistant")
        expect(f"it was asked for more, and got {auth.scope}", set(auth.scope.split()) == {READ, WRITE})
        expect(f"the tool is called by {said}", said == "agent:assistant for alice")
        auth, said = await self.called("reader")
        expect(f"reader is refused more: {auth.refusal}", said is None and auth.refusal == "invalid_scope")


@contextlib.contextmanager
def serving(issuer, server):
    port = server.removesuffix("/mcp").rsplit(":", 1)[1]
    process = subprocess.Popen([sys.executable, HERE / "mcp" / "server.py", issuer, port])
    try:
        await_ready(process, f"http://127.0.0.1:{port}/.well-known/oauth-protected-resource/mcp")
        yield
    finally:
        process.terminate()
        process.wait()


def main(description, folder):
    folder = pathlib.Path(folder) / "notes"
    folder.mkdir()
    server = f"http://127.0.0.1:{free_port()}/mcp"
    actas = Deployed(folder)
    story = Story(read(description), actas, server)
    with actas.serving(), serving(story.issuer, server):
        story.strangers_are_told()
        asyncio.run(story.agents_get_what_they_need())


if __name__ == "__main__":
    main(*sys.argv[1:])
