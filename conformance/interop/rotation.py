"""Keys change under verifiers that have cached the key set: an unplanned rotation, ordered by an operator.

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


def rotate(scene):
    operator = {"Authorization": f"Bearer {scene['operator']['token']}"}
    order = {"now": True, "compromised": True}
    reply = requests.post(f"{scene['admin']}/keys/rotations", json=order, headers=operator, timeout=10)
    expect(f"an operator rotates at once: {reply.status_code}", reply.ok)


def kid(token):
    return jwt.get_unverified_header(token)["kid"]


def main(description):
    scene = read(description)
    before = chain(scene)[-1]
    cached = jwt.PyJWKClient(scene["jwks_uri"])
    expect("PyJWT has cached the key set", verify(cached, scene, before) == "alice")
    rotate(scene)
    began = time.monotonic()
    after = chain(scene)[-1]
    while kid(after) == kid(before) and time.monotonic() - began < SOON:
        time.sleep(0.2)
        after = chain(scene)[-1]
    took = time.monotonic() - began
    expect(f"another key signs, {took:.1f} s later", kid(after) != kid(before))
    expect("PyJWT, with the old set cached, verifies its token", verify(cached, scene, after) == "alice")
    refusal = refuses(jwt.PyJWKClient(scene["jwks_uri"]), scene, before)
    expect(f"who fetches the set now refuses the old key: {refusal}", refusal)
    expect("introspection calls its token inactive", not is_active(scene, before) and is_active(scene, after))


if __name__ == "__main__":
    main(*sys.argv[1:])
