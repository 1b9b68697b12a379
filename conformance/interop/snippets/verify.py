# pip install "pyjwt[crypto]"
import jwt

keys = jwt.PyJWKClient(f"{ISSUER}/oauth/jwks")

def verify(token):
    if jwt.get_unverified_header(token).get("typ") != "at+jwt":
        raise jwt.InvalidTokenError("not an access token")
    claims = jwt.decode(
        token, keys.get_signing_key_from_jwt(token), algorithms=["ES256"],
        issuer=ISSUER, audience=AUDIENCE, options={"require": ["exp", "iat", "sub", "act", "scope"]},
    )
    if "cnf" in claims:
        raise jwt.InvalidTokenError("no bearer token: it is bound to a key")
    return claims
