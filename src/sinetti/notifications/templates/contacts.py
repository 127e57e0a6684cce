"""What has happened to a certificate's people: an address fails, a task is no longer theirs, somebody else is named."""

from collections.abc import Iterator
from datetime import date

from sinetti.database.notifications import message_data
from sinetti.database.organisations import contact_handover
from sinetti.database.organisations.contact_handover import LineageSummary
from sinetti.notifications.templates import certificate_events
from sinetti.notifications.templates.layout import NOT_THERE, MessageBody, MessageContext, NothingToReport, help_line
from sinetti.notifications.templates.layout import RecipientRoleText as Role
from sinetti.notifications.templates.markup import RowsBlock, named


def bounced(matter: MessageContext) -> MessageBody:
    """Tell that somebody's address does not work, since when, and how that is mended."""
    since, name = matter.fact("since"), _name(matter, "person")
    if since is None:
        raise NothingToReport(NOT_THERE)
    day = matter.day(date.fromisoformat(since[:10]))
    mend = _mended(matter, certificate_events.MEND_ADDRESS)
    if matter.told.lineage is None:
        subject = matter.say(certificate_events.BOUNCED_SUBJECT_ALONE, day=day)
        return MessageBody(
            subject, (matter.say(certificate_events.BOUNCED_ALONE, day=day, name=name), mend), matter.role()
        )
    whose = {"organisation": matter.organisation}
    subject = matter.say(certificate_events.BOUNCED_SUBJECT, day=day, **whose)
    return MessageBody(
        subject, (matter.say(certificate_events.BOUNCED, day=day, name=name, **whose), mend), matter.role()
    )


def contact_gone(matter: MessageContext) -> MessageBody:
    """Tell that somebody gave their task back, and ask for another."""
    day, name = matter.day(matter.owed.due), _name(matter, "person")
    # To where operators alone can be told mail goes on: nobody at the organisation knows yet (docs/returns.md).
    then = matter.say(certificate_events.WE_GO_ON if matter.told.to is None else certificate_events.WE_STOP)
    another = _mended(matter, certificate_events.NAME_ANOTHER)
    if matter.told.lineage is None:
        subject = matter.say(certificate_events.GONE_SUBJECT_ALONE, day=day)
        return MessageBody(
            subject, (f"{matter.say(certificate_events.GONE_ALONE, day=day, name=name)} {then}", another), matter.role()
        )
    whose = {"organisation": matter.organisation}
    subject = matter.say(certificate_events.GONE_SUBJECT, day=day, **whose)
    gone = f"{matter.say(certificate_events.GONE, day=day, name=name, **whose)} {then}"
    return MessageBody(subject, (gone, another), matter.role())


def contact_changed(matter: MessageContext) -> MessageBody:
    """Tell the old contact or deputy and the new one, and whoever else is told, who it is now."""
    if matter.many:
        return _many(matter)
    day = matter.day(matter.owed.due)
    subject = matter.say(certificate_events.CHANGED_SUBJECT, day=day, organisation=matter.organisation)
    if matter.is_to(matter.fact("new")):
        if not _is_named(matter):
            # Named and replaced before this left: who it is now is told by the change after it.
            why = "the recipient is not named for it any more"
            raise NothingToReport(why)
        return MessageBody(subject, tuple(_to_the_new(matter)), matter.role())
    new = message_data.named(matter.room.db, matter.fact("new"))
    if matter.is_to(matter.fact("old")):
        return MessageBody(subject, (_to_the_old(matter, named(new.name) if new else None),), Role.FORMER)
    if new is None:
        raise NothingToReport(NOT_THERE)
    return MessageBody(
        subject, (matter.say(certificate_events.CHANGED, name=named(new.name), **matter.names()),), matter.role()
    )


def _many(matter: MessageContext) -> MessageBody:
    """The same of many certificates at once: one message that lists them."""
    deputy = matter.fact("place") == Role.DEPUTY
    lines = contact_handover.lines(matter.room.db, matter.many, matter.now)
    if matter.is_to(matter.fact("new")):
        address = matter.told.to.email.casefold() if matter.told.to else ""
        lines = tuple(one for one in lines if address == (one.deputy if deputy else one.contact))
        said = tuple(_many_to_the_new(matter, deputy=deputy))
        role = Role.DEPUTY if deputy else Role.CONTACT
    else:
        name = _name(matter, "new")
        said = (
            matter.say(
                certificate_events.MANY_NO_LONGER_DEPUTY if deputy else certificate_events.MANY_NOW_ANOTHER, name=name
            ),
        )
        role = Role.FORMER
    if not lines:
        why = "the recipient is not named for any of them any more"
        raise NothingToReport(why)
    first, *then = said
    subject = matter.say(certificate_events.MANY_SUBJECT, count=len(lines), day=matter.day(matter.owed.due))
    return MessageBody(subject, (first, RowsBlock(tuple(_many_row(matter, one) for one in lines)), *then), role)


def _many_to_the_new(matter: MessageContext, *, deputy: bool) -> Iterator[str]:
    if deputy:
        yield matter.say(certificate_events.MANY_NOW_DEPUTY)
        yield f"{matter.say(certificate_events.MANY_WHAT_DEPUTY_DOES)} {matter.say(certificate_events.IF_NOT_YOU)}"
    else:
        yield matter.say(certificate_events.MANY_NOW_YOU, name=_name(matter, "old"))
        yield f"{matter.say(certificate_events.MANY_WHAT_YOU_DO)} {matter.say(certificate_events.IF_NOT_YOU)}"


def _many_row(matter: MessageContext, one: LineageSummary) -> str:
    values = {
        "organisation": named(one.organisation),
        "customer_id": one.customer_id,
        "description": named(one.description) if one.description else one.channel.value,
    }
    if one.not_after is None:
        return matter.say(certificate_events.MANY_ROW_UNFETCHED, **values)
    return matter.say(certificate_events.MANY_ROW, ends=matter.when(one.not_after), **values)


def _is_named(matter: MessageContext) -> bool:
    contact = matter.lineage.contact
    return matter.is_to(contact.person_id if contact else None) or matter.is_to(matter.lineage.deputy)


def _to_the_new(matter: MessageContext) -> Iterator[str]:
    old = message_data.named(matter.room.db, matter.fact("old"))
    if matter.role() is Role.DEPUTY:
        yield matter.say(certificate_events.NOW_DEPUTY, **matter.names())
    elif old and not matter.is_by_name(old.name):  # the same person's address or number was mended
        yield matter.say(certificate_events.NOW_YOU_AFTER, name=named(old.name), **matter.names())
    else:
        yield matter.say(certificate_events.NOW_YOU, **matter.names())
    yield f"{_what_you_do(matter)} {matter.say(certificate_events.IF_NOT_YOU)}"


def _what_you_do(matter: MessageContext) -> str:
    certificate = matter.told.certificate
    if certificate is None:
        if message_data.revoked_for_good(matter.room.db, matter.lineage.lineage_id):
            return matter.say(certificate_events.WHAT_YOU_DO_REVOKED)
        deputy = matter.role() is Role.DEPUTY  # transfer IDs go to the contact alone
        return matter.say(certificate_events.WHAT_DEPUTY_DOES_FIRST if deputy else certificate_events.WHAT_YOU_DO_FIRST)
    ends = matter.when(certificate.not_after)
    if matter.ended:
        return matter.say(certificate_events.WHAT_YOU_DO_AFTER, ends=ends)
    if matter.now >= certificate.renewable_from:
        return matter.say(certificate_events.WHAT_YOU_DO_NOW, ends=ends)
    return matter.say(certificate_events.WHAT_YOU_DO, ends=ends, opens=matter.when(certificate.renewable_from))


def _to_the_old(matter: MessageContext, name: str | None) -> str:
    if matter.fact("new") is None:
        return matter.say(certificate_events.DEPUTY_NO_MORE, **matter.names())
    if name is None:
        return matter.say(certificate_events.NOW_SOMEBODY, **matter.names())
    deputy = matter.fact("place") == "deputy" or matter.fact("new") == matter.lineage.deputy
    return matter.say(
        certificate_events.NO_LONGER_DEPUTY if deputy else certificate_events.NOW_ANOTHER, name=name, **matter.names()
    )


def _mended(matter: MessageContext, by_people: str) -> str:
    """How it is mended: by the organisation's people, or by the operator who is told because there are none."""
    if matter.told.to is None:
        return matter.say(certificate_events.FIND_ANOTHER)
    return matter.say(by_people, help=help_line(matter))


def _name(matter: MessageContext, fact: str) -> str:
    """Somebody's name.

    Raises NothingToReport where they were erased meanwhile: then there is nothing to mend.
    """
    found = message_data.named(matter.room.db, matter.fact(fact))
    if found is None:
        why = "whom the message is about was erased"
        raise NothingToReport(why)
    return named(found.name)
