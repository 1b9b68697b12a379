"""Introspection and revocation driven by Authlib, as a client and as a resource server.

Usage: revoke.py DESCRIPTION
"""

import sys
import warnings

from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc6750 import InsufficientScopeError, InvalidTokenError
from authlib.oauth2.rfc7662 import IntrospectTokenValidator

from scene import agent, chain, expect, read, resource_server


def session(client, method="client_secret_basic"):
    return OAuth2Session(*client, token_endpoint_auth_method=method)


class Api(IntrospectTokenValidator):
    """A resource server which lets in whom introspection calls active."""

    def __init__(self, scene):
        super().__init__(realm="documents")
        self.session = session(resource_server(scene, "documents-api"))
        self.endpoint = scene["introspection_endpoint"]

    def introspect_token(self, token_string):
        reply = self.session.introspect_token(self.endpoint, token_string, "access_token")
        reply.raise_for_status()
        return reply.json()

    def lets_in(self, token, scope="documents:read"):
        try:
            told = self.authenticate_token(token)
            self.validate_token(told, [scope], None)
        except (InvalidTokenError, InsufficientScopeError) as refusal:
            return refusal.error
        return told["sub"]


def main(description):
    scene = read(description)
    api = Api(scene)
    first, second, third = chain(scene)
    said = api.lets_in(third)
    expect(f"Authlib's validator lets in {said}", said == "alice")
    said = api.lets_in(third, "documents:write")
    expect(f"Authlib's validator refuses a scope that is not there: {said}", said == "insufficient_scope")
    said = api.lets_in(second)
    expect(f"Authlib's validator refuses a token for somebody else: {said}", said == "invalid_token")
    by_post = session(resource_server(scene, "documents-api"), "client_secret_post")
    told = by_post.introspect_token(scene["introspection_endpoint"], third).json()
    expect("Authlib asks with the secret in the body, too", told["active"] is True)
    orchestrator = session(agent(scene, "orchestrator"))
    reply = orchestrator.revoke_token(scene["revocation_endpoint"], first, "refresh_token")
    expect(f"Authlib revokes the first token of three, with a wrong hint: {reply.status_code}", reply.ok)
    said = api.lets_in(third)
    expect(f"Authlib's validator refuses the third: {said}", said == "invalid_token")


if __name__ == "__main__":
    warnings.simplefilter("error")
    main(*sys.argv[1:])
