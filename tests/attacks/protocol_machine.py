"""The protocol as a state machine: random calls compared with `protocol_model`.

The calls come in random order. Their input and output are octets. Values contain comments, CDATA, references and
blanks, which must change nothing. Now and then a value has an appended character behind a comment. No reader may skip
that character.
"""

import base64
from collections import Counter
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sinetti.api.soap import PATH, SoapEndpoint
from sinetti.database import models
from sinetti.database.connection import open_database
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Channel
from sinetti.pki.encoding import certificate_der, load_certificate, serial_hex
from sinetti.pki.key_policy import key_id
from sinetti.server.http import Request
from sinetti.services.issuance import order as issuance_order
from sinetti.services.organisations.registration import approve, withdraw
from sinetti.services.revocation.revoke import RevocationError, RevocationRequest, revoke
from sinetti.wire.soap import operations
from sinetti.wire.soap.operations import Operation, SoapResponse
from sinetti.wire.xmldsig.signature import SignatureProfile
from sinetti.wire.xmldsig.signers import signer_for_key
from tests.api import messages
from tests.attacks.protocol_model import DAY, LIFE, OK, SECOND, WINDOW, Ids, Issued, Model, Order, Wanted
from tests.attacks.protocol_values import DRESSES, HUNG_ON, KEYS, hung_on, key_of, spelt, strange_key
from tests.support import xml_signing
from tests.support.authority import CUSTOMER_ID, response_signer
from tests.support.registers import ALIAS, all_connections_closed, copied_file
from tests.support.scene import REQUEST, add_organisation, an_order, ca_certificate, csr, odd_csr, opened_scene

OTHER = "7654321-0"
NAME = "Sinisiipi Oy"
CUSTOMERS = st.sampled_from([CUSTOMER_ID, OTHER])
NUMBERS = st.integers(0, 2**16)
WHICH_KEY = st.sampled_from(["fresh"] * 4 + ["newest"] * 2 + ["used"] * 2 + ["with more behind", "of a strange curve"])


def _mostly_none(times: int, *others: str) -> st.SearchStrategy[str | None]:
    """Return a strategy that mostly yields None, so that calls get far."""
    return st.sampled_from([*[None] * times, *others])


class Protocol(RuleBasedStateMachine):
    """A service on a fresh database, two organisations and their programs' calls."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        folder = Path(self.stack.enter_context(TemporaryDirectory()))
        url = self.stack.enter_context(copied_file(folder / "register.sqlite3"))
        self.stack.enter_context(all_connections_closed())
        self.scene = opened_scene(open_database(url, alias=ALIAS))
        add_organisation(self.scene, OTHER)
        key, certificate = response_signer()
        seal = signer_for_key(key, certificate_der(certificate))
        self.signer = certificate
        self.door = SoapEndpoint(
            self.scene.ctx, f"https://pki.sinetti.example{PATH}", SignatureProfile.EXCLUSIVE, lambda: seal
        )
        both = {channel.value for channel in Channel}
        until = min(ca_certificate(channel).not_valid_after_utc for channel in Channel) - LIFE
        self.model = Model(until, {CUSTOMER_ID: set(both), OTHER: set(both)})
        self.sent: list[tuple[Operation, bytes, object]] = []

    heard: ClassVar[Counter[str]] = Counter()
    """Number of answers with each code, which shows the coverage of a run."""

    def teardown(self) -> None:
        """Remove the database."""
        self.stack.close()

    @property
    def now(self) -> datetime:
        """Time of the service's clock."""
        return self.scene.clock.now

    # Actions of the operator, outside the protocol.

    @initialize(customer=CUSTOMERS, into=st.sampled_from(["an order", "the window", "a renewal", "two renewals"]))
    def begin(self, customer: str, into: str) -> None:
        """Begin with an order, in a renewal window or with a renewal.

        The window is that of a retrieved certificate, and the renewal is of that certificate.
        """
        self.order(customer, "WS")
        if into == "an order":
            return
        self.sign_new(0, "fresh", None, "plain", None)
        self.get(0, None, "plain", None)
        self.scene.clock.forward(LIFE - WINDOW)
        if into == "the window":
            return
        self.renew(0, "fresh", None, "plain", None)
        self.get(0, None, "plain", None)
        if into == "two renewals":
            self.wait_for_a_window(0)
            self.renew(0, "fresh", None, "plain", None)

    @rule(customer=CUSTOMERS, channel=st.sampled_from(["WS", "WS", "SFTP"]))
    def order(self, customer: str, channel: str) -> None:
        """Order a certificate."""
        try:
            shown = issuance_order.order(an_order(customer, Channel(channel)), self.scene.ctx, "operator", REQUEST)
        except issuance_order.OrderError:
            assert channel not in self.model.approved[customer]
            return
        assert channel in self.model.approved[customer]
        order = Order(shown.order_id, customer, channel)
        order.ids.append(Ids(order, shown.transfer_id, shown.transfer_password, shown.expires))
        self.model.orders.append(order)

    @precondition(lambda self: self.model.orders)
    @rule(which=NUMBERS)
    def send_new_ids(self, which: int) -> None:
        """Have new transfer ids sent for an order, which end the old ones."""
        order = self.model.orders[which % len(self.model.orders)]
        try:
            shown = issuance_order.reissue_transfer_ids(order.order_id, self.scene.ctx, "operator", REQUEST)
        except issuance_order.OrderAlreadyUsed:
            assert order.spent is not None
            return
        assert order.spent is None
        for one in order.ids:
            one.ended = True
        order.ids.append(Ids(order, shown.transfer_id, shown.transfer_password, shown.expires))

    @rule(customer=CUSTOMERS, channel=st.sampled_from(["WS", "SFTP"]))
    def turn_approval(self, customer: str, channel: str) -> None:
        """Withdraw a channel from an organisation, or restore it."""
        approved = self.model.approved[customer]
        if channel in approved:
            assert withdraw(customer, Channel(channel), self.scene.ctx, "operator", REQUEST)
            approved.remove(channel)
        else:
            assert approve(customer, frozenset({Channel(channel)}), self.scene.ctx, "operator", REQUEST)
            approved.add(channel)

    @precondition(lambda self: any(one.fetched for one in self.model.issued))
    @rule(which=NUMBERS, compromised=st.booleans())
    def revoke(self, which: int, compromised: bool) -> None:
        """Revoke a retrieved certificate."""
        named = self._fetched(which)
        reason = RevocationReason.KEY_COMPROMISE if compromised else RevocationReason.AFFILIATION_CHANGED
        serial = serial_hex(load_certificate(named.der).serial_number)
        fresh = self.model.revoke(named, compromised=compromised)
        try:
            revoke(RevocationRequest(serial, reason), self.scene.ctx, "operator", REQUEST)
        except RevocationError:
            assert not fresh
            return
        assert fresh

    @rule(days=st.sampled_from([0, 1, 7, 14]), seconds=st.sampled_from([0, 1, 3600]))
    def wait(self, days: int, seconds: int) -> None:
        """Move the clock forward."""
        self.scene.clock.forward(days * DAY + seconds * SECOND)

    @precondition(lambda self: self.model.issued or self.model.orders)
    @rule(which=NUMBERS)
    def wait_for_an_edge(self, which: int) -> None:
        """Move the clock to a last second, or a first one, or one beside it."""
        edges = [one.expires for order in self.model.orders for one in order.ids]
        edges += [edge for one in self.model.issued for edge in (one.ends, one.ends - WINDOW)]
        ahead = sorted({at for edge in edges for at in (edge - SECOND, edge, edge + SECOND) if at > self.now})
        if ahead:
            self.scene.clock.now = ahead[which % min(len(ahead), 9)]

    @precondition(lambda self: any(one.ends - WINDOW > self.now for one in self.model.issued))
    @rule(days=st.integers(0, 59))
    def wait_for_a_window(self, days: int) -> None:
        """Move the clock into the renewal window of the newest certificate."""
        self.scene.clock.now = max(one.ends for one in self.model.issued) - WINDOW + days * DAY

    # Requests of programs.

    @precondition(lambda self: self.model.orders)
    @rule(
        which=NUMBERS,
        key=WHICH_KEY,
        wrong=_mostly_none(7, "password", "id", "customer", "another's password"),
        dress=st.sampled_from(sorted(DRESSES)),
        hung=_mostly_none(15, "CustomerId", "TransferId", "TransferPassword"),
    )
    def sign_new(self, which: int, key: str, wrong: str | None, dress: str, hung: str | None) -> None:
        """Send SignNewCertificate with ids of an order, right or wrong.

        The ids are the newest or earlier ones.
        """
        every = [one for order in self.model.orders for one in order.ids]
        usable = [one for one in every if not one.ended and one.expires >= self.now]
        shown = usable if usable and which % 4 else every
        ids: Ids | None = shown[-1 - which // 4 % min(len(shown), 4)]
        values = {"TransferId": ids.transfer_id, "TransferPassword": ids.password, "CustomerId": ids.order.customer}
        if wrong == "password":
            values["TransferPassword"] = "Qqwwqqww00112233"
        elif wrong == "another's password":
            values["TransferPassword"] = every[which // 7 % len(every)].password
        elif wrong == "id":
            values["TransferId"], ids = "0" * 32, None
        elif wrong == "customer":
            values["CustomerId"] = OTHER if ids.order.customer == CUSTOMER_ID else CUSTOMER_ID
        values, malformed = hung_on(values, hung, dress)
        if hung == "TransferId":
            ids = None
        octets, named, code = self._signing_request(key, which)
        wanted = Wanted(values["CustomerId"], named, code, malformed)
        self._send(
            Operation.NEW,
            self._request("SignNewCertificate", values, octets, (dress, hung)),
            (wanted, ids, values["TransferPassword"]),
        )

    @precondition(lambda self: self.model.orders)
    @rule(which=NUMBERS, times=st.sampled_from([1, 1, 1, 10]))
    def guess(self, which: int, times: int) -> None:
        """Guess at a password several times, then use the right one."""
        for _ in range(times):
            self.sign_new(which, "fresh", "password", "plain", None)
        self.sign_new(which, "fresh", None, "plain", None)

    @precondition(lambda self: any(one.fetched for one in self.model.issued))
    @rule(
        which=NUMBERS,
        key=WHICH_KEY,
        wrong=_mostly_none(9, "customer", "signature", "signer"),
        dress=st.sampled_from(sorted(DRESSES)),
        hung=_mostly_none(9, "CustomerId"),
    )
    def renew(self, which: int, key: str, wrong: str | None, dress: str, hung: str | None) -> None:
        """Send RenewCertificate signed with a retrieved certificate.

        The certificate may be old or new, revoked or not.
        """
        fit = [one for one in self.model.issued if one.fetched and one.counts(self.now)]
        signer: Issued | None = fit[-1 - which // 4 % len(fit)] if fit and which % 4 else self._fetched(which)
        customer, private, der = signer.order.customer, key_of(signer.key), signer.der
        if wrong == "customer":
            customer = OTHER if customer == CUSTOMER_ID else CUSTOMER_ID
        elif wrong == "signer":
            signer, private, der = None, xml_signing.key("p256"), xml_signing.certificate("p256")
        values, malformed = hung_on({"CustomerId": customer}, hung, dress)
        octets, named, code = self._signing_request(key, which)
        broken = wrong == "signature"
        body = self._request("RenewCertificate", values, octets, (dress, hung), signed_by=(private, der), broken=broken)
        self._send(Operation.RENEW, body, (Wanted(values["CustomerId"], named, code, malformed), signer, broken))

    @precondition(lambda self: any(one.fetched for one in self.model.issued))
    @rule(which=NUMBERS, times=st.integers(2, 5))
    def renew_over_and_over(self, which: int, times: int) -> None:
        """Renew with one key after the other.

        A holder that loses every answer and keeps no key does this.
        """
        for _ in range(times):
            self.renew(which, "fresh", None, "plain", None)

    @precondition(lambda self: self.model.issued)
    @rule(
        which=NUMBERS,
        wrong=_mostly_none(8, "id", "customer"),
        dress=st.sampled_from(sorted(DRESSES)),
        hung=_mostly_none(10, "CustomerId", "RetrievalId"),
    )
    def get(self, which: int, wrong: str | None, dress: str, hung: str | None) -> None:
        """Send GetCertificate with an answered retrieval id, once or again."""
        void = [one for one in self.model.issued if one.void]
        there = void if void and which % 4 == 1 else self.model.issued
        found: Issued | None = there[-1 - which // 4 % len(there)]
        values = {"CustomerId": found.order.customer, "RetrievalId": found.retrieval_id}
        if wrong == "id":
            values["RetrievalId"], found = "f" * 32, None
        elif wrong == "customer":
            values["CustomerId"] = OTHER if values["CustomerId"] == CUSTOMER_ID else CUSTOMER_ID
        values, malformed = hung_on(values, hung, dress)
        if hung == "RetrievalId":
            found = None
        self._send(
            Operation.GET,
            self._request("GetCertificate", values, None, (dress, hung)),
            (values["CustomerId"], found, malformed),
        )

    @precondition(lambda self: self.sent)
    @rule(which=NUMBERS)
    def repeat(self, which: int) -> None:
        """Send one of the last messages again, octet for octet.

        A holder that lost the answer does this.
        """
        self._send(*self.sent[-1 - which % min(8, len(self.sent))])

    # Invariants after each step.

    @invariant()
    def the_register_is_as_the_model(self) -> None:
        """Compare the certificates in the database with those of the model.

        Each expected certificate is there once and in the expected state. There is no other.
        """
        rows = models.Certificate.objects.using(self.scene.db.alias).select_related("predecessor", "order")
        there = {
            (
                row.retrieval_id,
                row.key_id,
                row.order.order_id if row.order else None,
                row.predecessor.retrieval_id if row.predecessor else None,
                row.state,
                row.revoked_at is not None,
            )
            for row in rows
        }
        assert len(rows) == len(there)
        assert there == {self._as_a_row(one) for one in self.model.issued}
        known = set(models.UsedKey.objects.using(self.scene.db.alias).values_list("key_id", flat=True))
        assert known == {key_id(key_of(name).public_key()) for name in self.model.keys}

    @staticmethod
    def _as_a_row(one: Issued) -> tuple[object, ...]:
        state = "void" if one.void else "fetched" if one.fetched else "issued"
        order = one.order.order_id if one.predecessor is None else None
        above = one.predecessor.retrieval_id if one.predecessor else None
        return one.retrieval_id, key_id(key_of(one.key).public_key()), order, above, state, one.revoked

    def _signing_request(self, key: str, number: int) -> tuple[bytes, str | None, str]:
        """Return a signing request, the name of its key and its error code.

        The request has one of two spellings. Without a key it is refused with the code.
        """
        if key == "with more behind":
            return csr(key_of(KEYS[0])) + b"\x00", None, "PKI010"
        if key == "of a strange curve":
            return odd_csr(strange_key()), None, "PKI011"
        unused = [one for one in KEYS if one not in self.model.keys]
        names = unused if key == "fresh" and unused else sorted(self.model.keys) or KEYS
        name = names[number % len(names)]
        if key == "newest" and self.model.issued:
            name = self.model.issued[-1].key
        return spelt(name, number % 2), name, ""

    def _fetched(self, which: int) -> Issued:
        fetched = [one for one in self.model.issued if one.fetched]
        return fetched[-1 - which % len(fetched)]

    def _send(self, operation: Operation, body: bytes, meant: tuple) -> None:
        """Send a message and compare its answer with the model's."""
        self.sent.append((operation, body, meant))
        match operation:
            case Operation.NEW:
                wanted, ids, password = meant
                code, made = self.model.sign_new(wanted, ids, password, self.now)
            case Operation.RENEW:
                wanted, signer, broken = meant
                code, made = self.model.renew(wanted, signer, self.now, broken=broken)
            case _:
                customer, made, malformed = meant
                code = self.model.get(customer, made, malformed=malformed)
        answer = self._answer(operation, body)
        self.heard[f"{operation.name.lower()} {code}"] += 1
        assert [one.code for one in answer.errors] == ([] if code == OK else [code])
        assert answer.status_ok is (code == OK)
        if code == OK:
            self._compare(operation, answer, made)

    def _compare(self, operation: Operation, answer: SoapResponse, made: Issued) -> None:
        """Compare an answer with the model.

        The same request has the same answer. A certificate has the expected key and customer.
        """
        if operation is not Operation.GET:
            made.retrieval_id = made.retrieval_id or answer.retrieval_id
            assert answer.retrieval_id == made.retrieval_id
            return
        made.der = made.der or answer.certificate
        assert answer.certificate == made.der
        certificate = load_certificate(made.der)
        assert certificate.public_key() == key_of(made.key).public_key()
        names = {one.rfc4514_attribute_name: one.value for one in certificate.subject}
        assert (names["CN"], names["O"]) == (made.order.customer, NAME)
        assert (certificate.not_valid_before_utc, certificate.not_valid_after_utc) == (made.begins, made.ends)

    def _answer(self, operation: Operation, body: bytes) -> SoapResponse:
        reply = self.door(Request("POST", PATH, "", {"content-type": "text/xml; charset=utf-8"}, REQUEST, body))
        assert reply.status == 200, reply.body
        return operations.read_response(reply.body, operation, lambda one: one == self.signer)

    def _request(self, operation, values, octets, dressed, signed_by=None, *, broken=False) -> bytes:
        dress, hung = dressed
        texts = {name: text if name == hung else DRESSES[dress](text) for name, text in values.items()}
        request = None if octets is None else DRESSES["blanks around"](base64.b64encode(octets).decode())
        order = (
            "Environment",
            "CustomerId",
            "CustomerName",
            "TransferId",
            "TransferPassword",
            "CertificateRequest",
            "RetrievalId",
        )
        written = {
            "Environment": "TEST",
            **texts,
            "CustomerName": DRESSES[dress](
                "Another &amp; Ltd" if dress in {"plain", "blanks around"} else "Another Ltd"
            ),
            "CertificateRequest": request,
        }
        if hung is not None and hung in texts:
            # The model knows the whole value. The message has a comment before the appended text.
            written[hung] = f"{texts[hung][: -len(HUNG_ON)]}<!-- -->{HUNG_ON}"
        payload = messages.element(f"{operation}Request", {name: written.get(name) for name in order})
        if signed_by is not None:
            payload = messages.signed(payload, *signed_by)
        if broken:
            payload = payload.replace(">TEST<", "> TEST<")
        return messages.enveloped(payload)
