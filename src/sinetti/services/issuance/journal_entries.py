"""What is written into the journal before an answer leaves (docs/journal.md).

Raises JournalUnavailable.
"""

from collections.abc import Collection

from sinetti.database.issuance import journal_records, transactions
from sinetti.domain.certificates.models import Certificate
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Serial
from sinetti.journal.reader import JournalError
from sinetti.services.context import ServiceContext


def journal_issued(certificate: Certificate, ctx: ServiceContext, der: bytes | None) -> None:
    """A certificate is issued, its order spent or its predecessor renewed; `der` where the caller has it."""
    if der is None and ctx.journal.holds(journal_records.ISSUED, certificate.serial):
        return
    stored = der if der is not None else transactions.get_der(ctx.db, certificate)[1]
    ctx.journal.append([journal_records.issued(ctx.db, certificate, stored or b"")])


def journal_retrieved(certificate: Certificate, ctx: ServiceContext) -> None:
    """A certificate leaves the house: it is never voided from here on.

    For a repeated request too: who marked it may have ended, or lost its register, before this was written.
    """
    if not ctx.journal.holds(journal_records.FETCHED, certificate.serial):
        at = certificate.first_fetched_at or certificate.span.not_before
        ctx.journal.append([journal_records.fetched(certificate.serial, at)])


def journal_superseded(certificate: Certificate, ctx: ServiceContext) -> None:
    """What gave way to a renewal, though nobody had fetched it; also where another request reserved this one.

    That one may have ended before it was written. What was never issued needs no line.
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
    """Those of these certificates that are revoked, all at once, unless this process wrote it lately."""
    unwritten = [serial for serial in serials if not ctx.journal.holds(journal_records.REVOKED, serial)]
    ctx.journal.append(tuple(journal_records.revocations(ctx.db, unwritten)))


def note_revoked_or_say(serials: Collection[Serial], ctx: ServiceContext) -> None:
    """Do the same; what is raised where it cannot be written says that the revocation stands, and what to do."""
    try:
        journal_revoked(serials, ctx)
    except JournalError as failed:
        sentence = (
            f"the revocation stands, but it is not in the journal yet ({failed}): mend that, then run the same command "
            "again, which writes it down"
        )
        raise type(failed)(sentence) from failed
