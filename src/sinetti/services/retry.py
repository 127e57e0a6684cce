"""What every action does around its decision: try again when the state moved, keep refusals, say what it relied on."""

import logging
from collections.abc import Callable
from typing import TypeVar

from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import DATABASE_UNAVAILABLE
from sinetti.database.issuance import rejections, transactions
from sinetti.database.issuance.transactions import ConcurrentUpdate
from sinetti.domain.certificates.models import Lineage
from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.requests import LenientBehaviour
from sinetti.domain.values import Language
from sinetti.journal.writer import JournalUnavailable
from sinetti.services.context import ServiceContext

_log = logging.getLogger("sinetti.leniency")
_failures = logging.getLogger(__name__)
_Answer = TypeVar("_Answer")

TRIES = 10
"""A lineage moves three times for one certificate (reserved, recorded, fetched): ten tries outlast any real crowd."""


def until_settled(attempt: Callable[[], _Answer | Rejection]) -> _Answer | Rejection:
    """Decide, and decide anew where the state moved meanwhile.

    No register or journal: UNAVAILABLE.
    """
    try:
        for _ in range(TRIES):
            try:
                return attempt()
            except ConcurrentUpdate:
                continue
    except DATABASE_UNAVAILABLE:
        _failures.exception("the register is away")
    except JournalUnavailable:
        _failures.exception("the journal cannot be written")
    return Rejection(RejectionReason.UNAVAILABLE)


def for_proven(language: Language, request_id: str, act: Callable[[], _Answer | Rejection]) -> _Answer | Rejection:
    """Act for a caller who is proven: whatever fails from here on is said in the contact's language."""
    try:
        return act()
    except ConcurrentUpdate:
        raise
    except DATABASE_UNAVAILABLE:
        _failures.exception("request %s: the register is away", request_id)
        return Rejection(RejectionReason.UNAVAILABLE, language=language)
    except JournalUnavailable:
        # What was done stands in the register; whoever asks again is answered once it can be written down.
        _failures.exception("request %s: the journal cannot be written", request_id)
        return Rejection(RejectionReason.UNAVAILABLE, language=language)
    except Exception:  # noqa: BLE001 - the trace stays in the log, the caller gets the reference
        _failures.exception("request %s failed", request_id)
        return Rejection(RejectionReason.INTERNAL, reference=request_id, language=language)


def record_rejection(
    refusal: Rejection, operation: str, lineage: Lineage, ctx: ServiceContext, audit: AuditContext
) -> Rejection:
    """Keep a refusal whose caller is proven, and give it back.

    Raises ConcurrentUpdate where it was decided on a torn reading.
    """
    if refusal.reason is RejectionReason.KEY_REUSED:
        # What was spent or renewed is read first, the key after it: the same request may have come in between.
        transactions.check_version(ctx.db, lineage)
    rejections.record_rejection(ctx.db, lineage.lineage_id, refusal.reason, operation, audit)
    return refusal


def log_leniency(kind: LenientBehaviour, request_id: str) -> None:
    """Mark an answer that the real service is not known to give (docs/divergences.md)."""
    _log.info("leniency=%s request=%s: the real service is not known to give this", kind, request_id)
