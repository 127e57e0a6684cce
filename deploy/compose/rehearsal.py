"""Tasks of the rehearsal in compose.yaml: prepare, timers, lists, application.

They run in the image `sinetti`. A task that was killed can begin again: `init` makes its folder in one step, and
every file is written atomically.
"""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from time import sleep

from sinetti.infra.atomic_files import write_atomic
from sinetti.infra.clock import monotonic_seconds
from sinetti.testbench.core.server_certificate import ServerFiles, make_server_certificate

HERE = Path(__file__).parent
SINETTI = "/usr/bin/sinetti"
DIR = Path("/var/lib/sinetti/authority")
SECRETS = Path("/var/lib/sinetti-secrets")
TLS = Path("/etc/sinetti/tls")
RELYING = Path("/etc/sinetti/gateway")
"""Public certificates and the settings of the gateway: what organisations outside know."""

NAMES = ("certificates.example", "people.example", "pki.example", "mail.authority.example", "deliveries.example")

INIT = (
    "authority", "init", f"--dir={DIR}", "--environment=TEST", "--base-url=http://pki.example",
    "--soap-url=https://certificates.example", "--database-url=postgresql://sinetti@%2Frun%2Fpostgresql/sinetti",
    f"--passphrase-file={SECRETS}/passphrase",
)  # fmt: skip
TIMERS: dict[tuple[str, ...], int] = {
    ("authority", "notices", "plan", f"--dir={DIR}"): 60,
    ("authority", "notices", "send", f"--dir={DIR}", f"--passphrase-file={SECRETS}/passphrase"): 60,
    ("authority", "watch", f"--dir={DIR}"): 600,
}
"""Commands and the seconds between two runs, as in deploy/systemd."""

LISTS: dict[tuple[str, ...], int] = {("gateway", "fetch", f"--settings={RELYING / 'gateway.toml'}"): 300}
APPLICATION = ("127.0.0.1", 8000)
SHOWN = "Sinetti-"
"""Beginning of the headers that the gateway adds."""


def prepare() -> None:
    """Found the authority, make its TLS certificate, and write all settings.

    An authority and a certificate that exist stay.
    """
    if not DIR.exists():
        subprocess.run((SINETTI, *INIT), check=True)  # noqa: S603 - own words
    write_atomic(DIR / "notices.toml", (HERE / "notices.toml").read_bytes(), 0o600)
    if not (TLS / "certificate.pem").exists():
        make_tls(TLS)
    known = (*(DIR / "trust").glob("*.pem"), *(DIR / "ca").glob("*CAv1.cer"), TLS / "anchor.pem", HERE / "gateway.toml")
    for path in known:
        write_atomic(RELYING / path.name, path.read_bytes(), 0o644)


def make_tls(folder: Path) -> None:
    """Make a small CA and a certificate for all names; certificate.pem comes last."""
    scratch = folder / ".new"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    made = ServerFiles(scratch / "certificate.pem", scratch / "key.pem", scratch / "anchor.pem")
    make_server_certificate(made, NAMES)
    made.key.chmod(0o640)  # nginx and the mail server have this group
    for path in (made.trust, made.key, made.certificate):
        path.rename(folder / path.name)
    scratch.rmdir()


def repeat(commands: dict[tuple[str, ...], int]) -> None:
    """Run each command at once, and again after its seconds, also after a failure."""
    due = dict.fromkeys(commands, 0.0)
    while True:
        for words in [one for one, at in due.items() if at <= monotonic_seconds()]:
            subprocess.run((SINETTI, *words), check=False)  # noqa: S603 - own words
            due[words] = monotonic_seconds() + commands[words]
        sleep(1)


class ShowCaller(BaseHTTPRequestHandler):
    """Small application: answers what the gateway says about the caller."""

    def do_GET(self) -> None:
        """Answer the gateway's headers as JSON."""
        known = {name: value for name, value in self.headers.items() if name.startswith(SHOWN)}
        octets = json.dumps(known, indent=1).encode() + b"\n"
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(octets)))
        self.end_headers()
        self.wfile.write(octets)


def serve_application() -> None:
    """Serve the application until a signal ends the process."""
    HTTPServer(APPLICATION, ShowCaller).serve_forever()


TASKS: dict[str, Callable[[], None]] = {
    "prepare": prepare,
    "timers": lambda: repeat(TIMERS),
    "lists": lambda: repeat(LISTS),
    "application": serve_application,
}

if __name__ == "__main__":
    # The first process of a container has no default action for SIGTERM.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    TASKS[sys.argv[1]]()
