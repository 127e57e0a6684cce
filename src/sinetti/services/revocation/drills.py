"""Drills of a call for early replacement (docs/operators/incident-reach.md).

A drill selects certificates and people as a call does, and changes nothing that a holder has. Its messages are marked
as an exercise. Each e-mail has a link, by which its reader confirms once that it arrived.
"""

import re
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

from sinetti.database.certificates.bulk_revocation import CertificateSelection
from sinetti.database.notifications import drills
from sinetti.database.notifications.call_reach import MessageCounts, UnreachedItem
from sinetti.database.notifications.drills import DrillView, NewDrill
from sinetti.domain.certificates.bulk_revocation import actor_of, check_officer
from sinetti.domain.certificates.renewal_info import EarlyReplacementError, check_reason
from sinetti.domain.link_tokens import DRILL_LINK, constant_time_equal, link_token
from sinetti.domain.notifications.early_replacement import DrillAudience, ReachCurve, reach_curve
from sinetti.domain.secret_keys import SecretPurpose
from sinetti.services.context import ServiceContext
from sinetti.services.revocation.early_replacement import (
    LISTED,
    EarlyReplacementSelection,
    select_eligible,
    with_reach,
)

LINK_LIVES: Final = timedelta(days=30)
"""Lifetime of the link of a drill's message, from the start of the drill."""

_MESSAGE_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class DrillRequest:
    """Selected certificates, officer, reason and recipients of a drill."""

    wanted: CertificateSelection
    officer: str
    reason: str
    audience: DrillAudience


@dataclass(frozen=True)
class DrillReport:
    """Result of a drill so far.

    `certificates` are those that a delivered message reached, or that signed a renewal. `hints` counts those whose
    hint was requested, which anyone may do. `delivered` and `answered` are shares of the messages. `unreached` lists
    certificates.
    """

    drill: DrillView
    reported_at: datetime
    certificates: ReachCurve
    hints: int
    messages: MessageCounts
    delivered: ReachCurve
    answered: ReachCurve
    problems: dict[str, int]
    unreached: tuple[UnreachedItem, ...]


def begin_drill(ask: DrillRequest, ctx: ServiceContext, request_id: str, *, has_sms: bool = True) -> str:
    """Store a drill, from which its messages are made; return its id.

    It is one transaction, so that a killed command has begun the drill or has not. Raises BulkRevocationError and
    EarlyReplacementError, also if the selection has no certificate that a call may include.
    """
    officer, reason = check_officer(ask.officer), check_reason(ask.reason)
    selection = preview_drill(ask.wanted, ctx, has_sms=has_sms)
    if not selection.going:
        raise EarlyReplacementError(
            "the selection has no certificate that a call may include: select valid certificates"
        )
    new = NewDrill(officer, reason, ask.audience, selection.serials, asdict(selection.reached))
    return drills.insert_drill(ctx.db, new, ctx.audit_entry(actor_of(officer), request_id))


def preview_drill(
    wanted: CertificateSelection, ctx: ServiceContext, *, has_sms: bool = True
) -> EarlyReplacementSelection:
    """Return the certificates of a drill and its reach, without any change.

    Raises BulkRevocationError.
    """
    return with_reach(select_eligible(wanted, ctx, is_call=False), ctx, has_sms=has_sms)


def list_drills(ctx: ServiceContext) -> tuple[DrillView, ...]:
    """Return all drills, oldest first."""
    return drills.list_drills(ctx.db)


def report_drill(drill_id: str, ctx: ServiceContext) -> DrillReport:
    """Return the result of a drill so far. Raises EarlyReplacementError."""
    drill = drills.find_drill(ctx.db, drill_id)
    if drill is None:
        raise EarlyReplacementError("no drill has this ID: run sinetti authority drill list")
    figures = drills.read_figures(ctx.db, drill_id)
    counts = figures.messages
    planned = counts.sent + counts.waiting + counts.failed + counts.dropped
    return DrillReport(
        drill,
        ctx.now(),
        reach_curve(drill.count, figures.reached, drill.created),
        figures.hints,
        counts,
        reach_curve(planned, figures.sent, drill.created),
        reach_curve(planned, figures.answered, drill.created),
        figures.problems,
        drills.list_unreached(ctx.db, drill_id, LISTED) if drill.audience is DrillAudience.HOLDERS else (),
    )


def is_answerable(message_id: str, token: str, ctx: ServiceContext) -> bool | None:
    """Return True for a link by which a message can still be confirmed.

    Returns False if it was confirmed, and None for an unknown link. Changes nothing, because mail scanners follow
    links.
    """
    found = _find(message_id, token, ctx)
    return None if found is None else not found[1]


def answer_drill(message_id: str, token: str, ctx: ServiceContext) -> None:
    """Record that a message of a drill arrived, once; an unknown link changes nothing."""
    found = _find(message_id, token, ctx)
    if found is not None:
        drills.insert_answer(ctx.db, found[0], message_id, ctx.now())


def _find(message_id: str, token: str, ctx: ServiceContext) -> tuple[int, bool] | None:
    """Return the drill of a link, and whether its message was answered.

    The database is queried only for links that we made.
    """
    keys = ctx.keyring.every(SecretPurpose.MAIL) if _MESSAGE_ID.fullmatch(message_id) else ()
    if not any(constant_time_equal(token, link_token(key.octets, DRILL_LINK, message_id)) for key in keys):
        return None
    return drills.find_answerable(ctx.db, message_id, ctx.now() - LINK_LIVES)
