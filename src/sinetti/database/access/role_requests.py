"""Requests for a role, by a person or a firm, and the signatories' answers.

Requests store the customer id as it was entered and are made for unknown organisations too. A requester therefore
cannot learn which organisations exist. Only users who can see an organisation's roles learn that a request reached it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Count, Q, QuerySet

from sinetti.database import models, sql
from sinetti.database.access.role_assignments import (
    FirmGrant,
    GrantTerms,
    InvitationLimitReached,
    NoLongerExists,
    change_in_transaction,
    grant_in_transaction,
)
from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.common.locks import acquire_lock
from sinetti.database.connection import Database
from sinetti.database.models import RoleRequest, User
from sinetti.database.notifications.access_messages import (
    AccessEvent,
    queue_answer,
    queue_for_signatories,
    queue_role_requests,
)
from sinetti.database.notifications.recipients import active_assignments, chunked
from sinetti.database.organisations.contacts import lock_open
from sinetti.database.organisations.organisations import ContactDetails, insert_person, mark_replaced
from sinetti.domain.access.ends import NEAR
from sinetti.domain.access.invitations import A_DAY, NOTIFIED_A_DAY, REQUEST_LIVES
from sinetti.domain.access.roles import Role, greater
from sinetti.domain.values import Language, normalise


@dataclass(frozen=True)
class Requester:
    """The user who asks, for themselves or their firm, and their limit in 24 hours."""

    user_id: str
    agent_id: str | None
    a_day: int


@dataclass(frozen=True)
class RequestResult:
    """Customer ids as given: asked now, open already, and role present already."""

    now: tuple[str, ...]
    before: tuple[str, ...]
    there: tuple[str, ...]


def ask(
    db: Database, who: Requester, customer_ids: Iterable[str], terms: GrantTerms, audit: AuditContext
) -> RequestResult:
    """Store requests to organisations not asked yet, and queue mail to signatories.

    Raises InvitationLimitReached and stores no request then.
    """
    by_folded = {normalise(customer_id): customer_id for customer_id in customer_ids}
    with transaction.atomic(using=db.alias):
        # Concurrent requests of the same requester wait here.
        acquire_lock(db, f"ask:{who.agent_id or who.user_id}")
        before = _open(db, who, by_folded, terms.role, audit.at)
        there = _there(db, who, by_folded, terms.role, audit.at)
        new = [folded for folded in by_folded if folded not in before and folded not in there]
        if count_recent(db, who, audit.at) + len(new) > who.a_day:
            raise InvitationLimitReached
        _store(db, who, {folded: by_folded[folded] for folded in new}, terms, audit)
    named = (new, [folded for folded in by_folded if folded in before and folded not in there], there)
    return RequestResult(*(tuple(by_folded[folded] for folded in part) for part in named))


def count_recent(db: Database, who: Requester, now: datetime) -> int:
    """Count the requests that this requester made in the last 24 hours."""
    return _of(db, who).filter(created__gt=now - A_DAY).count()


def organisation_of(db: Database, request_id: str) -> str:
    """Return the id of the organisation of a request.

    Returns "" if the request or the organisation does not exist.
    """
    asked = db.rows(RoleRequest).filter(pk=request_id).values("normalised_id")
    rows = db.rows(models.Organisation).filter(normalised_id__in=asked)
    return str(rows.values_list("pk", flat=True).first() or "")


def firm_of(db: Database, request_id: str) -> str:
    """Return the id of the firm of a request, or "" if a person asks."""
    rows = db.rows(RoleRequest).filter(pk=request_id)
    return str(rows.values_list("agent", flat=True).first() or "")


def decline(db: Database, request_id: str, audit: AuditContext) -> bool:
    """Decline a request and notify the requester; return False if declined already.

    Raises NoLongerExists if it does not wait any more.
    """
    with transaction.atomic(using=db.alias):
        row = _request(db, request_id)
        if row.answered_at is not None and row.mandate_id is None:
            return False
        _answered(db, row, None, audit)
        if row.user is not None:
            # The person has no role. The row exists for this answer, until retention erases it.
            person = insert_person(db, _person(row.user))
            mark_replaced(db, [person.person_id], audit.at)
            queue_answer(db, person.person_id, request_id, audit.at, is_granted=False)
    return True


def approve(db: Database, request_id: str, terms: GrantTerms, audit: AuditContext) -> bool:
    """Approve a request with a role and an end, and notify the requester.

    Returns False if it was approved already. Raises OrganisationClosed or LastSignatory. Raises NoLongerExists if the
    request does not wait any more, or if its account is inactive or gone.
    """
    organisation_id = organisation_of(db, request_id)
    with transaction.atomic(using=db.alias):
        row = _request(db, request_id)
        for party_id in sorted({organisation_id, row.agent_id or organisation_id}):
            lock_open(db, party_id)
        if row.mandate_id is not None:
            return False
        mandate = _for_firm if row.agent_id is not None else _for_user
        _answered(db, row, mandate(db, organisation_id, row, terms, audit), audit)
    return True


def _for_firm(
    db: Database, organisation_id: str, row: RoleRequest, terms: GrantTerms, audit: AuditContext
) -> models.RoleAssignment:
    if row.agent_id is None or terms.until is None:
        raise NoLongerExists
    rows = db.rows(models.RoleAssignment).filter(active_assignments(audit.at), organisation=organisation_id)
    theirs = list(rows.filter(agent=row.agent_id))
    # An approval never reduces a greater role that the firm received since its request.
    if (kept := next((role for role in theirs if _is_no_less(role, terms.role, terms.until)), None)) is not None:
        return kept
    given = grant_in_transaction(db, FirmGrant(organisation_id, row.agent_id, terms.role, terms.until), audit)
    return given or rows.get(agent=row.agent_id)


def _is_no_less(has: models.RoleAssignment, role: Role, until: datetime | None) -> bool:
    """Return True for a greater role, or for the same role that ends no earlier."""
    if has.role == role:
        return has.valid_until is None or (until is not None and until <= has.valid_until)
    return greater(Role(has.role), role) == has.role


def _for_user(
    db: Database, organisation_id: str, row: RoleRequest, terms: GrantTerms, audit: AuditContext
) -> models.RoleAssignment:
    if row.user is None or not row.user.is_active:
        raise NoLongerExists
    rows = db.rows(models.RoleAssignment)
    role = rows.filter(active_assignments(audit.at), organisation=organisation_id, user=row.user).first()
    if role is not None:
        if not _is_no_less(role, terms.role, terms.until):
            change_in_transaction(db, role, terms, audit)
        elif role.person_id is not None:
            queue_answer(db, role.person_id, row.request_id, audit.at, is_granted=True)
        return role
    person = insert_person(db, _person(row.user))
    made = rows.create(
        organisation_id=organisation_id,
        person=person,
        user=row.user,
        role=terms.role,
        valid_from=audit.at,
        valid_until=terms.until,
    )
    about = f"organisation:{organisation_id}"
    audit_log.write(db, audit, "authorisation-given", about, mandate=made.mandate_id, person=person.person_id)
    queue_answer(db, person.person_id, row.request_id, audit.at, is_granted=True)
    if terms.role is Role.SIGNATORY:
        queue_for_signatories(db, organisation_id, AccessEvent.JOINED, audit.at, mandate=made.mandate_id)
    return made


def _person(user: User) -> ContactDetails:
    return ContactDetails(user.name, user.email, "", Language(user.language))


def _request(db: Database, request_id: str) -> RoleRequest:
    rows = db.rows(RoleRequest).select_related("user")
    row = rows.filter(pk=request_id).first()
    if row is None:
        raise NoLongerExists
    return row


def _answered(db: Database, row: RoleRequest, mandate: models.RoleAssignment | None, audit: AuditContext) -> None:
    """Record the first answer to a request. Raises NoLongerExists for any later one."""
    rows = db.rows(RoleRequest).filter(pk=row.pk, answered_at__isnull=True)
    if not rows.filter(created__gte=audit.at - REQUEST_LIVES).update(answered_at=audit.at, mandate=mandate):
        raise NoLongerExists
    action = "request-declined" if mandate is None else "request-approved"
    audit_log.write(db, audit, action, f"request:{row.request_id}", mandate=mandate.mandate_id if mandate else None)


def _of(db: Database, who: Requester) -> "QuerySet[RoleRequest]":
    rows = db.rows(RoleRequest)
    if who.agent_id is not None:
        return rows.filter(agent=who.agent_id)
    return rows.filter(agent__isnull=True, user=who.user_id)


def _open(db: Database, who: Requester, asked: Collection[str], role: Role, now: datetime) -> frozenset[str]:
    rows = _of(db, who).filter(role=role, answered_at__isnull=True, created__gte=now - REQUEST_LIVES)
    found: set[str] = set()
    for part in chunked(asked):
        found.update(rows.filter(normalised_id__in=part).values_list("normalised_id", flat=True))
    return frozenset(found)


def _there(db: Database, who: Requester, asked: Collection[str], role: Role, now: datetime) -> frozenset[str]:
    """Return the organisations for which the requester has the role, or a greater one.

    Those that end within 60 days do not count: such a request asks for a later end. The requester's own page shows
    these roles, so the answer discloses nothing new.
    """
    rows = (
        db.rows(models.RoleAssignment)
        .filter(active_assignments(now), organisation__closed_at__isnull=True)
        .exclude(valid_until__lte=now + NEAR)
    )
    own = rows.filter(agent=who.agent_id) if who.agent_id else rows.filter(user=who.user_id, agent__isnull=True)
    found: set[str] = set()
    for part in chunked(asked):
        pairs = own.filter(organisation__normalised_id__in=part).values_list("organisation__normalised_id", "role")
        found.update(name for name, has in pairs if greater(Role(has), role) == has)
    return frozenset(found)


def _store(db: Database, who: Requester, new: dict[str, str], terms: GrantTerms, audit: AuditContext) -> None:
    rows = [
        RoleRequest(
            request_id=sql.random_id(),
            customer_id=customer_id,
            normalised_id=name,
            user_id=who.user_id,
            agent_id=who.agent_id,
            role=terms.role,
            until=terms.until,
            created=audit.at,
        )
        for name, customer_id in new.items()
    ]
    recipients = _requests_to_notify(db, {row.normalised_id: row.request_id for row in rows}, audit.at)
    db.rows(RoleRequest).bulk_create(rows)
    about = f"organisation:{who.agent_id}" if who.agent_id else f"user:{who.user_id}"
    if rows:
        audit_log.write(db, audit, "asked-for-roles", about, count=len(rows), role=terms.role)
    queue_role_requests(db, recipients, audit.at)


def _requests_to_notify(db: Database, new: dict[str, str], now: datetime) -> dict[str, str]:
    """Return the requests about which signatories get mail, by organisation id.

    Each organisation has a daily limit.
    """
    found: dict[str, str] = {}
    for part in chunked(new):
        recent = db.rows(RoleRequest).filter(normalised_id__in=part, created__gt=now - A_DAY)
        counts = dict(recent.values_list("normalised_id").annotate(Count("pk")))
        rows = db.rows(models.Organisation).filter(Q(normalised_id__in=part), closed_at__isnull=True)
        for organisation_id, name in rows.values_list("pk", "normalised_id"):
            if counts.get(name, 0) < NOTIFIED_A_DAY:
                found[organisation_id] = new[name]
    return found
