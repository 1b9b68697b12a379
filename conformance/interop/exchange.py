"""The exchange driven by google-auth's STS client, and by the function many articles show.

Usage: exchange.py DESCRIPTION
"""

import sys

import google.auth.exceptions
import google.auth.transport.requests
import requests
from google.oauth2 import sts, utils

from scene import ACCESS_TOKEN, DOCUMENTS, EXCHANGE, agent, expect, read, signed_in


def google_client(scene, client_id, how):
    authentication = utils.ClientAuthentication(how, *agent(scene, client_id))
    return sts.Client(scene["token_endpoint"], authentication)


def by_google_auth(scene):
    """The most deployed RFC 8693 client there is; it computes with `expires_in` unasked."""
    transport = google.auth.transport.requests.Request()
    for how in (utils.ClientAuthType.basic, utils.ClientAuthType.request_body):
        first = google_client(scene, "orchestrator", how).exchange_token(
            transport, EXCHANGE, signed_in(scene), ACCESS_TOKEN, audience="researcher"
        )
        second = google_client(scene, "researcher", how).exchange_token(
            transport,
            EXCHANGE,
            first["access_token"],
            ACCESS_TOKEN,
            resource=DOCUMENTS,
            scopes=["documents:read"],
            requested_token_type=ACCESS_TOKEN,
        )
        told = second["issued_token_type"] == ACCESS_TOKEN and second["scope"] == "documents:read"
        expect(f"google-auth exchanges twice ({how.name})", told and second["expires_in"] > 0)
    try:
        google_client(scene, "orchestrator", utils.ClientAuthType.basic).exchange_token(
            transport,
            EXCHANGE,
            signed_in(scene),
            ACCESS_TOKEN,
            resource=DOCUMENTS,
            scopes=["documents:admin"],
        )
    except google.auth.exceptions.OAuthError as refusal:
        expect(f"google-auth understands the refusal: {refusal.args[0]}", "invalid_scope" in str(refusal))
    else:
        raise SystemExit("not so: google-auth is refused a scope too wide")


def get_obo_token(token_url, client_id, client_secret, subject_token, audience, scope):
    """As articles print it: a form, the credentials in the body, then `["access_token"]`."""
    response = requests.post(
        token_url,
        data={
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "client_id": client_id,
            "client_secret": client_secret,
            "subject_token": subject_token,
            "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "audience": audience,
            "scope": scope,
        },
        timeout=10,
    )
    response.raise_for_status()
    return response.json()["access_token"]


def by_the_article(scene):
    client_id, client_secret = agent(scene, "orchestrator")
    token = get_obo_token(
        scene["token_endpoint"], client_id, client_secret, signed_in(scene), DOCUMENTS, "documents:read"
    )
    call = requests.get(scene["api"], headers={"Authorization": f"Bearer {token}"}, timeout=10)
    expect("the function of the articles works unchanged", call.status_code == 200)


def main(description):
    scene = read(description)
    by_google_auth(scene)
    by_the_article(scene)


if __name__ == "__main__":
    main(*sys.argv[1:])
