"""Valid requests of each operation, and their faults, alone or combined.

A fault prepares the database, the clock or the message. Faults stand in the order in which the service reports them.
`stage` is the order in which the tests bring them about: faults that need the service come before faults that stop it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.requests import Leniency
from sinetti.pki.encoding import PrivateKey
from sinetti.services.organisations.registration import close
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from tests.api import messages
from tests.api.counter import Counter
from tests.support.authority import CUSTOMER_ID
from tests.support.scene import (
    DAY,
    REQUEST,
    SECOND,
    Held,
    csr,
    enrolled,
    in_the_window,
    new_key,
    ordered,
    renewed,
)

NAME = "Zzyzx Peninkulma Oy"
"""Name that stands in no text of the service."""

OTHER_CUSTOMER = "7654321-0"
WRONG_PASSWORD = "Qqwwqqww00112233"


@dataclass(slots=True)
class Draft:
    """Request under construction.

    `values` are the elements' texts by name. `key` is the key to be certified.
    """

    counter: Counter
    operation: str
    key: PrivateKey = field(default_factory=new_key)
    values: dict[str, str | None] = field(default_factory=dict)
    held: Held | None = None
    signer: tuple[PrivateKey, bytes] | None = None
    action: str | None = None
    after_csr: bytes = b""
    after_signing: Callable[[str], str] = str
    post: Callable[[bytes], bytes] = bytes

    @property
    def scene(self):
        """Scene behind the endpoint."""
        return self.counter.scene

    def body(self) -> bytes:
        """Return the whole message."""
        values = dict(self.values)
        if self.operation != "GetCertificate":
            values["CertificateRequest"] = messages.base64_of(csr(self.key) + self.after_csr)
        document = messages.element(f"{self.operation}Request", values)
        if self.signer is not None:
            document = self.after_signing(messages.signed(document, *self.signer))
        return messages.enveloped(document)

    def headers(self, **more: str) -> dict[str, str]:
        """Return the headers to send with the message."""
        action = {} if self.action is None else {"soapaction": self.action}
        return {"content-type": "text/xml; charset=utf-8"} | action | more

    def reply(self, **headers: str):
        """Send the message; return the raw answer."""
        return self.counter.post(self.body(), self.headers(**headers))

    def ask(self, **headers: str):
        """Send the message; return the verified answer."""
        return self.counter.judged(self.reply(**headers))


def _who() -> dict[str, str | None]:
    return {"Environment": "TEST", "CustomerId": CUSTOMER_ID, "CustomerName": NAME}


def new_draft(counter: Counter) -> Draft:
    """Return a SignNewCertificate draft with fresh transfer ids."""
    ids = ordered(counter.scene)
    values = _who() | {"TransferId": ids.transfer_id, "TransferPassword": ids.transfer_password}
    return Draft(counter, "SignNewCertificate", values=values)


def renew_draft(counter: Counter) -> Draft:
    """Return a RenewCertificate draft for a certificate whose window is open."""
    held = enrolled(counter.scene)
    in_the_window(counter.scene, held)
    return Draft(counter, "RenewCertificate", values=_who(), held=held, signer=(held.key, held.der))


def get_draft(counter: Counter) -> Draft:
    """Return a GetCertificate draft for a renewal that has not been retrieved."""
    draft = renew_draft(counter)
    retrieval_id = draft.ask().retrieval_id
    return Draft(counter, "GetCertificate", values=_who() | {"RetrievalId": retrieval_id}, held=draft.held)


DRAFTS = {"new": new_draft, "renew": renew_draft, "get": get_draft}


@dataclass(frozen=True, slots=True)
class Fault:
    """Fault of a request: its error code, its stage and its cause.

    `never_with` names the faults with which it cannot be combined.
    """

    code: str
    stage: int
    bring_about: Callable[[Draft], None]
    never_with: frozenset[str] = frozenset()


def _set(name: str, text: str) -> Callable[[Draft], None]:
    def change(draft: Draft) -> None:
        draft.values[name] = text

    return change


def _trailing_octet(draft: Draft) -> None:
    draft.after_csr = b"\0"


def _curve_not_taken(draft: Draft) -> None:
    draft.key = ec.generate_private_key(ec.SECP521R1())


def _key_of_another(draft: Draft) -> None:
    draft.key = enrolled(draft.scene).key


def _spent(draft: Draft) -> None:
    answer = replace(draft, key=new_key(), values=dict(draft.values)).ask()
    assert answer.status == "OK"


def _locked(draft: Draft) -> None:
    for _ in range(10):
        wrong = replace(draft, key=new_key(), values=draft.values | {"TransferPassword": WRONG_PASSWORD})
        assert wrong.ask().code == "PKI004"


def _closed(draft: Draft) -> None:
    assert close(CUSTOMER_ID, draft.scene.ctx, "operator", REQUEST)


def _fifteen_days(draft: Draft) -> None:
    draft.scene.clock.forward(14 * DAY + SECOND)


def _broken_signature(draft: Draft) -> None:
    draft.after_signing = lambda document: document.replace("<CustomerName>", "<CustomerName> ")


def _signed_by_a_stranger(draft: Draft) -> None:
    key, clock = new_key(), draft.scene.clock
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, CUSTOMER_ID)])
    builder = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
    )
    certificate = builder.not_valid_before(clock() - DAY).not_valid_after(clock() + DAY).sign(key, hashes.SHA256())
    draft.signer = (key, certificate.public_bytes(Encoding.DER))


def _revoked(draft: Draft) -> None:
    assert draft.held is not None
    revoke(RevocationRequest(draft.held.serial, RevocationReason.UNSPECIFIED), draft.scene.ctx, "operator", REQUEST)


def _renewed_and_fetched(draft: Draft) -> None:
    assert draft.held is not None
    renewed(draft.scene, draft.held)


def _expired(draft: Draft) -> None:
    draft.scene.clock.forward(30 * DAY + SECOND)


def _before_the_window(draft: Draft) -> None:
    draft.scene.clock.forward(-30 * DAY - SECOND)


def _made_again(draft: Draft) -> None:
    assert draft.held is not None
    again = Draft(
        draft.counter, "RenewCertificate", values=_who(), held=draft.held, signer=(draft.held.key, draft.held.der)
    )
    assert again.ask().status == "OK"


def _slow_to_issue(draft: Draft) -> None:
    draft.counter = draft.counter.on(draft.scene.but(leniency=Leniency(retrieval_delay=timedelta(seconds=2))))


_SCHEMA = Fault("PKI001", 90, _set("CustomerName", "N" * 101))
_ENVIRONMENT = Fault("PKI002", 90, _set("Environment", "PRODUCTION"))
_CUSTOMER = Fault("PKI003", 90, _set("CustomerId", OTHER_CUSTOMER))
_UNREADABLE = Fault("PKI010", 90, _trailing_octet)
_KEY = Fault("PKI011", 90, _curve_not_taken)
_REUSED = Fault("PKI012", 10, _key_of_another, frozenset({"PKI011"}))
_NOT_ENTITLED = Fault("PKI036", 40, _closed)

FAULTS: dict[str, tuple[Fault, ...]] = {
    "new": (
        _SCHEMA,
        _ENVIRONMENT,
        Fault("PKI004", 90, _set("TransferPassword", WRONG_PASSWORD)),
        Fault("PKI007", 30, _locked),
        _CUSTOMER,
        _UNREADABLE,
        _KEY,
        Fault("PKI005", 50, _fifteen_days),
        Fault("PKI006", 20, _spent, frozenset({"PKI007"})),  # what is spent is never locked
        _NOT_ENTITLED,
        _REUSED,
    ),
    "renew": (
        _SCHEMA,
        _ENVIRONMENT,
        Fault("PKI030", 90, _broken_signature),
        Fault("PKI031", 80, _signed_by_a_stranger, frozenset({"PKI032", "PKI033", "PKI034", "PKI035"})),
        _CUSTOMER,
        Fault("PKI033", 40, _revoked),
        _UNREADABLE,
        _KEY,
        Fault("PKI032", 50, _expired, frozenset({"PKI034"})),
        _NOT_ENTITLED,
        Fault("PKI034", 50, _before_the_window),
        Fault("PKI035", 20, _renewed_and_fetched),
        _REUSED,
    ),
    "get": (
        _SCHEMA,
        _ENVIRONMENT,
        Fault("PKI020", 90, _set("CustomerId", OTHER_CUSTOMER)),
        Fault("PKI022", 20, _made_again),
        Fault("PKI021", 30, _slow_to_issue),
    ),
}
"""Faults of each operation, in the order in which the service reports them."""


def wrong(counter: Counter, operation: str, *faults: Fault) -> Draft:
    """Make a request of this operation with these faults."""
    draft = DRAFTS[operation](counter)
    for fault in sorted(faults, key=lambda one: one.stage):
        fault.bring_about(draft)
    return draft
