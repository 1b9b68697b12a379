"""The story with npm oidc-provider as the home IdP: sign in, exchange, hand on, disable, be refused.

Usage: brokered.py IDP_DESCRIPTION FOLDER; the binary is in $ACTAS. Writes actas.toml and org.toml into
FOLDER, applies and serves them.
"""

import base64
import contextlib
import hashlib
import json
import os
import pathlib
import re
import secrets
import socket
import subprocess
import sys
import time
import urllib.parse

import requests

from scene import DOCUMENTS, exchange, expect, read

LONGEST_START = 60
ORG = "interop"

SETTINGS = """\
public_url = "{origin}"
listen = "{listen}"
development = true

[database]
url = "sqlite:actas.db"

[keys]
master_key_file = "master.key"
"""

ORGANIZATION = """\
id = "{org}"
name = "Interop"

[[connections]]
id = "home"
issuer = "{issuer}"
client_id = "{client_id}"
client_secret = {{ env = "IDP_SECRET" }}
audiences = ["{resource}"]
algorithms = ["ES256"]

[[agents]]
id = "orchestrator"
name = "Orchestrator"
scope = "{scope}"
aliases = ["{app}"]

[[agents]]
id = "researcher"
name = "Researcher"
scope = "documents:read"

[[resources]]
id = "{documents}"
name = "Documents"
scope = "{scope}"

[[grants]]
connection = "home"
user = "alice"
agent = "orchestrator"
scope = "{scope}"
targets = ["researcher", "{documents}"]
"""


def sign_in(idp, user):
    """Authorization code with PKCE (RFC 7636), the pages answered by script; returns the tokens."""
    verifier = secrets.token_urlsafe(32)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    metadata = requests.get(f"{idp['issuer']}/.well-known/openid-configuration", timeout=10).json()
    app = idp["app"]
    browser = requests.Session()
    page = browser.get(
        metadata["authorization_endpoint"],
        params={
            "client_id": app["client_id"],
            "redirect_uri": idp["redirect_uri"],
            "response_type": "code",
            "scope": f"openid {idp['scope']}",
            "resource": idp["resource"],
            "state": secrets.token_urlsafe(16),
            "code_challenge": challenge.decode(),
            "code_challenge_method": "S256",
        },
        allow_redirects=False,
        timeout=10,
    )
    answers = {"login": {"prompt": "login", "login": user, "password": "any"}, "consent": {"prompt": "consent"}}
    while not page.headers.get("location", "").startswith(idp["redirect_uri"]):
        page = next_page(browser, page, answers)
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(page.headers["location"]).query)
    reply = requests.post(
        metadata["token_endpoint"],
        data={
            "grant_type": "authorization_code",
            "code": query["code"][0],
            "redirect_uri": idp["redirect_uri"],
            "code_verifier": verifier,
            "resource": idp["resource"],
        },
        auth=(app["client_id"], app["client_secret"]),
        timeout=10,
    )
    expect(f"{user} signs in at oidc-provider: {reply.status_code}", reply.status_code == 200)
    return reply.json()


def next_page(browser, page, answers):
    """Follows a redirect, or answers the form of the page."""
    if page.is_redirect:
        to = urllib.parse.urljoin(page.url, page.headers["location"])
        return browser.get(to, allow_redirects=False, timeout=10)
    action = re.search(r'action="([^"]+)"', page.text)
    prompt = re.search(r'name="prompt" value="(\w+)"', page.text)
    if page.status_code != 200 or not action or not prompt:
        raise SystemExit(f"not so: oidc-provider shows a form\n{page.status_code} {page.text}")
    to = urllib.parse.urljoin(page.url, action[1])
    return browser.post(to, data=answers[prompt[1]], allow_redirects=False, timeout=10)


def configure(idp, folder):
    """Writes the two files and applies them; returns the origin and the agents' secrets."""
    actas = os.environ["ACTAS"]
    origin = f"http://127.0.0.1:{free_port()}"
    organization = ORGANIZATION.format(
        org=ORG,
        issuer=idp["issuer"],
        client_id=idp["actas"]["client_id"],
        resource=idp["resource"],
        scope=idp["scope"],
        app=idp["app"]["client_id"],
        documents=DOCUMENTS,
    )
    listen = origin.removeprefix("http://")
    (folder / "actas.toml").write_text(SETTINGS.format(origin=origin, listen=listen))
    (folder / "org.toml").write_text(organization)
    key = subprocess.run([actas, "master-key"], check=True, capture_output=True, cwd=folder)
    (folder / "master.key").write_bytes(key.stdout)
    (folder / "master.key").chmod(0o600)
    run = [actas, "apply", "-f", "org.toml", "--config", "actas.toml", "--json"]
    environment = {**os.environ, "IDP_SECRET": idp["actas"]["client_secret"]}
    applied = subprocess.run(run, check=True, capture_output=True, cwd=folder, env=environment)
    return origin, json.loads(applied.stdout)["secrets"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def serving(idp, folder, origin):
    environment = {**os.environ, "IDP_SECRET": idp["actas"]["client_secret"]}
    command = [os.environ["ACTAS"], "serve", "--config", "actas.toml"]
    with (folder / "actas.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=environment)
    try:
        await_ready(server, f"{origin}/readyz")
        yield
    finally:
        server.terminate()
        server.wait()


def await_ready(server, url):
    deadline = time.monotonic() + LONGEST_START
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(requests.ConnectionError):
            if requests.get(url, timeout=10).ok:
                return
        time.sleep(0.02)
    raise SystemExit(f"not so: actas is ready at {url}")


def story(idp, endpoint, agents):
    orchestrator = ("orchestrator", agents["orchestrator"])
    researcher = ("researcher", agents["researcher"])
    token = sign_in(idp, "alice")["access_token"]
    first = exchange(endpoint, orchestrator, token, audience="researcher")
    expect(f"the orchestrator exchanges a token of oidc-provider: {first.status_code}", first.ok)
    handed = first.json()["access_token"]
    second = exchange(endpoint, researcher, handed, resource=DOCUMENTS)
    expect(f"the researcher exchanges the orchestrator's: {second.status_code}", second.ok)
    expect(f"its scope is {second.json()['scope']}", second.json()["scope"] == "documents:read")
    ended = requests.post(f"{idp['control']}/users/alice", timeout=10).json()["ended"]
    expect(f"alice is disabled at oidc-provider, {ended} grant ends", ended == 1)
    for client, subject, target in [
        (orchestrator, token, {"audience": "researcher"}),
        (researcher, handed, {"resource": DOCUMENTS}),
    ]:
        refused = exchange(endpoint, client, subject, **target)
        told = (refused.status_code, refused.json().get("error"))
        expect(f"{client[0]} is refused from then on: {told}", told == (400, "invalid_request"))


def main(description, folder):
    idp, folder = read(description), pathlib.Path(folder)
    origin, agents = configure(idp, folder)
    with serving(idp, folder, origin):
        story(idp, f"{origin}/o/{ORG}/oauth/token", agents)


if __name__ == "__main__":
    main(*sys.argv[1:])
