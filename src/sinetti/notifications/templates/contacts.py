"""Messages about contacts: a failing address, a task given back, a new contact."""

from collections.abc import Iterator
from datetime import date

from sinetti.database.notifications import message_data
from sinetti.database.organisations import contact_handover
from sinetti.database.organisations.contact_handover import LineageSummary
from sinetti.notifications.templates import certificate_events
from sinetti.notifications.templates.layout import NOT_THERE, MessageBody, MessageContext, NothingToReport, help_line
from sinetti.notifications.templates.layout import RecipientRoleText as Role
from sinetti.notifications.templates.markup import RowsBlock, named


def bounced(ctx: MessageContext) -> MessageBody:
    """Write the message about a failing address: since when, and how to correct it."""
    since, name = ctx.fact("since"), _name(ctx, "person")
    if since is None:
        raise NothingToReport(NOT_THERE)
    day = ctx.day(date.fromisoformat(since[:10]))
    remedy = _remedy(ctx, certificate_events.CORRECT_ADDRESS)
    if ctx.data.lineage is None:
        subject = ctx.say(certificate_events.BOUNCED_SUBJECT_ALONE, day=day)
        return MessageBody(subject, (ctx.say(certificate_events.BOUNCED_ALONE, day=day, name=name), remedy), ctx.role())
    whose = {"organisation": ctx.organisation}
    subject = ctx.say(certificate_events.BOUNCED_SUBJECT, day=day, **whose)
    return MessageBody(subject, (ctx.say(certificate_events.BOUNCED, day=day, name=name, **whose), remedy), ctx.role())


def contact_gone(ctx: MessageContext) -> MessageBody:
    """Write the message about a contact who gave their task back.

    It asks for a successor.
    """
    day, name = ctx.day(ctx.message.due), _name(ctx, "person")
    # If only operators can be reached, mail continues: the organisation does not know yet (docs/operators/bounces.md).
    then = ctx.say(certificate_events.WE_GO_ON if ctx.data.to is None else certificate_events.WE_STOP)
    another = _remedy(ctx, certificate_events.NAME_ANOTHER)
    if ctx.data.lineage is None:
        subject = ctx.say(certificate_events.GONE_SUBJECT_ALONE, day=day)
        return MessageBody(
            subject, (f"{ctx.say(certificate_events.GONE_ALONE, day=day, name=name)} {then}", another), ctx.role()
        )
    whose = {"organisation": ctx.organisation}
    subject = ctx.say(certificate_events.GONE_SUBJECT, day=day, **whose)
    gone = f"{ctx.say(certificate_events.GONE, day=day, name=name, **whose)} {then}"
    return MessageBody(subject, (gone, another), ctx.role())


def contact_changed(ctx: MessageContext) -> MessageBody:
    """Write the message about a new contact or deputy.

    It goes to the old and the new one, and to further recipients. Raises NothingToReport if it does not apply any
    more.
    """
    if ctx.many:
        return _many(ctx)
    day = ctx.day(ctx.message.due)
    subject = ctx.say(certificate_events.CHANGED_SUBJECT, day=day, organisation=ctx.organisation)
    if ctx.is_to(ctx.fact("new")):
        if not _is_named(ctx):
            # Replaced before this was sent: the message about the next change names the current contact.
            raise NothingToReport("the recipient is no longer named for the certificate")
        return MessageBody(subject, tuple(_to_the_new(ctx)), ctx.role())
    new = message_data.named(ctx.notification.db, ctx.fact("new"))
    if ctx.is_to(ctx.fact("old")):
        return MessageBody(subject, (_to_the_old(ctx, named(new.name) if new else None),), Role.FORMER)
    if new is None:
        raise NothingToReport(NOT_THERE)
    return MessageBody(subject, (ctx.say(certificate_events.CHANGED, name=named(new.name), **ctx.names()),), ctx.role())


def _many(ctx: MessageContext) -> MessageBody:
    """Write one message about a change for many certificates, with a list."""
    deputy = ctx.fact("place") == Role.DEPUTY
    lines = contact_handover.lines(ctx.notification.db, ctx.many, ctx.now)
    if ctx.is_to(ctx.fact("new")):
        address = ctx.data.to.email.casefold() if ctx.data.to else ""
        lines = tuple(line for line in lines if address == (line.deputy if deputy else line.contact))
        paragraphs = tuple(_many_to_the_new(ctx, deputy=deputy))
        role = Role.DEPUTY if deputy else Role.CONTACT
    else:
        name = _name(ctx, "new")
        paragraphs = (
            ctx.say(
                certificate_events.MANY_NO_LONGER_DEPUTY if deputy else certificate_events.MANY_NOW_ANOTHER, name=name
            ),
        )
        role = Role.FORMER
    if not lines:
        raise NothingToReport("the recipient is no longer named for any of the certificates")
    first, *then = paragraphs
    subject = ctx.say(certificate_events.MANY_SUBJECT, count=len(lines), day=ctx.day(ctx.message.due))
    return MessageBody(subject, (first, RowsBlock(tuple(_many_row(ctx, line) for line in lines)), *then), role)


def _many_to_the_new(ctx: MessageContext, *, deputy: bool) -> Iterator[str]:
    if deputy:
        yield ctx.say(certificate_events.MANY_NOW_DEPUTY)
        yield f"{ctx.say(certificate_events.MANY_WHAT_DEPUTY_DOES)} {ctx.say(certificate_events.IF_NOT_YOU)}"
    else:
        yield ctx.say(certificate_events.MANY_NOW_YOU, name=_name(ctx, "old"))
        yield f"{ctx.say(certificate_events.MANY_WHAT_YOU_DO)} {ctx.say(certificate_events.IF_NOT_YOU)}"


def _many_row(ctx: MessageContext, summary: LineageSummary) -> str:
    values = {
        "organisation": named(summary.organisation),
        "customer_id": summary.customer_id,
        "description": named(summary.description) if summary.description else summary.channel.value,
    }
    if summary.not_after is None:
        return ctx.say(certificate_events.MANY_ROW_UNFETCHED, **values)
    return ctx.say(certificate_events.MANY_ROW, ends=ctx.when(summary.not_after), **values)


def _is_named(ctx: MessageContext) -> bool:
    contact = ctx.lineage.contact
    return ctx.is_to(contact.person_id if contact else None) or ctx.is_to(ctx.lineage.deputy)


def _to_the_new(ctx: MessageContext) -> Iterator[str]:
    old = message_data.named(ctx.notification.db, ctx.fact("old"))
    if ctx.role() is Role.DEPUTY:
        yield ctx.say(certificate_events.NOW_DEPUTY, **ctx.names())
    elif old and not ctx.is_by_name(old.name):  # for the same person, only the address or number was corrected
        yield ctx.say(certificate_events.NOW_YOU_AFTER, name=named(old.name), **ctx.names())
    else:
        yield ctx.say(certificate_events.NOW_YOU, **ctx.names())
    yield f"{_what_you_do(ctx)} {ctx.say(certificate_events.IF_NOT_YOU)}"


def _what_you_do(ctx: MessageContext) -> str:
    certificate = ctx.data.certificate
    if certificate is None:
        if message_data.revoked_for_good(ctx.notification.db, ctx.lineage.lineage_id):
            return ctx.say(certificate_events.WHAT_YOU_DO_REVOKED)
        deputy = ctx.role() is Role.DEPUTY  # transfer IDs go to the contact only
        return ctx.say(certificate_events.WHAT_DEPUTY_DOES_FIRST if deputy else certificate_events.WHAT_YOU_DO_FIRST)
    ends = ctx.when(certificate.not_after)
    if ctx.ended:
        return ctx.say(certificate_events.WHAT_YOU_DO_AFTER, ends=ends)
    if ctx.now >= certificate.renewable_from:
        return ctx.say(certificate_events.WHAT_YOU_DO_NOW, ends=ends)
    return ctx.say(certificate_events.WHAT_YOU_DO, ends=ends, opens=ctx.when(certificate.renewable_from))


def _to_the_old(ctx: MessageContext, name: str | None) -> str:
    if ctx.fact("new") is None:
        return ctx.say(certificate_events.DEPUTY_NO_MORE, **ctx.names())
    if name is None:
        return ctx.say(certificate_events.NOW_ANOTHER_PERSON, **ctx.names())
    deputy = ctx.fact("place") == "deputy" or ctx.fact("new") == ctx.lineage.deputy
    return ctx.say(
        certificate_events.NO_LONGER_DEPUTY if deputy else certificate_events.NOW_ANOTHER, name=name, **ctx.names()
    )


def _remedy(ctx: MessageContext, by_people: str) -> str:
    """Return the sentence about the correction.

    It addresses the organisation's people, or the operator if there are none.
    """
    if ctx.data.to is None:
        return ctx.say(certificate_events.FIND_ANOTHER)
    return ctx.say(by_people, help=help_line(ctx))


def _name(ctx: MessageContext, fact: str) -> str:
    """Return the name of the person in a fact.

    Raises NothingToReport if the person was erased meanwhile, because there is nothing to correct then.
    """
    person_ref = message_data.named(ctx.notification.db, ctx.fact(fact))
    if person_ref is None:
        raise NothingToReport("the person that the message is about was erased")
    return named(person_ref.name)
