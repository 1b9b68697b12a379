"""alice → orchestrator → researcher → archivist → API, built by plain HTTP.

Usage: chain.py DESCRIPTION OUT. Writes what a verifier needs to know to OUT.
"""

import json
import pathlib
import sys

import requests

from scene import DOCUMENTS, HOPS, chain, expect, read, resource_server, revoke


def main(description, out):
    scene = read(description)
    *_, token = chain(scene)
    expect("three agents exchange, one after the other", token)
    call = requests.get(scene["api"], headers={"Authorization": f"Bearer {token}"}, timeout=10)
    expect(f"the API serves the last token: {call.status_code}", call.status_code == 200)
    first, _, revoked = chain(scene)
    revoke(scene, "orchestrator", first)
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
    }
    pathlib.Path(out).write_text(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
