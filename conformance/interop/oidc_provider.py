"""An npm oidc-provider of our own: its process, and what its administrators and its users do."""

import base64
import contextlib
import hashlib
import json
import pathlib
import re
import secrets
import subprocess
import urllib.parse

from browser import Browser
from deployed import await_ready, free_port
from scene import expect

APP = "assistant-app"
ACTAS = "actas"
RESOURCE = "https://agents.interop.example"
SCOPE = "documents:read documents:write"
REDIRECT = "http://127.0.0.1:1/callback"
PROGRAM = pathlib.Path(__file__).with_name("oidc_provider.mjs")


class Provider:
    def __init__(self, folder):
        self.folder = folder
        self.issuer = f"https://127.0.0.1:{free_port()}"
        self.app_secret, self.actas_secret = (secrets.token_urlsafe(32) for _ in range(2))
        self.ca = None

    @contextlib.contextmanager
    def serving(self, certified, logout_uri):
        """With the state of the last time: what was signed in stays so."""
        order = {
            "issuer": self.issuer,
            "resource": RESOURCE,
            "scope": SCOPE,
            "certificate": str(certified.certificate),
            "key": str(certified.key),
            "state": str(self.folder / "oidc_provider.state"),
            "app": {"client_id": APP, "client_secret": self.app_secret},
            "actas": {"client_id": ACTAS, "client_secret": self.actas_secret},
            "redirect_uri": REDIRECT,
            "backchannel_logout_uri": logout_uri,
        }
        path = self.folder / "oidc_provider.json"
        path.write_text(json.dumps(order))
        with (self.folder / "oidc_provider.log").open("ab") as log:
            server = subprocess.Popen(["node", PROGRAM, path], stdout=log, stderr=log)
        try:
            self.ca = certified.ca
            await_ready(server, self.endpoint("discovery"), verify=self.ca)
            yield
        finally:
            server.terminate()
            server.wait()

    def endpoint(self, name):
        paths = {
            "discovery": "/.well-known/openid-configuration",
            "authorization": "/auth",
            "token": "/token",
            "revocation": "/token/revocation",
            "end_session": "/session/end",
        }
        return self.issuer + paths[name]

    def control(self, act):
        reply = Browser(self.ca).post(f"{self.issuer}/control/users/alice/{act}")
        if not reply.ok:
            raise SystemExit(f"not so: oidc-provider does `{act}`\n{reply.text}")

    def at_app(self, endpoint, **form):
        reply = Browser(self.ca).post(self.endpoint(endpoint), data=form, auth=(APP, self.app_secret))
        if not reply.ok:
            raise SystemExit(f"not so: oidc-provider lets the app {endpoint}\n{reply.text}")
        return reply

    def sign_in(self):
        """Authorization code with PKCE (RFC 7636), the pages answered by script."""
        verifier = secrets.token_urlsafe(32)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
        browser = Browser(self.ca)
        page = browser.get(
            self.endpoint("authorization"),
            params={
                "client_id": APP,
                "redirect_uri": REDIRECT,
                "response_type": "code",
                "scope": f"openid {SCOPE}",
                "resource": RESOURCE,
                "state": secrets.token_urlsafe(16),
                "code_challenge": challenge.rstrip(b"=").decode(),
                "code_challenge_method": "S256",
            },
            allow_redirects=False,
        )
        while not page.headers.get("location", "").startswith(REDIRECT):
            page = next_page(browser, page)
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(page.headers["location"]).query)
        tokens = self.at_app(
            "token",
            grant_type="authorization_code",
            code=query["code"][0],
            redirect_uri=REDIRECT,
            code_verifier=verifier,
            resource=RESOURCE,
        ).json()
        return SignIn(self, browser, tokens)


class SignIn:
    """Alice's browser, and the tokens of the application she signed in to."""

    def __init__(self, provider, browser, tokens):
        self.provider, self.browser, self.tokens = provider, browser, tokens

    def sign_out(self):
        """RP-initiated logout; she says yes when she is asked."""
        hint = {"id_token_hint": self.tokens["id_token"]}
        page = self.browser.get(self.provider.endpoint("end_session"), params=hint)
        form = re.search(r'action="([^"]+)".* name="xsrf" value="(\w+)"', page.text)
        if not form:
            raise SystemExit(f"not so: oidc-provider asks before it signs out\n{page.text}")
        done = self.browser.post(form[1], data={"xsrf": form[2], "logout": "yes"})
        expect(f"alice signs out at oidc-provider: {done.status_code}", done.ok)

    def revoke(self):
        self.provider.at_app("revocation", token=self.tokens["access_token"])


ANSWERS = {
    "login": {"prompt": "login", "login": "alice", "password": "any"},
    "consent": {"prompt": "consent"},
}


def next_page(browser, page):
    """Follows a redirect, or answers the form of the page."""
    if page.is_redirect:
        to = urllib.parse.urljoin(page.url, page.headers["location"])
        return browser.get(to, allow_redirects=False)
    action = re.search(r'action="([^"]+)"', page.text)
    prompt = re.search(r'name="prompt" value="(\w+)"', page.text)
    if page.status_code != 200 or not action or not prompt:
        raise SystemExit(f"not so: oidc-provider shows a form\n{page.status_code} {page.text}")
    to = urllib.parse.urljoin(page.url, action[1])
    return browser.post(to, data=ANSWERS[prompt[1]], allow_redirects=False)
