"""Handover of all certificates of a contact who leaves.

See docs/e-service/ordering.md.

The former and the new contact get one message each.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from sinetti.database.common.audit_log import AuditContext
from sinetti.database.organisations import contact_handover
from sinetti.database.organisations import contacts as contacts_of_lineages
from sinetti.database.organisations.contact_handover import AssignedLineage, ContactSummary
from sinetti.database.organisations.organisations import ContactDetails
from sinetti.domain.access.roles import Permission
from sinetti.domain.orders.ordering_rules import MOST_AT_ONCE
from sinetti.domain.validation import LONGEST_PERSON, check_unlinked
from sinetti.services.access.act_transaction import acting, guarded
from sinetti.services.access.permissions import (
    Actor,
    Permissions,
    check_can_modify,
    check_can_view,
    load_permissions,
)
from sinetti.services.context import ServiceContext
from sinetti.services.issuance import secure_message

__all__ = ["AssignedLineage", "ContactDetails", "ContactSummary"]

MOST_SHOWN = 50
REHEARSED = 10
"""Most orders that are offered in a preview."""


@dataclass(frozen=True)
class HandedOver:
    """Number of lineages with a new contact, and if more are left than one run takes."""

    count: int
    more: bool
    offered: int


def contacts(permissions: Permissions, ctx: ServiceContext) -> tuple[ContactSummary, ...]:
    """Return the contacts for which the user may name others, at most 50 people.

    Those with most certificates come first.
    """
    return contact_handover.contacts(ctx.db, permissions.organisations(Permission.CONTACT), ctx.now(), MOST_SHOWN)


def get_for_confirmation(email: str, permissions: Permissions, ctx: ServiceContext) -> tuple[AssignedLineage, ...]:
    """Return the lineages of a contact that the user may change, at most 300.

    One more is returned if there are more.
    """
    allowed = permissions.organisations(Permission.CONTACT)
    return contact_handover.looked_after(ctx.db, allowed, email, ctx.now(), MOST_AT_ONCE + 1)


def picked(ids: Collection[str], permissions: Permissions, ctx: ServiceContext) -> tuple[AssignedLineage, ...]:
    """Return the lineages whose contacts the user may change, at most 300.

    `ids` are ids of lineages, or serials of their certificates.
    """
    allowed = permissions.organisations(Permission.CONTACT)
    wanted = list(dict.fromkeys(ids))[:MOST_AT_ONCE]
    return contact_handover.picked(ctx.db, allowed, wanted, ctx.now())


def hand_over_rows(
    lineages: Sequence[AssignedLineage],
    who: tuple[str, ContactDetails],
    ctx: ServiceContext,
    actor: Actor,
    request_id: str,
) -> HandedOver:
    """Replace the contact or deputy of these lineages in one transaction.

    `who` is the address of the person who is replaced, empty for the present contact of each, and the new person. The
    former and the new contact get one message with the whole list. Transfer ids that wait for the contact are offered
    to the new one. After an interruption the user submits the form again.

    Raises PermissionDenied, LinkError and LimitReached.
    """
    count, orders = _replaced(lineages, who, ctx, actor, request_id)
    _offer(orders, replace(ctx, daily_limits=None) if count else ctx, actor, request_id)
    return HandedOver(count, len(lineages) > MOST_AT_ONCE, len(orders))


def rehearse(
    lineages: Sequence[AssignedLineage],
    who: tuple[str, ContactDetails],
    ctx: ServiceContext,
    actor: Actor,
    request_id: str,
) -> None:
    """Replace the person and offer a few of the orders, for a preview.

    The caller rolls it back. All of it is one transaction, which must not take long. Raises as `hand_over_rows` does.
    """
    count, orders = _replaced(lineages, who, ctx, actor, request_id)
    _offer(orders[:REHEARSED], replace(ctx, daily_limits=None) if count else ctx, actor, request_id)


def _replaced(
    found: Sequence[AssignedLineage],
    who: tuple[str, ContactDetails],
    ctx: ServiceContext,
    actor: Actor,
    request_id: str,
) -> tuple[int, Sequence[tuple[str, str]]]:
    """Replace the person, and find the orders to offer.

    Returns the number of lineages, and the organisation and the id of each order.
    """
    email, new = who
    for organisation_id in {lineage.organisation_id for lineage in found}:
        check_can_modify(Permission.CONTACT, organisation_id, actor, ctx)
    check_unlinked("name", new.name, LONGEST_PERSON)
    taken = found[:MOST_AT_ONCE]
    about = {lineage.organisation_id for lineage in taken}
    with acting(about, ctx, actor, request_id) as act:
        for organisation_id in about:
            check_can_view(Permission.CONTACT, organisation_id, act.permissions)
        count = _reassign(taken, email, new, act.audit, ctx)
    ctx.step("contacts-handed-over")
    allowed = load_permissions(actor, ctx).organisations(Permission.CONTACT)
    return count, contact_handover.orders_offered_to_others(ctx.db, allowed, new.email)


def _offer(orders: Sequence[tuple[str, str]], ctx: ServiceContext, actor: Actor, request_id: str) -> None:
    """Offer orders to their new contact.

    The context has no limits if the links were counted with the change: they must not fail half-way.
    """
    for organisation_id, order_id in orders:
        for_it = guarded(Permission.CONTACT, organisation_id, ctx, actor, request_id)
        secure_message.send_link(order_id, for_it, actor.name, request_id)


def _reassign(
    taken: Sequence[AssignedLineage], email: str, new: ContactDetails, audit: AuditContext, ctx: ServiceContext
) -> int:
    """Replace one person in all lineages, or the present contact of each."""
    by_email: dict[str, list[str]] = {}
    for lineage in taken:
        by_email.setdefault(email or lineage.email.casefold(), []).append(lineage.lineage_id)
    count = sum(
        contacts_of_lineages.change_contact(ctx.db, lineage_id, new, audit) for lineage_id in by_email.pop("", ())
    )
    for former in sorted(set(by_email) - {new.email.casefold()}):
        count += contact_handover.reassign_contact(ctx.db, by_email[former], former, new, audit)
    return count
