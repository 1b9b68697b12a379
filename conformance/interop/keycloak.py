"""Keycloak as the home IdP: what happens there is told at the next exchange, at hop 1 and at hop 3.

Usage: keycloak.py KEYCLOAK_HOME FOLDER; the binary is in $ACTAS. Starts Keycloak and actas, which keep
their files in FOLDER.
"""

import contextlib
import pathlib
import secrets
import sys

from certificates import Certified
from deployed import Deployed
from hops import (
    REVOKED,
    SERVED,
    SIGNED_OUT,
    STEP_UP,
    SUSPENDED,
    UNAVAILABLE,
    Chain,
    next_second,
    organization,
)
from keycloak_server import ACTAS, APP, REALM, RECEIVERS, Keycloak

CONNECTION = """\
issuer = "{issuer}"
client_id = "{actas}"
client_secret = {{ env = "ACTAS_SECRET" }}
audiences = ["{actas}"]
algorithms = ["RS256"]
untyped_access_tokens = true
"""

INTROSPECTION = """
[[connections.checks]]
kind = "introspection"
"""

ADMIN_API = """
[[connections.checks]]
kind = "keycloak"
url = "{origin}"
realm = "{realm}"
client_id = "{actas}"
client_secret = {{ env = "ACTAS_SECRET" }}
"""

# An answer may be half a minute old, unless a signal says otherwise.
BOUNDED = """\
freshness = "bounded"
max_age = 30
"""

STREAM = """
[[connections.streams]]
id = "keycloak"
issuer = "{issuer}"
delivery = "{delivery}"
authorization = {{ env = "PUSH_AUTHORIZATION" }}

[connections.streams.access]
token_endpoint = "{issuer}/protocol/openid-connect/token"
client_id = "{receiver}"
client_secret = {{ env = "ACTAS_SECRET" }}
scope = "ssf.read ssf.manage"
"""

LOGOUT = """
[connections.logout]
audience = ["{app}"]
"""

# Each org asks in its own way. What is told of each event is the table of the README.
CHECKS = {
    "introspecting": INTROSPECTION,
    "reading": ADMIN_API,
    "both": INTROSPECTION + ADMIN_API,
}
DISABLED = {"introspecting": REVOKED, "reading": SUSPENDED, "both": SUSPENDED}
ENDED = dict.fromkeys(CHECKS, REVOKED)

SIGNALS = {
    "pushed": BOUNDED + INTROSPECTION + STREAM,
    "polling": BOUNDED + INTROSPECTION + STREAM,
    "logout": BOUNDED + INTROSPECTION + LOGOUT,
}
DELIVERY = {"pushed": "push", "polling": "poll"}


def events(keycloak):
    """What is said, what happens given alice's tokens, what each org tells, and how it is undone."""
    nothing = lambda: None
    return [
        (
            "alice is disabled",
            lambda _: keycloak.change_user(enabled=False),
            DISABLED,
            lambda: keycloak.change_user(enabled=True),
        ),
        (
            "alice is deleted",
            lambda _: keycloak.delete_user(),
            DISABLED,
            keycloak.create_user,
        ),
        (
            "an administrator ends her session",
            lambda tokens: keycloak.end_session(tokens["session_state"]),
            ENDED,
            nothing,
        ),
        (
            "she signs out",
            lambda tokens: keycloak.at_app("logout", refresh_token=tokens["refresh_token"]),
            ENDED,
            nothing,
        ),
        (
            "an administrator ends all her sessions",
            lambda _: keycloak.end_sessions(),
            ENDED,
            nothing,
        ),
        (
            "her password is changed",
            lambda _: keycloak.change_password(),
            # Keycloak lets her sessions live, and says so.
            {"introspecting": SERVED, "reading": SIGNED_OUT, "both": SIGNED_OUT},
            nothing,
        ),
        (
            "a new password is demanded of her",
            lambda _: keycloak.change_user(requiredActions=["UPDATE_PASSWORD"]),
            # At her next sign-in; Keycloak says nothing of it before.
            {"introspecting": SERVED, "reading": STEP_UP, "both": STEP_UP},
            lambda: keycloak.change_user(requiredActions=[]),
        ),
        (
            "her token is revoked",
            lambda tokens: keycloak.at_app("revoke", token=tokens["access_token"]),
            # The session lives; only introspection knows tokens.
            {"introspecting": REVOKED, "reading": SERVED, "both": REVOKED},
            nothing,
        ),
        (
            "everybody is signed out of the realm",
            lambda _: keycloak.outdate_realm(),
            ENDED,
            nothing,
        ),
    ]


def sign_in(keycloak):
    """In a second of its own: after what happened before, before what happens then."""
    next_second()
    tokens = keycloak.sign_in()
    next_second()
    return tokens


class Story:
    def __init__(self, keycloak, actas):
        self.keycloak, self.actas = keycloak, actas
        orgs = {**CHECKS, **SIGNALS}
        self.agents = {org: actas.apply(self.organization(org, asks)) for org, asks in orgs.items()}

    def organization(self, org, asks):
        delivery = DELIVERY.get(org, "push")
        connection = (CONNECTION + asks).format(
            issuer=self.keycloak.issuer,
            origin=self.keycloak.origin,
            realm=REALM,
            actas=ACTAS,
            app=APP,
            delivery=delivery,
            receiver=RECEIVERS[delivery],
        )
        return organization(org, APP, self.keycloak.user, connection)

    def chain(self, org, tokens):
        return Chain(self.actas.issuer(org), self.agents[org], tokens["access_token"])

    def asking(self, tokens):
        return {org: self.chain(org, tokens) for org in CHECKS}

    def asked_at_every_exchange(self):
        for said, happens, told, undo in events(self.keycloak):
            tokens = sign_in(self.keycloak)
            chains = self.asking(tokens)
            happens(tokens)
            for org, chain in chains.items():
                chain.expect(f"{said}, {org}", told[org])
            undo()
        self.nothing_lives_again()
        everywhere("whoever signs in again", self.asking(sign_in(self.keycloak)), SERVED)

    def nothing_lives_again(self):
        """Keycloak calls the token active again; a no that was heard stays one."""
        chains = self.asking(sign_in(self.keycloak))
        self.keycloak.change_user(enabled=False)
        for org, chain in chains.items():
            chain.expect(f"alice is disabled again, {org}", DISABLED[org])
        self.keycloak.change_user(enabled=True)
        for org, chain in chains.items():
            first = REVOKED if org == "introspecting" else SIGNED_OUT
            chain.expect(f"alice is enabled again, {org}", first, last=REVOKED)

    def told_in_between(self):
        """What an older answer would let pass."""
        for org, delivery in DELIVERY.items():
            self.keycloak.await_stream(RECEIVERS[delivery])
            chain = self.chain(org, sign_in(self.keycloak))
            self.keycloak.change_password()
            # The sign-in is worth nothing any more, and what it handed on has ended.
            chain.expect_soon(f"the password is changed, {org}", SIGNED_OUT, REVOKED)
            chain = self.chain(org, sign_in(self.keycloak))
            self.keycloak.end_sessions()
            chain.expect_soon(f"all sessions are ended, {org}", REVOKED)
        tokens = sign_in(self.keycloak)
        chain = self.chain("logout", tokens)
        self.keycloak.end_session(tokens["session_state"])
        chain.expect("the session is ended, logout", REVOKED)


def everywhere(said, chains, answer):
    for org, chain in chains.items():
        chain.expect(f"{said}, {org}", answer)


def main(home, folder):
    folder = pathlib.Path(folder)
    trusted, stranger = Certified(folder, "trusted"), Certified(folder, "stranger")
    keycloak = Keycloak(home, folder)
    actas = Deployed(
        folder,
        extra_ca=trusted.ca,
        ACTAS_SECRET=keycloak.actas_secret,
        PUSH_AUTHORIZATION=f"Bearer {secrets.token_urlsafe(32)}",
    )
    with contextlib.ExitStack() as stack:
        with keycloak.serving(trusted):
            keycloak.declare(actas.origin, logout_uri=f"{actas.issuer('logout')}/signals/home/logout")
            story = Story(keycloak, actas)
            stack.enter_context(actas.serving())
            story.asked_at_every_exchange()
            story.told_in_between()
            chains = story.asking(sign_in(keycloak))
        everywhere("Keycloak is down", chains, UNAVAILABLE)
        with keycloak.serving(stranger):
            everywhere("Keycloak shows the certificate of a stranger", chains, UNAVAILABLE)
        with keycloak.serving(trusted):
            everywhere("Keycloak is back, and her session with it", chains, SERVED)


if __name__ == "__main__":
    main(*sys.argv[1:])
