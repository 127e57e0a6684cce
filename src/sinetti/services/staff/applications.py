"""A clerk decides on applications for the technical interface (docs/clerks.md)."""

from collections.abc import Callable

from sinetti.database.access import persons
from sinetti.database.notifications import recipients
from sinetti.database.organisations import applications
from sinetti.database.organisations.applications import Application
from sinetti.domain.access.access_purpose import Place
from sinetti.domain.organisations.applications import (
    ApplicationFault,
    ApplicationRefused,
    ApplicationState,
    Verdict,
    check_verdict,
)
from sinetti.services.access.permissions import standing
from sinetti.services.organisations.register import check_channels
from sinetti.services.staff.session import Clerk, look, look_for

__all__ = ["Application", "application", "by_case", "count_open", "decide", "listed"]


def listed(state: ApplicationState, start: int, most: int, clerk: Clerk) -> tuple[Application, ...]:
    """Some applications in a state; the look is written down."""
    look_for(Place.APPLICATIONS, "", clerk)
    return applications.listed(clerk.office.register, state, start, most)


def count_open(clerk: Clerk) -> int:
    """How many wait for a decision."""
    return applications.count_open(clerk.office.register)


def by_case(case_number: str, clerk: Clerk) -> Application | None:
    """The application with this case number; the look is written down."""
    look_for(Place.APPLICATIONS, case_number, clerk)
    return applications.by_case(clerk.office.register, case_number)


def application(application_id: str, clerk: Clerk) -> Application | None:
    """One application; the look is written down, where there is one."""
    found = applications.find(clerk.office.register, application_id)
    if found is not None:
        look(f"application:{application_id}", clerk)
    return found


def decide(application_id: str, verdict: Verdict, write: Callable[[Application], str], clerk: Clerk) -> Application:
    """Approve or refuse an application, once: its channels are approved and its party is told, or nothing happens.

    `write` writes the decision's text in the party's language, which is kept as it is. Raises ApplicationRefused, also
    where another clerk was faster, and where this one applied or may act for the party themselves; ChannelError where
    this authority issues for such a channel no more.
    """
    checked = check_verdict(verdict)
    found = applications.find(clerk.office.register, application_id)
    if found is None:
        raise ApplicationRefused(ApplicationFault.UNKNOWN)
    if checked.state is ApplicationState.APPROVED:
        check_channels(found.channels, clerk.office)
    by = (clerk.actor.user_id, write)
    with clerk.act({found.organisation_id}) as deed:
        _check_not_own(found, clerk)
        return applications.decide(clerk.office.register, application_id, checked, by, deed)


def _check_not_own(found: Application, clerk: Clerk) -> None:
    """Refuse a decision in the clerk's own case.

    It is the clerk's own if they applied, or act for the organisation. Another account of the same person counts, even
    if its role has ended.
    """
    register = clerk.office.register
    acts_for = found.organisation_id in standing(clerk.actor, clerk.office).held
    people = {found.applicant, *recipients.accounts(register, found.organisation_id, clerk.office.now())}
    if acts_for or any(one and persons.are_same_person(register, one, clerk.actor.user_id) for one in people):
        raise ApplicationRefused(ApplicationFault.OWN)
