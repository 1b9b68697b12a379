"""A client without a secret: it signs who it is, with each kind of key by Authlib, and by the MCP SDK, whose
own flows do not come so far yet: they read no metadata that has no `authorization_endpoint`.

Usage: signed.py DESCRIPTION
"""

import asyncio
import sys
import time
import warnings

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import import_key
from mcp.client.auth.extensions.client_credentials import SignedJWTParameters

from scene import ACCESS_TOKEN, DOCUMENTS, EXCHANGE, expect, read, signed_in

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def session(scene, client_id, key, audience):
    # RFC 9864 has a new name for it.
    algorithm = "Ed25519" if key["alg"] == "EdDSA" else key["alg"]
    key = {**key, "alg": algorithm}
    session = OAuth2Session(client_id, import_key(key), token_endpoint_auth_method="private_key_jwt")
    # rfc7523bis: the issuer is the audience; Authlib would take the address of the token endpoint, and
    # let its assertions live for an hour.
    soon = {"exp": int(time.time()) + 60}
    signs = PrivateKeyJWT(audience, claims=soon, alg=algorithm, headers={"kid": key["kid"]})
    session.register_client_auth_method(signs)
    return session


def exchanged(scene, key, audience):
    return session(scene, "signer", key, audience).fetch_token(
        scene["token_endpoint"],
        grant_type=EXCHANGE,
        subject_token=signed_in(scene, client_id="signer"),
        subject_token_type=ACCESS_TOKEN,
        resource=DOCUMENTS,
        scope="documents:read",
    )


def by_mcp(scene, key):
    """What the SDK signs, sent by hand: an agent's own token (RFC 6749 §4.4)."""
    private = import_key(key).as_pem(private=True).decode()
    signs = SignedJWTParameters(
        issuer="signer", subject="signer", signing_key=private, signing_algorithm=key["alg"]
    )
    form = {
        "grant_type": "client_credentials",
        "client_id": "signer",
        "client_assertion_type": ASSERTION,
        "client_assertion": asyncio.run(signs.create_assertion_provider()(scene["issuer"])),
    }
    return [requests.post(scene["token_endpoint"], data=form, timeout=10) for _ in range(2)]


def main(description):
    scene = read(description)
    for key in scene["keys"]["signer"]:
        token = exchanged(scene, key, scene["issuer"])
        expect(f"Authlib signs who it is ({key['alg']})", token["scope"] == "documents:read")
    for audience in (scene["token_endpoint"], "https://elsewhere.example"):
        try:
            exchanged(scene, scene["keys"]["signer"][0], audience)
        except OAuthError as refusal:
            expect(f"and not to {audience}: {refusal.error}", refusal.error == "invalid_client")
        else:
            raise SystemExit(f"not so: Authlib is refused an assertion for {audience}")
    first, again = by_mcp(scene, scene["keys"]["signer"][0])
    expect(f"the MCP SDK signs who it is: {first.status_code}", first.json().get("token_type") == "Bearer")
    expect(f"what it has signed is taken once: {again.status_code}", again.json()["error"] == "invalid_client")


if __name__ == "__main__":
    warnings.simplefilter("error")
    main(*sys.argv[1:])
