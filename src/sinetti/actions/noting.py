"""What is written into the journal before an answer leaves (docs/journal.md). Raises JournalUnavailable."""

from collections.abc import Collection
from datetime import datetime

from sinetti.actions.office import Office
from sinetti.domain.records import Certificate
from sinetti.domain.revocation import RevocationReason
from sinetti.domain.values import Serial
from sinetti.registry import facts, store


def note_issued(certificate: Certificate, office: Office, der: bytes | None) -> None:
    """A certificate is issued, its order spent or its predecessor renewed; `der` where the caller has it."""
    if der is None and office.journal.holds(certificate.serial):
        return
    stored = der if der is not None else store.octets_of(office.register, certificate)[1]
    office.journal.append([facts.issued(office.register, certificate, stored or b"")])


def note_fetched(serial: Serial, at: datetime, office: Office) -> None:
    """A certificate leaves the house for the first time: it is never voided from here on."""
    office.journal.append([facts.fetched(serial, at)])


def note_voided(serial: Serial, at: datetime, office: Office) -> None:
    """A renewal that nobody fetched gave way to another."""
    office.journal.append([facts.revoked(serial, at, (RevocationReason.SUPERSEDED, None), void=True)])


def note_revoked(
    serials: Collection[Serial], at: datetime, why: tuple[RevocationReason, datetime | None], office: Office
) -> None:
    """Certificates are revoked, all at once; `why` is reason and invalidity date."""
    office.journal.append([facts.revoked(serial, at, why) for serial in serials])
