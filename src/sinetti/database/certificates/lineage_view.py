"""A certificate with its lineage and people for pages, one statement each."""

from dataclasses import dataclass, field
from datetime import datetime

from sinetti.database import models
from sinetti.database.connection import Database
from sinetti.database.organisations.organisations import ContactDetails
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.values import Channel, Language, Serial, ValidityPeriod


@dataclass(frozen=True, slots=True)
class LineageView:
    """A certificate and its lineage.

    Contact and deputy are the present ones, None if there is none or the person was erased.
    """

    serial: Serial
    organisation_id: str
    customer_id: str
    organisation: str
    organisation_open: bool
    lineage_id: str
    channel: Channel
    description: str
    span: ValidityPeriod
    state: CertificateState
    revoked_at: datetime | None
    serves: int | None
    renewal_opt_out_at: datetime | None
    contact: ContactDetails | None = field(repr=False)
    deputy: ContactDetails | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class LineageEntry:
    """One certificate of a lineage, with its predecessor and revocation."""

    serial: Serial
    span: ValidityPeriod
    predecessor: Serial | None
    revoked: bool


def find(db: Database, serial: Serial) -> LineageView | None:
    """Return the certificate with this serial, or None."""
    paths = ("lineage__organisation", "lineage__type", "lineage__contact", "lineage__deputy")
    row = db.rows(models.Certificate).select_related(*paths).filter(serial=serial).first()
    if row is None:
        return None
    lineage = row.lineage
    return LineageView(
        serial,
        lineage.organisation_id,
        lineage.organisation.customer_id,
        lineage.organisation.name,
        lineage.organisation.closed_at is None,
        lineage.lineage_id,
        Channel(lineage.type.channel),
        lineage.description,
        ValidityPeriod(row.not_before, row.not_after),
        CertificateState(row.state),
        row.revoked_at,
        lineage.serves,
        lineage.renewal_opt_out_at,
        person(lineage.contact),
        person(lineage.deputy),
    )


def list_lineage(db: Database, lineage_id: str) -> tuple[LineageEntry, ...]:
    """Return all certificates of a lineage in the order of their reservation.

    Voided and reserved ones are included.
    """
    rows = db.rows(models.Certificate).filter(lineage=lineage_id).order_by("reserved_at", "pk")
    return tuple(
        LineageEntry(
            Serial(serial), ValidityPeriod(begins, ends), Serial(before) if before else None, revoked is not None
        )
        for serial, begins, ends, before, revoked in rows.values_list(
            "serial", "not_before", "not_after", "predecessor__serial", "revoked_at"
        )
    )


def person(row: models.Person | None) -> ContactDetails | None:
    """Return a person's contact details, or None if there is no address.

    An erased person has no address.
    """
    if row is None or row.erased_at is not None or not row.email:
        return None
    return ContactDetails(row.name, row.email, row.phone, Language(row.language))
