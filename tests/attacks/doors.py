"""Attacked endpoints: their input and their answers.

The module also checks that the accepted content is what was signed, whole.
"""

import base64
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from lxml import etree

from sinetti.database.issuance import transactions
from sinetti.domain.values import Channel, KeyType
from sinetti.gateway.gateway import Gateway
from sinetti.gateway.revocation.crl import CrlSource
from sinetti.gateway.verdicts.verdict import Verdict
from sinetti.pki.encoding import PrivateKey, certificate_der
from sinetti.pki.key_policy import key_id
from sinetti.services.issuance.enrol import enrol
from tests.api.counter import SERVICE, Counter, fault, opened_counter, payload_of, read
from tests.attacks.messages import OTHER_CUSTOMER, PLAIN_HEADERS, WHOLE, Attack, Given, Sent, Signer, envelope
from tests.gateway.material import ANCHORS, crl
from tests.support import authority
from tests.support.authority import CUSTOMER_ID, NOW
from tests.support.scene import (
    REQUEST,
    Held,
    Scene,
    accepted,
    add_organisation,
    csr,
    enrolled,
    held_by,
    in_the_window,
    new_ask,
    new_key,
    ordered,
)
from tests.support.xml_signing import Shape

DELIVERY = "urn:example:delivery"
REFUSALS = "sinetti_rejectedrequest"


@dataclass(slots=True)
class SoapDoor:
    """The certificate service, at a time when a holder may renew.

    The attacker wants a certificate for his own key. Each twin is sent once for all shapes: a refused request changes
    nothing, and the same request gets the same answer again.
    """

    scene: Scene
    counter: Counter
    file: sqlite3.Connection
    held: dict[KeyType, Held]
    attackers: PrivateKey = field(default_factory=new_key)
    _rows: dict[str, list[tuple[object, ...]]] = field(default_factory=dict)
    asked: dict[KeyType, PrivateKey] = field(default_factory=dict)
    _other: list[Signer] = field(default_factory=list)
    _twins: dict[tuple[Shape, KeyType], tuple[Given, str]] = field(default_factory=dict)

    def twin(self, attack: Attack) -> tuple[Given, str]:
        """Return the attacker's material and the retrieval id of the valid message."""
        kind = (attack.of, attack.key)
        if kind not in self._twins:
            given = self.signed_for(self.asked.setdefault(attack.key, new_key()), attack)
            answer, retrieval_id = self.answer(given.message)
            assert answer == WHOLE, "the twin is accepted"
            assert retrieval_id is not None
            issued = transactions.find_by_retrieval_id(self.scene.db, retrieval_id, CUSTOMER_ID)
            assert issued is not None
            assert (issued.key, issued.predecessor) == (
                key_id(self.asked[attack.key].public_key()),
                self.held[attack.key].serial,
            )
            self._twins[kind] = (given, retrieval_id)
            self.changes()
        return self._twins[kind]

    def changes(self) -> dict[str, int]:
        """Return the added rows of each table that changed since the last call.

        A table is also listed if its rows changed but not their number.
        """
        names = self.file.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'sinetti%'")
        rows = {name: self.file.execute(f"SELECT * FROM {name}").fetchall() for (name,) in names}  # noqa: S608 - its own
        before, self._rows = self._rows, rows
        return {
            name: len(found) - len(before.get(name, ())) for name, found in rows.items() if found != before.get(name)
        }

    def signed_for(self, asked: PrivateKey, attack: Attack) -> Given:
        """Return the holder's request for this key, in the manner of the attack's twin."""
        held = self.held[attack.key]
        good, evil = (base64.b64encode(csr(one)).decode() for one in (asked, self.attackers))
        signer = (held.key, held.der)
        names = ("RenewCertificateRequest", SERVICE, "CertificateRequest")
        return Given(*names, good, evil, replace(attack.of, signer=signer), signer, self.other)

    def other(self) -> Signer:
        """Return another organisation's key and certificate."""
        if not self._other:
            add_organisation(self.scene, OTHER_CUSTOMER)
            held = enrolled(self.scene, customer_id=OTHER_CUSTOMER)
            self._other.append((held.key, held.der))
            self.changes()
        return self._other[0]

    def answer(self, message: str | bytes | Sent) -> tuple[str, str | None]:
        """Send a message; return a code or `Fault`, or WHOLE with a retrieval id."""
        if not isinstance(message, Sent):
            before, after = envelope("|").encode().split(b"|")
            octets = message if isinstance(message, bytes) else message.encode()
            message = Sent(before + octets + after, PLAIN_HEADERS)
        reply = self.counter.post(message.body, message.headers)
        if reply.status != 200:
            assert fault(reply)[0].endswith("Client"), reply.body
            return "Fault", None
        told = read(etree.fromstring(payload_of(reply.body)))
        return told.code or WHOLE, told.retrieval_id


def soap_door(scene: Scene, path: Path, kinds: Sequence[KeyType] = (KeyType.EC_P256,)) -> SoapDoor:
    """Open a SOAP endpoint on a fresh database with a holder.

    `path` is the file of the database. The holder has a certificate for each of `kinds`.
    """
    held = {kind: _issued(scene, authority.holder_key(1, kind)) for kind in kinds}
    in_the_window(scene, held[kinds[0]])
    opened = SoapDoor(scene, opened_counter(scene), sqlite3.connect(path), held)
    opened.changes()
    return opened


def _issued(scene: Scene, key: PrivateKey) -> Held:
    return held_by(scene, key, accepted(enrol(new_ask(ordered(scene), key), scene.ctx, REQUEST)))


GOOD, EVIL = "1000", "9000"


@cache
def gateway() -> Gateway:
    """Return a gateway of the test authority, for one channel, with a fresh CRL."""
    return Gateway(ANCHORS, source=CrlSource([crl()]), channel=Channel.WS)


@cache
def holder(kind: KeyType = KeyType.EC_P256, channel: Channel = Channel.WS, customer_id: str = CUSTOMER_ID) -> Signer:
    """Issue a holder's certificate; return its key and the certificate (DER)."""
    key = authority.holder_key(1 if customer_id == CUSTOMER_ID else 2, kind)
    return key, certificate_der(authority.holder_certificate(key, channel=channel, customer_id=customer_id))


def delivery(attack: Attack, signer: Signer | None = None) -> Given:
    """Return a signed delivery; the attacker wants another sum in it."""
    signer = signer or holder(attack.key)
    shape = replace(attack.of, signer=signer)
    return Given("Delivery", DELIVERY, "Pay", GOOD, EVIL, shape, signer, lambda: holder(customer_id=OTHER_CUSTOMER))


def verdict(message: str | bytes | Sent, by: Gateway | None = None, now: object = NOW, tls: bytes | None = None) -> str:
    """Verify a message; return the reason of a refusal, or WHOLE.

    WHOLE means that the gateway returns only what the holder signed.
    """
    assert not isinstance(message, Sent)
    octets = message if isinstance(message, bytes) else message.encode()
    found = (by or gateway()).verify(octets, now, tls)
    if found.verdict.reason is not None:
        assert (found.octets, found.certificate) == (None, None), "something of a refused document is handed out"
        return found.verdict.reason.value
    _handed_out(found.verdict, found.octets or b"")
    return WHOLE


def _handed_out(said: Verdict, octets: bytes) -> None:
    root = etree.fromstring(octets)
    assert root.tag == f"{{{DELIVERY}}}Delivery"
    assert [str(child.tag) for child in root] == ["Environment", "CustomerId", "CustomerName", "Pay"]
    assert ["".join(child.xpath("text()")) for child in root] == ["TEST", CUSTOMER_ID, "Ääni & Kaiku Oy", GOOD]
    assert (said.customer_id, said.channel) == (CUSTOMER_ID, Channel.WS)
