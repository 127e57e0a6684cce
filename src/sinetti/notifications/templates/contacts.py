"""Messages about contacts: a failing address, a task given back, a new contact."""

from collections.abc import Iterator
from datetime import date

from sinetti.database.organisations.contact_handover import LineageSummary
from sinetti.notifications.templates import certificate_events
from sinetti.notifications.templates.layout import NOT_THERE, MessageBody, MessageContext, NothingToReport, help_line
from sinetti.notifications.templates.layout import RecipientRoleText as Role
from sinetti.notifications.templates.markup import RowsBlock, named


def bounced(matter: MessageContext) -> MessageBody:
    """Write the message about a failing address: since when, and how to correct it."""
    since, name = matter.fact("since"), _name(matter, "person")
    if since is None:
        raise NothingToReport(NOT_THERE)
    day = matter.day(date.fromisoformat(since[:10]))
    remedy = _remedy(matter, certificate_events.CORRECT_ADDRESS)
    if matter.data.lineage is None:
        subject = matter.say(certificate_events.BOUNCED_SUBJECT_ALONE, day=day)
        return MessageBody(
            subject, (matter.say(certificate_events.BOUNCED_ALONE, day=day, name=name), remedy), matter.role()
        )
    whose = {"organisation": matter.organisation}
    subject = matter.say(certificate_events.BOUNCED_SUBJECT, day=day, **whose)
    return MessageBody(
        subject, (matter.say(certificate_events.BOUNCED, day=day, name=name, **whose), remedy), matter.role()
    )


def contact_gone(matter: MessageContext) -> MessageBody:
    """Write the message about a contact who gave their task back.

    It asks for a successor.
    """
    day, name = matter.day(matter.message.due), _name(matter, "person")
    # If only operators can be reached, mail continues: the organisation does not know yet (docs/operators/bounces.md).
    then = matter.say(certificate_events.WE_GO_ON if matter.data.to is None else certificate_events.WE_STOP)
    another = _remedy(matter, certificate_events.NAME_ANOTHER)
    if matter.data.lineage is None:
        subject = matter.say(certificate_events.GONE_SUBJECT_ALONE, day=day)
        return MessageBody(
            subject, (f"{matter.say(certificate_events.GONE_ALONE, day=day, name=name)} {then}", another), matter.role()
        )
    whose = {"organisation": matter.organisation}
    subject = matter.say(certificate_events.GONE_SUBJECT, day=day, **whose)
    gone = f"{matter.say(certificate_events.GONE, day=day, name=name, **whose)} {then}"
    return MessageBody(subject, (gone, another), matter.role())


def contact_changed(matter: MessageContext) -> MessageBody:
    """Write the message about a new contact or deputy.

    It goes to the old and the new one, and to further recipients. Raises NothingToReport if it does not apply any
    more.
    """
    if matter.many:
        return _many(matter)
    day = matter.day(matter.message.due)
    subject = matter.say(certificate_events.CHANGED_SUBJECT, day=day, organisation=matter.organisation)
    if matter.is_to(matter.fact("new")):
        if not _is_named(matter):
            # Replaced before this was sent: the message about the next change names the current contact.
            raise NothingToReport("the recipient is no longer named for the certificate")
        return MessageBody(subject, tuple(_to_the_new(matter)), matter.role())
    new = matter.room.loader.find_person(matter.fact("new"))
    if matter.is_to(matter.fact("old")):
        return MessageBody(subject, (_to_the_old(matter, named(new.name) if new else None),), Role.FORMER)
    if new is None:
        raise NothingToReport(NOT_THERE)
    return MessageBody(
        subject, (matter.say(certificate_events.CHANGED, name=named(new.name), **matter.names()),), matter.role()
    )


def _many(matter: MessageContext) -> MessageBody:
    """Write one message about a change for many certificates, with a list."""
    deputy = matter.fact("place") == Role.DEPUTY
    lines = matter.room.loader.list_lineages(matter.many, matter.now)
    if matter.is_to(matter.fact("new")):
        address = matter.data.to.email.casefold() if matter.data.to else ""
        lines = tuple(one for one in lines if address == (one.deputy if deputy else one.contact))
        paragraphs = tuple(_many_to_the_new(matter, deputy=deputy))
        role = Role.DEPUTY if deputy else Role.CONTACT
    else:
        name = _name(matter, "new")
        paragraphs = (
            matter.say(
                certificate_events.MANY_NO_LONGER_DEPUTY if deputy else certificate_events.MANY_NOW_ANOTHER, name=name
            ),
        )
        role = Role.FORMER
    if not lines:
        raise NothingToReport("the recipient is no longer named for any of the certificates")
    first, *then = paragraphs
    subject = matter.say(certificate_events.MANY_SUBJECT, count=len(lines), day=matter.day(matter.message.due))
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
    old = matter.room.loader.find_person(matter.fact("old"))
    if matter.role() is Role.DEPUTY:
        yield matter.say(certificate_events.NOW_DEPUTY, **matter.names())
    elif old and not matter.is_by_name(old.name):  # for the same person, only the address or number was corrected
        yield matter.say(certificate_events.NOW_YOU_AFTER, name=named(old.name), **matter.names())
    else:
        yield matter.say(certificate_events.NOW_YOU, **matter.names())
    yield f"{_what_you_do(matter)} {matter.say(certificate_events.IF_NOT_YOU)}"


def _what_you_do(matter: MessageContext) -> str:
    certificate = matter.data.certificate
    if certificate is None:
        if matter.room.loader.is_revoked_for_good(matter.lineage.lineage_id):
            return matter.say(certificate_events.WHAT_YOU_DO_REVOKED)
        deputy = matter.role() is Role.DEPUTY  # transfer IDs go to the contact only
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
        return matter.say(certificate_events.NOW_ANOTHER_PERSON, **matter.names())
    deputy = matter.fact("place") == "deputy" or matter.fact("new") == matter.lineage.deputy
    return matter.say(
        certificate_events.NO_LONGER_DEPUTY if deputy else certificate_events.NOW_ANOTHER, name=name, **matter.names()
    )


def _remedy(matter: MessageContext, by_people: str) -> str:
    """Return the sentence about the correction.

    It addresses the organisation's people, or the operator if there are none.
    """
    if matter.data.to is None:
        return matter.say(certificate_events.FIND_ANOTHER)
    return matter.say(by_people, help=help_line(matter))


def _name(matter: MessageContext, fact: str) -> str:
    """Return the name of the person in a fact.

    Raises NothingToReport if the person was erased meanwhile, because there is nothing to correct then.
    """
    found = matter.room.loader.find_person(matter.fact(fact))
    if found is None:
        raise NothingToReport("the person that the message is about was erased")
    return named(found.name)
