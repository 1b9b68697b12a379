"""Keys change under a verifier that has cached the key set: as planned, and at once because they are known
to somebody else. An operator orders both.

Usage: rotation.py DESCRIPTION. The last of the scene: what was issued before it is worthless after it.
"""

import sys
import time

import jwt
import requests

from scene import DOCUMENTS, chain, expect, read, resource_server

SOON = 30


def verify(keys, scene, token):
    return jwt.decode(
        token, keys.get_signing_key_from_jwt(token), algorithms=["ES256"], issuer=scene["issuer"], audience=DOCUMENTS
    )["sub"]


def refuses(keys, scene, token):
    try:
        verify(keys, scene, token)
    except jwt.PyJWKClientError as refusal:
        return str(refusal).split(":")[0]
    return None


def is_active(scene, token):
    client = resource_server(scene, "documents-api")
    reply = requests.post(scene["introspection_endpoint"], data={"token": token}, auth=client, timeout=10)
    reply.raise_for_status()
    return reply.json()["active"]


def rotate(scene, **order):
    operator = {"Authorization": f"Bearer {scene['operator']['token']}"}
    reply = requests.post(f"{scene['admin']}/keys/rotations", json=order, headers=operator, timeout=10)
    expect(f"an operator rotates {order or 'as planned'}: {reply.status_code}", reply.ok)


def kid(token):
    return jwt.get_unverified_header(token)["kid"]


def until_another_signs(scene, before):
    """Tokens, one after the other, until one has another key."""
    began = time.monotonic()
    token = before
    while kid(token) == kid(before) and time.monotonic() - began < SOON:
        time.sleep(0.1)
        token = chain(scene)[-1]
        yield token
    expect(f"another key signs, {time.monotonic() - began:.1f} s later", kid(token) != kid(before))


def as_planned(scene):
    """Who caches the set for as long as it says never meets a key that it does not know."""
    max_age = int(requests.get(scene["jwks_uri"], timeout=10).headers["cache-control"].rsplit("=", 1)[1])
    keys = jwt.PyJWKClient(scene["jwks_uri"], lifespan=max_age)
    before = chain(scene)[-1]
    expect(f"PyJWT caches the key set for {max_age} s", verify(keys, scene, before) == "alice")
    rotate(scene)
    # A key that it did not know, PyJWT would not look for again for half a minute.
    known = [verify(keys, scene, token) for token in until_another_signs(scene, before)]
    expect(f"PyJWT knew the keys of all {len(known)} tokens", set(known) == {"alice"})
    expect("the old key's token is still good", verify(keys, scene, before) == "alice" and is_active(scene, before))


def at_once(scene):
    before = chain(scene)[-1]
    keys = jwt.PyJWKClient(scene["jwks_uri"], cooldown_duration=0)
    expect("PyJWT has cached the key set", verify(keys, scene, before) == "alice")
    rotate(scene, now=True, compromised=True)
    *_, after = until_another_signs(scene, before)
    expect("PyJWT looks for the new key, and verifies", verify(keys, scene, after) == "alice")
    refusal = refuses(keys, scene, before)
    expect(f"it refuses the old one: {refusal}", refusal)
    expect("introspection calls its token inactive", not is_active(scene, before) and is_active(scene, after))


def main(description):
    scene = read(description)
    as_planned(scene)
    at_once(scene)


if __name__ == "__main__":
    main(*sys.argv[1:])
