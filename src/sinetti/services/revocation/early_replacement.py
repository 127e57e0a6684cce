"""Early replacement after an incident: opens renewal now.

See docs/holders/renewal-info.md and docs/operators/incident-reach.md.

Renewal information spreads the renewals over time. The call is stored before the first certificate is opened, so that
an interrupted run can continue. A call can be undone, since it changes nothing that a holder has.
"""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from sinetti.database.authorities.distrust import list_bridge_ends
from sinetti.database.certificates import early_replacement
from sinetti.database.certificates.bulk_revocation import CertificateSelection
from sinetti.database.certificates.early_replacement import EarlyReplacementCall, EarlyReplacementCandidate
from sinetti.database.notifications import call_reach
from sinetti.database.notifications.call_reach import CallStatus, MessageCounts, UnreachedItem
from sinetti.database.notifications.early_replacement_audience import CallSubject, list_audiences
from sinetti.domain.certificates.bulk_revocation import actor_of, check_officer
from sinetti.domain.certificates.renewal_info import (
    EarlyReplacementError,
    Explanation,
    check_notice,
    check_over,
    check_reason,
    is_eligible,
)
from sinetti.domain.notifications.early_replacement import CallReach, PhoneCall, count_reached, list_phone_calls
from sinetti.domain.notifications.messages import MessageKind
from sinetti.domain.values import Serial
from sinetti.services.context import ServiceContext
from sinetti.services.revocation.bulk_revoke import ProgressCallback, no_progress, require_criteria, require_existing

LISTED: Final = 1000
"""Greatest number of unreached certificates that are listed."""

_UNKNOWN = "no call has this ID: run sinetti authority call-early status to list the calls in force"


@dataclass(frozen=True)
class EarlyReplacementRequest:
    """Selected certificates, officer, reason, public explanation and time span."""

    wanted: CertificateSelection
    officer: str
    reason: str
    notice: Explanation
    over: timedelta


@dataclass(frozen=True)
class EarlyReplacementSelection:
    """The certificates of a call, and the people it reaches.

    `passed_over` were selected, but have ended, or were revoked, renewed or called. `phone_calls` are the people whom
    no message reaches.
    """

    going: tuple[EarlyReplacementCandidate, ...]
    passed_over: int
    reached: CallReach = field(default_factory=CallReach)
    phone_calls: tuple[PhoneCall, ...] = ()

    @property
    def serials(self) -> tuple[Serial, ...]:
        """The serials of the certificates to call, in order."""
        return tuple(row.serial for row in self.going)


@dataclass(frozen=True)
class EarlyReplacementResult:
    """Result of a call for early replacement.

    `call` is None if nothing was left to call; `opened` counts the opened certificates. `resumed` are interrupted
    calls, and undone or narrowed calls that were not fully reset. They are completed first.
    """

    selection: EarlyReplacementSelection
    call: EarlyReplacementCall | None
    opened: int = 0
    resumed: tuple[EarlyReplacementCall, ...] = ()


@dataclass(frozen=True)
class CallStatusReport:
    """State of one call, its messages, and certificates that nothing has reached."""

    status: CallStatus
    messages: MessageCounts
    unreached: tuple[UnreachedItem, ...]


def preview(ask: EarlyReplacementRequest, ctx: ServiceContext, *, has_sms: bool = True) -> EarlyReplacementSelection:
    """Return the certificates that would be called, and the reach.

    Changes nothing. `has_sms` is False for an authority without an SMS provider. Raises BulkRevocationError and
    EarlyReplacementError.
    """
    _checked(ask)
    return with_reach(select_eligible(ask.wanted, ctx), ctx, has_sms=has_sms)


def select_eligible(
    wanted: CertificateSelection, ctx: ServiceContext, *, is_call: bool = True
) -> EarlyReplacementSelection:
    """Return the certificates that a call may include, without its reach.

    A drill (`is_call` False) may also include certificates that are in a call. Raises BulkRevocationError if there is
    no criterion, or if one matches nothing.
    """
    ways = "their serial numbers, organisation, issuing CA, type, software or time of issue"
    require_criteria(wanted, "called", ways)
    require_existing(wanted, ctx)
    rows, now = early_replacement.select(ctx.db, wanted), ctx.now()
    facts = ((row, row.candidate if is_call else replace(row.candidate, called=False)) for row in rows)
    going = tuple(row for row, candidate in facts if is_eligible(candidate, now))
    return EarlyReplacementSelection(going, len(rows) - len(going))


def with_reach(
    selection: EarlyReplacementSelection, ctx: ServiceContext, *, has_sms: bool = True
) -> EarlyReplacementSelection:
    """Return the selection with its reach, and with the people to call by phone."""
    audiences = tuple(list_audiences(ctx.db, selection.serials, ctx.now()))
    reached = count_reached(audiences, has_sms=has_sms)
    return replace(selection, reached=reached, phone_calls=list_phone_calls(audiences, has_sms=has_sms))


def call_early(
    ask: EarlyReplacementRequest, ctx: ServiceContext, request_id: str, on_progress: ProgressCallback = no_progress
) -> EarlyReplacementResult:
    """Open the certificates for renewal; the hints spread it within `over`.

    Interrupted runs of any officer are completed first. Raises as `preview` does.
    """
    asked = _checked(ask)
    select_eligible(asked.wanted, ctx)
    by = _Initiator(asked.officer, request_id)
    resumed = early_replacement.unfinished(ctx.db)
    for one in resumed:
        _resume(one, ctx, by, on_progress)
    selection, now = preview(asked, ctx), ctx.now()
    if not selection.going:
        return EarlyReplacementResult(selection, None, resumed=resumed)
    stolen = list_bridge_ends(ctx.db)
    kind = (
        MessageKind.INCIDENT
        if any(candidate.authority in stolen for candidate in selection.going)
        else MessageKind.EARLY
    )
    ends, serials = now + asked.over, selection.serials
    new = EarlyReplacementCall("", asked.officer, asked.reason, asked.notice, serials, now, ends, kind=kind)
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
    call = _find(call_id, officer, ctx)
    if call.back_at is not None:
        raise EarlyReplacementError(
            "this call has already been cancelled: its certificates can be renewed at the usual time"
        )
    early_replacement.undo(ctx.db, call, ctx.audit_entry(actor_of(officer), request_id))
    ctx.step("early-undone")
    _put_back(call, ctx, _Initiator(officer, request_id), on_progress)
    return call


def narrow(
    call_id: str, wanted: CertificateSelection, officer: str, ctx: ServiceContext, request_id: str
) -> tuple[int, int]:
    """Limit a call to selected certificates.

    The others follow the normal rule again. An interrupted narrowing is completed first. Returns the numbers of
    certificates that stay and that are left out. Raises BulkRevocationError and EarlyReplacementError, also if none
    or all would stay.
    """
    call, by = _find(call_id, officer, ctx), _Initiator(officer, request_id)
    if call.is_narrowing:
        _drop(call, ctx, by, no_progress)
    require_criteria(wanted, "kept", "their serial numbers, organisation, issuing CA, type, software or time of issue")
    require_existing(wanted, ctx)
    before, called = early_replacement.count_called(ctx.db, call), set(call.serials)
    selected = early_replacement.select(ctx.db, wanted)
    kept = [row.serial for row in selected if row.candidate.called and row.serial in called]
    if not kept or len(kept) == before:
        sentence = "the selection leaves all certificates in the call: select fewer of them"
        if not kept:
            sentence = "the selection leaves no certificate in the call: end it with call-early --end instead"
        raise EarlyReplacementError(sentence)
    if not early_replacement.narrow(ctx.db, call, kept, ctx.audit_entry(actor_of(officer), request_id)):
        raise EarlyReplacementError(
            "this call is not in force, or is not complete: run call-early status, then call-early again"
        )
    ctx.step("early-narrowed")
    _drop(call, ctx, by, no_progress)
    return len(kept), before - len(kept)


def list_status(ctx: ServiceContext) -> tuple[CallStatus, ...]:
    """Return the state of each call in force, oldest first."""
    return call_reach.list_call_status(ctx.db, ctx.now())


def read_status(call_id: str, ctx: ServiceContext) -> CallStatusReport:
    """Return the state of one call. Raises EarlyReplacementError for an unknown id."""
    now = ctx.now()
    status = call_reach.find_call_status(ctx.db, call_id, now)
    if status is None:
        raise EarlyReplacementError(_UNKNOWN)
    messages = call_reach.count_messages(ctx.db, CallSubject(call_id))
    return CallStatusReport(status, messages, call_reach.list_unreached(ctx.db, call_id, now, LISTED))


@dataclass(frozen=True)
class _Initiator:
    """The officer responsible and the request id."""

    officer: str
    request_id: str


def _find(call_id: str, officer: str, ctx: ServiceContext) -> EarlyReplacementCall:
    check_officer(officer)
    call = early_replacement.find(ctx.db, call_id)
    if call is None:
        raise EarlyReplacementError(_UNKNOWN)
    return call


def _checked(ask: EarlyReplacementRequest) -> EarlyReplacementRequest:
    """Return the request with all user-written texts checked."""
    officer, reason = check_officer(ask.officer), check_reason(ask.reason)
    return EarlyReplacementRequest(ask.wanted, officer, reason, check_notice(ask.notice), check_over(ask.over))


def _resume(call: EarlyReplacementCall, ctx: ServiceContext, by: _Initiator, on_progress: ProgressCallback) -> None:
    """Complete an interrupted call, its undoing or its narrowing."""
    if call.undone_at is not None:
        _put_back(call, ctx, by, on_progress)
    elif call.is_narrowing:
        _drop(call, ctx, by, on_progress)
    else:
        _carry_out(call, ctx, _Initiator(call.officer, by.request_id), on_progress)


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
    audit = ctx.audit_entry(actor_of(by.officer), by.request_id)
    while not early_replacement.finish_undoing(ctx.db, call, audit):
        _revert(call, early_replacement.list_called_keys(ctx.db, call), ctx, by, on_progress)


def _drop(call: EarlyReplacementCall, ctx: ServiceContext, by: _Initiator, on_progress: ProgressCallback) -> None:
    """Revert the certificates that a narrowed call does not keep."""
    _revert(call, early_replacement.list_dropped(ctx.db, call), ctx, by, on_progress)
    early_replacement.finish_narrowing(ctx.db, call)


def _revert(
    call: EarlyReplacementCall,
    keys: tuple[int, ...],
    ctx: ServiceContext,
    by: _Initiator,
    on_progress: ProgressCallback,
) -> None:
    for at in range(0, len(keys), early_replacement.AT_ONCE):
        part = keys[at : at + early_replacement.AT_ONCE]
        early_replacement.revert_batch(ctx.db, call, part, ctx.audit_entry(actor_of(by.officer), by.request_id))
        ctx.step("early-back")
        on_progress(at + len(part), len(keys))
