"""npm oidc-provider as the home IdP: what happens there is told at the next exchange, at hop 1 and at
hop 3.

Usage: brokered.py FOLDER; the binary is in $ACTAS. Starts oidc-provider and actas, which keep their files
in FOLDER.
"""

import contextlib
import pathlib
import sys

from certificates import Certified
from deployed import Deployed
from hops import REVOKED, SERVED, UNAVAILABLE, Chain, next_second, organization
from oidc_provider import ACTAS, APP, RESOURCE, Provider

CONNECTION = """\
issuer = "{issuer}"
client_id = "{actas}"
client_secret = {{ env = "ACTAS_SECRET" }}
audiences = ["{resource}"]
algorithms = ["ES256"]
"""

# An answer may be half a minute old, unless a signal says otherwise.
BOUNDED = """\
freshness = "bounded"
max_age = 30

[connections.logout]
audience = ["{app}"]
"""

STRICT_ORG, BOUNDED_ORG = "strict", "bounded"


class Story:
    def __init__(self, provider, actas):
        self.provider, self.actas = provider, actas
        values = {
            "issuer": provider.issuer,
            "actas": ACTAS,
            "resource": RESOURCE,
            "app": APP,
        }
        connections = {STRICT_ORG: CONNECTION, BOUNDED_ORG: CONNECTION + BOUNDED}
        self.agents = {
            org: actas.apply(organization(org, APP, "alice", connection.format(**values)))
            for org, connection in connections.items()
        }

    def sign_in(self):
        next_second()
        return self.provider.sign_in()

    def chain(self, signed_in, org=STRICT_ORG):
        return Chain(self.actas.issuer(org), self.agents[org], signed_in.tokens["access_token"])

    def asked_at_every_exchange(self):
        control = self.provider.control
        events = [
            ("alice is disabled", lambda _: control("disable")),
            ("an administrator ends her session", lambda _: control("session")),
            ("she signs out", lambda signed_in: signed_in.sign_out()),
            ("her password is changed", lambda _: control("password")),
            ("her token is revoked", lambda signed_in: signed_in.revoke()),
        ]
        for said, happens in events:
            signed_in = self.sign_in()
            chain = self.chain(signed_in)
            chain.expect("alice has signed in", SERVED)
            happens(signed_in)
            chain.expect(said, REVOKED)
            control("enable")

    def asked_now_and_then(self):
        """A signal ends what an older answer would have let pass."""
        chain = self.chain(self.sign_in(), BOUNDED_ORG)
        self.provider.control("session")
        chain.expect("nobody says that her session has ended", SERVED)
        signed_in = self.sign_in()
        chain = self.chain(signed_in, BOUNDED_ORG)
        signed_in.sign_out()
        chain.expect("oidc-provider says that she signed out", REVOKED)


def main(folder):
    folder = pathlib.Path(folder)
    trusted, stranger = Certified(folder, "trusted"), Certified(folder, "stranger")
    provider = Provider(folder)
    actas = Deployed(folder, extra_ca=trusted.ca, ACTAS_SECRET=provider.actas_secret)
    logout_uri = f"{actas.issuer(BOUNDED_ORG)}/signals/home/logout"
    with contextlib.ExitStack() as stack:
        with provider.serving(trusted, logout_uri):
            story = Story(provider, actas)
            stack.enter_context(actas.serving())
            story.asked_at_every_exchange()
            story.asked_now_and_then()
            chain = story.chain(story.sign_in())
        chain.expect("oidc-provider is down", UNAVAILABLE)
        with provider.serving(stranger, logout_uri):
            chain.expect("oidc-provider shows the certificate of a stranger", UNAVAILABLE)
        with provider.serving(trusted, logout_uri):
            chain.expect("oidc-provider is back", SERVED)


if __name__ == "__main__":
    main(*sys.argv[1:])
