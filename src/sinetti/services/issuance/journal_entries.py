"""Journal entries that are written before an answer leaves (docs/journal.md).

All functions raise JournalUnavailable.
"""

from collections.abc import Collection

from sinetti.database.issuance import journal_records, transactions
from sinetti.domain.certificates.models import Certificate
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Serial
from sinetti.journal.reader import JournalError
from sinetti.services.context import ServiceContext


def journal_issued(certificate: Certificate, ctx: ServiceContext, der: bytes | None) -> None:
    """Record that a certificate was issued and what it spent or renewed.

    That is an order or the predecessor. `der` is given if the caller has it.
    """
    if der is None and ctx.journal.holds(journal_records.ISSUED, certificate.serial):
        return
    stored = der if der is not None else transactions.get_der(ctx.db, certificate)[1]
    ctx.journal.append([journal_records.issued(ctx.db, certificate, stored or b"")])


def journal_retrieved(certificate: Certificate, ctx: ServiceContext) -> None:
    """Record that a certificate leaves the service; it is never voided from then on.

    Also called for a repeated request. The process that marked it may have ended, or lost its database, before it
    wrote the entry.
    """
    if not ctx.journal.holds(journal_records.FETCHED, certificate.serial):
        at = certificate.first_fetched_at or certificate.span.not_before
        ctx.journal.append([journal_records.fetched(certificate.serial, at)])


def journal_superseded(certificate: Certificate, ctx: ServiceContext) -> None:
    """Record the unretrieved certificate that a renewal superseded.

    Also called if another request reserved this renewal, since that process may have ended before it wrote the entry.
    A certificate that was never issued needs no entry.
    """
    if certificate.predecessor is None:
        return
    why = (RevocationReason.SUPERSEDED, None)
    news = [
        journal_records.revoked(serial, at, why, void=True)
        for serial, at in transactions.voided_renewals(ctx.db, certificate.predecessor)
        if not ctx.journal.holds(journal_records.REVOKED, serial)
    ]
    if news:
        ctx.journal.append(news)


def journal_revoked(serials: Collection[Serial], ctx: ServiceContext) -> None:
    """Record those of these certificates that are revoked, in one write.

    Skips certificates that this process recorded recently.
    """
    unwritten = [serial for serial in serials if not ctx.journal.holds(journal_records.REVOKED, serial)]
    ctx.journal.append(tuple(journal_records.revocations(ctx.db, unwritten)))


def note_revoked_or_say(serials: Collection[Serial], ctx: ServiceContext) -> None:
    """Record revocations like `journal_revoked`, with an explanation on failure.

    The exception says that the revocation is in force, and what the operator must do.
    """
    try:
        journal_revoked(serials, ctx)
    except JournalError as failed:
        sentence = (
            f"the revocation stands, but it is not in the journal yet ({failed}): mend that, then run the same command "
            "again, which writes it down"
        )
        raise type(failed)(sentence) from failed
