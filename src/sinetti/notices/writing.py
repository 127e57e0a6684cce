"""Writing: a row that is owed becomes a letter, in the recipient's language, from the register as it is now."""

from collections.abc import Callable, Mapping

from sinetti.domain.messages import MessageChannel, MessageKind, Owed
from sinetti.domain.values import Environment, Language
from sinetti.notices import parts
from sinetti.notices.letters import (
    account,
    authorisation,
    changes,
    decisions,
    digest,
    early,
    ending,
    operators,
    orders,
    pending,
    people,
)
from sinetti.notices.letters.frame import framed
from sinetti.notices.letters.matter import Matter, NothingToSay, NotOwed, Written
from sinetti.notices.room import Letter, Mailroom
from sinetti.registry import telling
from sinetti.registry.applications import DECIDED_STEP
from sinetti.registry.telling import Addressee, Told
from sinetti.texts import notices as texts

__all__ = ["NotOwed", "write"]

EMAILS: Mapping[MessageKind, Callable[[Matter], Written]] = {
    MessageKind.TRANSFER_IDS: orders.transfer_ids,
    MessageKind.REMINDER: ending.reminder,
    MessageKind.TAKE_INTO_USE: ending.take_into_use,
    MessageKind.DIGEST: digest.digest,
    MessageKind.FETCHED: changes.fetched,
    MessageKind.RENEWED: changes.renewed,
    MessageKind.REFUSED: changes.refused,
    MessageKind.REVOKED: changes.revoked,
    MessageKind.BOUNCED: people.bounced,
    MessageKind.CONTACT_GONE: people.contact_gone,
    MessageKind.CONTACT_CHANGED: people.contact_changed,
    MessageKind.ACCOUNT: account.account,
    MessageKind.EARLY: early.early,
    MessageKind.AUTHORISATION: authorisation.authorisation,
    MessageKind.INVITATION_PENDING: pending.pending,
    MessageKind.OPERATOR: operators.finding,
}
"""What is written as e-mail."""

TEXT_MESSAGES: Mapping[MessageKind, Callable[[Matter], tuple[str, dict[str, str]]]] = {
    MessageKind.PIN: orders.pin_sms,
    MessageKind.REMINDER: ending.reminder_sms,
    MessageKind.TAKE_INTO_USE: ending.take_into_use_sms,
    MessageKind.EARLY: early.early_sms,
}
"""What is written as a text message."""


_ALONE = frozenset({MessageKind.PIN, MessageKind.EARLY})
"""What comes as a text message alone: of no e-mail about the same is spoken."""


def write(owed: Owed, room: Mailroom) -> Letter | NotOwed:
    """The whole letter to this row's recipient, or why there is none. Raises what the register raises."""
    now = room.now()
    told = telling.tell(room.register, owed, now)
    if (why := _unreachable(owed, told)) is not None:
        return NotOwed(why)
    matter = Matter(owed, room, told, told.to.language if told.to else _language(owed), now)
    try:
        return _email(matter) if owed.channel is MessageChannel.EMAIL else _text_message(matter)
    except NothingToSay as nothing:
        return NotOwed(str(nothing))


def _language(owed: Owed) -> Language:
    """The language of an address that is no person's: it stands in the row, or is the operators'."""
    spoken = (owed.facts or {}).get("language")
    return Language(spoken) if spoken in set(Language) else Language.EN


def _unreachable(owed: Owed, told: Told) -> str | None:
    """Why nothing can be sent to the recipient; None where something can."""
    if told.to is None:
        return None if owed.address and owed.channel is MessageChannel.EMAIL else "there is no recipient"
    if told.to.erased:
        return "the recipient was erased"
    if owed.channel is MessageChannel.SMS:
        return None if told.to.phone else "the recipient has no phone number"
    return _not_mailable(told.to)


def _not_mailable(to: Addressee) -> str | None:
    if not to.email:
        return "the recipient has no e-mail address"
    if to.bounced:
        return "the recipient's e-mail address does not work"
    return "the recipient wants no more mail" if to.stopped else None


def _email(matter: Matter) -> Letter | NotOwed:
    owed = matter.owed
    # A decision is mail about what an organisation may do, as authorisations are about what people may.
    writer = decisions.decided if owed.step == DECIDED_STEP else EMAILS.get(owed.kind)
    if writer is None:
        return NotOwed(f"nothing is written by e-mail of the kind {owed.kind}")
    written = writer(matter)
    whole = framed(matter, written)
    subject = parts.cut(written.subject, parts.LONGEST_SUBJECT)
    return Letter(
        owed.message_id,
        owed.kind,
        owed.channel,
        matter.told.to.email if matter.told.to else owed.address or "",
        matter.language,
        subject,
        parts.plain(whole),
        parts.html(subject, whole, matter.language),
    )


def _text_message(matter: Matter) -> Letter | NotOwed:
    owed, to = matter.owed, matter.told.to
    if to is None or (writer := TEXT_MESSAGES.get(owed.kind)) is None:
        return NotOwed(f"nothing is written as a text message of the kind {owed.kind}")
    message_id, values = writer(matter)
    text = _short(matter, message_id, values)
    return Letter(owed.message_id, owed.kind, owed.channel, to.phone, matter.language, "", text)


def _short(matter: Matter, message_id: str, values: Mapping[str, str]) -> str:
    """The text message in its own alphabet, the organisation's name cut so far that all of it is one message."""
    # A name that the alphabet does not have at all would halve the length of everything: the id stands for it then.
    organisation = parts.texted(values["organisation"]) or _instead(matter)
    before = matter.say(texts.REHEARSAL_SHORT) if matter.room.environment is Environment.TEST else ""
    after = "" if matter.owed.kind in _ALONE else ending.also_written(matter)
    bare = before + matter.say(message_id, **{**values, "organisation": ""}) + after
    left = max(parts.LONGEST_SMS - len(bare), _SHORTEST_NAME)
    if len(organisation) > left:
        organisation = f"{organisation[: left - 2].rstrip()}.."
    return before + matter.say(message_id, **{**values, "organisation": organisation}) + after


def _instead(matter: Matter) -> str:
    """Return the id of an organisation whose name the alphabet does not have."""
    return matter.told.holding.customer_id if matter.told.holding is not None else "-"


_SHORTEST_NAME = 12
"""Characters that are left of an organisation's name, whatever else has to fit."""
