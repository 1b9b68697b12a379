"""An MCP server that shows its tools to whoever has `mcp:tools:read`, and lets them be called by whoever has
`mcp:tools:write`. It trusts the tokens of one organization of actas, through the JWKS, and says so (RFC 9728).

Usage: server.py ISSUER PORT
"""

import asyncio
import json
import sys

import jwt
import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from starlette.requests import Request
from starlette.responses import JSONResponse

READ, WRITE = "mcp:tools:read", "mcp:tools:write"
# What each message of MCP needs. Every other needs a token for this server, and no more.
NEEDED = {"tools/list": READ, "tools/call": WRITE}
PATH = "/mcp"
METADATA = f"/.well-known/oauth-protected-resource{PATH}"
LONGEST_MESSAGE = 1024 * 1024

tools = MCPServer("Notes", log_level="WARNING")


@tools.tool()
def who_asks(context: Context) -> str:
    """Who acts for whom, as the token says."""
    claims = context.request_context.request.scope["token"]
    return f"{claims['act']['sub']} for {claims['sub']}"


class Refused(Exception):
    """What a client is told (RFC 6750 §3.1), and the scope that would do."""

    def __init__(self, status, error, scope):
        self.status, self.error, self.scope = status, error, scope


class Gate:
    """Stands before the tools. MCP says which message it is in the body, so the body is read here."""

    def __init__(self, app, issuer, origin):
        self.app, self.issuer, self.origin = app, issuer, origin
        self.resource = origin + PATH
        self.keys = jwt.PyJWKClient(f"{issuer}/oauth/jwks")

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        request = Request(scope, receive)
        if request.url.path == METADATA:
            return await JSONResponse(self.metadata())(scope, receive, send)
        try:
            message = await self.message(request)
            scope["token"] = await self.admitted(request, message)
        except Refused as refused:
            return await self.challenge(refused)(scope, receive, send)
        await self.app(scope, once(json.dumps(message).encode() if message else b"", receive), send)

    async def message(self, request):
        """What is passed on is what was judged: two readers of one text could read two things."""
        text = b""
        async for chunk in request.stream():
            text += chunk
            if LONGEST_MESSAGE < len(text):
                raise Refused(413, "invalid_request", READ)
        if not text:
            return None
        try:
            message = json.loads(text)
        except ValueError:
            raise Refused(400, "invalid_request", READ) from None
        # There are no batches since 2025-06-18; an answer of the client's has no method.
        if not isinstance(message, dict) or not isinstance(message.get("method", ""), str):
            raise Refused(400, "invalid_request", READ)
        return message

    async def admitted(self, request, message):
        method = (message or {}).get("method")
        needed = NEEDED.get(method, READ)
        headers = request.headers.getlist("authorization")
        scheme, _, token = (headers[0] if len(headers) == 1 else "").partition(" ")
        if scheme.lower() != "bearer":
            raise Refused(401, None, needed)
        try:
            claims = await asyncio.to_thread(self.verify, token.strip())
        except jwt.PyJWKClientConnectionError:
            raise Refused(503, "temporarily_unavailable", needed) from None
        except jwt.PyJWTError:
            raise Refused(401, "invalid_token", needed) from None
        if method in NEEDED and needed not in claims["scope"].split(" "):
            raise Refused(403, "insufficient_scope", needed)
        return claims

    def verify(self, token):
        """As the README has it; the audience is this server, as clients address it (RFC 8707)."""
        if jwt.get_unverified_header(token).get("typ") != "at+jwt":
            raise jwt.InvalidTokenError("not an access token")
        claims = jwt.decode(
            token, self.keys.get_signing_key_from_jwt(token), algorithms=["ES256"], issuer=self.issuer,
            audience=self.resource, options={"require": ["exp", "iat", "sub", "act", "scope"]},
        )
        if "cnf" in claims:
            raise jwt.InvalidTokenError("no bearer token: it is bound to a key")
        return claims

    def metadata(self):
        return {
            "resource": self.resource,
            "resource_name": tools.name,
            "authorization_servers": [self.issuer],
            "scopes_supported": [READ, WRITE],
            "bearer_methods_supported": ["header"],
        }

    def challenge(self, refused):
        """RFC 6750 §3, RFC 9728 §5.1: who asks without a token is not told of an error."""
        parameters = {"error": refused.error, "scope": refused.scope, "resource_metadata": self.origin + METADATA}
        said = ", ".join(f'{name}="{value}"' for name, value in parameters.items() if value)
        headers = {"WWW-Authenticate": f"Bearer {said}"} if refused.status in (401, 403) else {}
        body = {"error": refused.error} if refused.error else {}
        return JSONResponse(body, refused.status, headers)


def once(body, receive):
    """The body, then whatever else comes: that the client has gone."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message():
        return messages.pop() if messages else await receive()

    return next_message


def main(issuer, port):
    app = tools.streamable_http_app(streamable_http_path=PATH, stateless_http=True, json_response=True)
    gate = Gate(app, issuer, f"http://127.0.0.1:{port}")
    uvicorn.run(gate, host="127.0.0.1", port=int(port), log_level="warning")


if __name__ == "__main__":
    main(*sys.argv[1:])
