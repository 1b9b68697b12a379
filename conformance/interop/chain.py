"""alice → orchestrator → researcher → archivist → API, built by plain HTTP.

Usage: chain.py DESCRIPTION OUT. Writes what a verifier needs to know to OUT.
"""

import json
import pathlib
import sys

import requests

from scene import DOCUMENTS, agent, exchange, expect, read, signed_in

HOPS = [
    ("orchestrator", {"audience": "researcher"}),
    ("researcher", {"audience": "archivist"}),
    ("archivist", {"resource": DOCUMENTS}),
]


def main(description, out):
    scene = read(description)
    token = signed_in(scene)
    for client_id, target in HOPS:
        reply = exchange(scene["token_endpoint"], agent(scene, client_id), token, **target)
        expect(f"{client_id} exchanges: {reply.status_code}", reply.status_code == 200)
        token = reply.json()["access_token"]
    call = requests.get(scene["api"], headers={"Authorization": f"Bearer {token}"}, timeout=10)
    expect(f"the API serves the last token: {call.status_code}", call.status_code == 200)
    agents = [f"agent:{client_id}" for client_id, _ in reversed(HOPS)]
    chain = {
        "issuer": scene["issuer"],
        "jwks_uri": scene["jwks_uri"],
        "audience": DOCUMENTS,
        "subject": "alice",
        "actors": agents,
        "scope": "documents:read",
        "token": token,
    }
    pathlib.Path(out).write_text(json.dumps(chain))


if __name__ == "__main__":
    main(*sys.argv[1:])
