"""A certificate with its line and people, as pages about it need it: one statement each."""

from dataclasses import dataclass, field
from datetime import datetime

from sinetti.database import models
from sinetti.database.connection import Register
from sinetti.database.organisations.organisations import Person
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.values import Channel, Language, Serial, Span


@dataclass(frozen=True, slots=True)
class CertificateSeen:
    """A certificate and its line. People are those of now; None where nobody is, or who was is erased."""

    serial: Serial
    organisation_id: str
    customer_id: str
    organisation: str
    organisation_open: bool
    holding_id: str
    channel: Channel
    description: str
    span: Span
    state: CertificateState
    revoked_at: datetime | None
    serves: int | None
    let_end_at: datetime | None
    contact: Person | None = field(repr=False)
    deputy: Person | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class LineSeen:
    """One certificate of a line: what it was renewed from, and whether it is revoked."""

    serial: Serial
    span: Span
    predecessor: Serial | None
    revoked: bool


def find(register: Register, serial: Serial) -> CertificateSeen | None:
    """The certificate with this serial, or None."""
    paths = ("holding__organisation", "holding__type", "holding__contact", "holding__deputy")
    row = models.Certificate.objects.using(register.alias).select_related(*paths).filter(serial=serial).first()
    if row is None:
        return None
    holding = row.holding
    return CertificateSeen(
        serial,
        holding.organisation_id,
        holding.organisation.customer_id,
        holding.organisation.name,
        holding.organisation.closed_at is None,
        holding.holding_id,
        Channel(holding.type.channel),
        holding.description,
        Span(row.not_before, row.not_after),
        CertificateState(row.state),
        row.revoked_at,
        holding.serves,
        holding.let_end_at,
        person(holding.contact),
        person(holding.deputy),
    )


def line(register: Register, holding_id: str) -> tuple[LineSeen, ...]:
    """All certificates of a line, in the order in which they were made: voided and reserved ones too."""
    rows = models.Certificate.objects.using(register.alias).filter(holding=holding_id).order_by("reserved_at", "pk")
    return tuple(
        LineSeen(Serial(serial), Span(begins, ends), Serial(before) if before else None, revoked is not None)
        for serial, begins, ends, before, revoked in rows.values_list(
            "serial", "not_before", "not_after", "predecessor__serial", "revoked_at"
        )
    )


def person(row: models.Person | None) -> Person | None:
    """Somebody who can be written to: who was erased has no address."""
    if row is None or row.erased_at is not None or not row.email:
        return None
    return Person(row.name, row.email, row.phone, Language(row.language))
