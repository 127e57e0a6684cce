"""Role assignments: grant, change and withdraw them; answer role requests.

docs/e-service/authorisations.md lists the guarantees. Actions on an assignment or a request belong to its organisation.
A missing one is treated like one of another organisation.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from sinetti.database.access import queries, role_assignments, role_requests
from sinetti.database.access.queries import RoleAssignmentView, RoleRequestView
from sinetti.database.access.role_assignments import (
    AlreadyHasOtherRole,
    FirmGrant,
    GrantTerms,
    InvitationLimitReached,
    InvitationResult,
    LastSignatory,
    NoLongerExists,
    PersonGrant,
)
from sinetti.database.certificates import list_query
from sinetti.database.common import audit_log
from sinetti.database.organisations import organisations
from sinetti.database.organisations.contacts import OrganisationClosed
from sinetti.database.organisations.organisations import ContactDetails
from sinetti.database.organisations.search import OrganisationRef
from sinetti.domain.access.invitations import A_DAY, MISSED_A_DAY
from sinetti.domain.access.roles import Permission, Role, check_firm_grant
from sinetti.domain.validation import LONGEST_PERSON, check_unlinked
from sinetti.services.access.act_transaction import act_for, acting
from sinetti.services.access.invitations import create_link
from sinetti.services.access.permissions import Actor, Permissions, is_external_signatory, require_permission
from sinetti.services.context import ServiceContext

__all__ = [
    "AlreadyHasOtherRole",
    "ContactDetails",
    "GrantTerms",
    "InvitationLimitReached",
    "InvitationResult",
    "LastSignatory",
    "NoLongerExists",
    "OrganisationClosed",
    "OrganisationRef",
    "PersonGrant",
    "RoleAssignmentView",
    "RoleRequestView",
]


class UnknownOrganisation(Exception):
    """Raised if no open organisation has this id."""


class InvalidTerms(Exception):
    """A role or an end date that cannot be granted.

    A service provider's role ends within two years, and is not the signatory's.
    """


@dataclass(frozen=True)
class Authorisations:
    """Role assignments and role requests of an organisation."""

    mandates: tuple[RoleAssignmentView, ...]
    requests: tuple[RoleRequestView, ...]


@dataclass(frozen=True)
class FirmGrantRequest:
    """A signatory's grant to another organisation: its customer id, role and end."""

    organisation_id: str
    customer_id: str
    role: Role
    until: datetime


def authorisations(
    organisation_id: str, permissions: Permissions, ctx: ServiceContext, start: int = 0, ending_but: str | None = None
) -> Authorisations:
    """Return the content of an organisation's page, assignments from `start` on.

    `ending_but`: only those in force that end within 60 days, without those of this account. Raises PermissionDenied.
    """
    permissions.require(Permission.GRANT, organisation_id)
    now = ctx.now()
    return Authorisations(
        queries.mandates(ctx.db, organisation_id, now, start, ending_but),
        queries.requests_to(ctx.db, organisation_id, now),
    )


def authorisation(mandate_id: str, permissions: Permissions, ctx: ServiceContext) -> RoleAssignmentView:
    """Return an active role assignment.

    Raises PermissionDenied, and NoLongerExists if it has ended.
    """
    assignment = queries.mandate(ctx.db, mandate_id, ctx.now())
    if assignment is None:
        organisation_giving(mandate_id, permissions, ctx)
        raise NoLongerExists
    permissions.require(Permission.GRANT, assignment.organisation_id)
    return assignment


def count_certificates(organisation_id: str, permissions: Permissions, ctx: ServiceContext) -> int:
    """Count the certificates of an organisation's default list.

    Raises PermissionDenied.
    """
    permissions.require(Permission.SEE, organisation_id)
    found = list_query.counts_by_organisation(ctx.db, {organisation_id}, ctx.now())
    return sum(found.get(organisation_id, {}).values())


def organisation_giving(mandate_id: str, permissions: Permissions, ctx: ServiceContext) -> str:
    """Return the id of the organisation of a role assignment, active or ended.

    Raises PermissionDenied.
    """
    organisation_id = role_assignments.organisation_of(ctx.db, mandate_id)
    permissions.require(Permission.GRANT, organisation_id)
    return organisation_id


def get_request(request_id: str, permissions: Permissions, ctx: ServiceContext) -> RoleRequestView:
    """Return an open role request.

    Raises PermissionDenied, and NoLongerExists if it is closed.
    """
    permissions.require(Permission.GRANT, role_requests.organisation_of(ctx.db, request_id))
    role_request = queries.request(ctx.db, request_id, ctx.now())
    if role_request is None:
        raise NoLongerExists
    return role_request


def organisation_asked(request_id: str, permissions: Permissions, ctx: ServiceContext) -> str:
    """Return the id of the organisation that a role request asks, open or closed.

    Raises PermissionDenied.
    """
    organisation_id = role_requests.organisation_of(ctx.db, request_id)
    permissions.require(Permission.GRANT, organisation_id)
    return organisation_id


def grant(to: PersonGrant, ctx: ServiceContext, actor: Actor, request_id: str) -> InvitationResult:
    """Invite a person to a role; an existing grant of the same role is kept.

    Raises PermissionDenied, OrganisationClosed, AlreadyHasOtherRole, InvitationLimitReached, LinkError, LimitReached,
    and InvalidTerms if its end has passed.
    """
    check_unlinked("name", to.person.name, LONGEST_PERSON)
    with act_for(Permission.GRANT, to.organisation_id, ctx, actor, request_id) as act:
        if to.until is not None and to.until <= act.audit.at:
            raise InvalidTerms
        link = create_link(ctx, act.audit.at)
        return role_assignments.invite(ctx.db, replace(to, at_once=False), link, act.audit)


def give_to_firm(given: FirmGrantRequest, ctx: ServiceContext, actor: Actor, request_id: str) -> bool:
    """Grant another organisation a role with an end; False if it has the same.

    Raises PermissionDenied, OrganisationClosed, InvalidTerms, UnknownOrganisation, and InvitationLimitReached if the
    user named too many unknown organisations.
    """
    require_permission(Permission.GRANT, given.organisation_id, actor, ctx)
    if not check_firm_grant(given.role, given.until, ctx.now()):
        raise InvalidTerms
    agent = organisations.find_organisation(ctx.db, given.customer_id)
    if agent is None or not agent.open or agent.organisation_id == given.organisation_id:
        _note_missed(given.organisation_id, ctx, actor, request_id)
        raise UnknownOrganisation
    # Locks both in the order of their ids, so that two organisations that grant each other roles cannot deadlock.
    with acting({given.organisation_id, agent.organisation_id}, ctx, actor, request_id) as act:
        act.permissions.require(Permission.GRANT, given.organisation_id)
        _check_missed(ctx, actor, act.audit.at)
        to = FirmGrant(given.organisation_id, agent.organisation_id, given.role, given.until)
        return role_assignments.give_to_firm(ctx.db, to, act.audit)


def change(mandate_id: str, terms: GrantTerms, ctx: ServiceContext, actor: Actor, request_id: str) -> bool:
    """Change role or end of a role assignment; False if unchanged.

    Roles that it has granted to others are not changed. Raises PermissionDenied, OrganisationClosed, NoLongerExists,
    LastSignatory and InvalidTerms.
    """
    organisation_id = role_assignments.organisation_of(ctx.db, mandate_id)
    with act_for(Permission.GRANT, organisation_id, ctx, actor, request_id) as act:
        assignment = queries.mandate(ctx.db, mandate_id, act.audit.at)
        if assignment is None:
            raise NoLongerExists
        _check(terms, act.audit.at, firm=assignment.agent is not None)
        stays = is_external_signatory(organisation_id, actor, ctx)
        return role_assignments.change(ctx.db, mandate_id, replace(terms, last_may_go=stays), act.audit)


def withdraw(mandate_id: str, ctx: ServiceContext, actor: Actor, request_id: str) -> bool:
    """Withdraw a role assignment at once; False if it is withdrawn already.

    Raises PermissionDenied and LastSignatory.
    """
    organisation_id = role_assignments.organisation_of(ctx.db, mandate_id)
    with act_for(Permission.GRANT, organisation_id, ctx, actor, request_id) as act:
        stays = is_external_signatory(organisation_id, actor, ctx)
        return role_assignments.withdraw(ctx.db, mandate_id, act.audit, last_may_go=stays)


def send_again(mandate_id: str, ctx: ServiceContext, actor: Actor, request_id: str) -> None:
    """Send another invitation; the link of the former one is no longer valid.

    Raises PermissionDenied, OrganisationClosed, NoLongerExists and InvitationLimitReached.
    """
    organisation_id = role_assignments.organisation_of(ctx.db, mandate_id)
    with act_for(Permission.GRANT, organisation_id, ctx, actor, request_id) as act:
        role_assignments.invite_again(ctx.db, mandate_id, create_link(ctx, act.audit.at), act.audit)


def approve(asked_id: str, terms: GrantTerms, ctx: ServiceContext, actor: Actor, request_id: str) -> bool:
    """Grant a role request with this role and end; False if granted before.

    Raises PermissionDenied, OrganisationClosed, NoLongerExists, LastSignatory and InvalidTerms.
    """
    organisation_id = role_requests.organisation_of(ctx.db, asked_id)
    require_permission(Permission.GRANT, organisation_id, actor, ctx)
    firm = role_requests.firm_of(ctx.db, asked_id)
    with acting({organisation_id, firm} if firm else {organisation_id}, ctx, actor, request_id) as act:
        act.permissions.require(Permission.GRANT, organisation_id)
        _check(terms, act.audit.at, firm=bool(firm))
        stays = is_external_signatory(organisation_id, actor, ctx)
        return role_requests.approve(ctx.db, asked_id, replace(terms, last_may_go=stays), act.audit)


def decline(asked_id: str, ctx: ServiceContext, actor: Actor, request_id: str) -> bool:
    """Decline a role request; return False if it was declined already.

    Raises PermissionDenied and NoLongerExists.
    """
    organisation_id = role_requests.organisation_of(ctx.db, asked_id)
    with act_for(Permission.GRANT, organisation_id, ctx, actor, request_id) as act:
        return role_requests.decline(ctx.db, asked_id, act.audit)


_MISSED = "authorisation-to-nobody"


def _note_missed(organisation_id: str, ctx: ServiceContext, actor: Actor, request_id: str) -> None:
    """Record and count an id that is not in the database.

    Callers must not find out which ids exist.
    """
    with act_for(Permission.GRANT, organisation_id, ctx, actor, request_id) as act:
        _check_missed(ctx, actor, act.audit.at)
        audit_log.note(ctx.db, act.audit, _MISSED, actor.name)


def _check_missed(ctx: ServiceContext, actor: Actor, now: datetime) -> None:
    if audit_log.count(ctx.db, actor.name, _MISSED, now - A_DAY) >= MISSED_A_DAY:
        raise InvitationLimitReached


def _check(terms: GrantTerms, now: datetime, *, firm: bool) -> None:
    fits = check_firm_grant(terms.role, terms.until, now) if firm else terms.until is None or terms.until > now
    if not fits:
        raise InvalidTerms
