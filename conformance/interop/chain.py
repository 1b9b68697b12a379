"""alice → orchestrator → researcher → archivist → API, built by plain HTTP.

Usage: chain.py DESCRIPTION OUT. Writes what a verifier needs to know to OUT.
"""

import json
import pathlib
import sys

import requests

from proof import Key
from scene import (
    DOCUMENTS,
    HOPS,
    agent,
    chain,
    exchange,
    expect,
    read,
    resource_server,
    revoke,
    signed_in,
)


def bound_to_a_key(scene):
    """A token for the documents that is of use with the key only (RFC 9449)."""
    key = Key()
    reply = exchange(
        scene["token_endpoint"],
        agent(scene, "orchestrator"),
        signed_in(scene),
        headers={"DPoP": key.proof("POST", scene["token_endpoint"])},
        resource=DOCUMENTS,
        scope="documents:read",
    )
    token = reply.json()["access_token"]
    proof = key.proof("GET", scene["api"], token)
    served = requests.get(scene["api"], headers={"Authorization": f"DPoP {token}", "DPoP": proof}, timeout=10)
    expect(f"the API serves a token of a key with its proof: {served.status_code}", served.status_code == 200)
    bare = requests.get(scene["api"], headers={"Authorization": f"Bearer {token}"}, timeout=10)
    expect(f"and not without: {bare.status_code}", bare.status_code == 401)
    return token


def main(description, out):
    scene = read(description)
    *_, token = chain(scene)
    expect("three agents exchange, one after the other", token)
    call = requests.get(scene["api"], headers={"Authorization": f"Bearer {token}"}, timeout=10)
    expect(f"the API serves the last token: {call.status_code}", call.status_code == 200)
    first, _, revoked = chain(scene)
    revoke(scene, "orchestrator", first)
    bound = bound_to_a_key(scene)
    agents = [f"agent:{client_id}" for client_id, _ in reversed(HOPS)]
    told = {
        "issuer": scene["issuer"],
        "jwks_uri": scene["jwks_uri"],
        "audience": DOCUMENTS,
        "client": resource_server(scene, "documents-api"),
        "subject": "alice",
        "actors": agents,
        "scope": "documents:read",
        "token": token,
        "revoked": revoked,
        "bound": bound,
    }
    pathlib.Path(out).write_text(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
