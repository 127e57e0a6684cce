"""Early replacement after an incident: opens renewal now.

See docs/holders/renewal-info.md.

Renewal information spreads the renewals over time. The call is stored before the first certificate is opened, so that
an interrupted run can continue. A call can be undone, since it changes nothing that a holder has.
"""

from dataclasses import dataclass, field
from datetime import timedelta

from sinetti.database.certificates import early_replacement
from sinetti.database.certificates.bulk_revocation import CertificateSelection
from sinetti.database.certificates.early_replacement import EarlyReplacementCall, EarlyReplacementCandidate
from sinetti.database.notifications.early_replacement_audience import list_audiences
from sinetti.domain.certificates.bulk_revocation import actor_of, check_officer
from sinetti.domain.certificates.renewal_info import (
    EarlyReplacementError,
    Explanation,
    check_notice,
    check_over,
    check_reason,
    is_eligible,
)
from sinetti.domain.notifications.early_replacement import CallReach, count_reached
from sinetti.domain.values import Serial
from sinetti.services.context import ServiceContext
from sinetti.services.revocation.bulk_revoke import ProgressCallback, no_progress, require_criteria, require_existing


@dataclass(frozen=True, slots=True)
class EarlyReplacementRequest:
    """Selected certificates, officer, reason, public explanation and time span."""

    wanted: CertificateSelection
    officer: str
    reason: str
    notice: Explanation
    over: timedelta


@dataclass(frozen=True, slots=True)
class EarlyReplacementSelection:
    """The certificates of a call, and the people it reaches.

    `passed_over` were selected, but have ended, or were revoked, renewed or called.
    """

    going: tuple[EarlyReplacementCandidate, ...]
    passed_over: int
    reached: CallReach = field(default_factory=CallReach)

    @property
    def serials(self) -> tuple[Serial, ...]:
        """The serials of the certificates to call, in order."""
        return tuple(row.serial for row in self.going)


@dataclass(frozen=True, slots=True)
class EarlyReplacementResult:
    """Result of a call for early replacement.

    `call` is None if nothing was left to call; `opened` counts the opened certificates. `resumed` are interrupted
    calls, and undone calls that were not fully reset. They are completed first.
    """

    selection: EarlyReplacementSelection
    call: EarlyReplacementCall | None
    opened: int = 0
    resumed: tuple[EarlyReplacementCall, ...] = ()


def preview(ask: EarlyReplacementRequest, ctx: ServiceContext) -> EarlyReplacementSelection:
    """Return the certificates that would be called, without any change.

    Raises BulkRevocationError and EarlyReplacementError.
    """
    _checked(ask)
    require_criteria(ask.wanted, "called", "their serial numbers, organisation or issuing CA")
    require_existing(ask.wanted, ctx)
    rows, now = early_replacement.select(ctx.db, ask.wanted), ctx.now()
    going = tuple(row for row in rows if is_eligible(row.candidate, now))
    reached = count_reached(list_audiences(ctx.db, [row.serial for row in going], now))
    return EarlyReplacementSelection(going, len(rows) - len(going), reached)


def call_early(
    ask: EarlyReplacementRequest, ctx: ServiceContext, request_id: str, on_progress: ProgressCallback = no_progress
) -> EarlyReplacementResult:
    """Open the certificates for renewal; the hints spread it within `over`.

    Interrupted runs of any officer are completed first. Raises as `preview` does.
    """
    preview(ask, ctx)
    resumed = early_replacement.unfinished(ctx.db)
    for one in resumed:
        if one.undone_at is None:
            _carry_out(one, ctx, _Initiator(one.officer, request_id), on_progress)
        else:
            _put_back(one, ctx, _Initiator(ask.officer, request_id), on_progress)
    selection = preview(ask, ctx)
    if not selection.going:
        return EarlyReplacementResult(selection, None, resumed=resumed)
    asked, now = _checked(ask), ctx.now()
    new = EarlyReplacementCall("", asked.officer, asked.reason, asked.notice, selection.serials, now, now + asked.over)
    by = _Initiator(asked.officer, request_id)
    call = early_replacement.store(ctx.db, new, ctx.audit_entry(actor_of(by.officer), request_id))
    ctx.step("early-stored")
    _carry_out(call, ctx, by, on_progress)
    return EarlyReplacementResult(selection, call, early_replacement.count_called(ctx.db, call), resumed)


def cancel(
    call_id: str, officer: str, ctx: ServiceContext, request_id: str, on_progress: ProgressCallback = no_progress
) -> EarlyReplacementCall:
    """Undo a call: its certificates follow the normal rule again.

    An interrupted call of this function is resumed. Certificates renewed in the meantime stay. Raises
    BulkRevocationError for an invalid officer id, and EarlyReplacementError.
    """
    check_officer(officer)
    call = early_replacement.find(ctx.db, call_id)
    if call is None:
        sentence = "no call has this ID: run sinetti authority call-early --list to list the calls in force"
        raise EarlyReplacementError(sentence)
    if call.back_at is not None:
        sentence = "this call has already been cancelled: its certificates can be renewed at the usual time"
        raise EarlyReplacementError(sentence)
    early_replacement.undo(ctx.db, call, ctx.audit_entry(actor_of(officer), request_id))
    ctx.step("early-undone")
    _put_back(call, ctx, _Initiator(officer, request_id), on_progress)
    return call


def list_active(ctx: ServiceContext) -> tuple[EarlyReplacementCall, ...]:
    """Return the active calls, oldest first: those that were not undone."""
    return early_replacement.active(ctx.db)


def count_opened(call: EarlyReplacementCall, ctx: ServiceContext) -> int:
    """Return how many certificates a call has opened."""
    return early_replacement.count_called(ctx.db, call)


@dataclass(frozen=True, slots=True)
class _Initiator:
    """The officer responsible and the request id."""

    officer: str
    request_id: str


def _checked(ask: EarlyReplacementRequest) -> EarlyReplacementRequest:
    """Return the request with all user-written texts checked."""
    officer, reason = check_officer(ask.officer), check_reason(ask.reason)
    return EarlyReplacementRequest(ask.wanted, officer, reason, check_notice(ask.notice), check_over(ask.over))


def _carry_out(call: EarlyReplacementCall, ctx: ServiceContext, by: _Initiator, on_progress: ProgressCallback) -> None:
    """Open the certificates of a call in parts, then mark the call as done.

    Certificates that are open already are skipped.
    """
    of = len(call.serials)
    for at in range(0, of, early_replacement.AT_ONCE):
        part = call.serials[at : at + early_replacement.AT_ONCE]
        early_replacement.open_batch(ctx.db, call, part, ctx.audit_entry(actor_of(by.officer), by.request_id))
        ctx.step("early-opened")
        on_progress(at + len(part), of)
    early_replacement.finish(ctx.db, call, ctx.audit_entry(actor_of(by.officer), by.request_id))


def _put_back(call: EarlyReplacementCall, ctx: ServiceContext, by: _Initiator, on_progress: ProgressCallback) -> None:
    done, of = 0, early_replacement.count_called(ctx.db, call)
    while part := early_replacement.revert_batch(ctx.db, call, ctx.audit_entry(actor_of(by.officer), by.request_id)):
        ctx.step("early-back")
        done += part
        on_progress(done, max(done, of))
