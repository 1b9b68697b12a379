"""alice → orchestrator → researcher → archivist → documents, and what the agents are told at each hop."""

import time

from scene import DOCUMENTS, exchange, expect

HOPS = [
    ("orchestrator", {"audience": "researcher"}),
    ("researcher", {"audience": "archivist"}),
    ("archivist", {"resource": DOCUMENTS}),
]
LONGEST_WAY = 30

RECONNECT = "https://app.interop.example/reconnect"

# What the body of an answer must say, besides anything else. README, "What the agent is told".
SERVED = {"status": 200}
SUSPENDED = {
    "status": 400,
    "error": "invalid_request",
    "reason": "suspended",
    "reconnect_uri": RECONNECT,
}
REVOKED = {**SUSPENDED, "reason": "revoked"}
SIGNED_OUT = {
    "status": 400,
    "error": "insufficient_user_authentication",
    "reason": "revoked",
    "max_age": 0,
    "reconnect_uri": RECONNECT,
}
STEP_UP = {**SIGNED_OUT, "reason": "step_up"}
UNAVAILABLE = {"status": 503, "error": "temporarily_unavailable", "retry": True}

ORGANIZATION = """\
id = "{org}"
name = "Interop"

[[agents]]
id = "orchestrator"
name = "Orchestrator"
scope = "{scope}"
aliases = ["{app}"]

[[agents]]
id = "researcher"
name = "Researcher"
scope = "documents:read"

[[agents]]
id = "archivist"
name = "Archivist"
scope = "documents:read"

[[resources]]
id = "{documents}"
name = "Documents"
scope = "{scope}"

[[grants]]
connection = "home"
user = "{user}"
agent = "orchestrator"
scope = "{scope}"
targets = ["researcher", "archivist", "{documents}"]

[[connections]]
id = "home"
reconnect_uri = "{reconnect_uri}"
"""


def organization(org, app, user, connection):
    """The scene of every story; `connection` is what is left to say of the connection."""
    scope = "documents:read documents:write"
    scene = ORGANIZATION.format(
        org=org, app=app, user=user, scope=scope, documents=DOCUMENTS, reconnect_uri=RECONNECT
    )
    return scene + connection


def next_second():
    """What tokens and identity providers tell of time has no fractions."""
    second = int(time.time())
    while int(time.time()) == second:
        time.sleep(0.01)


class Chain:
    """What each hop presents: alice's token, then the token of the hop before. All are served at first."""

    def __init__(self, issuer, agents, token):
        self.endpoint, self.agents, self.tokens = f"{issuer}/oauth/token", agents, [token]
        for hop in range(1, len(HOPS) + 1):
            reply = self.exchange(hop)
            if not reply.ok:
                raise SystemExit(f"not so: hop {hop} is served\n{reply.text}")
            self.tokens.append(reply.json()["access_token"])

    def exchange(self, hop):
        agent, target = HOPS[hop - 1]
        return exchange(self.endpoint, (agent, self.agents[agent]), self.tokens[hop - 1], **target)

    def expect(self, said, first, last=None):
        """What the first hop is told, and the last: the same where nothing else is said."""
        for hop, answer in self.answers(first, last):
            told = self.told(hop)
            if answer.items() <= told.items():
                expect(f"{said}: hop {hop} is told {readable(answer)}", True)
            else:
                raise SystemExit(f"not so: {said}: hop {hop}\n{answer} expected, {told}")

    def expect_soon(self, said, first, last=None):
        """For news on its way."""
        deadline = time.monotonic() + LONGEST_WAY
        awaited = self.answers(first, last)
        while time.monotonic() < deadline:
            if all(answer.items() <= self.told(hop).items() for hop, answer in awaited):
                break
            time.sleep(0.05)
        self.expect(said, first, last)

    def answers(self, first, last):
        # The last hop speaks first: a refusal may end what was handed on, and an end is all there is
        # to say of it then.
        return [(3, last or first), (1, first)]

    def told(self, hop):
        reply = self.exchange(hop)
        told = {"status": reply.status_code, **reply.json()}
        if reply.status_code == 503:
            told["retry"] = bool(reply.headers.get("retry-after"))
        return told


def readable(told):
    return " ".join(str(told[name]) for name in ("status", "error", "reason") if name in told)
