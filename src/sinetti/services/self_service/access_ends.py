"""Ends of roles on the reader's pages: counts, lists, and removal from a list.

docs/e-service/authorisations.md, "Ends", has the rules.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sinetti.database.access import ends
from sinetti.database.access.ends import EndedRole, EndReader
from sinetti.domain.access.ends import EndSide
from sinetti.domain.access.roles import Permission
from sinetti.services.access.act_transaction import acting
from sinetti.services.access.permissions import Actor, PermissionDenied, Permissions, load_permissions
from sinetti.services.context import ServiceContext

__all__ = ["EndedRole"]


@dataclass(frozen=True)
class AccessEnds:
    """Counts of a reader's ended and ending roles.

    Each side has its counts by the id of the organisation, firm or account. Sides without any are absent.
    """

    ended: Mapping[EndSide, Mapping[str, int]] = field(default_factory=dict)
    ending: Mapping[EndSide, Mapping[str, int]] = field(default_factory=dict)


def count_access_ends(
    actor: Actor, permissions: Permissions, ctx: ServiceContext, only: str | None = None
) -> AccessEnds:
    """Count what ends within 60 days and what ended in the last year.

    It is one statement. It covers the roles that the reader's organisations gave, those of the reader's firms, and the
    reader's own. `only` narrows the first two to an organisation that is on this side.
    """
    giving, asking = permissions.organisations(Permission.GRANT), firms(permissions)
    reader = EndReader(actor.user_id, _narrowed(giving, only), _narrowed(asking, only))
    found = ends.count_ends(ctx.db, reader, ctx.now())
    ended, ending = (
        {side: counts for (side, is_over), counts in found.items() if is_over is over} for over in (True, False)
    )
    return AccessEnds(ended, ending)


def _narrowed(ids: frozenset[str], only: str | None) -> frozenset[str]:
    return frozenset({only}) if only in ids else ids


def firms(permissions: Permissions) -> frozenset[str]:
    """Return the organisations in whose name the reader may ask for roles.

    Only direct roles count, because a role cannot be passed on.
    """
    asking = permissions.organisations(Permission.ASK)
    return frozenset(organisation_id for organisation_id in asking if permissions.held[organisation_id].via is None)


def list_ended(
    side: EndSide, party: str, actor: Actor, permissions: Permissions, ctx: ServiceContext
) -> tuple[EndedRole, ...]:
    """Return a page of ended roles of a party, and one more row if there is one.

    Raises PermissionDenied unless the reader stands on this side.
    """
    _check(side, party, actor, permissions)
    return ends.list_ended(ctx.db, side, party, ctx.now())


def ended_to_give_again(mandate_id: str, permissions: Permissions, ctx: ServiceContext) -> EndedRole | None:
    """Return an ended role that the reader may give again, or None."""
    role = ends.find_ended(ctx.db, mandate_id, ctx.now())
    if role is None or not permissions.may(Permission.GRANT, role.organisation.organisation_id):
        return None
    return role


def note_ended(side: EndSide, mandate_ids: tuple[str, ...], ctx: ServiceContext, actor: Actor, request_id: str) -> int:
    """Remove ended roles from the list of a side; return the number of removed ones.

    Roles that the list does not have any more are skipped. Raises PermissionDenied at the first one of another party.
    Nothing is changed then.
    """
    parties = ends.parties_of(ctx.db, side, mandate_ids)
    permissions = load_permissions(actor, ctx)
    for party in parties:
        _check(side, party, actor, permissions)
    with acting(parties if side is not EndSide.OWN else (), ctx, actor, request_id) as act:
        for party in parties:
            _check(side, party, actor, act.permissions)
        return ends.note_ended(ctx.db, side, mandate_ids, act.audit)


def _check(side: EndSide, party: str, actor: Actor, permissions: Permissions) -> None:
    if side is EndSide.GIVEN:
        permissions.require(Permission.GRANT, party)
    elif side is EndSide.FIRM:
        if permissions.require(Permission.ASK, party).via is not None:
            raise PermissionDenied(Permission.ASK, party)
    elif party != actor.user_id:
        raise PermissionDenied(Permission.SEE, None)
