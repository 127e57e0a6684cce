"""Granting, changing and withdrawing roles.

Each change is one transaction with its audit row and its queued e-mail. The transaction locks the organisation's row.
Two people who withdraw each other's roles at the same moment are therefore handled one after the other
(docs/e-service/authorisations.md). Audit rows contain random ids only.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet

from sinetti.database import models
from sinetti.database.common import audit_log, daily_counts
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.models import Invitation
from sinetti.database.notifications.access_messages import (
    AccessEvent,
    queue_for_firm,
    queue_for_person,
    queue_for_signatories,
)
from sinetti.database.notifications.recipients import active_assignments, current_assignments
from sinetti.database.organisations.contacts import lock_open
from sinetti.database.organisations.organisations import ContactDetails, insert_person, mark_replaced
from sinetti.database.organisations.signatory_namings import NewNaming, begin_waiting, has_signatory
from sinetti.domain.access.ends import passed_step
from sinetti.domain.access.invitations import A_DAY, INVITED_A_DAY
from sinetti.domain.access.roles import Role, outlasts


class AlreadyHasOtherRole(Exception):
    """The person has another role for the organisation already; change that role."""


class LastSignatory(Exception):
    """No person with the right to grant roles would be left in the organisation."""


class InvitationLimitReached(Exception):
    """Error for an organisation that has reached its daily limit of invitations."""


class NoLongerExists(Exception):
    """The role to change was withdrawn, ended or answered meanwhile."""


@dataclass(frozen=True)
class GrantHolder:
    """Organisation of a role assignment, and its present or former holder.

    The holder is an account or another organisation.
    """

    organisation_id: str
    user_id: str
    agent_id: str
    ended: bool = False
    """The assignment is withdrawn, or past its last instant."""


@dataclass(frozen=True)
class InvitationLink:
    """A new invitation: id, SHA-256 of the token and expiry.

    The token is derived from the id.
    """

    invitation_id: str
    token_sha256: str
    expires: datetime


@dataclass(frozen=True)
class PersonGrant:
    """A role to grant to a person.

    `until` is None for a role without an end. With `at_once` the role is active before the person accepts it;
    operators use this (docs/e-service/recipients.md). `naming` is used if the person is the first signatory.
    """

    organisation_id: str
    person: ContactDetails
    role: Role
    until: datetime | None = None
    at_once: bool = False
    naming: NewNaming | None = None


@dataclass(frozen=True)
class FirmGrant:
    """A role to grant to another organisation, with its end."""

    organisation_id: str
    agent_id: str
    role: Role
    until: datetime


@dataclass(frozen=True)
class GrantTerms:
    """New role and end of an assignment.

    `last_may_go` is set if an outside source names the requester as a signatory, so that they stay one.
    """

    role: Role
    until: datetime | None
    last_may_go: bool = False


@dataclass(frozen=True)
class InvitationResult:
    """A role assignment; `made` is False if a working invitation existed already."""

    mandate_id: str
    made: bool


def invite(db: Database, to: PersonGrant, link: InvitationLink, audit: AuditContext) -> InvitationResult:
    """Grant a person a role that they accept by a link, and queue the link by mail.

    The grant stays unchanged if this address has the same role and a working link, or has accepted it. An address
    without an account gets a new link. A grant that is not accepted yet also gets the new end.

    Raises OrganisationClosed, AlreadyHasOtherRole, InvitationLimitReached or LimitReached.
    """
    with transaction.atomic(using=db.alias):
        lock_open(db, to.organisation_id)
        if (there := find_invited(db, to, audit.at)) is not None:
            return InvitationResult(there, made=False)
        known = _of_address(db, to, audit.at)
        if known is not None and known.waiting:
            change_in_transaction(db, known, GrantTerms(to.role, to.until), audit)
        row = known or _named(db, to, audit)
        if to.role is Role.SIGNATORY and not has_signatory(db, to.organisation_id, audit.at):
            begin_waiting(db, row, to.naming, audit)
        _link(db, row, link, audit)
    return InvitationResult(row.mandate_id, made=True)


def find_invited(db: Database, to: PersonGrant, now: datetime) -> str | None:
    """Return the id of the role that this address has or can accept by a link.

    Returns None if an invitation would be created. Raises AlreadyHasOtherRole if the address has another role.
    """
    known = _of_address(db, to, now)
    if known is not None and known.role != to.role:
        raise AlreadyHasOtherRole
    there = known is not None and (
        known.user_id is not None or _links(db, known).filter(counting_links(), expires__gte=now).exists()
    )
    return known.mandate_id if known is not None and there else None


def invite_again(db: Database, mandate_id: str, link: InvitationLink, audit: AuditContext) -> None:
    """Create another invitation to a role not yet accepted, and end earlier ones.

    Raises OrganisationClosed, NoLongerExists, InvitationLimitReached or LimitReached.
    """
    with transaction.atomic(using=db.alias):
        row = _taken(db, mandate_id, audit.at)
        if row.user_id is not None or row.person_id is None:
            raise NoLongerExists
        _link(db, row, link, audit)


def give_to_firm(db: Database, to: FirmGrant, audit: AuditContext) -> bool:
    """Grant another organisation a role, or replace the one it has.

    Returns False if it has the same role with the same end already. Raises OrganisationClosed if one of the two is
    closed.
    """
    with transaction.atomic(using=db.alias):
        # Locked in the order of the ids, so that two concurrent grants to each other cannot deadlock.
        for party_id in sorted((to.organisation_id, to.agent_id)):
            lock_open(db, party_id)
        return grant_in_transaction(db, to, audit) is not None


def grant_in_transaction(db: Database, to: FirmGrant, audit: AuditContext) -> models.RoleAssignment | None:
    """Do the work of `give_to_firm` for a caller that has locked both organisations.

    Returns None if the same grant exists already.
    """
    rows = db.rows(models.RoleAssignment)
    roles = list(rows.filter(active_assignments(audit.at), organisation=to.organisation_id, agent=to.agent_id))
    if any(role.role == to.role and role.valid_until == to.until for role in roles):
        return None
    for role in roles:
        _withdrawn(db, role, audit)
    row = rows.create(
        organisation_id=to.organisation_id,
        agent_id=to.agent_id,
        role=to.role,
        valid_from=audit.at,
        valid_until=to.until,
    )
    _audit(db, audit, "authorisation-given", row)
    queue_for_firm(db, row, AccessEvent.GIVEN_TO_FIRM, audit.at)
    return row


def withdraw(
    db: Database, mandate_id: str, audit: AuditContext, *, last_may_go: bool = False, given_up: bool = False
) -> bool:
    """Withdraw a role and notify its holder; return False if it is withdrawn already.

    With `given_up` the holder withdrew it, so the organisation's signatories are notified too. Raises LastSignatory
    unless `last_may_go` is set.
    """
    with transaction.atomic(using=db.alias):
        row = _held(db, mandate_id)
        if _ended(row, audit.at):
            return False
        if not last_may_go:
            _keep_a_signatory(db, row, audit.at)
        _withdrawn(db, row, audit, noted_by="holder" if given_up else "giver")
        _links(db, row).update(ended_at=audit.at)
        _notify_holder(db, row, AccessEvent.WITHDRAWN, audit)
        if given_up:
            queue_for_signatories(db, row.organisation_id, AccessEvent.GIVEN_UP, audit.at, mandate=row.mandate_id)
    return True


def end_invitation(db: Database, mandate_id: str, invitation_id: str, audit: AuditContext) -> bool:
    """End an unused invitation and its pending role; return False if there is none."""
    with transaction.atomic(using=db.alias):
        row = _held(db, mandate_id)
        if row.withdrawn_at is not None or not _links(db, row).filter(pk=invitation_id).update(ended_at=audit.at):
            return False
        if row.waiting:
            _withdrawn(db, row, audit)
        else:
            _audit(db, audit, "invitation-ended", row, invitation=invitation_id)
    return True


def change(db: Database, mandate_id: str, terms: GrantTerms, audit: AuditContext) -> bool:
    """Change role or end of an assignment; return False if both are the same already.

    Raises OrganisationClosed, NoLongerExists or LastSignatory.
    """
    with transaction.atomic(using=db.alias):
        return change_in_transaction(db, _taken(db, mandate_id, audit.at), terms, audit)


def change_in_transaction(db: Database, row: models.RoleAssignment, terms: GrantTerms, audit: AuditContext) -> bool:
    """Do the work of `change` for a caller that has locked the organisation."""
    if row.role == terms.role and row.valid_until == terms.until:
        return False
    ends_earlier = terms.until is not None and (row.valid_until is None or terms.until < row.valid_until)
    if not terms.last_may_go and (terms.role is not Role.SIGNATORY or ends_earlier):
        _keep_a_signatory(db, row, audit.at)
    becomes_one = terms.role is Role.SIGNATORY and row.role != Role.SIGNATORY and not row.waiting
    db.rows(models.RoleAssignment).filter(pk=row.pk).update(
        # The message about the change names the new end, so earlier steps need no other one.
        role=terms.role,
        valid_until=terms.until,
        end_notice=passed_step(terms.until, audit.at),
    )
    row.role, row.valid_until = terms.role.value, terms.until
    _audit(db, audit, "authorisation-changed", row, role=terms.role)
    _notify_holder(db, row, AccessEvent.CHANGED, audit)
    if becomes_one:
        queue_for_signatories(db, row.organisation_id, AccessEvent.JOINED, audit.at, mandate=row.mandate_id)
    return True


def holder_of(db: Database, mandate_id: str, now: datetime) -> GrantHolder:
    """Return the holder of a role by ids, and whether the role has ended at `now`.

    All ids are empty if the role does not exist.
    """
    row = db.rows(models.RoleAssignment).filter(pk=mandate_id).first()
    if row is None:
        return GrantHolder("", "", "")
    return GrantHolder(row.organisation_id, row.user_id or "", row.agent_id or "", _ended(row, now))


def organisation_of(db: Database, mandate_id: str) -> str:
    """Return the id of a role's organisation, or "" if the role does not exist."""
    rows = db.rows(models.RoleAssignment).filter(pk=mandate_id)
    return str(rows.values_list("organisation", flat=True).first() or "")


def _ended(row: models.RoleAssignment, now: datetime) -> bool:
    return row.withdrawn_at is not None or (row.valid_until is not None and row.valid_until < now)


def _notify_holder(db: Database, row: models.RoleAssignment, tells: AccessEvent, audit: AuditContext) -> None:
    """Notify the holder of a role about a change.

    A person who has not accepted the role yet has only received the link, and gets no message.
    """
    if row.agent_id is not None:
        queue_for_firm(db, row, tells, audit.at)
    elif not row.waiting:
        queue_for_person(db, row, tells, audit.at)


def _named(db: Database, to: PersonGrant, audit: AuditContext) -> models.RoleAssignment:
    row = db.rows(models.RoleAssignment).create(
        organisation_id=to.organisation_id,
        person=insert_person(db, to.person),
        role=to.role,
        valid_from=audit.at,
        valid_until=to.until,
        waiting=not to.at_once,
    )
    _audit(db, audit, "authorisation-given", row, role=to.role)
    return row


def _link(db: Database, row: models.RoleAssignment, link: InvitationLink, audit: AuditContext) -> None:
    recent = db.rows(Invitation).filter(mandate__organisation=row.organisation_id)
    if recent.filter(created__gt=audit.at - A_DAY).count() >= INVITED_A_DAY:
        raise InvitationLimitReached
    if row.person is not None:
        daily_counts.count_letters(db, audit, row.person.email)
    _links(db, row).update(ended_at=audit.at)
    db.rows(Invitation).create(
        invitation_id=link.invitation_id,
        mandate=row,
        token_sha256=link.token_sha256,
        # Every caller may invite alone or has a second person's approval (docs/e-service/authorisations.md).
        vouched=True,
        created=audit.at,
        expires=link.expires if row.valid_until is None else min(link.expires, row.valid_until),
    )
    _audit(db, audit, "invited", row, invitation=link.invitation_id)
    queue_for_person(db, row, AccessEvent.INVITATION, audit.at, invitation=link.invitation_id)


def counting_links() -> Q:
    """Filter the invitations that give their role (docs/e-service/authorisations.md).

    A signatory's gives it only if it was vouched for.
    """
    return Q(vouched=True) | ~Q(mandate__role=Role.SIGNATORY)


def _links(db: Database, row: models.RoleAssignment) -> "QuerySet[Invitation]":
    rows = db.rows(Invitation)
    return rows.filter(mandate=row.pk, used_at__isnull=True, ended_at__isnull=True)


def _of_address(db: Database, to: PersonGrant, now: datetime) -> models.RoleAssignment | None:
    """Return the role assignment of this address, accepted or not.

    An organisation has few assignments, so Python compares the addresses.
    """
    rows = db.rows(models.RoleAssignment).filter(current_assignments(now), organisation=to.organisation_id)
    address = to.person.email.casefold()
    queryset = rows.filter(person__isnull=False).select_related("person").order_by("valid_from", "pk")
    return next(
        (role for role in queryset if role.person is not None and role.person.email.casefold() == address), None
    )


def _withdrawn(db: Database, row: models.RoleAssignment, audit: AuditContext, noted_by: str = "") -> None:
    """Withdraw a role; the side that did so needs no report, the other side gets one."""
    noted = {f"{noted_by}_noted_at": audit.at} if noted_by else {}
    db.rows(models.RoleAssignment).filter(pk=row.pk).update(withdrawn_at=audit.at, **noted)
    mark_replaced(db, [row.person_id], audit.at)
    _audit(db, audit, "authorisation-withdrawn", row)


def _keep_a_signatory(db: Database, row: models.RoleAssignment, now: datetime) -> None:
    """Raise LastSignatory unless another signatory with an account stays as long."""
    if row.role != Role.SIGNATORY or row.user_id is None or row.waiting:
        return
    others = db.rows(models.RoleAssignment).filter(
        active_assignments(now), organisation=row.organisation_id, role=Role.SIGNATORY, user__is_active=True
    )
    if not outlasts(row.valid_until, others.exclude(pk=row.pk).values_list("valid_until", flat=True)):
        raise LastSignatory


def _held(db: Database, mandate_id: str) -> models.RoleAssignment:
    """Lock the organisation of a role assignment and return the assignment.

    Raises NoLongerExists.
    """
    organisations = db.rows(models.Organisation).filter(given=mandate_id)
    if not organisations.update(created=F("created")):
        raise NoLongerExists
    return db.rows(models.RoleAssignment).get(pk=mandate_id)


def _taken(db: Database, mandate_id: str, now: datetime) -> models.RoleAssignment:
    """Lock and return an assignment that is in force, of an open organisation.

    Raises OrganisationClosed or NoLongerExists.
    """
    row = _held(db, mandate_id)
    lock_open(db, row.organisation_id)
    if not db.rows(models.RoleAssignment).filter(current_assignments(now), pk=mandate_id).exists():
        raise NoLongerExists
    return row


def _audit(db: Database, audit: AuditContext, action: str, row: models.RoleAssignment, **facts: Any) -> None:  # noqa: ANN401 - as audit has them
    about = f"organisation:{row.organisation_id}"
    who = {"person": row.person_id, "agent": row.agent_id}
    audit_log.write(db, audit, action, about, mandate=row.mandate_id, **who, **facts)
