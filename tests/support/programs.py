"""The real program in separate processes, and a small SOAP client for it."""

import http.client
import json
import os
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509

from sinetti.domain.requests import EnrolRequest, RenewRequest, RetrieveRequest
from sinetti.domain.values import Environment, KeyType
from sinetti.pki.chain import find_issuer, load_bundle
from sinetti.pki.csr import build_request
from sinetti.pki.encoding import PrivateKey, certificate_der, generate_key, load_certificate
from sinetti.wire.soap import operations
from sinetti.wire.soap.operations import Operation, SoapResponse
from sinetti.wire.xmldsig.signers import signer_for_key

CUSTOMER = {"customer_id": "0123456-7", "customer_name": "Malliyritys Oy"}
STARTS_WITHIN = 120
STOPS_WITHIN = 60.0
"""Seconds that only a hang exceeds.

`python -m bench.waits` measures what is promised: a bench is ready within 20 s and stops within 5 s.
"""


def program(*arguments: object) -> list[str]:
    """Return the command line of the real program, without Python's warnings."""
    return [sys.executable, "-W", "ignore", "-m", "sinetti", *(str(one) for one in arguments)]


def surroundings(changes: dict[str, str]) -> dict[str, str]:
    """Return this process's environment with changes, for a child process."""
    return {**os.environ, **changes}  # noqa: TID251 - a child of the test run


def ran(
    *arguments: object, bound: bool = False, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end.

    `bound` makes file permissions apply even if root runs the tests.
    """
    command = program(*arguments)
    if bound and os.geteuid() == 0:
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]
    known = surroundings(environment)
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=known, cwd=cwd)


@contextmanager
def started(command: Sequence[str], **options: Any) -> Iterator["subprocess.Popen[Any]"]:
    """Run a program while the block runs, and kill it at the end.

    So a failed test does not wait for the program.
    """
    with subprocess.Popen(command, **options) as process:
        try:
            yield process
        finally:
            process.kill()


@dataclass(slots=True)
class Bench:
    """A running bench: its ready line, its process and its log."""

    root: Path
    ready: dict[str, Any]
    process: "subprocess.Popen[str]"
    log: Path

    def control(self, method: str, path: str, value: object = None, **headers: str) -> tuple[int, Any]:
        """Make a valid control call and return status and JSON.

        A header whose value is None is left out.
        """
        body = None if value is None else json.dumps(value).encode()
        status, _, text = self.raw(method, path, body, {"content-type": "application/json", **headers})
        return status, json.loads(text)

    def raw(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Make a control call as given; return status, headers (lower-case) and body."""
        return exchange(self.ready["control_url"], method, path, body, headers)

    def order(self, **changes: object) -> dict[str, str]:
        """Order a certificate and return its transfer ids."""
        status, ids = self.control("POST", "/orders", {**CUSTOMER, **changes})
        assert status == 201, ids
        return ids

    def rows(self, customer_id: str | None = None) -> list[dict[str, Any]]:
        """List certificates, newest first."""
        query = f"?customer_id={customer_id}" if customer_id else ""
        return self.control("GET", f"/certificates{query}")[1]

    def now(self) -> datetime:
        """Return the bench's time."""
        return datetime.fromisoformat(self.control("GET", "/clock")[1]["now"])

    def stop(self, how: int = 15) -> int:
        """Signal the bench to stop, wait up to STOPS_WITHIN, and return the exit code."""
        self.process.send_signal(how)
        return self.process.wait(STOPS_WITHIN)


def exchange(
    address: str, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    """Make one HTTP request as given; return status, headers (lower-case) and body."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    try:
        given = {name.lower(): value for name, value in (headers or {}).items()}
        connection.putrequest(method, path, skip_host="host" in given, skip_accept_encoding=True)
        if body is not None:
            given.setdefault("content-length", str(len(body)))
        for name, value in given.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        reply = connection.getresponse()
        return reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read()
    finally:
        connection.close()


@contextmanager
def running(root: Path, *options: object, **environment: str) -> Iterator[Bench]:
    """Run a bench in this folder, and stop it at the end if it still runs."""
    log = root.parent / f"{root.name}.log"
    command = program("testbench", "serve", "--dir", root, *options)
    with log.open("a") as errors, started(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True,
        env=surroundings(environment),
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, log.read_text()
            yield Bench(root, json.loads(line), process, log)
        finally:
            process.terminate()
            process.wait(STOPS_WITHIN)


def fetched(
    address: str, body: bytes | None = None, *, server: Path | None = None, headers: dict[str, str] | None = None
) -> bytes:
    """Return the body at an address, or the body of the answer to a POST.

    Over TLS the certificate of the server must chain to the anchors in `server`.
    """
    assert urlsplit(address).hostname == "127.0.0.1"
    context = ssl.create_default_context(cafile=str(server)) if server else None
    request = urllib.request.Request(address, body, headers or {})  # noqa: S310 - on loopback
    with urllib.request.urlopen(request, timeout=60, context=context) as reply:  # noqa: S310 - on loopback
        octets: bytes = reply.read()
        return octets


@dataclass(slots=True)
class Holder:
    """A holder who speaks SOAP, with keys in memory.

    It trusts an answer only if the signer's certificate chains to a services CA.
    """

    address: str
    services: Path
    server: Path | None = None
    customer_id: str = CUSTOMER["customer_id"]
    now: datetime | None = None
    keys: dict[str, PrivateKey] = field(default_factory=dict)

    def new(self, ids: dict[str, str], key: PrivateKey) -> SoapResponse:
        """Send SignNewCertificate with transfer ids."""
        ask = EnrolRequest(
            Environment.TEST,
            self.customer_id,
            None,
            ids["transfer_id"],
            ids["transfer_password"],
            build_request(key, self.customer_id, None),
        )
        return self._send(operations.render_new(ask), Operation.NEW)

    def get(self, retrieval_id: str) -> SoapResponse:
        """Send GetCertificate."""
        return self._send(
            operations.render_get(RetrieveRequest(Environment.TEST, self.customer_id, None, retrieval_id)),
            Operation.GET,
        )

    def renew(self, key: PrivateKey, certificate: x509.Certificate, new_key: PrivateKey) -> SoapResponse:
        """Send RenewCertificate, signed with the current key."""
        old = certificate_der(certificate)
        ask = RenewRequest(
            Environment.TEST, self.customer_id, None, build_request(new_key, self.customer_id, None), old
        )
        return self._send(operations.render_renew(ask, signer_for_key(key, old)), Operation.RENEW)

    def enrolled(self, ids: dict[str, str], key: PrivateKey) -> x509.Certificate:
        """Enrol with transfer ids and retrieve the certificate."""
        return self.fetched(self.new(ids, key))

    def fetched(self, answer: SoapResponse) -> x509.Certificate:
        """Retrieve the certificate of an accepted request."""
        assert answer.status_ok, answer.errors
        got = self.get(answer.retrieval_id)
        assert got.status_ok, got.errors
        return load_certificate(got.certificate)

    def _send(self, body: bytes, operation: Operation) -> SoapResponse:
        headers = {"Content-Type": "text/xml; charset=utf-8"}
        answer = fetched(self.address, body, server=self.server, headers=headers)
        return operations.read_response(answer, operation, self._vouched_for)

    def _vouched_for(self, signer: x509.Certificate) -> bool:
        at = self.now or signer.not_valid_before_utc
        valid = signer.not_valid_before_utc <= at <= signer.not_valid_after_utc
        return valid and find_issuer(signer, load_bundle(self.services.read_bytes()), at) is not None


def holder_of(bench: Bench, customer_id: str = CUSTOMER["customer_id"]) -> Holder:
    """Return a holder at this bench, at its present time."""
    trust = bench.ready["trust"]
    server = Path(trust["server"]) if trust["server"] else None
    return Holder(bench.ready["soap_url"], Path(trust["services"]), server, customer_id, bench.now())


def new_key(kind: KeyType = KeyType.EC_P256) -> PrivateKey:
    """Make a holder's key."""
    return generate_key(kind)


def codes(answer: SoapResponse) -> list[str]:
    """Return the error codes of an answer."""
    return [error.code for error in answer.errors]
