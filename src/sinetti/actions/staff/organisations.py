"""A clerk looks after organisations: one at a time, or by a file with a preview (docs/clerks.md)."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sinetti.actions.register_organisation import register_organisation
from sinetti.actions.revoke_many import BulkAsk, Outcome, propose
from sinetti.actions.staff.clerk import Clerk, look, look_for
from sinetti.domain.customers import folded
from sinetti.domain.looking import Place
from sinetti.domain.organisation_load import (
    Change,
    ChangeKind,
    Difference,
    compare,
    digest,
    named_ids,
    read_lines,
)
from sinetti.domain.revocation import RevocationReason
from sinetti.domain.values import Serial
from sinetti.domain.workdays import FINNISH_TIME
from sinetti.registry import loading, organisations
from sinetti.registry.bulk import Wanted
from sinetti.registry.loading import Load
from sinetti.registry.organisations import Listed
from sinetti.registry.parties import NewOrganisation, OrganisationFound

__all__ = [
    "Left",
    "Listed",
    "Load",
    "NewOrganisation",
    "NotThere",
    "accept",
    "add",
    "alter",
    "carry_on",
    "left",
    "load",
    "newest_loads",
    "organisation",
    "preview",
    "propose_left",
    "search",
]

AT_ONCE = 500
"""Changes in one transaction."""
_SHOWN = 20
PARTS_AT_ONCE = 10
"""Transactions while somebody waits for a page, at most."""
WAITED_FOR = timedelta(seconds=8)
"""So long somebody waits, on the machine's clock, and for one transaction more."""
REASONS = {
    ChangeKind.MERGE: RevocationReason.AFFILIATION_CHANGED,
    ChangeKind.END: RevocationReason.CESSATION_OF_OPERATION,
}
"""Why certificates go of organisations that were merged into others, or ended."""


class NotThere(LookupError):
    """There is no organisation or file with this id."""


@dataclass(frozen=True, slots=True)
class Left:
    """What organisations that a file closed have left: certificates in force, and why they would go."""

    kind: ChangeKind
    reason: RevocationReason
    serials: tuple[Serial, ...]


def search(text: str, start: int, most: int, clerk: Clerk) -> tuple[Listed, ...]:
    """Organisations by the beginning of their id or a part of their name; the look is written down."""
    look_for(Place.ORGANISATIONS, text, clerk)
    return organisations.search(clerk.office.register, text, start, most)


def organisation(organisation_id: str, clerk: Clerk) -> Listed:
    """One organisation; the look is written down. Raises NotThere."""
    found = organisations.find(clerk.office.register, organisation_id)
    if found is None:
        raise NotThere
    look(f"organisation:{organisation_id}", clerk)
    return found


def add(new: NewOrganisation, clerk: Clerk) -> OrganisationFound | None:
    """Register an organisation; None where its id is taken. Raises CustomerIdError and ChannelError."""
    return register_organisation(new, clerk.guarded, clerk.actor.name, clerk.request_id)


def alter(organisation_id: str, change: Change, clerk: Clerk) -> bool:
    """Rename one organisation, set its language, or end it; whether it was done: not where it has changed meanwhile.

    Raises NotThere.
    """
    found = organisations.find(clerk.office.register, organisation_id)
    if found is None:
        raise NotThere
    with clerk.act({organisation_id}) as deed:
        return organisations.alter(clerk.office.register, replace(change, customer_id=found.customer_id), deed)


def preview(octets: bytes, clerk: Clerk) -> str:
    """Compare a file with the register and keep what would change; returns the id of that. Raises FileRefused."""
    found = _compared(octets, clerk)
    with clerk.act() as deed:
        return loading.add(clerk.office.register, octets, found, clerk.actor.user_id, deed)


def load(load_id: str, clerk: Clerk) -> Load:
    """A file as it was compared, and how far it is carried out; the look is written down. Raises NotThere."""
    found = loading.find(clerk.office.register, load_id)
    if found is None:
        raise NotThere
    look(f"load:{load_id}", clerk)
    return found


def newest_loads(clerk: Clerk) -> tuple[tuple[str, datetime, int, datetime | None], ...]:
    """The files that were sent last: id, when, how many changes are done, when it was all done."""
    return loading.newest(clerk.office.register, _SHOWN)


def accept(load_id: str, shown: str, clerk: Clerk) -> bool:
    """Accept what was shown, by its digest. False where it has to be shown again, since the register moved.

    Who presses twice does nothing twice. Raises NotThere.
    """
    found = loading.find(clerk.office.register, load_id)
    if found is None:
        raise NotThere
    if found.accepted_at is not None:
        return found.digest == shown
    difference, now = _compared(found.content, clerk)
    with clerk.act() as deed:
        if now != found.digest:
            loading.compare_again(clerk.office.register, load_id, difference, now)
        return now == shown and loading.accept(clerk.office.register, load_id, now, deed)


def carry_on(load_id: str, clerk: Clerk) -> None:
    """Make the next changes of an accepted file; cut short, it is gone on with by the same."""
    begun = clerk.office.machine_now()
    for _ in range(PARTS_AT_ONCE):
        with clerk.act() as deed:
            left = loading.carry_on(clerk.office.register, load_id, AT_ONCE, deed)
        if not left or clerk.office.machine_now() - begun > WAITED_FOR:
            return
        clerk.office.step("load-part")


def left(found: Load, clerk: Clerk) -> tuple[Left, ...]:
    """What the organisations have left that this file closed: their certificates are to be revoked."""
    if found.done_at is None:
        return ()
    gone = tuple(Left(kind, REASONS[kind], _left(found.difference.changes, kind, clerk)) for kind in REASONS)
    return tuple(one for one in gone if one.serials)


def propose_left(load_id: str, kind: ChangeKind, clerk: Clerk) -> Outcome | None:
    """Propose that these go; up to ten go at once, as by any officer's word. None where nothing is left.

    Raises NotThere and BulkRefused.
    """
    found = loading.find(clerk.office.register, load_id)
    if found is None:
        raise NotThere
    one = next((one for one in left(found, clerk) if one.kind is kind), None)
    if one is None:
        return None
    return propose(BulkAsk(Wanted(serials=one.serials), one.reason, clerk.officer), clerk.guarded, clerk.request_id)


def _left(changes: Iterable[Change], kind: ChangeKind, clerk: Clerk) -> tuple[Serial, ...]:
    closed = [one.customer_id for one in changes if one.kind is kind]
    if not closed:
        return ()
    # Only of those that are closed now: what was passed over is open.
    standing = organisations.standings(clerk.office.register, {folded(one) for one in closed})
    gone = [one.customer_id for one in standing.values() if not one.open]
    return organisations.in_force(clerk.office.register, gone, clerk.office.now())


def _compared(octets: bytes, clerk: Clerk) -> tuple[Difference, str]:
    lines = read_lines(octets)
    standing = organisations.standings(clerk.office.register, named_ids(lines))
    today = clerk.office.now().astimezone(FINNISH_TIME).date()
    found = compare(lines, standing, clerk.office.environment, today)
    return found, digest(hashlib.sha256(octets).hexdigest(), found.changes)
