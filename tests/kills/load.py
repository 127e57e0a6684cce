"""Load of simulated holders, who enrol, retrieve and renew.

They repeat the same octets until they have an answer.
"""

import contextlib
import hashlib
import http.client
import random
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition, Thread
from time import sleep

from cryptography import x509

from sinetti.domain.requests import EnrolRequest, RenewRequest, RetrieveRequest
from sinetti.domain.values import Environment
from sinetti.infra.clock import monotonic_seconds
from sinetti.pki.chain import find_issuer, load_bundle
from sinetti.pki.csr import build_request
from sinetti.pki.encoding import PrivateKey
from sinetti.wire.soap import operations
from sinetti.wire.soap.operations import Operation, SoapFault
from sinetti.wire.xmldsig.signers import signer_for_key
from tests.kills.history import ACCEPTED, CERTIFICATE, GET, NEW, RENEW, Answer, Asked, History
from tests.kills.outside import spki
from tests.support.programs import new_key

OPERATIONS = {NEW: Operation.NEW, RENEW: Operation.RENEW, GET: Operation.GET}
LATER = {"PKI090", "PKI092", "PKI099", "PKI021"}
PAUSE = 0.03
"""Seconds between two tries."""

RENEWALS = (0, 1, 1, 2)
LOSES_KEY, LOSES_ANSWER, ASKS_TWICE, REPEATS, IS_REVOKED = 0.3, 0.1, 0.08, 0.15, 0.15
"""Probabilities of events in a holder's life.

- The holder loses its new key.
- It loses an answer on purpose.
- It sends a request twice at once.
- It repeats a request.
- Its certificate is put up for revocation.
"""


class Over(Exception):
    """End of the load."""


@dataclass(frozen=True, slots=True)
class Order:
    """Transfer ids of one order."""

    customer_id: str
    order_id: str
    transfer_id: str
    password: str


class Gate:
    """Gate that every client passes for a request; while it is shut, none is inside."""

    def __init__(self) -> None:
        self._changed, self._inside, self._shut, self._over = Condition(), 0, False, False

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Hold the gate open for a request; raises Over if the load has to end."""
        with self._changed:
            self._changed.wait_for(lambda: not self._shut or self._over)
            if self._over:
                raise Over
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @contextmanager
    def shut(self) -> Iterator[None]:
        """Keep all clients outside while the block runs."""
        with self._changed:
            self._shut = True
            assert self._changed.wait_for(lambda: not self._inside, 120), "somebody waits for an answer for ever"
        try:
            yield
        finally:
            with self._changed:
                self._shut = False
                self._changed.notify_all()

    @property
    def over(self) -> bool:
        """True if all clients have to end."""
        return self._over

    def end(self) -> None:
        """Ask all clients to end."""
        with self._changed:
            self._over = True
            self._changed.notify_all()


@dataclass(slots=True)
class Load:
    """All clients, their history, and their stock of orders."""

    ports: list[int]
    services: Path
    history: History
    seed: int
    refill: Callable[[], list[Order]]
    gate: Gate = field(default_factory=Gate)
    stock: deque[Order] = field(default_factory=deque)
    to_revoke: deque[str] = field(default_factory=deque)
    failures: list[BaseException] = field(default_factory=list)
    threads: list[Thread] = field(default_factory=list)
    vouched: dict[bytes, bool] = field(default_factory=dict)
    put_off: set[object] = field(default_factory=set)
    """Clients whose last answer was missing or "later".

    Their requests may be half done until the clients repeat them.
    """

    def begin(self, holders: int) -> None:
        """Start so many holders."""
        for number in range(holders):
            self.add(_Holder(self, random.Random(f"{self.seed}-{number}")).lives)  # noqa: S311 - played again from a seed

    def add(self, life: Callable[[], None]) -> None:
        """Start a client that repeats a function until the load ends."""

        def run() -> None:
            try:
                while True:
                    life()
            except Over:
                pass
            except BaseException as bad:  # noqa: BLE001 - check() raises it
                self.failures.append(bad)

        self.threads.append(Thread(target=run, daemon=True))
        self.threads[-1].start()

    def end(self) -> None:
        """End all clients, wait for them, and raise the first failure."""
        self.let_go()
        self.check()

    def let_go(self) -> None:
        """End all clients and wait for them, without regard to failures."""
        self.gate.end()
        for thread in self.threads:
            thread.join(60)

    def check(self) -> None:
        """Raise the first exception of a client."""
        for bad in self.failures:
            raise bad

    def answers(self, more: int) -> None:
        """Wait for so many further answers."""
        wanted, until = len(self.history.answers) + more, monotonic_seconds() + 60
        while len(self.history.answers) < wanted:
            self.check()
            assert monotonic_seconds() < until, (
                f"no answers: {[(a.asked.operation, a.kind) for a in self.history.answers[-3:]]}"
            )
            sleep(0.003)

    def order(self) -> Order:
        """Take an order from the stock; an empty stock is refilled."""
        with contextlib.suppress(IndexError):
            return self.stock.popleft()
        with self.gate.inside():
            self.stock.extend(self.refill())
        return self.order()

    def vouch(self, signer: x509.Certificate) -> bool:
        """Return True if the signer of an answer chains to a services CA."""
        known = signer.fingerprint(signer.signature_hash_algorithm)
        if known not in self.vouched:
            at = signer.not_valid_before_utc
            self.vouched[known] = find_issuer(signer, load_bundle(self.services.read_bytes()), at) is not None
        return self.vouched[known]


def post(port: int, body: bytes, *, lose: bool = False) -> tuple[int, bytes] | None:
    """Send one message and return status and body.

    Returns None if no answer came, or if `lose` is true.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        headers = {"Content-Type": "text/xml; charset=utf-8"}
        connection.request("POST", "/2017/10/CertificateServices", body, headers)
        if lose:
            return None
        reply = connection.getresponse()
        return reply.status, reply.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


@dataclass(slots=True, eq=False)
class _Holder:
    """A sequence of holders.

    A life is one order, its certificate, and the renewals of it.
    """

    load: Load
    random: random.Random

    def lives(self) -> None:
        """Live the life of one holder."""
        order = self.load.order()
        key = new_key()
        ask = EnrolRequest(
            Environment.TEST,
            order.customer_id,
            None,
            order.transfer_id,
            order.password,
            build_request(key, order.customer_id, None),
        )
        answer = self._until_answered(Asked(NEW, order.transfer_id, spki(key.public_key())), operations.render_new(ask))
        if answer.kind != ACCEPTED:
            return
        der = self._fetched(answer.value, order.customer_id)
        for _ in range(self.random.choice(RENEWALS)):
            if der is None:
                return
            key, der = self._renewed(key, der, order.customer_id)
        if der is not None and self.random.random() < IS_REVOKED:
            self.load.to_revoke.append(f"{x509.load_der_x509_certificate(der).serial_number:x}")

    def _renewed(self, key: PrivateKey, der: bytes, customer_id: str) -> tuple[PrivateKey, bytes | None]:
        if self.random.random() < LOSES_KEY:
            self._renew(key, der, customer_id, new_key())
        new = new_key()
        answer = self._renew(key, der, customer_id, new)
        return new, self._fetched(answer.value, customer_id) if answer.kind == ACCEPTED else None

    def _renew(self, key: PrivateKey, der: bytes, customer_id: str, new: PrivateKey) -> Answer:
        serial = f"{x509.load_der_x509_certificate(der).serial_number:x}"
        ask = RenewRequest(Environment.TEST, customer_id, None, build_request(new, customer_id, None), der)
        return self._until_answered(
            Asked(RENEW, serial, spki(new.public_key())), operations.render_renew(ask, signer_for_key(key, der))
        )

    def _fetched(self, retrieval_id: str, customer_id: str) -> bytes | None:
        answer = self._until_answered(*get(retrieval_id, customer_id))
        return self.load.history.ders[answer.value] if answer.kind == CERTIFICATE else None

    def _until_answered(self, asked: Asked, body: bytes) -> Answer:
        """Send the same octets until an answer is final."""
        if self.random.random() < ASKS_TWICE:
            twin = Thread(target=lambda: exchange(self.load, asked, body, self._port()), daemon=True)
            with self.load.gate.inside():
                twin.start()
                answer = exchange(self.load, asked, body, self._port())
                twin.join(60)
        else:
            answer = None
        again = self.random.random() < REPEATS
        while answer is None or answer.kind in LATER or again:
            if answer is not None and answer.kind not in LATER:
                again = False
            with self.load.gate.inside():
                answer = exchange(self.load, asked, body, self._port(), lose=self.random.random() < LOSES_ANSWER)
                if answer is None or answer.kind in LATER:
                    self.load.put_off.add(self)
            if answer is None or answer.kind in LATER:
                sleep(PAUSE)
        self.load.put_off.discard(self)
        return answer

    def _port(self) -> int:
        return self.random.choice(self.load.ports)


def get(retrieval_id: str, customer_id: str) -> tuple[Asked, bytes]:
    """Return a GetCertificate request and its octets."""
    ask = RetrieveRequest(Environment.TEST, customer_id, None, retrieval_id)
    return Asked(GET, retrieval_id, customer_id), operations.render_get(ask)


def exchange(load: Load, asked: Asked, body: bytes, port: int, *, lose: bool = False) -> Answer | None:
    """Send a request once, record the answer and return it.

    Returns None if no trusted answer came.
    """
    load.history.ask(asked)
    reply = post(port, body, lose=lose)
    if reply is None or reply[0] not in {200, 500}:
        load.history.lose()
        return None
    try:
        said = operations.read_response(reply[1], OPERATIONS[asked.operation], load.vouch)
    except (SoapFault, operations.UnreadableResponse):
        if reply[0] == 200:
            raise
        load.history.lose()
        return None
    if not said.status_ok:
        answer = Answer(asked, said.errors[0].code)
    elif asked.operation == GET:
        answer = Answer(asked, CERTIFICATE, hashlib.sha256(said.certificate).hexdigest())
    else:
        answer = Answer(asked, ACCEPTED, said.retrieval_id)
    load.history.answer(answer, said.certificate if answer.kind == CERTIFICATE else None)
    return answer
