"""Sample organisation with its people, and certificates in all reported states."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from sinetti.database.notifications.digests import DigestRow
from sinetti.database.notifications.early_replacement_audience import CallDetails, CallListItem
from sinetti.database.notifications.message_data import CertificateData, LineageData, PersonRef, ToldSuccessor
from sinetti.domain.certificates.display_status import ends_soon
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.notifications.digests import DigestItemKind, item_severity, section
from sinetti.domain.values import RENEWAL_WINDOW, VALIDITY, Channel, Language, Serial

SUNDAY_END: Final = datetime(2027, 5, 2, 11, 3, tzinfo=UTC)
"""Expiry of the glossary's certificate: a Sunday, the day after the First of May.

Daylight saving time begins before it.
"""
DIGEST_AT: Final = datetime(2027, 4, 19, 5, tzinfo=UTC)
"""Time of the digest, a Monday."""
TUESDAY_END: Final = datetime(2027, 5, 4, 11, 3, tzinfo=UTC)
RENEWED_AT: Final = datetime(2027, 4, 12, 6, 30, tzinfo=UTC)
REVOKED_AT: Final = datetime(2027, 3, 16, 12, 5, tzinfo=UTC)
ORDERED_AT: Final = datetime(2027, 3, 2, 7, 40, tzinfo=UTC)
REPLACEMENT_ORDERED_AT: Final = datetime(2027, 4, 14, 9, 15, tzinfo=UTC)
FETCHED_END: Final = datetime(2029, 3, 15, 9, 20, tzinfo=UTC)

ORGANISATION_ID: Final = "0" * 31 + "1"
ORGANISATION: Final = "Sinisiipi Oy"
CUSTOMER_ID: Final = "0123456-7"
FIRM_ID: Final = "0" * 31 + "2"
FIRM: Final = "Tilitoimisto Oy"
FIRM_CUSTOMER_ID: Final = "0123457-5"

CALL_ID: Final = "0" * 31 + "7"
"""Id of the early replacement."""
CALLED_AT: Final = datetime(2027, 3, 16, 9, 30, tzinfo=UTC)
CALL: Final = CallDetails(
    ends=CALLED_AT + timedelta(days=2),
    undone=False,
    explanation={
        Language.FI: "Ohjelmistokirjasto on tehnyt heikkoja avaimia.",
        Language.SV: "Ett programbibliotek har skapat svaga nycklar.",
        Language.EN: "A software library has made weak keys.",
    },
)


INCIDENT_ID: Final = "0" * 31 + "8"
"""Id of the early replacement after the theft of a CA's key."""
BRIDGE_UNTIL: Final = CALLED_AT + timedelta(hours=72)
"""End of the bridge of that CA."""
STOLEN: Final = {"call": INCIDENT_ID, "stolen": {"issuing": BRIDGE_UNTIL.isoformat()}}
"""Facts of the messages about it."""
CALLS: Final[Mapping[str, CallDetails]] = {
    CALL_ID: CALL,
    INCIDENT_ID: replace(CALL, explanation=dict.fromkeys(Language, "")),
}
"""Early replacements by their ids."""
DRILL_ID: Final = "0" * 31 + "9"
"""Id of the drill."""


@dataclass(frozen=True)
class SamplePerson:
    """A sample person with an e-mail address and a phone number, which may be empty."""

    person_id: str
    name: str
    email: str
    phone: str = ""


@dataclass(frozen=True)
class SampleLineage:
    """A lineage with its certificate or its order.

    An order has a secure message and a PIN code. Their ids are that of the lineage. `number` stands for the primary
    key of the certificate's row.
    """

    number: int
    lineage: LineageData
    certificate: CertificateData | None = None
    ordered_at: datetime | None = None

    @property
    def lineage_id(self) -> str:
        """Id of the lineage."""
        return self.lineage.lineage_id

    @property
    def order_id(self) -> str | None:
        """Id of the order, its secure message and its PIN code, or None."""
        return None if self.ordered_at is None else self.lineage_id

    @property
    def secure_message_expires(self) -> datetime | None:
        """Expiry of the link to the secure message, or None."""
        return None if self.ordered_at is None else self.ordered_at + timedelta(days=14)

    @property
    def pin_expires(self) -> datetime | None:
        """Expiry of the PIN code, or None."""
        return None if self.ordered_at is None else self.ordered_at + timedelta(minutes=15)


PEOPLE: Final[Mapping[str, SamplePerson]] = {
    role: SamplePerson(f"{number:032x}", *details)
    for number, (role, details) in enumerate(
        {
            "contact": ("Nimi Nimetty", "nimi@sinisiipi.example", "+358 40 000 0067"),
            "deputy": ("Sijainen Nimetty", "sijainen@sinisiipi.example", "+358 40 000 0068"),
            "signatory": ("Edustaja Nimetty", "edustaja@sinisiipi.example"),
            "contact_person": ("Yhteys Nimetty", "yhteys@sinisiipi.example", "+358 40 000 0069"),
            "before": ("Entinen Nimetty", "entinen@sinisiipi.example"),
            "without_phone": ("Numeroton Nimetty", "numeroton@sinisiipi.example"),
            "firm": ("Tilitoimiston Nimetty", "nimetty@tilitoimisto.example", "+358 40 000 0070"),
            "newcomer": ("Uusi Nimetty", "uusi@malli.example"),
        }.items(),
        start=1,
    )
}
"""People by their role.

`before` was the contact or deputy until now. `firm` is the firm's contact person.
"""


def _lineage(number: int, description: str, contact: str = "contact", serves: int | None = None) -> LineageData:
    return LineageData(
        lineage_id=f"{number:032x}",
        description=description,
        channel=Channel.WS,
        organisation_id=ORGANISATION_ID,
        organisation=ORGANISATION,
        customer_id=CUSTOMER_ID,
        contact_person=PEOPLE["contact_person"].person_id,
        contact=PersonRef(PEOPLE[contact].person_id, PEOPLE[contact].name),
        deputy=PEOPLE["deputy"].person_id,
        serves=serves,
    )


def _certificate(number: int, ends: datetime) -> CertificateData:
    """Return a certificate that was retrieved shortly after its issue."""
    begins = ends - VALIDITY
    return CertificateData(
        serial=Serial(f"4f{number:036x}"),
        not_before=begins,
        not_after=ends,
        renewable_from=ends - RENEWAL_WINDOW,
        revoked_at=None,
        revocation_reason="",
        first_fetched_at=begins + timedelta(minutes=9),
        older_ends=None,
        successor=None,
        replacement_ordered=None,
    )


def _simple(
    number: int, description: str, ends: datetime, contact: str = "contact", serves: int | None = None
) -> SampleLineage:
    return SampleLineage(number, _lineage(number, description, contact, serves), _certificate(number, ends))


def _renewed(number: int, description: str, fetched_at: datetime | None) -> tuple[SampleLineage, SampleLineage]:
    """Return a certificate that expires on the Sunday, and its renewal."""
    lineage = _lineage(number, description)
    successor = ToldSuccessor(RENEWED_AT, RENEWED_AT + VALIDITY, fetched_at)
    old = replace(_certificate(number, SUNDAY_END), successor=successor)
    new = replace(
        _certificate(number + 0x100, successor.not_after), first_fetched_at=fetched_at, older_ends=old.not_after
    )
    return SampleLineage(number, lineage, old), SampleLineage(number + 0x100, lineage, new)


def _ordered(number: int, contact: str) -> SampleLineage:
    """Return an order whose contact is to get transfer ids."""
    return SampleLineage(number, _lineage(number, "Poissaolotiedot", contact), ordered_at=ORDERED_AT)


def _revoked(sample: SampleLineage) -> SampleLineage:
    assert sample.certificate is not None  # noqa: S101 - a simple sample has one
    reason = RevocationReason.KEY_COMPROMISE
    return replace(
        sample, certificate=replace(sample.certificate, revoked_at=REVOKED_AT, revocation_reason=reason.value)
    )


def _replaced(sample: SampleLineage) -> SampleLineage:
    """Return a certificate with an open replacement order."""
    assert sample.certificate is not None  # noqa: S101 - a simple sample has one
    return replace(sample, certificate=replace(sample.certificate, replacement_ordered=REPLACEMENT_ORDERED_AT))


_UNFETCHED, _ = _renewed(0x13, "Tulorekisteri, raportointi", None)
_STILL_USED, _RENEWAL = _renewed(0x14, "Palkat Tampere", RENEWED_AT + timedelta(minutes=2))

LINEAGES: Final[Mapping[str, SampleLineage]] = {
    "sunday": _simple(0x11, "Palkanlaskenta", SUNDAY_END),
    "tuesday": _simple(0x12, "Palkanlaskenta, etelä", TUESDAY_END, serves=300),
    "unfetched": _UNFETCHED,
    "still_used": _STILL_USED,
    "renewal": _RENEWAL,
    "fetched": _simple(0x15, "Etuudet", FETCHED_END),
    "revoked": _revoked(_simple(0x16, "Vanha järjestelmä", SUNDAY_END, serves=1)),
    "ordered": _ordered(0x17, "contact"),
    "nameless": _ordered(0x18, "without_phone"),
    "firms": _simple(0x19, "Palkanlaskenta, länsi", TUESDAY_END, "firm", serves=40),
    "by_program": _simple(0x1A, "Etuudet, itä", TUESDAY_END),
    "replaced": _replaced(_simple(0x1B, "Palkat Turku", SUNDAY_END)),
}
"""Lineages by name.

The contact of `firms` is a person of the firm. A program has renewed `by_program` before.
"""


def _digest_row(name: str, kind: DigestItemKind, *, firms: bool = False) -> DigestRow:
    sample = LINEAGES[name]
    lineage, certificate = sample.lineage, sample.certificate
    assert certificate is not None  # noqa: S101 - a digest lists certificates
    return DigestRow(
        part=section(kind, firms=firms),
        matter=kind,
        certificate=sample.number,
        serial=certificate.serial,
        organisation=lineage.organisation,
        customer_id=lineage.customer_id,
        channel=lineage.channel,
        description=lineage.description,
        contact=lineage.contact.name if lineage.contact else "",
        not_after=certificate.not_after,
        severity=item_severity(kind, ends_soon=ends_soon(certificate.not_after, certificate.renewable_from, DIGEST_AT)),
        serves=lineage.serves,
    )


DIGEST: Final = (
    _digest_row("firms", DigestItemKind.RENEW, firms=True),
    _digest_row("sunday", DigestItemKind.RENEW),
    _digest_row("unfetched", DigestItemKind.RETRIEVE),
    _digest_row("revoked", DigestItemKind.REVOKED),
    _digest_row("replaced", DigestItemKind.RENEW),
    _digest_row("tuesday", DigestItemKind.RENEW),
    _digest_row("still_used", DigestItemKind.DONE),
    _digest_row("by_program", DigestItemKind.RENEWS_ITSELF),
)
"""Rows of the firm's digest, by section and expiry."""


def _called(name: str) -> CallListItem:
    lineage, certificate = LINEAGES[name].lineage, LINEAGES[name].certificate
    assert certificate is not None  # noqa: S101 - a call lists certificates
    return CallListItem(
        certificate.serial,
        lineage.organisation,
        lineage.customer_id,
        lineage.channel,
        lineage.description,
        certificate.not_after,
    )


_CALLED = (_called("sunday"), _called("tuesday"))
CALLED: Final[Mapping[str, tuple[CallListItem, ...]]] = {
    CALL_ID: _CALLED,
    DRILL_ID: _CALLED,
    INCIDENT_ID: tuple(replace(_called(one), accepted_until=BRIDGE_UNTIL) for one in ("replaced", "fetched")),
}
"""Certificates of the early replacements and of the drill, by their ids."""
