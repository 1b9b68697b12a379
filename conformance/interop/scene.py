"""The scene of `actas demo` seen through plain HTTP: who is there and how they ask."""

import json
import pathlib

import requests

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
DOCUMENTS = "https://documents.demo.example"


def read(path):
    return json.loads(pathlib.Path(path).read_text())


def agent(scene, client_id):
    """The pair that authenticates an agent."""
    found = next(one for one in scene["agents"] if one["client_id"] == client_id)
    return found["client_id"], found["client_secret"]


def signed_in(scene, user="alice", client_id="orchestrator"):
    """An access token which this client got at the IdP when the user signed in."""
    order = {
        "kind": "access_token",
        "sub": user,
        "client_id": client_id,
        "audience": [client_id],
        "scope": "documents:read documents:write calendar:read",
        "lifetime": 600,
    }
    reply = requests.post(f"{scene['idp']['control']}/tokens", json=order, timeout=10)
    reply.raise_for_status()
    return reply.json()["token"]


def exchange(token_endpoint, client, subject_token, **parameters):
    """RFC 8693 §2.1 by hand: no OAuth library between us and the server."""
    form = {
        "grant_type": EXCHANGE,
        "subject_token": subject_token,
        "subject_token_type": ACCESS_TOKEN,
        **parameters,
    }
    return requests.post(token_endpoint, data=form, auth=client, timeout=10)


def expect(said, truth):
    """One line per proof; the first that fails ends the run."""
    if not truth:
        raise SystemExit(f"not so: {said}")
    print(f"ok: {said}")
