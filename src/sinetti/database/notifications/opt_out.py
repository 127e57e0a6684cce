"""Opt-out of mail: requests, people to notify first, and the notifications sent."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from sinetti.database import models
from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.notifications import events as notifications_events
from sinetti.database.notifications import outbox, recipients
from sinetti.database.notifications.outbox import DomainEvent
from sinetti.database.notifications.recipients import Recipient, Roles, chunked, people_at, unique_by_address
from sinetti.domain.notifications.messages import MessageChannel, MessageKind
from sinetti.domain.notifications.opt_out import (
    AGAIN_AFTER,
    LINK_LIVES,
    AlreadyRequested,
    OptOutNotifies,
    OptOutRequested,
    stops,
)
from sinetti.domain.values import Language


@dataclass(frozen=True)
class OptOutSender:
    """Recipient of the message whose opt-out link was used."""

    person_id: str
    email: str = field(repr=False)
    language: Language
    stopped: bool


@dataclass(frozen=True)
class NotifiedPeople:
    """People of one organisation to notify; empty if the operators are notified."""

    tells: OptOutNotifies
    people: tuple[Recipient, ...] = ()


def find_asker(db: Database, message_id: str, now: datetime) -> OptOutSender | None:
    """Return the recipient of this e-mail.

    Returns None if there is no such row, it is too old, or its person was erased.
    """
    rows = db.rows(models.OutboxMessage).filter(pk=message_id, channel=MessageChannel.EMAIL)
    row = rows.filter(created__gte=now - LINK_LIVES).select_related("recipient").first()
    person = row.recipient if row is not None else None
    if person is None or person.erased_at is not None:
        return None
    return OptOutSender(person.person_id, person.email, Language(person.language), person.stopped_at is not None)


def ask(db: Database, asker: OptOutSender, message_id: str, audit: AuditContext) -> OptOutRequested | AlreadyRequested:
    """Record the events `contact-gone` of an opt-out request.

    A repetition records no event until the people concerned were notified. There is one event for each of the person's
    rows that has a role, because each order creates a new row for a person.
    """
    with transaction.atomic(using=db.alias):
        # Requests for one address are serialised, so that a double click counts once. The lock is FOR NO KEY UPDATE:
        # renewals, whose messages refer to these rows, do not wait for it.
        rows = people_at(db, asker.email).select_for_update(no_key=True).order_by("pk")
        people = list(rows.values_list("pk", flat=True))
        notified = notified_roles(db, asker, audit.at)
        if asker.stopped or (notified and is_asked(db, asker, audit.at)):
            return AlreadyRequested(notified, stops(notified), asker.stopped)
        for person_id in sorted(notifications_events.roles_of(db, people, audit.at)) if notified else ():
            facts = {"person": person_id, "message": message_id}
            outbox.record_event(db, DomainEvent(MessageKind.CONTACT_GONE, _STEP, person_id, facts=facts), audit.at)
            audit_log.write(db, audit, "mail-stop-asked", f"person:{person_id}", message=message_id)
    return OptOutRequested(notified, stops(notified))


_STEP = "asked"


def notified_roles(db: Database, asker: OptOutSender, now: datetime) -> frozenset[OptOutNotifies]:
    """Return the roles to notify of an opt-out now; empty if the person has no role."""
    return frozenset(person.tells for person in notified_people(db, asker.email, now).values())


def notified_people(db: Database, address: str, now: datetime) -> Mapping[str, NotifiedPeople]:
    """Return the people to notify before mail to an address stops, by organisation.

    These are all organisations in which the address has a role now.
    """
    found = recipients.roles(db, _organisations(db, address, now), now)
    return {organisation: _hearers(roles, address.casefold()) for organisation, roles in found.items()}


def is_asked(db: Database, asker: OptOutSender, now: datetime) -> bool:
    """Return True while an opt-out is in progress.

    That is the case while notifications wait, and for a day after the request.
    """
    events = _events(db, asker.email)
    newest = events.order_by("-created").first()
    if newest is None:
        return False
    waits = events.filter(expanded_at__isnull=True, cancelled_at__isnull=True).exists()
    return waits or now - newest.created < AGAIN_AFTER or _messages_wait(db, asker, newest.created, now)


def stop_if_notified(db: Database, person_id: str, message_id: str, audit: AuditContext) -> None:
    """Stop mail to an address once every organisation that names it was notified.

    One notified person per organisation is enough, this message included. Call it in the transaction that records the
    message as sent. Mail continues while a notification is missing. A newer row of the person with the same address
    keeps getting mail, because no opt-out was requested for it.
    """
    person = db.rows(models.Person).filter(pk=person_id, erased_at__isnull=True).first()
    if person is None or person.stopped_at is not None:
        return
    wanted = notified_people(db, person.email, audit.at)
    notified = _notified_addresses(db, person.email, message_id, _all_people(wanted))
    if all(any(person.address in notified for person in each.people) for each in wanted.values()):
        rows = people_at(db, person.email).filter(stopped_at__isnull=True)
        people = list(rows.order_by("pk").values_list("pk", flat=True))
        asked = {row.recipient_id for row in _events(db, person.email)}
        named = notifications_events.roles_of(db, people, audit.at)
        stopped = [person for person in people if person in asked or person not in named]
        for part in chunked(stopped):
            db.rows(models.Person).filter(pk__in=part).update(stopped_at=audit.at)
        audit_log.write_each(
            db, audit, "mail-stopped", [f"person:{person_id}" for person_id in stopped], message=message_id
        )


def _hearers(roles: Roles, address: str) -> NotifiedPeople:
    signatories = tuple(
        each for each in unique_by_address(roles.signatories) if each.mailable and each.address != address
    )
    if signatories:
        return NotifiedPeople(OptOutNotifies.SIGNATORIES, signatories)
    contact = roles.contact_person
    if contact is not None and contact.mailable and contact.address != address:
        return NotifiedPeople(OptOutNotifies.CONTACT_PERSON, (contact,))
    return NotifiedPeople(OptOutNotifies.OPERATORS)


def _organisations(db: Database, address: str, now: datetime) -> frozenset[str]:
    """Return the open organisations that name an address; an opt-out notifies them."""
    people = people_at(db, address).values_list("pk", flat=True)
    ids = [one for each in notifications_events.roles_of(db, people, now).values() for one in each]
    rows = db.rows(models.Organisation).filter(closed_at__isnull=True)
    return frozenset(
        person_id for part in chunked(ids) for person_id in rows.filter(pk__in=part).values_list("pk", flat=True)
    )


def _events(db: Database, address: str) -> "QuerySet[models.OutboxMessage]":
    """Return the opt-out events of an address whose mail has not been stopped yet.

    Completed opt-outs do not count.
    """
    people = people_at(db, address).filter(stopped_at__isnull=True).values("pk")
    rows = db.rows(models.OutboxMessage).filter(recipient__in=people)
    return rows.filter(kind=MessageKind.CONTACT_GONE, channel__isnull=True)


def _messages_wait(db: Database, asker: OptOutSender, since: datetime, now: datetime) -> bool:
    rows = _about(db, asker.email, _all_people(notified_people(db, asker.email, now)), since)
    return any(row.sent is None and row.failed_at is None and row.cancelled_at is None for row in rows)


def _notified_addresses(db: Database, address: str, message_id: str, to: Collection[Recipient]) -> frozenset[str]:
    """Return the addresses notified since the latest opt-out request.

    This message counts as sent.
    """
    newest = _events(db, address).order_by("-created").first()
    rows = _about(db, address, to, newest.created) if newest is not None else []
    notified_ids = {row.recipient_id for row in rows if row.sent is not None or row.message_id == message_id}
    return frozenset(recipient.address for recipient in to if recipient.person_id in notified_ids)


def _about(db: Database, address: str, to: Collection[Recipient], since: datetime) -> "list[models.OutboxMessage]":
    """Return the opt-out messages to these recipients since an instant."""
    rows = db.rows(models.OutboxMessage).filter(kind=MessageKind.CONTACT_GONE, created__gte=since)
    people = frozenset(people_at(db, address).values_list("pk", flat=True))
    messages = (
        row
        for part in chunked(recipient.person_id for recipient in to)
        for row in rows.filter(recipient__in=part, channel__isnull=False)
    )
    return [row for row in messages if (row.facts or {}).get("person") in people]


def _all_people(wanted: Mapping[str, NotifiedPeople]) -> tuple[Recipient, ...]:
    return tuple(person for each in wanted.values() for person in each.people)
