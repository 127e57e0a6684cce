"""Planning of mail about ends of roles: one mail a day to each reader and side.

docs/e-service/authorisations.md, "Ends", has the rules.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sinetti.database.notifications import access_ends, outbox, recipients
from sinetti.database.notifications.access_ends import EndingRole
from sinetti.database.notifications.access_messages import AccessEvent
from sinetti.database.notifications.outbox import NewMessage
from sinetti.database.notifications.recipients import Recipient, Roles, unique_by_address
from sinetti.domain.access.ends import has_mail, passed_step
from sinetti.domain.notifications.digests import DigestSlot, digest_slot, next_day
from sinetti.domain.notifications.messages import MessageChannel, MessageKind
from sinetti.notifications.context import NotificationContext, is_holiday

_SECOND = timedelta(seconds=1)


def plan_access_ends(ctx: NotificationContext, now: datetime) -> int:
    """Queue the mail about all steps that were due at 8:00; return the new messages.

    Nothing is queued outside office hours, and later steps of a day wait for the next working day. The steps are
    stored in the same transaction, so any number of nodes reports each once.
    """
    slot = digest_slot(now, is_holiday)
    if slot is None:
        return 0
    with access_ends.claim_day(ctx.db, slot.day, slot.at) as roles:
        steps = {ending_role.mandate_id: passed_step(ending_role.until, slot.at) or 0 for ending_role in roles}
        due = [
            ending_role
            for ending_role in roles
            if has_mail(steps[ending_role.mandate_id], ending_role.since, ending_role.until)
        ]
        messages = _messages(ctx, due, slot, now)
        outbox.enqueue(ctx.db, messages, now)
        access_ends.store_steps(ctx.db, steps)
    ctx.step("ends-noted")
    return len(messages)


def next_access_ends_time(ctx: NotificationContext, after: datetime) -> datetime | None:
    """Return the next 8:00 of a working day at which a step may be due, or None."""
    instant = access_ends.first_due(ctx.db, after)
    return None if instant is None else next_day(max(instant - _SECOND, after), is_holiday)


def _messages(ctx: NotificationContext, due: Sequence[EndingRole], slot: DigestSlot, now: datetime) -> list[NewMessage]:
    acting = recipients.roles(ctx.db, {ending_role.organisation for ending_role in due}, now)
    firms = access_ends.firm_people(ctx.db, {ending_role.agent for ending_role in due if ending_role.agent}, now)
    listed: dict[tuple[AccessEvent, str, str], list[str]] = {}

    def add(tells: AccessEvent, party: str, people: Iterable[Recipient], role: EndingRole) -> None:
        for reader in people:
            listed.setdefault((tells, party, reader.person_id), []).append(role.mandate_id)

    first: dict[str, Recipient] = {}
    for ending_role in due:
        add(
            AccessEvent.ENDS_GIVEN,
            ending_role.organisation,
            _givers(acting[ending_role.organisation], ending_role.holder),
            ending_role,
        )
        if ending_role.agent is not None:
            add(AccessEvent.ENDS_FIRM, ending_role.agent, firms.get(ending_role.agent, ()), ending_role)
        elif ending_role.holder is not None and ending_role.holder.email:
            # A person has a row for each role, and gets one mail about all of them.
            reader = first.setdefault(ending_role.holder.address, ending_role.holder)
            add(AccessEvent.ENDS_OWN, reader.person_id, [reader], ending_role)
    contacts = {(key, roles.contact_person.person_id) for key, roles in acting.items() if roles.contact_person}
    contacts -= {(key, person.person_id) for key, roles in acting.items() for person in roles.signatories}
    return [_message(key, mandate_ids, slot, is_contact=key[1:] in contacts) for key, mandate_ids in listed.items()]


def _givers(acting: Roles, holder: Recipient | None) -> tuple[Recipient, ...]:
    """Return the readers on the giver's side, without the holder.

    They are the signatories whom mail reaches, or else the contact person.
    """
    own = holder.address if holder is not None else ""

    def reached(people: Iterable[Recipient | None]) -> tuple[Recipient, ...]:
        return tuple(
            recipient for recipient in unique_by_address(people) if recipient.mailable and recipient.address != own
        )

    return reached(acting.signatories) or reached([acting.contact_person])


def _message(
    key: tuple[AccessEvent, str, str], mandate_ids: Sequence[str], slot: DigestSlot, *, is_contact: bool
) -> NewMessage:
    tells, party, person_id = key
    return NewMessage(
        MessageKind.AUTHORISATION,
        MessageChannel.EMAIL,
        about=party,
        step=f"{tells}:{slot.day.isoformat()}",
        due=slot.at,
        recipient=person_id,
        facts={"tells": tells.value, "mandates": list(mandate_ids), **({"contact": True} if is_contact else {})},
    )
