"""Decisions of clerks on applications for the technical interface.

docs/e-service/clerks.md describes them.
"""

from collections.abc import Callable

from sinetti.database.access import accounts
from sinetti.database.notifications import recipients
from sinetti.database.organisations import applications
from sinetti.database.organisations.applications import Application
from sinetti.domain.access.access_purpose import SearchScope
from sinetti.domain.organisations.applications import (
    ApplicationDecision,
    ApplicationError,
    ApplicationErrorReason,
    ApplicationState,
    check_verdict,
)
from sinetti.services.access.permissions import load_permissions
from sinetti.services.organisations.registration import check_channels
from sinetti.services.staff.session import StaffSession, log_access, log_search

__all__ = ["Application"]


def listed(state: ApplicationState, start: int, most: int, clerk: StaffSession) -> tuple[Application, ...]:
    """Return some applications in a state; logs the access."""
    log_search(SearchScope.APPLICATIONS, "", clerk)
    return applications.listed(clerk.ctx.db, state, start, most)


def by_case(case_number: str, clerk: StaffSession) -> Application | None:
    """Return the application with this case number; logs the access."""
    log_search(SearchScope.APPLICATIONS, case_number, clerk)
    return applications.by_case(clerk.ctx.db, case_number)


def application(application_id: str, clerk: StaffSession) -> Application | None:
    """Return an application, or None; logs the access if there is one."""
    found = applications.find(clerk.ctx.db, application_id)
    if found is not None:
        log_access(f"application:{application_id}", clerk)
    return found


def decide(
    application_id: str, verdict: ApplicationDecision, write: Callable[[Application], str], clerk: StaffSession
) -> Application:
    """Approve or reject an application, once.

    The channels are approved and the organisation gets a message, all or nothing. `write` renders the decision in the
    organisation's language; the text is stored. Raises ApplicationError, also if another clerk was faster, or if this
    clerk applied or may act for the organisation. Raises ChannelError if this authority issues no more for such a
    channel.
    """
    checked = check_verdict(verdict)
    application = applications.find(clerk.ctx.db, application_id)
    if application is None:
        raise ApplicationError(ApplicationErrorReason.UNKNOWN)
    if checked.state is ApplicationState.APPROVED:
        check_channels(application.channels, clerk.ctx)
    by = (clerk.actor.user_id, write)
    with clerk.act({application.organisation_id}) as audit:
        _check_not_own(application, clerk)
        return applications.decide(clerk.ctx.db, application_id, checked, by, audit)


def _check_not_own(application: Application, clerk: StaffSession) -> None:
    """Raise ApplicationError if the application is the clerk's own case.

    It is if the clerk applied, or acts for the organisation. Another account of the same person counts, even if its
    role has ended.
    """
    db = clerk.ctx.db
    acts_for = application.organisation_id in load_permissions(clerk.actor, clerk.ctx).held
    people = {application.applicant, *recipients.accounts(db, application.organisation_id, clerk.ctx.now())}
    if acts_for or any(person and accounts.are_same_person(db, person, clerk.actor.user_id) for person in people):
        raise ApplicationError(ApplicationErrorReason.OWN)
