"""An organisation applies for the technical interface, and takes an application back (docs/clerks.md)."""

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

__all__ = [
    "Applicant",
    "Application",
    "OrganisationListItem",
    "OwnApplications",
    "applicant",
    "application",
    "apply",
    "mine",
    "withdraw",
]

_CASE_OCTETS = 7
SHOWN = 50
"""Applications in one part of a list: one organisation makes a few in its life, but somebody may act for hundreds."""


@dataclass(frozen=True, slots=True)
class OwnApplications:
    """What somebody may apply for: organisations without an application that waits, and a part of what was applied for.

    `applications` are the newest first, at most one more than are shown: then there is a part after this one.
    """

    organisations: tuple[OrganisationListItem, ...]
    applications: tuple[Application, ...]
    may_apply: bool
    """Whether there is any organisation that they may apply for."""


@dataclass(frozen=True, slots=True)
class Applicant:
    """An organisation that somebody may apply for.

    `offered` are the channels that it may still apply for.
    """

    organisation: OrganisationListItem
    offered: tuple[Channel, ...]


def applicant(organisation_id: str, ctx: ServiceContext, actor: Actor) -> Applicant:
    """Return the organisation if this user may apply for it.

    Raises PermissionDenied otherwise.
    """
    found = administration.find(ctx.db, organisation_id)
    if found is None:
        raise PermissionDenied(Permission.APPLY, organisation_id)
    require_permission(Permission.APPLY, organisation_id, actor, ctx)
    return Applicant(found, tuple(sorted(ctx.issuing.keys() - found.channels)))


def apply(organisation_id: str, new: NewApplication, ctx: ServiceContext, actor: Actor, request_id: str) -> Application:
    """Make an application.

    Raises PermissionDenied and ApplicationRefused, also where one is open already.
    """
    found = applicant(organisation_id, ctx, actor)
    checked = check_application(new, found.organisation.channels, ctx.issuing.keys())
    case = (case_number(secrets.token_bytes(_CASE_OCTETS)), actor.user_id)
    with act_for(Permission.APPLY, organisation_id, ctx, actor, request_id) as act:
        return organisations_applications.add(ctx.db, organisation_id, checked, case, act.audit)


def withdraw(application_id: str, ctx: ServiceContext, actor: Actor, request_id: str) -> Application:
    """Take an application back while nobody has decided it.

    Raises PermissionDenied and ApplicationRefused.
    """
    found = application(application_id, ctx, actor)
    if found.state is not ApplicationState.OPEN:
        raise ApplicationError(ApplicationErrorReason.NOT_OPEN)
    with act_for(Permission.APPLY, found.organisation_id, ctx, actor, request_id) as act:
        organisations_applications.withdraw(ctx.db, application_id, act.audit)
    return found


def application(application_id: str, ctx: ServiceContext, actor: Actor) -> Application:
    """An application of an organisation that this person may apply for; unknown ones look like others'.

    Raises PermissionDenied.
    """
    found = organisations_applications.find(ctx.db, application_id)
    if found is None:
        raise PermissionDenied(Permission.APPLY, None)
    require_permission(Permission.APPLY, found.organisation_id, actor, ctx)
    return found


def mine(ctx: ServiceContext, actor: Actor, start: int = 0) -> OwnApplications:
    """What this person may apply for, and what was applied for, from a row on."""
    ids = load_permissions(actor, ctx).organisations(Permission.APPLY)
    found = organisations_applications.of_organisations(ctx.db, ids, start, SHOWN + 1)
    return OwnApplications(administration.that_may_apply(ctx.db, ids), found, bool(ids))
