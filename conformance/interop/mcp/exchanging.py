"""How an agent comes by the tokens an MCP server asks for: it exchanges its user's, for as little as is
asked, when it is asked. For the client of the MCP SDK, `httpx2.AsyncClient(auth=Exchanging(…))`.
"""

import json

import httpx2
from mcp.client.auth.utils import (
    extract_field_from_www_auth,
    extract_resource_metadata_from_www_auth,
    extract_scope_from_www_auth,
    union_scopes,
)
from mcp.shared.auth import ProtectedResourceMetadata

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


class Exchanging(httpx2.Auth):
    def __init__(self, server, issuer, client, user_token):
        self.server, self.issuer, self.client, self.user_token = server, issuer, client, user_token
        self.token = self.scope = None
        self.refusal = None

    async def async_auth_flow(self, request):
        if self.token:
            request.headers["Authorization"] = f"Bearer {self.token}"
        response = yield request
        if response.status_code == 401:
            scope = extract_scope_from_www_auth(response)
        elif extract_field_from_www_auth(response, "error") == "insufficient_scope":
            scope = union_scopes(self.scope, extract_scope_from_www_auth(response))
        else:
            return
        told = yield httpx2.Request("GET", extract_resource_metadata_from_www_auth(response))
        metadata = ProtectedResourceMetadata.model_validate_json(await told.aread())
        # RFC 9728 §3.3, and nobody but who is configured is ever sent the user's token.
        if str(metadata.resource) != self.server or str(metadata.authorization_servers[0]) != self.issuer:
            return
        form = {
            "grant_type": EXCHANGE,
            "subject_token": self.user_token,
            "subject_token_type": ACCESS_TOKEN,
            "resource": self.server,
            "scope": scope,
            "client_id": self.client[0],
            "client_secret": self.client[1],
        }
        granted = yield httpx2.Request("POST", f"{self.issuer}/oauth/token", data=form)
        told = json.loads(await granted.aread())
        if granted.status_code != 200:
            self.refusal = told["error"]
            return
        self.token, self.scope = told["access_token"], told["scope"]
        request.headers["Authorization"] = f"Bearer {self.token}"
        yield request
