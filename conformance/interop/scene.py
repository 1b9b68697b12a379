"""The scene of `actas demo` seen through plain HTTP: who is there and how they ask."""

import json
import pathlib

import requests

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
DOCUMENTS = "https://documents.demo.example"
SCOPE = "documents:read documents:write calendar:read"
HOPS = [
    ("orchestrator", {"audience": "researcher"}),
    ("researcher", {"audience": "archivist"}),
    ("archivist", {"resource": DOCUMENTS}),
]


def read(path):
    return json.loads(pathlib.Path(path).read_text())


def agent(scene, client_id):
    """The pair that authenticates an agent."""
    found = next(one for one in scene["agents"] if one["client_id"] == client_id)
    return found["client_id"], found["client_secret"]


def resource_server(scene, client_id):
    """The pair that authenticates a resource server at introspection."""
    found = next(one for one in scene["resource_servers"] if one["client_id"] == client_id)
    return found["client_id"], found["client_secret"]


def signed_in(scene, user="alice", client_id="orchestrator", scope=SCOPE):
    """An access token which this client got at the IdP when the user signed in."""
    order = {
        "kind": "access_token",
        "sub": user,
        "client_id": client_id,
        "audience": [client_id],
        "scope": scope,
        "lifetime": 600,
    }
    reply = requests.post(f"{scene['idp']['control']}/tokens", json=order, timeout=10)
    reply.raise_for_status()
    return reply.json()["token"]


def exchange(token_endpoint, client, subject_token, headers=None, **parameters):
    """RFC 8693 §2.1 by hand: no OAuth library between us and the server."""
    form = {
        "grant_type": EXCHANGE,
        "subject_token": subject_token,
        "subject_token_type": ACCESS_TOKEN,
        **parameters,
    }
    return requests.post(token_endpoint, data=form, auth=client, headers=headers, timeout=10)


def chain(scene):
    """alice → orchestrator → researcher → archivist → documents: the token of each hop."""
    tokens = [signed_in(scene)]
    for client_id, target in HOPS:
        reply = exchange(scene["token_endpoint"], agent(scene, client_id), tokens[-1], **target)
        if reply.status_code != 200:
            raise SystemExit(f"not so: {client_id} exchanges: {reply.status_code} {reply.text}")
        tokens.append(reply.json()["access_token"])
    return tokens[1:]


def revoke(scene, client_id, token):
    """RFC 7009 by hand."""
    form = {"token": token}
    reply = requests.post(scene["revocation_endpoint"], data=form, auth=agent(scene, client_id), timeout=10)
    expect(f"{client_id} revokes: {reply.status_code}", reply.status_code == 200)


def expect(said, truth):
    """One line per proof; the first that fails ends the run."""
    if not truth:
        raise SystemExit(f"not so: {said}")
    print(f"ok: {said}")
