"""A Keycloak of our own: its process, and what its administrators and its users do."""

import contextlib
import html
import os
import re
import secrets
import signal
import subprocess
import time
import urllib.parse
import uuid

from browser import Browser
from deployed import LONGEST_START, await_ready, free_port
from scene import expect

REALM = "acme"
APP = "assistant-app"
ACTAS = "actas"
# Keycloak keeps one stream of security events for each client.
RECEIVERS = {"push": "actas-pushed", "poll": "actas-polling"}
SCOPES = ["documents:read", "documents:write"]
REDIRECT = "http://127.0.0.1:1/callback"

# What `actas` may read: users with their sessions and credentials, and the realm.
ROLES = ["view-users", "view-realm"]

# Not the defaults, for the sake of a short run: one machine, no wait before a security event is
# pushed, and pushed to loopback.
OPTIONS = [
    "--optimized",
    "--cache=local",
    "--http-host=127.0.0.1",
    "--spi-ssf-transmitter--default--outbox-drainer-interval=200ms",
    "--spi-ssf-transmitter--default--allow-insecure-push-targets=true",
]


class Keycloak:
    def __init__(self, home, folder):
        self.home = home
        self.folder = folder
        self.origin = f"https://127.0.0.1:{free_port()}"
        self.issuer = f"{self.origin}/realms/{REALM}"
        self.app_secret, self.actas_secret, self.admin_secret = (secrets.token_urlsafe(32) for _ in range(3))
        self.browser = Browser()
        self.user = str(uuid.uuid4())

    # The process.

    @contextlib.contextmanager
    def serving(self, certified):
        """With the database of the last time: what was signed in stays so."""
        command = ["bash", f"{self.home}/bin/kc.sh", "start", *OPTIONS]
        command += [f"--hostname={self.origin}", f"--https-port={self.origin.rsplit(':', 1)[1]}"]
        command += [f"--https-certificate-file={certified.certificate}"]
        command += [f"--https-certificate-key-file={certified.key}"]
        command += [f"--db-url=jdbc:h2:file:{self.folder}/keycloak;NON_KEYWORDS=VALUE;DB_CLOSE_ON_EXIT=FALSE"]
        environment = {
            **os.environ,
            "JAVA_OPTS_APPEND": "-XX:TieredStopAtLevel=1",
            "KC_BOOTSTRAP_ADMIN_CLIENT_ID": "administrator",
            "KC_BOOTSTRAP_ADMIN_CLIENT_SECRET": self.admin_secret,
        }
        with (self.folder / "keycloak.log").open("ab") as log:
            server = subprocess.Popen(
                command, stdout=log, stderr=log, env=environment, start_new_session=True
            )
        try:
            started = time.monotonic()
            await_ready(server, f"{self.origin}/realms/master", verify=certified.ca)
            expect(f"Keycloak is ready after {time.monotonic() - started:.0f} s", True)
            self.browser.verify = certified.ca
            yield
        finally:
            # Its script is one process, Java another.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGTERM)
            server.wait()

    # The administrators.

    def ask(self, method, path, **options):
        token = self.browser.post(
            f"{self.origin}/realms/master/protocol/openid-connect/token",
            data={"grant_type": "client_credentials"},
            auth=("administrator", self.admin_secret),
        ).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        return self.browser.request(
            method, f"{self.origin}/admin/realms{path}", headers=headers, **options
        )

    def admin(self, method, path, **options):
        reply = self.ask(method, path, **options)
        if not reply.ok:
            raise SystemExit(f"not so: Keycloak lets its administrator {method} {path}\n{reply.text}")
        return reply.json() if reply.content else None

    def declare(self, origin, logout_uri):
        """The realm, its clients and alice. Signals are taken below `origin`."""
        attributes = {"ssf.transmitterEnabled": "true"}
        self.admin("POST", "", json={"realm": REALM, "enabled": True, "attributes": attributes})
        for name in SCOPES:
            scope = {"name": name, "protocol": "openid-connect"}
            self.admin("POST", f"/{REALM}/client-scopes", json=scope)
        clients = [
            self.app(logout_uri),
            self.service(ACTAS),
            *(self.receiver(client, origin) for client in RECEIVERS.values()),
        ]
        roles = {ACTAS: ROLES, **dict.fromkeys(RECEIVERS.values(), [])}
        accounts = [
            {
                "username": f"service-account-{client}",
                "enabled": True,
                "serviceAccountClientId": client,
                "clientRoles": {"realm-management": may},
            }
            for client, may in roles.items()
        ]
        self.put(clients=clients, users=accounts)
        self.create_user()

    def put(self, **things):
        """Unlike creation, it takes the ids that are given."""
        self.admin("POST", f"/{REALM}/partialImport", json={"ifResourceExists": "FAIL", **things})

    def app(self, logout_uri):
        return {
            "clientId": APP,
            "secret": self.app_secret,
            "redirectUris": [REDIRECT],
            "defaultClientScopes": ["basic", "acr", "email", *SCOPES],
            # Whom the tokens are for. Keycloak tells nobody else anything about them.
            "protocolMappers": [
                {
                    "name": "actas introspects",
                    "protocol": "openid-connect",
                    "protocolMapper": "oidc-audience-mapper",
                    "config": {
                        "included.client.audience": ACTAS,
                        "access.token.claim": "true",
                        "introspection.token.claim": "true",
                    },
                }
            ],
            "attributes": {
                "backchannel.logout.url": logout_uri,
                "backchannel.logout.session.required": "true",
            },
        }

    def service(self, client):
        return {
            "clientId": client,
            "secret": self.actas_secret,
            "standardFlowEnabled": False,
            "serviceAccountsEnabled": True,
        }

    def receiver(self, client, origin):
        return {
            **self.service(client),
            "optionalClientScopes": ["ssf.read", "ssf.manage"],
            "attributes": {
                "ssf.enabled": "true",
                "ssf.defaultSubjects": "ALL",
                "ssf.validPushUrls": f"{origin}/*",
            },
        }

    def create_user(self):
        self.password = secrets.token_urlsafe(16)
        alice = {
            "id": self.user,
            "username": "alice",
            "enabled": True,
            "email": "alice@example.com",
            "emailVerified": True,
            "firstName": "Alice",
            "lastName": "Acme",
            "credentials": [{"type": "password", "value": self.password}],
        }
        self.put(users=[alice])

    def delete_user(self):
        self.admin("DELETE", f"/{REALM}/users/{self.user}")

    def change_user(self, **changes):
        path = f"/{REALM}/users/{self.user}"
        self.admin("PUT", path, json={**self.admin("GET", path), **changes})

    def change_password(self):
        self.password = secrets.token_urlsafe(16)
        credential = {"type": "password", "value": self.password, "temporary": False}
        self.admin("PUT", f"/{REALM}/users/{self.user}/reset-password", json=credential)

    def await_stream(self, client):
        """Until `client` has made its stream of security events."""
        deadline = time.monotonic() + LONGEST_START
        while time.monotonic() < deadline:
            if self.ask("GET", f"/{REALM}/ssf/clients/{client}/stream").ok:
                return
            time.sleep(0.05)
        raise SystemExit(f"not so: {client} makes its stream")

    def end_session(self, session):
        self.admin("DELETE", f"/{REALM}/sessions/{session}")

    def end_sessions(self):
        self.admin("POST", f"/{REALM}/users/{self.user}/logout")

    def outdate_realm(self):
        self.admin("POST", f"/{REALM}/logout-all")

    # Alice, and the application she signs in to.

    def sign_in(self):
        """Authorization code, the page answered by script; returns the tokens."""
        browser = Browser(self.browser.verify)
        page = browser.get(
            f"{self.issuer}/protocol/openid-connect/auth",
            params={
                "client_id": APP,
                "redirect_uri": REDIRECT,
                "response_type": "code",
                "scope": "openid",
                "state": secrets.token_urlsafe(16),
            },
        )
        form = re.search(r'<form[^>]* action="([^"]+)"', page.text)
        if not form:
            raise SystemExit(f"not so: Keycloak shows a form\n{page.status_code} {page.text}")
        page = browser.post(
            html.unescape(form[1]),
            data={"username": "alice", "password": self.password},
            allow_redirects=False,
        )
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(page.headers.get("location", "")).query)
        if "code" not in query:
            raise SystemExit(f"not so: alice signs in at Keycloak\n{page.status_code} {page.text}")
        return self.at_app(
            "token", grant_type="authorization_code", code=query["code"][0], redirect_uri=REDIRECT
        ).json()

    def at_app(self, endpoint, **form):
        reply = self.browser.post(
            f"{self.issuer}/protocol/openid-connect/{endpoint}", data=form, auth=(APP, self.app_secret)
        )
        if not reply.ok:
            raise SystemExit(f"not so: Keycloak lets the app {endpoint}\n{reply.text}")
        return reply
