"""An actas of our own: its files, `apply`, `serve`."""

import contextlib
import json
import os
import socket
import subprocess
import time

import requests

LONGEST_START = 60

SETTINGS = """\
public_url = "{origin}"
listen = "{listen}"
development = true

[database]
url = "sqlite:actas.db"

[keys]
master_key_file = "master.key"
"""

EXTRA_CA = """\

[upstream]
extra_ca = "{}"
"""


class Deployed:
    """Its origin is known before it serves, so that others can be told where it will be."""

    def __init__(self, folder, extra_ca=None, **secrets):
        self.folder = folder
        self.origin = f"http://127.0.0.1:{free_port()}"
        self.environment = {**os.environ, **secrets}
        settings = SETTINGS.format(origin=self.origin, listen=self.origin.removeprefix("http://"))
        if extra_ca:
            settings += EXTRA_CA.format(extra_ca)
        (folder / "actas.toml").write_text(settings)
        key = self.run("master-key")
        (folder / "master.key").write_bytes(key)
        (folder / "master.key").chmod(0o600)

    def issuer(self, org):
        return f"{self.origin}/o/{org}"

    def apply(self, organization):
        """Returns the secrets of the agents."""
        (self.folder / "org.toml").write_text(organization)
        applied = self.run("apply", "-f", "org.toml", "--config", "actas.toml", "--json")
        return json.loads(applied)["secrets"]

    def run(self, *arguments):
        command = [os.environ["ACTAS"], *arguments]
        done = subprocess.run(command, stdout=subprocess.PIPE, cwd=self.folder, env=self.environment)
        if done.returncode:
            raise SystemExit(f"not so: `actas {arguments[0]}` succeeds")
        return done.stdout

    @contextlib.contextmanager
    def serving(self):
        command = [os.environ["ACTAS"], "serve", "--config", "actas.toml"]
        with (self.folder / "actas.log").open("wb") as log:
            server = subprocess.Popen(
                command, cwd=self.folder, stdout=log, stderr=log, env=self.environment
            )
        try:
            await_ready(server, f"{self.origin}/readyz")
            yield
        finally:
            server.terminate()
            server.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def await_ready(server, url, **options):
    """Until `url` answers as it should, or the process has ended."""
    deadline = time.monotonic() + LONGEST_START
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(requests.ConnectionError):
            if requests.get(url, timeout=10, **options).ok:
                return
        time.sleep(0.02)
    raise SystemExit(f"not so: {url} is ready")
