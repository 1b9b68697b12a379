"""The last token of the chain, verified by PyJWT and by Authlib through the JWKS.

Usage: verify.py CHAIN, as written by chain.py.
"""

import sys
import warnings

import jwt
import requests
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from joserfc.jwk import KeySet

from scene import expect, read


def actors(claims):
    """Who acts, the current actor first (RFC 8693 §4.1)."""
    found = []
    act = claims.get("act")
    while act:
        found.append(act["sub"])
        act = act.get("act")
    return found


def by_pyjwt(chain, token):
    key = jwt.PyJWKClient(chain["jwks_uri"]).get_signing_key_from_jwt(token)
    return jwt.decode(
        token,
        key,
        algorithms=["ES256", "EdDSA", "RS256", "PS256"],
        issuer=chain["issuer"],
        audience=chain["audience"],
        options={"require": ["exp", "iat", "iss", "sub", "aud", "jti"], "enforce_minimum_key_length": True},
    )


def by_authlib(chain, token):
    class Validator(JWTBearerTokenValidator):
        def get_jwks(self):
            return KeySet.import_key_set(requests.get(chain["jwks_uri"], timeout=10).json())

    validator = Validator(issuer=chain["issuer"], resource_server=chain["audience"])
    claims = validator.authenticate_token(token)
    validator.validate_token(claims, scopes=[chain["scope"]], request=None)
    return claims


def refuses(verify, chain, token):
    try:
        verify(chain, token)
    except Exception as refusal:
        return type(refusal).__name__
    return None


def tampered(token):
    header, claims, signature = token.split(".")
    swapped = "B" if signature[0] == "A" else "A"
    return f"{header}.{claims}.{swapped}{signature[1:]}"


def main(path):
    chain = read(path)
    for name, verify in [("PyJWT", by_pyjwt), ("Authlib", by_authlib)]:
        claims = verify(chain, chain["token"])
        expect(f"{name} verifies: {claims['sub']}", claims["sub"] == chain["subject"])
        expect(f"{name} reads {actors(claims)}", actors(claims) == chain["actors"])
        refusal = refuses(verify, chain, tampered(chain["token"]))
        expect(f"{name} refuses a changed signature: {refusal}", refusal)
        elsewhere = {**chain, "audience": "https://calendar.demo.example"}
        refusal = refuses(verify, elsewhere, chain["token"])
        expect(f"{name} refuses another audience: {refusal}", refusal)


if __name__ == "__main__":
    warnings.simplefilter("error")
    main(*sys.argv[1:])
