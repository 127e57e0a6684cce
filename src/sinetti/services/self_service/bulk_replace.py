"""Replacements of many certificates: preview, then one order each.

docs/e-service/ordering.md describes them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sinetti.database.certificates import replacement
from sinetti.database.certificates.replacement import ReplacementCandidate
from sinetti.database.common import daily_counts
from sinetti.database.common.daily_counts import Charge
from sinetti.domain.access.roles import Permission
from sinetti.domain.daily_limits import LimitKind, LimitReached, mailbox
from sinetti.domain.orders.ordering_rules import MOST_AT_ONCE, ExclusionReason, left_out
from sinetti.domain.validation import ValidationError
from sinetti.domain.values import Serial
from sinetti.services.access.permissions import Actor, PermissionDenied, Permissions, check_can_modify
from sinetti.services.context import ServiceContext
from sinetti.services.issuance.order import OrderError, check_words
from sinetti.services.self_service.order import OrderAsk, order

__all__ = ["ReplacementCandidate"]


@dataclass(frozen=True)
class BulkReplacePreview:
    """Preview of the orders, and of the certificates left out with the reason.

    `strange` were selected, but are missing or belong to other organisations. `more` says that there are more than one
    request takes.
    """

    ordered: tuple[ReplacementCandidate, ...]
    left: tuple[tuple[ReplacementCandidate, ExclusionReason], ...]
    strange: int = 0
    more: bool = False

    @property
    def without_messages(self) -> "BulkReplacePreview":
        """The preview for a service that cannot send text messages.

        Contacts with a phone number would wait for their code for ever.
        """
        phones = tuple(
            candidate for candidate in self.ordered if candidate.contact is not None and candidate.contact.phone
        )
        ordered = tuple(candidate for candidate in self.ordered if candidate not in phones)
        left = (*self.left, *((phone, ExclusionReason.NO_MESSAGES) for phone in phones))
        return replace(self, ordered=ordered, left=left)


@dataclass(frozen=True)
class BulkReplaceResult:
    """The number of replacements ordered, and of those left out.

    `left` were not ordered; a limit of 24 hours stopped `limited` of these.
    """

    ordered: int
    left: int
    limited: int = 0


def preview_selected(serials: Iterable[Serial], permissions: Permissions, ctx: ServiceContext) -> BulkReplacePreview:
    """Preview replacements of certificates selected one by one, at most 300."""
    asked = list(dict.fromkeys(serials))
    candidates = replacement.by_serial(ctx.db, asked[:MOST_AT_ONCE])
    ours = [candidate for candidate in candidates if permissions.may(Permission.ORDER, candidate.organisation_id)]
    return _preview(ours, len(asked[:MOST_AT_ONCE]) - len(ours), by_name=True, more=len(asked) > MOST_AT_ONCE)


def preview_expiring(days: int, permissions: Permissions, ctx: ServiceContext) -> BulkReplacePreview:
    """Preview replacements of all certificates that expire within `days`.

    Only of the organisations for which the user may order.
    """
    now, organisations = ctx.now(), permissions.organisations(Permission.ORDER)
    candidates = replacement.ending(ctx.db, organisations, now, now + timedelta(days=days), MOST_AT_ONCE + 1)
    return _preview(candidates[:MOST_AT_ONCE], 0, by_name=False, more=len(candidates) > MOST_AT_ONCE)


def within_limits(
    preview: BulkReplacePreview, permissions: Permissions, ctx: ServiceContext, actor: Actor
) -> BulkReplacePreview:
    """Return the preview without replacements that would exceed a limit of 24 hours."""
    limits = ctx.daily_limits
    if limits is None:
        return preview
    own = daily_counts.own_mailboxes(ctx.db, actor.name)
    charges = {candidate.serial: _charges(candidate, permissions, actor, own) for candidate in preview.ordered}
    now = ctx.machine_now()
    used = dict(daily_counts.counts(ctx.db, {each for some in charges.values() for each in some}, now))
    over: list[ReplacementCandidate] = []
    for one in preview.ordered:
        if any(used[each] >= limits.of(each.what) for each in charges[one.serial]):
            over.append(one)
            continue
        for each in charges[one.serial]:
            used[each] += 1
    ordered = tuple(candidate for candidate in preview.ordered if candidate not in over)
    return replace(
        preview, ordered=ordered, left=(*preview.left, *((candidate, ExclusionReason.LIMIT) for candidate in over))
    )


def _charges(
    candidate: ReplacementCandidate, permissions: Permissions, actor: Actor, own: frozenset[str]
) -> tuple[Charge, ...]:
    """Return the charges for an order that replaces this certificate."""
    firm = permissions.require(Permission.ORDER, candidate.organisation_id).via or candidate.organisation_id
    orders = (Charge(LimitKind.ORDERS, actor.name), Charge(LimitKind.FIRM_ORDERS, firm))
    to = mailbox(candidate.contact.email) if candidate.contact is not None else ""
    return orders if to in own else (*orders, Charge(LimitKind.LETTERS, to))


def replace_many(
    form: str, serials: Iterable[Serial], ctx: ServiceContext, actor: Actor, request_id: str
) -> BulkReplaceResult:
    """Order a replacement of each for its current contact, one transaction each.

    After an interruption the user submits the form again; no certificate is ordered twice. Certificates of other
    organisations are skipped.
    """
    ordered = left = limited = 0
    for candidate in replacement.by_serial(ctx.db, list(dict.fromkeys(serials))[:MOST_AT_ONCE]):
        try:
            done = _ordered(candidate, form, ctx, actor, request_id)
        except LimitReached:
            limited += 1
            continue
        if done:
            ordered += 1
            ctx.step("replacement-ordered")
        else:
            left += 1
    return BulkReplaceResult(ordered, left, limited)


def _ordered(candidate: ReplacementCandidate, form: str, ctx: ServiceContext, actor: Actor, request_id: str) -> bool:
    why = left_out(candidate.known, by_name=True)
    # An open order may belong to this form: the answer is then the same.
    if (why is not None and why is not ExclusionReason.ORDERED) or candidate.contact is None:
        return False
    ask = OrderAsk(
        form,
        candidate.organisation_id,
        candidate.channel,
        candidate.description,
        candidate.contact,
        candidate.deputy,
        candidate.serves,
        candidate.serial,
    )
    try:
        check_can_modify(Permission.ORDER, candidate.organisation_id, actor, ctx)
        order(ask, ctx, actor, request_id)
    except (PermissionDenied, OrderError, ValidationError):
        return False
    return True


def _preview(
    candidates: Sequence[ReplacementCandidate], strange: int, *, by_name: bool, more: bool
) -> BulkReplacePreview:
    why = {
        candidate.serial: left_out(candidate.known, by_name=by_name) or _linked(candidate) for candidate in candidates
    }
    ordered = tuple(candidate for candidate in candidates if why[candidate.serial] is None)
    left = tuple((candidate, reason) for candidate in candidates if (reason := why[candidate.serial]) is not None)
    return BulkReplacePreview(ordered, left, strange, more)


def _linked(candidate: ReplacementCandidate) -> ExclusionReason | None:
    """Return the reason to exclude a candidate whose stored texts have a link.

    A message would show these texts.
    """
    try:
        check_words(candidate.description, (candidate.contact, candidate.deputy))
    except ValidationError:
        return ExclusionReason.LINKED
    return None
