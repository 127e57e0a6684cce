"""Complete service context on an empty database.

It has the test authority's CAs, a signer with switches, and clocks that tests set. Examples: `ids = ordered(scene)`,
`held = enrolled(scene)`, `new = renewed(scene, held)`. A package's conftest.py imports `scene` with `db`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Event

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from django.db import connections

from sinetti.ca.hierarchy_builder import GeneratedHierarchy
from sinetti.ca.hierarchy_model import CaRole
from sinetti.ca.issuance import last_issuance_time
from sinetti.ca.ocsp import Responder
from sinetti.database.authorities import register
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.issuance import transactions
from sinetti.database.models import Instance
from sinetti.database.operations import authorities
from sinetti.database.operations.authorities import NewAuthority
from sinetti.database.organisations.organisations import ContactDetails, NewOrder, NewOrganisation
from sinetti.domain.authorities.lifecycle import CaState
from sinetti.domain.certificates.models import Certificate
from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.requests import (
    AcceptedResponse,
    CertificateResponse,
    EnrolRequest,
    RenewRequest,
    RetrieveRequest,
    SignatureProof,
)
from sinetti.domain.secret_keys import fixed_keys
from sinetti.domain.values import Channel, Environment, IdentifierType, KeyType, Language, Serial
from sinetti.pki.csr import build_request
from sinetti.pki.encoding import (
    PrivateKey,
    certificate_der,
    generate_key,
    load_certificate,
    serial_hex,
    sha256_hex,
    sign,
)
from sinetti.pki.key_policy import key_id
from sinetti.pki.signers import SignerUnavailable
from sinetti.services.context import ServiceContext
from sinetti.services.issuance import order
from sinetti.services.issuance.enrol import enrol
from sinetti.services.issuance.order import GeneratedTransferIds
from sinetti.services.issuance.renew import renew
from sinetti.services.issuance.retrieve import retrieve
from sinetti.services.organisations.registration import register_organisation
from tests.support.authority import CUSTOMER_ID, CUSTOMER_NAME, NOW, authority, issuer, ocsp_responder
from tests.support.registers import filled_tables, run_statements, statements_of_rows

TRANSFER_KEY = b"k" * 32
REQUEST = "0" * 32
"""Request id of everything that the helpers below do."""

CONTACT = ContactDetails("Nimi Nimetty", "nimi@sinisiipi.example", "+358 00 000", Language.SV)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


class Clock:
    """Clock that stands still until a test sets it."""

    def __init__(self, now: datetime = NOW) -> None:
        """Begin at `now`, UTC."""
        self.now = now

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now

    def forward(self, by: timedelta) -> datetime:
        """Advance the clock and return the time."""
        self.now += by
        return self.now


@dataclass(frozen=True, slots=True)
class Stall:
    """Events of a signer that blocks its callers.

    `somebody_waits` is set once a caller waits. `over` releases all callers.
    """

    somebody_waits: Event = field(default_factory=Event)
    over: Event = field(default_factory=Event)


@dataclass(slots=True)
class SwitchableSigner:
    """Signer with the CAs' keys in memory.

    `away` and `garbling` are switches. `signatures` counts the signatures made.
    """

    built: GeneratedHierarchy
    away: bool = False
    garbling: bool = False
    signatures: int = 0
    stall: Stall | None = None

    def sign(self, key_name: str, octets: bytes, proof: SignatureProof | None = None) -> bytes:  # noqa: ARG002
        """Sign, wait or fail, as the switches say."""
        if (stall := self.stall) is not None:
            stall.somebody_waits.set()
            assert stall.over.wait(60), "the signer was never let go"
        if self.away:
            why = f"the key {key_name} is away for a test"
            raise SignerUnavailable(why)
        self.signatures += 1
        return sign(self.built.key(key_name), b"something else" if self.garbling else octets)

    def check(self, key_name: str) -> None:
        """Sign nothing."""
        self.sign(key_name, b"")

    @contextmanager
    def stalled(self) -> Iterator[Stall]:
        """Block every signature until the test sets `over`, or until the block ends."""
        self.stall = stall = Stall()
        try:
            yield stall
        finally:
            self.stall = None
            stall.over.set()


@dataclass(slots=True)
class SwitchableResponders:
    """OCSP responders in force of the issuing CAs; `away` is a switch."""

    built: GeneratedHierarchy
    clock: Clock
    away: bool = False
    made: dict[str, Responder] = field(default_factory=dict)

    def of(self, name: str) -> Callable[[], Responder]:
        """Return a function that returns a CA's responder."""

        def responder() -> Responder:
            if self.away:
                why = f"the responder of {name} is away for a test"
                raise SignerUnavailable(why)
            if name not in self.made or self.clock() > self.made[name].ends:
                self.made[name] = ocsp_responder(name, self.clock(), self.built)
            return self.made[name]

        return responder


@dataclass(slots=True)
class Scene:
    """A service context with the switches behind it."""

    ctx: ServiceContext
    clock: Clock
    machine: Clock
    signer: SwitchableSigner
    responders: SwitchableResponders

    @property
    def db(self) -> Database:
        """Return the database of the context."""
        return self.ctx.db

    def but(self, **changes: object) -> "Scene":
        """Return this scene with changes of its context.

        Database, clocks and signer stay the same.
        """
        return replace(self, ctx=replace(self.ctx, **changes))  # type: ignore[arg-type]

    def audit_entry(self, actor: str = "operator") -> AuditContext:
        """Return the audit context of an actor, now."""
        return self.ctx.audit_entry(actor, REQUEST)

    def certificate(self, serial: Serial) -> Certificate:
        """Return a certificate from the database."""
        found = transactions.find_certificate(self.db, serial)
        assert found is not None
        return found


@dataclass(frozen=True, slots=True)
class Held:
    """A holder's certificate with its key."""

    key: PrivateKey
    der: bytes
    serial: Serial
    retrieval_id: str


@pytest.fixture
def scene(db: Database) -> Scene:
    """Return a scene on each database in turn.

    It has one organisation, approved for both channels.
    """
    return opened_scene(db)


@pytest.fixture
def sqlite_scene(sqlite_db: Database) -> Scene:
    """Return a scene on SQLite, for tests independent of the database system."""
    return opened_scene(sqlite_db)


def opened_scene(db: Database, built: GeneratedHierarchy | None = None) -> Scene:
    """Insert an authority and return a scene with one organisation.

    The hierarchy is by default the test authority's. Then the rows are those of the first such scene of this process,
    since founding takes four times as long as inserting them.
    """
    scene, kind = _context(db, built or authority()), connections[db.alias].vendor
    is_first = built is None and not db.rows(Instance).exists()
    if is_first and kind in _rows:
        run_statements(db, _rows[kind])
        return scene.but(issuing=register.issuing_names(db))
    has_others = bool(filled_tables(db))
    entry = AuditContext("operator", NOW, REQUEST)
    authorities.insert_authority(db, Environment.TEST, authority_rows(scene.signer.built), entry)
    scene = scene.but(issuing=register.issuing_names(db))
    add_organisation(scene)
    if is_first and not has_others:
        _rows[kind] = statements_of_rows(db)
    return scene


_rows: dict[str, str] = {}
"""Statements that insert the rows of a scene, by the kind of database."""


def _context(db: Database, built: GeneratedHierarchy) -> Scene:
    clock, machine, signer = Clock(), Clock(), SwitchableSigner(built)
    responders = SwitchableResponders(built, clock)
    specs = [spec for spec in built.hierarchy.authorities if spec.channel is not None]
    ctx = ServiceContext(
        environment=Environment.TEST,
        db=db,
        signer=signer,
        issuers={spec.file_name: built.issuer(spec.file_name) for spec in specs},
        issuing={},
        country="FI",
        certificates={
            spec.file_name: certificate_der(built.certificate(spec.file_name)) for spec in built.hierarchy.authorities
        },
        now=clock,
        machine_now=machine,
        keys=fixed_keys(TRANSFER_KEY),
        responders={spec.file_name: responders.of(spec.file_name) for spec in specs},
    )
    return Scene(ctx, clock, machine, signer, responders)


def authority_rows(built: GeneratedHierarchy) -> tuple[NewAuthority, ...]:
    """Return the rows of all CAs for the database, top down.

    The second CA of a channel is its standby.
    """
    specs, validity = built.hierarchy.authorities, built.hierarchy.holder_validity
    names = {spec.name: spec.file_name for spec in specs}
    rows: list[NewAuthority] = []
    for spec in specs:
        has_standby = spec.channel is not None and spec.channel in {one.channel for one in rows}
        certificate = built.certificate(spec.file_name)
        der = certificate_der(certificate)
        rows.append(
            NewAuthority(
                name=spec.file_name,
                common_name=spec.name,
                role=spec.role,
                issuer=names[spec.parent] if spec.parent else None,
                channel=spec.channel,
                certificate=der,
                sha256=sha256_hex(der),
                key_id=key_id(certificate.public_key()),
                signs_from=certificate.not_valid_before_utc,
                signs_until=last_issuance_time(certificate, validity if spec.role is CaRole.ISSUING else timedelta(0)),
                state=CaState.STANDBY if has_standby else CaState.ISSUING,
            )
        )
    return tuple(rows)


def add_organisation(
    scene: Scene, customer_id: str = CUSTOMER_ID, channels: frozenset[Channel] = frozenset(Channel)
) -> str:
    """Register an organisation and return its database id."""
    new = NewOrganisation(customer_id, IdentifierType.ARTIFICIAL, "FI", CUSTOMER_NAME, Language.FI, channels)
    found = register_organisation(new, scene.ctx, "operator", REQUEST)
    assert found is not None
    return found.organisation_id


def an_order(
    customer_id: str = CUSTOMER_ID, channel: Channel = Channel.WS, *, replaces: Serial | None = None
) -> NewOrder:
    """Return the data of an order for one certificate."""
    return NewOrder(customer_id, channel, "payroll", CONTACT, replaces=replaces)


def ordered(scene: Scene, new: NewOrder | None = None) -> GeneratedTransferIds:
    """Order a certificate and return its transfer ids with the password."""
    return order.order(new or an_order(), scene.ctx, "operator", REQUEST)


def new_key(kind: KeyType = KeyType.EC_P256) -> PrivateKey:
    """Generate a new key."""
    return generate_key(kind)


def csr(key: PrivateKey, customer_id: str = CUSTOMER_ID) -> bytes:
    """Return a certification request in DER, as our own client makes it."""
    return build_request(key, customer_id, CUSTOMER_NAME)


def odd_csr(key: PrivateKey, algorithm: hashes.HashAlgorithm | None = None) -> bytes:
    """Return a certification request of which only the key may count.

    It has meaningless names, asks to be a CA, and is signed with SHA-512.
    """
    empty = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, "-"), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "-")]
    )
    builder = x509.CertificateSigningRequestBuilder().subject_name(empty)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return builder.sign(key, algorithm or hashes.SHA512()).public_bytes(Encoding.DER)


def new_ask(ids: GeneratedTransferIds, request: PrivateKey | bytes, customer_id: str = CUSTOMER_ID) -> EnrolRequest:
    """Return a SignNewCertificate request with these ids.

    `request` is a key, or the octets of a certification request.
    """
    octets = request if isinstance(request, bytes) else csr(request, customer_id)
    return EnrolRequest(Environment.TEST, customer_id, CUSTOMER_NAME, ids.transfer_id, ids.transfer_password, octets)


def renew_ask(held: Held | bytes, request: PrivateKey | bytes, customer_id: str = CUSTOMER_ID) -> RenewRequest:
    """Return a RenewCertificate request signed with this certificate.

    `request` is a key, or the octets of a certification request.
    """
    octets = request if isinstance(request, bytes) else csr(request, customer_id)
    signer = held if isinstance(held, bytes) else held.der
    return RenewRequest(Environment.TEST, customer_id, CUSTOMER_NAME, octets, signer)


def get_ask(retrieval_id: str, customer_id: str = CUSTOMER_ID) -> RetrieveRequest:
    """Return a GetCertificate request with this retrieval id."""
    return RetrieveRequest(Environment.TEST, customer_id, CUSTOMER_NAME, retrieval_id)


def accepted(answer: AcceptedResponse | Rejection) -> str:
    """Return the retrieval id of an answer that must not be a rejection."""
    assert isinstance(answer, AcceptedResponse), answer
    return answer.retrieval_id


def refused(answer: AcceptedResponse | CertificateResponse | Rejection) -> RejectionReason:
    """Return the reason of an answer that must be a rejection."""
    assert isinstance(answer, Rejection), answer
    return answer.reason


def collected(scene: Scene, retrieval_id: str, customer_id: str = CUSTOMER_ID) -> bytes:
    """Retrieve a certificate that must exist."""
    answer = retrieve(get_ask(retrieval_id, customer_id), scene.ctx, REQUEST)
    assert isinstance(answer, CertificateResponse), answer
    return answer.certificate


def held_by(scene: Scene, key: PrivateKey, retrieval_id: str, customer_id: str = CUSTOMER_ID) -> Held:
    """Retrieve a certificate and return it with its key."""
    der = collected(scene, retrieval_id, customer_id)
    return Held(key, der, serial_hex(load_certificate(der).serial_number), retrieval_id)


def enrolled(
    scene: Scene, channel: Channel = Channel.WS, *, customer_id: str = CUSTOMER_ID, replaces: Serial | None = None
) -> Held:
    """Order, enrol and retrieve a certificate."""
    key, ids = new_key(), ordered(scene, an_order(customer_id, channel, replaces=replaces))
    return held_by(scene, key, accepted(enrol(new_ask(ids, key, customer_id), scene.ctx, REQUEST)), customer_id)


def in_the_window(scene: Scene, held: Held, before_the_end: timedelta = 30 * DAY) -> datetime:
    """Set the clock to this long before the certificate's last second."""
    scene.clock.now = load_certificate(held.der).not_valid_after_utc - before_the_end
    return scene.clock.now


def renewed(scene: Scene, held: Held, key: PrivateKey | None = None) -> Held:
    """Renew a certificate whose window is open, and retrieve the new one."""
    key = key or new_key()
    return held_by(scene, key, accepted(renew(renew_ask(held, key), scene.ctx, REQUEST)))


def ca_certificate(channel: Channel = Channel.WS) -> x509.Certificate:
    """Return the certificate of the CA that issues for a channel."""
    return issuer(channel).certificate
