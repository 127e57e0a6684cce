"""Small stand-in for the service, on loopback.

It behaves as documented unless a test tells it to break a promise.
"""

import itertools
from collections import deque
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler
from time import sleep

from sinetti.ca.hierarchy_builder import response_signer_plan
from sinetti.ca.issuance_request import LeafProfile
from sinetti.domain.requests import AcceptedResponse, CertificateResponse, EnrolRequest, RenewRequest
from sinetti.domain.values import VALIDITY, KeyPolicy
from sinetti.pki import csr, encoding, key_policy
from sinetti.wire.soap import operations as soap_operations
from sinetti.wire.soap.operations import Failure, Operation
from sinetti.wire.xmldsig import signers
from sinetti.wire.xmldsig.signature import SignatureProfile
from tests.support import authority
from tests.support.small_server import LoopbackServer

TRANSFER_ID = "1234567890" * 3 + "12"
PASSWORD = "aB3dE6gH9jK2mN5p"
PATH = "/2017/10/CertificateServices"
POLICY = KeyPolicy()

NOT_READY = Failure("PKI021", "Not ready: ask again in 15 seconds.")


@dataclass(slots=True)
class Seen:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes
    operation: Operation
    ask: object


@dataclass(slots=True)
class Double:
    """State of the stand-in.

    `script` holds one behaviour for each coming request. When it is empty, every request succeeds.
    """

    now: datetime = authority.NOW
    script: deque[Callable[..., object]] = field(default_factory=deque)
    seen: list[Seen] = field(default_factory=list)
    issued: dict[str, bytes] = field(default_factory=dict)
    accepted: dict[str, str] = field(default_factory=dict)
    numbers: itertools.count = field(default_factory=lambda: itertools.count(1))
    url: str = ""
    hint: Callable[..., None] | None = None
    """Function that answers a GET for a renewal hint; with None, the answer is 404.

    It takes the request handler and the path.
    """
    life: timedelta = VALIDITY
    """Validity of the certificates that it issues."""
    hints_asked: list[str] = field(default_factory=list)
    trust_lists: dict[str, bytes] = field(default_factory=dict)

    def answer(self, seen: Seen) -> object:
        """Do what the request asks; the same key again gives the same retrieval id."""
        ask = seen.ask
        if isinstance(ask, (EnrolRequest, RenewRequest)):
            requested = csr.read_request(ask.request, POLICY)
            assert isinstance(requested, csr.RequestedKey), requested
            if isinstance(ask, EnrolRequest) and (ask.transfer_id, ask.transfer_password) != (TRANSFER_ID, PASSWORD):
                return Failure("PKI004", "The transfer ID and the one-time password do not match.")
            if requested.key_id not in self.accepted:
                retrieval_id = f"retrieval-{next(self.numbers)}"
                self.accepted[requested.key_id] = retrieval_id
                self.issued[retrieval_id] = issue(requested.public_key, self.now, ask.customer_id, self.life)
            return AcceptedResponse(self.accepted[requested.key_id])
        if ask.retrieval_id not in self.issued:
            return Failure("PKI020", "There is no such retrieval ID.")
        return CertificateResponse(self.issued[ask.retrieval_id])

    def operations(self) -> list[Operation]:
        """Operations of the requests, in order."""
        return [one.operation for one in self.seen]

    def keys_sent(self) -> list[str]:
        """Ids of the keys in the requests, in order."""
        asks = [one.ask for one in self.seen if isinstance(one.ask, (EnrolRequest, RenewRequest))]
        return [csr.read_request(ask.request, POLICY).key_id for ask in asks]


def issue(public_key, now, customer_id=authority.CUSTOMER_ID, life=VALIDITY) -> bytes:
    """Make a certificate for a key at an instant."""
    plan = authority.leaf_plan(public_key, begins=now, customer_id=customer_id, life=life)
    return encoding.certificate_der(authority.issue(plan, authority.issuer()))


@cache
def services_seal(now=authority.NOW):
    """Return a signer for valid answers at an instant.

    It has a leaf certificate of the services CA that began then.
    """
    built, key = authority.authority(), authority.response_signer()[0]
    plan = response_signer_plan(built.hierarchy, key.public_key(), now)
    certificate = authority.issue(plan, authority.services_issuer(), kind=LeafProfile.SERVICES)
    return signers.signer_for_key(key, encoding.certificate_der(certificate))


def holder_seal():
    """Return a signer for invalid answers: a holder's certificate of the same service."""
    key = authority.holder_key(99)
    return signers.signer_for_key(key, encoding.certificate_der(authority.holder_certificate(key)))


# Behaviours for one request each. They take the handler, the double and the request as it came.


def well(handler, double, seen):
    """Answer as documented."""
    handler.send(
        200,
        soap_operations.render_response(
            seen.operation, double.answer(seen), services_seal(double.now), SignatureProfile.EXCLUSIVE
        ),
    )


def accept(retrieval_id):
    """Return an answer that belongs to another request."""

    def behave(handler, double, seen):
        body = soap_operations.render_response(
            seen.operation, AcceptedResponse(retrieval_id), services_seal(double.now), SignatureProfile.EXCLUSIVE
        )
        handler.send(200, body)

    return behave


def done_but(told):
    """Do the requested operation, and answer with something else."""

    def behave(handler, double, seen):
        double.answer(seen)
        told(handler, double, seen)

    return behave


def late(seconds):
    """Answer as documented, after a while."""

    def behave(handler, double, seen):
        sleep(seconds)
        well(handler, double, seen)

    return behave


def enveloped(handler, double, seen):
    """Answer as documented, by the other recipe."""
    handler.send(
        200,
        soap_operations.render_response(
            seen.operation, double.answer(seen), services_seal(double.now), SignatureProfile.ENVELOPED
        ),
    )


def lose(handler, double, seen):
    """Do what the request asks, and lose the answer."""
    double.answer(seen)
    handler.close_connection = True


def refuse(failure):
    """Reject the request in a signed answer."""

    def behave(handler, double, seen):
        handler.send(
            200,
            soap_operations.render_response(
                seen.operation, failure, services_seal(double.now), SignatureProfile.EXCLUSIVE
            ),
        )

    return behave


def signed_by_a_holder(handler, double, seen):
    """Answer as documented, signed by a certificate that may not sign answers."""
    handler.send(
        200,
        soap_operations.render_response(seen.operation, double.answer(seen), holder_seal(), SignatureProfile.EXCLUSIVE),
    )


def changed_on_the_way(handler, double, seen):
    """Answer with a signature whose digest does not match."""
    answer = soap_operations.render_response(
        seen.operation, double.answer(seen), services_seal(double.now), SignatureProfile.EXCLUSIVE
    )
    handler.send(200, answer.replace(b"<ds:DigestValue>", b"<ds:DigestValue>AAAA"))


def say(status, body=b"", **headers):
    """Send an unsigned answer."""

    def behave(handler, _double, _seen):
        handler.send(status, body, **headers)

    return behave


def hand_out(certificate):
    """Hand out another certificate than the right one."""

    def behave(handler, double, seen):
        handler.send(
            200,
            soap_operations.render_response(
                seen.operation, CertificateResponse(certificate), services_seal(double.now), SignatureProfile.EXCLUSIVE
            ),
        )

    return behave


class DoubleHandler(BaseHTTPRequestHandler):
    """Handler that reads one request, records it and runs its behaviour."""

    protocol_version = "HTTP/1.1"
    double: Double

    def do_POST(self):
        """Take one SOAP message."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        opened = soap_operations.parse_request(body, self.headers["Content-Type"], self.headers["SOAPAction"])
        seen = Seen(
            self.path, dict(self.headers), body, opened.operation, soap_operations.verified_request(opened, POLICY)
        )
        self.double.seen.append(seen)
        behave = self.double.script.popleft() if self.double.script else well
        behave(self, self.double, seen)

    def do_GET(self):
        """Answer a GET for a renewal hint or a trust list."""
        if self.path.startswith("/api/v1/trust/"):
            octets = self.double.trust_lists.get(self.path.removeprefix("/api/v1/trust/"))
            if octets is None:
                self.send(404, b"Not found")
            else:
                self.send(200, octets, content_type="application/json")
            return
        self.double.hints_asked.append(self.path)
        if self.double.hint is None:
            self.send(404, b"Not found")
        else:
            self.double.hint(self, self.path)

    def send(self, status, body, **headers):
        """Send one answer."""
        self.send_response(status)
        self.send_header("Content-Type", headers.pop("content_type", "text/xml; charset=utf-8"))
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args):
        """Write no log."""


@contextmanager
def served(double, context=None):
    """Serve a double on loopback while the block runs, over TLS if a context is given."""
    handler = type("Bound", (DoubleHandler,), {"double": double})
    with LoopbackServer(handler, context) as server:
        double.url = f"{server.origin}{PATH}"
        yield double


def bundle(*certificates) -> str:
    """Put certificates into a PEM bundle."""
    return "".join(encoding.certificate_pem(encoding.certificate_der(one)).decode() for one in certificates)


def anchors(role) -> str:
    """Return the bundle of `services` or `holders`, as the bench writes it.

    It has the root, the intermediate and the issuing CAs of that role.
    """
    built = authority.authority()
    return bundle(*(built.entries[spec.file_name][1] for spec in built.hierarchy.authorities if wanted(spec, role)))


def wanted(spec, role) -> bool:
    """Return whether a CA belongs in a bundle."""
    return spec.role.value in {"root", "intermediate"} or (spec.role.value == "services") is (role == "services")


def key_id_of(pem) -> str:
    """Return the id of a private key in PEM."""
    return key_policy.key_id(encoding.load_private_key(pem).public_key())
