"""Renewal opt-out, and its withdrawal, for the certificate's organisation."""

from collections.abc import Collection

from sinetti.database.certificates import lineage_view, replacement
from sinetti.database.certificates.lineage_view import LineageView
from sinetti.database.certificates.replacement import ReplacementCandidate
from sinetti.domain.access.roles import Permission
from sinetti.domain.orders.ordering_rules import MOST_AT_ONCE
from sinetti.domain.values import Serial
from sinetti.services.access.act_transaction import guarded
from sinetti.services.access.permissions import Actor, PermissionDenied, Permissions, check_can_view
from sinetti.services.context import ServiceContext
from sinetti.services.organisations import renewal_opt_out
from sinetti.services.organisations.people import PeopleError

__all__ = ["LineageView"]


def get_for_confirmation(serial: Serial, permissions: Permissions, ctx: ServiceContext) -> LineageView:
    """Return the certificate.

    Raises PermissionDenied, for a missing certificate as for another organisation's.
    """
    lineage = lineage_view.find(ctx.db, serial)
    check_can_view(Permission.CONTACT, None if lineage is None else lineage.organisation_id, permissions)
    assert lineage is not None  # noqa: S101 - without one the right is lacking
    return lineage


def opt_out_of_renewal(serial: Serial, ctx: ServiceContext, actor: Actor, request_id: str) -> bool:
    """Record that it is to end without a successor; False if recorded already.

    Raises PermissionDenied and PeopleError.
    """
    return renewal_opt_out.opt_out_of_renewal(serial, _guarded(serial, ctx, actor, request_id), actor.name, request_id)


def preview_many(
    serials: Collection[Serial], permissions: Permissions, ctx: ServiceContext
) -> tuple[ReplacementCandidate, ...]:
    """Return the certificates that the user may let end, at most 300.

    They have no successor.
    """
    candidates = replacement.by_serial(ctx.db, list(dict.fromkeys(serials))[:MOST_AT_ONCE])
    ours = [candidate for candidate in candidates if permissions.may(Permission.CONTACT, candidate.organisation_id)]
    return tuple(candidate for candidate in ours if not candidate.known.let_end and not candidate.known.succeeded)


def opt_out_many(serials: Collection[Serial], ctx: ServiceContext, actor: Actor, request_id: str) -> int:
    """Record it for several certificates, at most 300; return their number.

    Each has its own transaction.
    """
    done = 0
    for serial in list(dict.fromkeys(serials))[:MOST_AT_ONCE]:
        try:
            done += opt_out_of_renewal(serial, ctx, actor, request_id)
        except (PermissionDenied, PeopleError):
            continue
        ctx.step("let-end")
    return done


def opt_in_to_renewal(serial: Serial, ctx: ServiceContext, actor: Actor, request_id: str) -> bool:
    """Delete that record; False if there is none. Raises PermissionDenied."""
    return renewal_opt_out.opt_in_to_renewal(serial, _guarded(serial, ctx, actor, request_id), actor.name, request_id)


def _guarded(serial: Serial, ctx: ServiceContext, actor: Actor, request_id: str) -> ServiceContext:
    lineage = lineage_view.find(ctx.db, serial)
    return guarded(Permission.CONTACT, None if lineage is None else lineage.organisation_id, ctx, actor, request_id)
