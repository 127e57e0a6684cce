"""Applications of an organisation for the technical interface.

See docs/e-service/clerks.md.
"""

import secrets
from dataclasses import dataclass

from sinetti.database.organisations import administration
from sinetti.database.organisations import applications as organisations_applications
from sinetti.database.organisations.administration import OrganisationListItem
from sinetti.database.organisations.applications import Application
from sinetti.domain.access.roles import Permission
from sinetti.domain.organisations.applications import (
    ApplicationError,
    ApplicationErrorReason,
    ApplicationState,
    NewApplication,
    case_number,
    check_application,
)
from sinetti.domain.values import Channel
from sinetti.services.access.act_transaction import act_for
from sinetti.services.access.permissions import Actor, PermissionDenied, load_permissions, require_permission
from sinetti.services.context import ServiceContext

__all__ = ["Application", "OrganisationListItem"]

_CASE_OCTETS = 7
SHOWN = 50
"""Applications per part of a list.

One organisation makes only a few, but a user may act for hundreds of organisations.
"""


@dataclass(frozen=True)
class OwnApplications:
    """Organisations that the user may apply for, and part of their applications.

    Organisations with an open application are left out. `applications` are the newest first, at most one more than are
    shown. The extra one means that another part follows.
    """

    organisations: tuple[OrganisationListItem, ...]
    applications: tuple[Application, ...]
    may_apply: bool
    """True if there is any organisation that the user may apply for."""


@dataclass(frozen=True)
class Applicant:
    """An organisation that the user may apply for.

    `offered` are the channels that it may still apply for.
    """

    organisation: OrganisationListItem
    offered: tuple[Channel, ...]


def applicant(organisation_id: str, ctx: ServiceContext, actor: Actor) -> Applicant:
    """Return the organisation if this user may apply for it.

    Raises PermissionDenied otherwise.
    """
    organisation = administration.find(ctx.db, organisation_id)
    if organisation is None:
        raise PermissionDenied(Permission.APPLY, organisation_id)
    require_permission(Permission.APPLY, organisation_id, actor, ctx)
    return Applicant(organisation, tuple(sorted(ctx.issuing.keys() - organisation.channels)))


def apply(organisation_id: str, new: NewApplication, ctx: ServiceContext, actor: Actor, request_id: str) -> Application:
    """Submit an application.

    Raises PermissionDenied and ApplicationError, also if one is open already.
    """
    found = applicant(organisation_id, ctx, actor)
    checked = check_application(new, found.organisation.channels, ctx.issuing.keys())
    case = (case_number(secrets.token_bytes(_CASE_OCTETS)), actor.user_id)
    with act_for(Permission.APPLY, organisation_id, ctx, actor, request_id) as act:
        return organisations_applications.add(ctx.db, organisation_id, checked, case, act.audit)


def withdraw(application_id: str, ctx: ServiceContext, actor: Actor, request_id: str) -> Application:
    """Withdraw an application that no clerk has decided yet.

    Raises PermissionDenied and ApplicationError.
    """
    found = application(application_id, ctx, actor)
    if found.state is not ApplicationState.OPEN:
        raise ApplicationError(ApplicationErrorReason.NOT_OPEN)
    with act_for(Permission.APPLY, found.organisation_id, ctx, actor, request_id) as act:
        organisations_applications.withdraw(ctx.db, application_id, act.audit)
    return found


def application(application_id: str, ctx: ServiceContext, actor: Actor) -> Application:
    """Return an application of an organisation that this user may apply for.

    Raises PermissionDenied, for an unknown application as for another organisation's.
    """
    found = organisations_applications.find(ctx.db, application_id)
    if found is None:
        raise PermissionDenied(Permission.APPLY, None)
    require_permission(Permission.APPLY, found.organisation_id, actor, ctx)
    return found


def mine(ctx: ServiceContext, actor: Actor, start: int = 0) -> OwnApplications:
    """Return the user's possible and past applications, from row `start` on."""
    ids = load_permissions(actor, ctx).organisations(Permission.APPLY)
    applications = organisations_applications.of_organisations(ctx.db, ids, start, SHOWN + 1)
    return OwnApplications(administration.that_may_apply(ctx.db, ids), applications, bool(ids))
