"""Work of clerks: cases that wait, and organisations whose certificates need work.

docs/e-service/clerks.md describes it.
"""

from dataclasses import dataclass

from sinetti.database.operations import figures
from sinetti.database.organisations.search import find_organisations
from sinetti.domain.access.access_purpose import SearchScope
from sinetti.domain.operations.figures import SHOWN, AuthorityFigures, OrganisationWork, WaitingWork, WorkKind, WorkList
from sinetti.services.access.permissions import Actor
from sinetti.services.context import ServiceContext
from sinetti.services.staff.session import StaffSession, log_search, require_staff

__all__ = ["AuthorityFigures", "WaitingWork"]


@dataclass(frozen=True)
class NamedWork:
    """Organisation with its name, and its certificates that need work."""

    work: OrganisationWork
    customer_id: str
    name: str


def list_waiting(actor: Actor, ctx: ServiceContext) -> tuple[WaitingWork, ...]:
    """Return the number and age of the cases that wait, without personal data.

    Raises NotStaff.
    """
    require_staff(actor)
    return figures.list_waiting(ctx.db, actor.user_id, ctx.now())


def load_figures(actor: Actor, ctx: ServiceContext) -> AuthorityFigures | None:
    """Return the last count of the background work; None before the first.

    Raises NotStaff.
    """
    require_staff(actor)
    return figures.load_figures(ctx.db)


def list_organisations(kind: WorkKind, clerk: StaffSession) -> tuple[WorkList, tuple[NamedWork, ...]]:
    """Return the organisations with this work, the first end first; logs the access."""
    log_search(SearchScope.CERTIFICATES, "", clerk)
    found = figures.load_figures(clerk.ctx.db)
    listed = found.work.get(kind, WorkList()) if found is not None else WorkList()
    ids = [row.organisation_id for row in listed.rows]
    names = {
        organisation.organisation_id: organisation
        for organisation in find_organisations(clerk.ctx.db, "", ids, most=SHOWN)
    }
    rows = ((row, names.get(row.organisation_id)) for row in listed.rows)
    named = (NamedWork(one, name.customer_id, name.name) for one, name in rows if name is not None)
    return listed, tuple(named)
