"""Helpers shared by enrolment, renewal and retrieval.

They retry on conflict, store rejections and log lenient behaviour.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

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
from sinetti.services.waves import Steps

_log = logging.getLogger("sinetti.leniency")
_failures = logging.getLogger(__name__)
_Parameters = ParamSpec("_Parameters")
_Answer = TypeVar("_Answer")

TRIES = 10
"""Attempts per request.

A lineage changes three times per certificate: reserved, issued, retrieved.
"""


class _RejectedError(Exception):
    """A failure for which `rejecting_errors` has chosen the rejection."""

    def __init__(self, rejection: Rejection) -> None:
        super().__init__(rejection.reason)
        self.rejection = rejection


def retry_on_conflict(
    act: Callable[_Parameters, Steps[_Answer | Rejection]],
) -> Callable[_Parameters, Steps[_Answer | Rejection]]:
    """Begin a use case again, up to `TRIES` times, after a concurrent update.

    The use case must read its state anew each time. It returns UNAVAILABLE if the database or the journal is
    unavailable, or if every attempt conflicts.
    """

    @wraps(act)
    def attempts(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> Steps[_Answer | Rejection]:
        """Go through the use case, again after each concurrent update."""
        try:
            for _ in range(TRIES):
                try:
                    return (yield from act(*args, **kwargs))
                except ConcurrentUpdate:
                    continue
        except _RejectedError as error:
            return error.rejection
        except DATABASE_UNAVAILABLE:
            _failures.exception("the database cannot be reached")
        except JournalUnavailable:
            _failures.exception("the journal cannot be written")
        return Rejection(RejectionReason.UNAVAILABLE)

    return attempts


@contextmanager
def rejecting_errors(language: Language, request_id: str) -> Iterator[None]:
    """Turn failures into rejections in the language of an authenticated caller.

    For the body of functions with `@retry_on_conflict`, which returns the rejection. ConcurrentUpdate passes through.
    """
    try:
        yield
    except ConcurrentUpdate:
        raise
    except DATABASE_UNAVAILABLE as error:
        _failures.exception("request %s: the database cannot be reached", request_id)
        raise _RejectedError(Rejection(RejectionReason.UNAVAILABLE, language=language)) from error
    except JournalUnavailable as error:
        # The change is committed in the database. A repeated request gets its answer once the journal is writable.
        _failures.exception("request %s: the journal cannot be written", request_id)
        raise _RejectedError(Rejection(RejectionReason.UNAVAILABLE, language=language)) from error
    except Exception as error:
        # The trace stays in the log; the caller gets the reference.
        _failures.exception("request %s failed", request_id)
        raise _RejectedError(Rejection(RejectionReason.INTERNAL, reference=request_id, language=language)) from error


def record_rejection(
    refusal: Rejection, operation: str, lineage: Lineage, ctx: ServiceContext, audit: AuditContext
) -> Rejection:
    """Store the rejection of an authenticated caller and return it.

    Raises ConcurrentUpdate if the lineage changed while the decision was being made.
    """
    if refusal.reason is RejectionReason.KEY_REUSED:
        # The key was read after the lineage; the same request may have been processed in between.
        transactions.check_version(ctx.db, lineage)
    rejections.record_rejection(ctx.db, lineage.lineage_id, refusal.reason, operation, audit)
    return refusal


def log_leniency(kind: LenientBehaviour, request_id: str) -> None:
    """Log an answer that the reference service is not known to give.

    docs/integrators/divergences.md lists these answers.
    """
    _log.info("leniency=%s request=%s: the real service is not known to give this", kind, request_id)
