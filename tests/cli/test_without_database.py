"""The real program while its PostgreSQL server is stopped: status goes on, and comes back.

A gateway with `freshness_during_outage` accepts for six hours what was good, and refuses what was revoked before.
"""

import json
import shutil
import subprocess
import tempfile
import urllib.error
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509 import ocsp

from sinetti.cli.main import main
from sinetti.infra.clock import utc_now
from tests.support import postgres
from tests.support.asking import asked, believed
from tests.support.ports import reserve_ports
from tests.support.programs import CUSTOMER, Holder, fetched, new_key
from tests.support.registers import all_connections_closed
from tests.support.serving import Served, serving, until

TRY_LATER = bytes.fromhex("30030a0103")
REQUEST_TYPE = {"Content-Type": "application/ocsp-request"}


@dataclass
class StoppableServer:
    """A PostgreSQL server that a test stops and starts again."""

    binaries: Path
    owner: str | None
    folder: Path
    port: int
    password: str = "secret"
    process: "subprocess.Popen[bytes]" = field(init=False)

    @property
    def url(self) -> str:
        """URL of its database."""
        return f"postgresql://{postgres.NAME}:{self.password}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.process = postgres.start(self.binaries, self.folder, self.owner, self.port)
        postgres.wait_until_up(self.url, self.process, self.folder)

    def stop(self) -> None:
        """Stop it at once."""
        postgres.stop(self.process)


@pytest.fixture
def server() -> Iterator[StoppableServer]:
    try:
        binaries, owner = postgres.find_binaries(), postgres.find_owner()
    except postgres.PostgresMissingError as missing:
        postgres.skip_or_fail(f"PostgreSQL tests: {missing}")
    folder = Path(tempfile.mkdtemp(prefix="sinetti-postgres-", dir=postgres.place()))
    made = StoppableServer(binaries, owner, folder, reserve_ports(1)[0])
    try:
        postgres.initialise(binaries, folder, owner, made.password)
        made.start()
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


def did(*words: object) -> str:
    """Run a command in this process, which has to succeed; return its output."""
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        code = main(["authority", *(str(one) for one in words)])
    assert code == 0, err.getvalue()
    return out.getvalue()


@dataclass(frozen=True)
class Relying:
    """A relying party of a serving node."""

    served: Served
    issuer: x509.Certificate
    name: str

    def got(self, path: str) -> bytes:
        """Return the body at an address of the status address."""
        return fetched(f"{self.served.status}{path}")

    def listed(self) -> set[int]:
        """Return the serial numbers on the list of the CA."""
        return {one.serial_number for one in x509.load_der_x509_crl(self.got(f"/crl/{self.name}.crl"))}

    def status(self, certificate: x509.Certificate) -> ocsp.OCSPCertStatus | bytes:
        """Ask by GET; return the status, or the response without one."""
        request = b64encode(asked(certificate, self.issuer)).decode()
        der = self.got(f"/ocsp/{self.name}/{request}")
        return der if der == TRY_LATER else believed(der, self.issuer, utc_now()).certificate_status

    def health(self) -> tuple[int, dict[str, str | None]]:
        """Return status and checks of `/readyz`."""
        try:
            return 200, json.loads(self.got("/readyz"))["checks"]
        except urllib.error.HTTPError as unready:
            with unready:
                return unready.code, json.loads(unready.read())["checks"]


@contextmanager
def node(root: Path, database: str) -> Iterator[Relying]:
    """Found an authority and serve it."""
    port = reserve_ports(1)[0]
    did(
        "init", "--dir", root, "--environment", "TEST", "--base-url", f"http://127.0.0.1:{port}",
        "--soap-url", "http://127.0.0.1:1",
    )  # fmt: skip
    customer = CUSTOMER["customer_id"]
    did("organisation", "add", "--dir", root, "--customer-id", customer, "--kind", "artificial", "--name", "A")
    did("organisation", "approve", "--dir", root, "--customer-id", customer, "--channel", "WS")
    options = ("--bind", "127.0.0.1:0", "--status-bind", f"127.0.0.1:{port}", "--workers", "1")
    with serving(root, *options, DATABASE_URL=database) as served:
        name = "DataProvidersTestIssuingCAv1"
        issuer = x509.load_der_x509_certificate((root / "ca" / f"{name}.cer").read_bytes())
        yield Relying(served, issuer, name)


def enrolled(root: Path, relying: Relying) -> x509.Certificate:
    people = ("--contact-name", "A", "--contact-email", "a@b.example")
    customer = CUSTOMER["customer_id"]
    ids = json.loads(did("order", "--dir", root, "--customer-id", customer, *people, "--json"))
    holder = Holder(relying.served.soap, root / "trust" / "services.pem", now=utc_now())
    return holder.fetched(holder.new(ids, new_key()))


def test_status_goes_on_while_the_database_is_stopped(server, tmp_path, monkeypatch):
    root = tmp_path / "authority"
    monkeypatch.setenv("DATABASE_URL", server.url)
    with all_connections_closed(), node(root, server.url) as relying:
        good, bad, late = (enrolled(root, relying) for _ in range(3))
        did("revoke", f"{bad.serial_number:x}", "--reason", "keyCompromise", "--dir", root)
        assert relying.listed() == {bad.serial_number}
        before = {one: relying.status(one) for one in (good, bad)}
        assert list(before.values()) == [ocsp.OCSPCertStatus.GOOD, ocsp.OCSPCertStatus.REVOKED]
        until((root / "status" / "log" / "checkpoint").exists)

        server.stop()
        assert relying.listed() == {bad.serial_number}
        assert {one: relying.status(one) for one in (good, bad)} == before
        assert relying.status(late) == TRY_LATER, "no one asked about it before"
        nonce = asked(good, relying.issuer, nonce=b"n" * 16)
        address = f"{relying.served.status}/ocsp/{relying.name}"
        assert fetched(address, nonce, headers=REQUEST_TYPE) == TRY_LATER
        assert x509.load_der_x509_certificate(relying.got(f"/ca/{relying.name}.cer")) == relying.issuer
        assert b"\n" in relying.got("/log/checkpoint")
        status, checks = relying.health()
        assert status == 503
        assert "answered from the last signed lists" in checks["register"]
        assert checks["revocation-lists"] is None

        server.start()
        until(lambda: relying.health()[0] == 200)
        did("revoke", f"{good.serial_number:x}", "--reason", "superseded", "--dir", root)
        assert relying.listed() == {good.serial_number, bad.serial_number}
        # An answer from memory may be a second older than the revocation (docs/relying/ocsp.md).
        until(lambda: relying.status(good) is ocsp.OCSPCertStatus.REVOKED)
        relying.served.stop()
