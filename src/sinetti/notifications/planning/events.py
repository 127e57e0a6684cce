"""Planning of messages about events: one message per person and event.

docs/e-service/recipients.md lists the people that an event concerns.

Also messages to operators about findings of the alarms and of monitoring, once a week each.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from sinetti.database.authorities.distrust import list_bridge_ends
from sinetti.database.common.locks import claim_interval
from sinetti.database.notifications import events as notifications_events
from sinetti.database.notifications import outbox
from sinetti.database.notifications import recipients as notifications_recipients
from sinetti.database.notifications.early_replacement_audience import list_call_copies, subject_of
from sinetti.database.notifications.events import PendingEvent
from sinetti.database.notifications.outbox import NewMessage
from sinetti.database.notifications.recipients import Recipient, Roles
from sinetti.domain.notifications.early_replacement import CallStage, DrillAudience
from sinetti.domain.notifications.messages import (
    AUDIENCES,
    CALLS,
    FIRST_REACHED,
    TOO_OLD,
    MessageChannel,
    MessageKind,
    RecipientRole,
)
from sinetti.notifications.context import NotificationContext

BATCH = 100
"""Events per transaction."""


def expand_events(ctx: NotificationContext, now: datetime) -> int:
    """Turn each pending event into one message per recipient; return their number.

    Events older than 7 days are discarded. Each event is processed once, by any number of workers, even if one is
    killed at any point.
    """
    notifications_events.drop(ctx.db, now - TOO_OLD, now)
    made = 0
    while events := notifications_events.pending(ctx.db, BATCH):
        made += notifications_events.expand(ctx.db, messages_by_event(events, ctx, now), now, ctx.step)
    return made


@dataclass(frozen=True)
class _RecipientIndex:
    """Recipients for a batch of events.

    `named_for` has, for each contact who cannot be reached by e-mail, their organisations and one lineage of each.
    """

    people: Mapping[str, Recipient]
    holders: Mapping[str, tuple[Recipient | None, Recipient | None]]
    named_for: Mapping[str, Mapping[str, str | None]]
    roles: Mapping[str, Roles]


_PEOPLE = ("old", "new", "person")
"""Facts that are ids of people."""


def _known(events: tuple[PendingEvent, ...], ctx: NotificationContext, now: datetime) -> _RecipientIndex:
    named = {one for event in events for one in (event.recipient, *map(event.facts.get, _PEOPLE)) if one is not None}
    lost = [event.facts.get("person", "") for event in events if event.kind in FIRST_REACHED]
    named_for = notifications_events.roles_of(ctx.db, lost, now)
    organisations = {event.organisation for event in events if event.organisation is not None}
    return _RecipientIndex(
        notifications_recipients.readers(ctx.db, named),
        notifications_recipients.holders(ctx.db, [event.lineage for event in events if event.lineage is not None]),
        named_for,
        notifications_recipients.roles(ctx.db, organisations.union(*named_for.values()), now),
    )


def messages_by_event(
    events: Iterable[PendingEvent], ctx: NotificationContext, now: datetime
) -> Mapping[str, tuple[NewMessage, ...]]:
    """Return the messages of each event, by its id."""
    events = tuple(events)
    known = _known(events, ctx, now)
    reported: set[tuple[str, ...]] = set()
    return {
        event.event_id: tuple(
            _of_call(event, ctx, now)
            if event.kind in CALLS or event.kind is MessageKind.DRILL
            else _to_the_first(event, known, ctx, reported)
            if event.kind in FIRST_REACHED
            else _to_all(event, known)
        )
        for event in events
    }


def _of_call(event: PendingEvent, ctx: NotificationContext, now: datetime) -> Iterator[NewMessage]:
    """Notify each person of a call or drill, by e-mail or else by text message.

    It is one message, or two for a person with certificates of stolen CAs and of others.
    """
    facts = event.facts
    if facts.get("audience") == DrillAudience.OPERATORS:
        for address in dict.fromkeys(operator.casefold() for operator in ctx.terms.operators):
            yield _message(event, address)
        return
    if event.kind in CALLS:
        facts = {**facts, "stolen": list_bridge_ends(ctx.db)}
    for kind in CALLS if event.kind in CALLS else (event.kind,):
        concerned, stage = replace(event, kind=kind, facts=facts), CallStage(facts.get("stage", CallStage.FIRST))
        if subject := subject_of(kind, facts):
            for reader, channel in list_call_copies(ctx.db, subject, stage, now):
                yield replace(_message(concerned, reader), channel=channel)


def _to_all(event: PendingEvent, known: _RecipientIndex) -> Iterator[NewMessage]:
    readers = (reader for whom in AUDIENCES.get(event.kind, ()) for reader in _readers(whom, event, known))
    for reader in notifications_recipients.unique_by_address(readers):
        # An erased person has no address. Bounce and opt-out marks are checked when the message is rendered.
        if reader.email:
            yield _message(event, reader)


def _to_the_first(
    event: PendingEvent, known: _RecipientIndex, ctx: NotificationContext, reported: set[tuple[str, ...]]
) -> Iterator[NewMessage]:
    """Yield messages about an unreachable contact to people who can replace them.

    Never to the contact's own address. A contact of several lineages of an organisation causes one event for each; its
    signatories get one message.
    """
    person = event.facts.get("person", "")
    if (lost := known.people.get(person)) is None:
        return
    for organisation, lineage in known.named_for.get(person, {}).items():
        reached = _reached(known.roles[organisation], lost)
        for to in reached or ctx.terms.operators:
            address = to.address if isinstance(to, Recipient) else to
            same = (event.kind, organisation, lost.address or person, address)
            if same in reported:
                continue
            reported.add(same)
            yield _message(event, to, lineage=lineage)


def _reached(known: Roles, lost: Recipient) -> tuple[Recipient, ...]:
    def reached(people: Iterable[Recipient | None]) -> tuple[Recipient, ...]:
        return tuple(
            recipient
            for recipient in notifications_recipients.unique_by_address(people)
            if recipient.mailable and recipient.address != lost.address
        )

    return reached(known.signatories) or reached([known.contact_person])


def _readers(whom: RecipientRole, event: PendingEvent, known: _RecipientIndex) -> Iterable[Recipient | None]:
    """Return the people in a role, as far as this event goes."""
    contact, deputy = known.holders.get(event.lineage or "", (None, None))
    acting = known.roles.get(event.organisation or "", Roles())
    match whom:
        case RecipientRole.CONTACT_THEN:
            then = known.people.get(event.recipient or "")
            return [then if then is not None and then.email else contact]
        case RecipientRole.CONTACT:
            return [contact]
        case RecipientRole.DEPUTY:
            return [deputy]
        case RecipientRole.CONTACT_PERSON:
            return [acting.contact_person]
        case RecipientRole.SIGNATORIES:
            return acting.signatories
        case RecipientRole.OLD | RecipientRole.NEW:
            return [known.people.get(event.facts.get(whom) or "")]
        case RecipientRole.OPERATORS:
            return []
        case never:
            assert_never(never)


def _message(event: PendingEvent, to: Recipient | str, lineage: str | None = None) -> NewMessage:
    recipient, address = (to.person_id, None) if isinstance(to, Recipient) else (None, to)
    return NewMessage(
        event.kind,
        MessageChannel.EMAIL,
        # The step names the event, so that one event never makes two messages. A message about a certificate has its
        # own step; the other messages would collide with earlier events about the same lineage.
        about=event.event_id,
        step=event.step if event.certificate is not None else event.event_id,
        due=event.created,
        recipient=recipient,
        address=address,
        lineage=lineage or event.lineage,
        certificate=event.certificate,
        order=event.order,
        facts=dict(event.facts) or None,
    )


LOOKED_EVERY = timedelta(hours=1)
"""Interval of the timers' checks for findings.

With a million revocations one check takes seconds.
"""


def time_to_look(ctx: NotificationContext, now: datetime) -> bool:
    """Return True if no node has checked for findings for an hour.

    The caller must check then.
    """
    return claim_interval(ctx.db, "findings-looked-for", LOOKED_EVERY, now)


def plan_findings(ctx: NotificationContext, findings: Mapping[str, str | None], now: datetime) -> int:
    """Queue a message to each operator about each finding, once per calendar week.

    A change of its sentence causes no second message. `findings` are sentences by name, None if all is well
    (alarms.findings). Returns the number of new rows.
    """
    year, week, _ = now.isocalendar()
    messages = [
        NewMessage(
            MessageKind.OPERATOR,
            MessageChannel.EMAIL,
            about=name,
            step=f"{year}-W{week:02}",
            due=now,
            address=address,
            facts={"finding": name, "text": sentence},
        )
        for name, sentence in sorted(findings.items())
        if sentence is not None
        # One address is one operator, regardless of its spelling.
        for address in dict.fromkeys(operator.casefold() for operator in ctx.terms.operators)
    ]
    return outbox.enqueue_new(ctx.db, messages, now)
