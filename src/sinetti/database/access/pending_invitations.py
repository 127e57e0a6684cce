"""Clerks' proposals to invite signatories.

A proposal is stored first and decided once. The known people get a message. The confirmation creates role, link and
mail (docs/e-service/authorisations.md).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import transaction
from django.db.models import QuerySet

from sinetti.database.access.role_assignments import InvitationLimitReached
from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.models import PendingInvitation, User
from sinetti.database.notifications import outbox, recipients
from sinetti.database.notifications.outbox import NewMessage
from sinetti.database.organisations.contacts import lock_open
from sinetti.database.organisations.organisations import ContactDetails, insert_person, mark_replaced
from sinetti.domain.access.invitations import A_DAY
from sinetti.domain.access.pending_invitations import (
    PENDING_A_DAY,
    PENDING_LIVES,
    InvitationProposal,
    PendingFault,
    PendingInvitationRefused,
    state_of,
)
from sinetti.domain.notifications.messages import MessageChannel, MessageKind
from sinetti.domain.values import Language

A_SECOND = timedelta(seconds=1)


class PendingNotice(StrEnum):
    """Kind of a message about a proposal."""

    ASKED = "asked"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


@dataclass(frozen=True)
class PendingView:
    """A proposal with its present state.

    Ids of deleted accounts are empty.
    """

    pending_id: str
    organisation_id: str
    customer_id: str
    organisation: str
    organisation_open: bool
    name: str = field(repr=False)
    email: str = field(repr=False)
    language: Language
    asker_id: str
    asker_name: str = field(repr=False)
    asker_email: str = field(repr=False)
    created: datetime
    expires: datetime
    state: InvitationProposal
    decided_at: datetime | None
    decider_id: str
    invitation_id: str = ""


def add(
    db: Database, organisation_id: str, person: ContactDetails, asker_id: str, audit: AuditContext
) -> tuple[str, bool]:
    """Store a proposal and return its id, and True if it is new.

    It queues messages to the known people. An address that waits already is not stored again. Raises
    OrganisationClosed. Raises InvitationLimitReached after ten in a day, because a false message is overlooked among
    many.
    """
    with transaction.atomic(using=db.alias):
        lock_open(db, organisation_id)
        waiting = _rows(db).filter(
            organisation=organisation_id,
            state=InvitationProposal.WAITING,
            expires__gte=audit.at,
            person__email__iexact=person.email,
        )
        if (there := waiting.values_list("pk", flat=True).first()) is not None:
            return there, False
        today = _rows(db).filter(organisation=organisation_id, created__gt=audit.at - A_DAY)
        if today.count() >= PENDING_A_DAY:
            raise InvitationLimitReached
        named, expires = insert_person(db, person), audit.at + PENDING_LIVES
        # The person is named until the proposal expires. Retention counts from then on, with or without a decision.
        mark_replaced(db, [named.person_id], expires)
        row = db.rows(PendingInvitation).create(
            organisation_id=organisation_id,
            person=named,
            asked_by_id=asker_id,
            state=InvitationProposal.WAITING,
            created=audit.at,
            expires=expires,
        )
        _write(db, audit, "invitation-asked", row)
        _enqueue(db, row, PendingNotice.ASKED, audit.at)
        # Queued now for the first second after expiry; the sender cancels it if there was a decision by then.
        _enqueue(db, row, PendingNotice.LAPSED, audit.at, due=expires + A_SECOND)
    return row.pending_id, True


def find(db: Database, pending_id: str, now: datetime) -> PendingView | None:
    """Return the proposal with this id in its present state, or None."""
    row = _rows(db).filter(pk=pending_id).first()
    return None if row is None else _view(row, now)


def list_newest(db: Database, now: datetime, start: int, most: int) -> tuple[PendingView, ...]:
    """Return a page of all proposals, newest first."""
    return tuple(_view(row, now) for row in _rows(db).order_by("-created", "pk")[start : start + most])


def list_waiting(db: Database, organisation_id: str, now: datetime) -> tuple[PendingView, ...]:
    """Return the waiting proposals of an organisation, oldest first."""
    rows = waiting(db, now).filter(organisation=organisation_id)
    return tuple(_view(row, now) for row in rows.order_by("created", "pk"))


def waiting(db: Database, now: datetime) -> "QuerySet[PendingInvitation]":
    """Return the rows that wait for a second person."""
    return _rows(db).filter(state=InvitationProposal.WAITING, expires__gte=now)


def is_clerk(db: Database, user_id: str) -> bool:
    """Return True if an account is active and a clerk's."""
    return db.rows(User).filter(pk=user_id, is_active=True, is_staff=True).exists()


def decide(db: Database, pending_id: str, state: InvitationProposal, decider_id: str, audit: AuditContext) -> None:
    """Decide a waiting proposal, once. Raises PendingInvitationRefused.

    It queues messages to the known people.
    """
    with transaction.atomic(using=db.alias):
        rows = db.rows(PendingInvitation).filter(pk=pending_id)
        waiting = rows.filter(state=InvitationProposal.WAITING, expires__gte=audit.at)
        if not waiting.update(state=state, decided_at=audit.at, decided_by=decider_id):
            raise PendingInvitationRefused(PendingFault.OVER)
        row = rows.get()
        _write(db, audit, f"invitation-{state}", row)
        _enqueue(db, row, PendingNotice(state.value), audit.at)


def set_invitation(db: Database, pending_id: str, invitation_id: str | None) -> None:
    """Record the invitation that a confirmation created.

    None means that the same invitation existed already.
    """
    db.rows(PendingInvitation).filter(pk=pending_id).update(invitation=invitation_id)


def makers(db: Database, invitation_id: str) -> tuple[str, ...]:
    """Return the accounts that proposed and confirmed an invitation.

    The result is empty if no clerk proposed it.
    """
    rows = db.rows(PendingInvitation).filter(invitation=invitation_id)
    return tuple(text for row in rows for text in (row.asked_by_id, row.decided_by_id) if text is not None)


def _enqueue(
    db: Database, row: PendingInvitation, tells: PendingNotice, now: datetime, due: datetime | None = None
) -> None:
    """Queue a message to the signatories and the contact person, once per address."""
    roles = recipients.roles(db, [row.organisation_id], now)[row.organisation_id]
    people = recipients.unique_by_address([*roles.signatories, roles.contact_person])
    outbox.enqueue(db, _messages(row, tells, (person.person_id for person in people if person.email), due or now), now)


def _messages(row: PendingInvitation, tells: PendingNotice, people: Iterable[str], due: datetime) -> list[NewMessage]:
    kind, channel = MessageKind.INVITATION_PENDING, MessageChannel.EMAIL
    facts = {"tells": tells.value, "pending": row.pending_id}
    return [NewMessage(kind, channel, row.pending_id, tells, due, recipient=person, facts=facts) for person in people]


def _write(db: Database, audit: AuditContext, action: str, row: PendingInvitation) -> None:
    about = f"organisation:{row.organisation_id}"
    asker = f"user:{row.asked_by_id}" if row.asked_by_id else None
    audit_log.write(db, audit, action, about, pending=row.pending_id, person=row.person_id, asked_by=asker)


def _rows(db: Database) -> "QuerySet[PendingInvitation]":
    rows = db.rows(PendingInvitation)
    return rows.select_related("organisation", "person", "asked_by")


def _view(row: PendingInvitation, now: datetime) -> PendingView:
    person, asker = row.person, row.asked_by
    return PendingView(
        row.pending_id,
        row.organisation_id,
        row.organisation.customer_id,
        row.organisation.name,
        row.organisation.closed_at is None,
        person.name if person else "",
        person.email if person else "",
        Language(person.language) if person else Language.EN,
        row.asked_by_id or "",
        asker.name if asker else "",
        asker.email if asker else "",
        row.created,
        row.expires,
        state_of(InvitationProposal(row.state), row.expires, now),
        row.decided_at,
        row.decided_by_id or "",
        row.invitation_id or "",
    )
