"""Giving, changing and withdrawing roles, each in one transaction with its audit row and with what is owed by mail.

Whoever decides about the roles for an organisation holds its row meanwhile, so that two who withdraw each other's at
the same moment do so one after the other (docs/mandates.md). Audit rows have random ids alone.
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
from sinetti.database.notifications.access_messages import AccessEvent, owe_to_firm, owe_to_person, owe_to_signatories
from sinetti.database.notifications.recipients import active_assignments, current_assignments
from sinetti.database.organisations.contacts import lock_open
from sinetti.database.organisations.organisations import ContactDetails, insert_person, mark_replaced
from sinetti.domain.access.invitations import A_DAY, INVITED_A_DAY
from sinetti.domain.access.roles import Role, outlasts


class AlreadyHasOtherRole(Exception):
    """This person has a role for the organisation already, another one: it is to be changed."""


class LastSignatory(Exception):
    """Nobody would be left who may give authorisations for the organisation."""


class InvitationLimitReached(Exception):
    """So many invitations have left for this organisation today that there is no other before tomorrow."""


class NoLongerExists(Exception):
    """What was to be changed is not there any more: withdrawn, ended or answered meanwhile."""


@dataclass(frozen=True, slots=True)
class GrantHolder:
    """For which organisation a mandate is, and who has it, or had it: an account or another organisation."""

    organisation_id: str
    user_id: str
    agent_id: str
    ended: bool = False
    """It is withdrawn, or past its last instant."""


@dataclass(frozen=True, slots=True)
class InvitationLink:
    """An invitation that is to be made: its id, of which its token is made, the token's SHA-256 and its end."""

    invitation_id: str
    token_sha256: str
    expires: datetime


@dataclass(frozen=True, slots=True)
class PersonGrant:
    """A role that is to be given to somebody.

    `until` is None where it is to have no end.

    `at_once`: it counts before it is taken up, for whom an operator names (docs/people.md).
    """

    organisation_id: str
    person: ContactDetails
    role: Role
    until: datetime | None = None
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class FirmGrant:
    """A role that is to be given to another organisation, with its end."""

    organisation_id: str
    agent_id: str
    role: Role
    until: datetime


@dataclass(frozen=True, slots=True)
class GrantTerms:
    """What a role becomes.

    `last_may_go`: whoever asks is a signatory by an outside source, and stays one.
    """

    role: Role
    until: datetime | None
    last_may_go: bool = False


@dataclass(frozen=True, slots=True)
class InvitationResult:
    """A mandate, and whether an invitation to it was made now: False where one stood already."""

    mandate_id: str
    made: bool


def invite(db: Database, to: PersonGrant, link: InvitationLink, audit: AuditContext) -> InvitationResult:
    """Give somebody a role that they take up by a link, which is owed to them by mail.

    Where the same was given to this address and its link works, or it was taken up, it stays as it is; one without an
    account gets a link, and the end that is asked for now while it waits. Raises Closed, Otherwise, TooMany and
    LimitReached.
    """
    with transaction.atomic(using=db.alias):
        lock_open(db, to.organisation_id)
        if (there := find_invited(db, to, audit.at)) is not None:
            return InvitationResult(there, made=False)
        known = _of_address(db, to, audit.at)
        if known is not None and known.waiting:
            change_in_transaction(db, known, GrantTerms(to.role, to.until), audit)
        row = known or _named(db, to, audit)
        _link(db, row, link, audit)
    return InvitationResult(row.mandate_id, made=True)


def find_invited(db: Database, to: PersonGrant, now: datetime) -> str | None:
    """Return the mandate that this address has or can take up by a link.

    Returns None if an invitation would be made. Raises AlreadyHasOtherRole where it has another role.
    """
    known = _of_address(db, to, now)
    if known is not None and known.role != to.role:
        raise AlreadyHasOtherRole
    there = known is not None and (known.user_id is not None or _open_links(db, known, now).exists())
    return known.mandate_id if known is not None and there else None


def invite_again(db: Database, mandate_id: str, link: InvitationLink, audit: AuditContext) -> None:
    """Make another invitation to a mandate that nobody has taken up, which ends those of before.

    Raises Closed, Gone, TooMany and LimitReached.
    """
    with transaction.atomic(using=db.alias):
        row = _taken(db, mandate_id, audit.at)
        if row.user_id is not None or row.person_id is None:
            raise NoLongerExists
        _link(db, row, link, audit)


def give_to_firm(db: Database, to: FirmGrant, audit: AuditContext) -> bool:
    """Give another organisation a role, or the one that it has anew; False where the same stands already.

    Raises Closed where one of the two is closed.
    """
    with transaction.atomic(using=db.alias):
        # In the order of their ids: two who give each other a role at once do not wait for each other.
        for one in sorted((to.organisation_id, to.agent_id)):
            lock_open(db, one)
        return grant_in_transaction(db, to, audit) is not None


def grant_in_transaction(db: Database, to: FirmGrant, audit: AuditContext) -> models.RoleAssignment | None:
    """As `give_to_firm`, where both organisations are held; None where the same stands already."""
    rows = models.RoleAssignment.objects.using(db.alias)
    found = list(rows.filter(active_assignments(audit.at), organisation=to.organisation_id, agent=to.agent_id))
    if any(one.role == to.role and one.valid_until == to.until for one in found):
        return None
    for one in found:
        _withdrawn(db, one, audit)
    row = rows.create(
        organisation_id=to.organisation_id,
        agent_id=to.agent_id,
        role=to.role,
        valid_from=audit.at,
        valid_until=to.until,
    )
    _audit(db, audit, "authorisation-given", row)
    owe_to_firm(db, row, AccessEvent.GIVEN_TO_FIRM, audit.at)
    return row


def withdraw(
    db: Database, mandate_id: str, audit: AuditContext, *, last_may_go: bool = False, given_up: bool = False
) -> bool:
    """Withdraw a role, and tell whoever had it; False where it is withdrawn already.

    `given_up`: by whoever had it, so that the organisation's signatories are told, who did not do it. Raises
    LastSignatory, unless `last_may_go`.
    """
    with transaction.atomic(using=db.alias):
        row = _held(db, mandate_id)
        if _ended(row, audit.at):
            return False
        if not last_may_go:
            _keep_a_signatory(db, row, audit.at)
        _withdrawn(db, row, audit)
        _links(db, row).update(ended_at=audit.at)
        _tell(db, row, AccessEvent.WITHDRAWN, audit)
        if given_up:
            owe_to_signatories(db, row.organisation_id, AccessEvent.GIVEN_UP, audit.at, mandate=row.mandate_id)
    return True


def end_invitation(db: Database, mandate_id: str, invitation_id: str, audit: AuditContext) -> bool:
    """End an invitation that nobody has used, and the role that waits for it; False where there is none any more."""
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
    """Give a mandate another role or end; False where it has those already.

    Raises Closed, Gone and LastSignatory.
    """
    with transaction.atomic(using=db.alias):
        return change_in_transaction(db, _taken(db, mandate_id, audit.at), terms, audit)


def change_in_transaction(db: Database, row: models.RoleAssignment, terms: GrantTerms, audit: AuditContext) -> bool:
    """As `change`, where the organisation is held."""
    if row.role == terms.role and row.valid_until == terms.until:
        return False
    ends_earlier = terms.until is not None and (row.valid_until is None or terms.until < row.valid_until)
    if not terms.last_may_go and (terms.role is not Role.SIGNATORY or ends_earlier):
        _keep_a_signatory(db, row, audit.at)
    becomes_one = terms.role is Role.SIGNATORY and row.role != Role.SIGNATORY and not row.waiting
    models.RoleAssignment.objects.using(db.alias).filter(pk=row.pk).update(role=terms.role, valid_until=terms.until)
    row.role, row.valid_until = terms.role.value, terms.until
    _audit(db, audit, "authorisation-changed", row, role=terms.role)
    _tell(db, row, AccessEvent.CHANGED, audit)
    if becomes_one:
        owe_to_signatories(db, row.organisation_id, AccessEvent.JOINED, audit.at, mandate=row.mandate_id)
    return True


def holder_of(db: Database, mandate_id: str, now: datetime) -> GrantHolder:
    """Who has a mandate, by ids, and whether it has ended at `now`; all are empty where there is no such mandate."""
    found = models.RoleAssignment.objects.using(db.alias).filter(pk=mandate_id).first()
    if found is None:
        return GrantHolder("", "", "")
    return GrantHolder(found.organisation_id, found.user_id or "", found.agent_id or "", _ended(found, now))


def organisation_of(db: Database, mandate_id: str) -> str:
    """The id of the organisation that a mandate is for; empty where there is no such mandate."""
    rows = models.RoleAssignment.objects.using(db.alias).filter(pk=mandate_id)
    return str(rows.values_list("organisation", flat=True).first() or "")


def _ended(row: models.RoleAssignment, now: datetime) -> bool:
    return row.withdrawn_at is not None or (row.valid_until is not None and row.valid_until < now)


def _tell(db: Database, row: models.RoleAssignment, tells: AccessEvent, audit: AuditContext) -> None:
    """Tell whoever has a role what became of it; who has not taken it up was told nothing yet but by the link."""
    if row.agent_id is not None:
        owe_to_firm(db, row, tells, audit.at)
    elif not row.waiting:
        owe_to_person(db, row, tells, audit.at)


def _named(db: Database, to: PersonGrant, audit: AuditContext) -> models.RoleAssignment:
    row = models.RoleAssignment.objects.using(db.alias).create(
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
    recent = Invitation.objects.using(db.alias).filter(mandate__organisation=row.organisation_id)
    if recent.filter(created__gt=audit.at - A_DAY).count() >= INVITED_A_DAY:
        raise InvitationLimitReached
    if row.person is not None:
        daily_counts.count_letters(db, audit, row.person.email)
    _links(db, row).update(ended_at=audit.at)
    Invitation.objects.using(db.alias).create(
        invitation_id=link.invitation_id,
        mandate=row,
        token_sha256=link.token_sha256,
        # All who make one may do so alone, or have the word of a second person (docs/mandates.md).
        vouched=True,
        created=audit.at,
        expires=link.expires if row.valid_until is None else min(link.expires, row.valid_until),
    )
    _audit(db, audit, "invited", row, invitation=link.invitation_id)
    owe_to_person(db, row, AccessEvent.INVITATION, audit.at, invitation=link.invitation_id)


def counting_links() -> Q:
    """Filter the invitations that give their role (docs/mandates.md).

    A signatory's gives it only if it was vouched for.
    """
    return Q(vouched=True) | ~Q(mandate__role=Role.SIGNATORY)


def _links(db: Database, row: models.RoleAssignment) -> "QuerySet[Invitation]":
    rows = Invitation.objects.using(db.alias)
    return rows.filter(mandate=row.pk, used_at__isnull=True, ended_at__isnull=True)


def _open_links(db: Database, row: models.RoleAssignment, now: datetime) -> "QuerySet[Invitation]":
    return _links(db, row).filter(counting_links(), expires__gte=now)


def _of_address(db: Database, to: PersonGrant, now: datetime) -> models.RoleAssignment | None:
    """The mandate of whoever has this address, taken up or not.

    An organisation has few.
    """
    rows = models.RoleAssignment.objects.using(db.alias).filter(
        current_assignments(now), organisation=to.organisation_id
    )
    address = to.person.email.casefold()
    found = rows.filter(person__isnull=False).select_related("person").order_by("valid_from", "pk")
    return next((one for one in found if one.person is not None and one.person.email.casefold() == address), None)


def _withdrawn(db: Database, row: models.RoleAssignment, audit: AuditContext) -> None:
    models.RoleAssignment.objects.using(db.alias).filter(pk=row.pk).update(withdrawn_at=audit.at)
    mark_replaced(db, [row.person_id], audit.at)
    _audit(db, audit, "authorisation-withdrawn", row)


def _keep_a_signatory(db: Database, row: models.RoleAssignment, now: datetime) -> None:
    """Raise LastSignatory where this one goes and no other signatory with an account stays as long."""
    if row.role != Role.SIGNATORY or row.user_id is None or row.waiting:
        return
    others = models.RoleAssignment.objects.using(db.alias).filter(
        active_assignments(now), organisation=row.organisation_id, role=Role.SIGNATORY, user__is_active=True
    )
    if not outlasts(row.valid_until, others.exclude(pk=row.pk).values_list("valid_until", flat=True)):
        raise LastSignatory


def _held(db: Database, mandate_id: str) -> models.RoleAssignment:
    """The mandate as it is while nobody else decides about its organisation's.

    Raises NoLongerExists.
    """
    organisations = models.Organisation.objects.using(db.alias).filter(given=mandate_id)
    if not organisations.update(created=F("created")):
        raise NoLongerExists
    return models.RoleAssignment.objects.using(db.alias).get(pk=mandate_id)


def _taken(db: Database, mandate_id: str, now: datetime) -> models.RoleAssignment:
    """The same of one that lasts, of an organisation that is open.

    Raises Closed and Gone.
    """
    row = _held(db, mandate_id)
    lock_open(db, row.organisation_id)
    if not models.RoleAssignment.objects.using(db.alias).filter(current_assignments(now), pk=mandate_id).exists():
        raise NoLongerExists
    return row


def _audit(db: Database, audit: AuditContext, action: str, row: models.RoleAssignment, **facts: Any) -> None:  # noqa: ANN401 - as audit has them
    about = f"organisation:{row.organisation_id}"
    who = {"person": row.person_id, "agent": row.agent_id}
    audit_log.write(db, audit, action, about, mandate=row.mandate_id, **who, **facts)
