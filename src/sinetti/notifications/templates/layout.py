"""What stands around what a kind says: greeting, the certificate, why and to whom it goes, help, people's data."""

from collections.abc import Iterator
from datetime import timedelta

from sinetti.database.notifications import message_data
from sinetti.domain.link_tokens import STOP_LINK, link_token
from sinetti.domain.notifications.audiences import AUDIENCES, RecipientRole
from sinetti.domain.notifications.messages import MessageKind
from sinetti.domain.values import Environment
from sinetti.notifications.templates import layout_texts as texts
from sinetti.notifications.templates.layout_texts import RecipientRoleText as Role
from sinetti.notifications.templates.markup import LinkBlock, Part, RowsBlock, named
from sinetti.notifications.templates.message_context import MessageBody, MessageContext

WITH_STOP = frozenset({MessageKind.REMINDER, MessageKind.TAKE_INTO_USE, MessageKind.DIGEST})
"""What ends with *Not your task any more?*: that is the one link."""

_ABOUT_PEOPLE = frozenset({MessageKind.BOUNCED, MessageKind.CONTACT_GONE, MessageKind.DIGEST})
"""What is about more than one certificate, though its row may name one."""

_YEAR = timedelta(days=365)


def with_layout(matter: MessageContext, written: MessageBody) -> tuple[Part, ...]:
    """The whole letter, in its order."""
    return tuple(_framed(matter, written))


def page(matter: MessageContext) -> str:
    """The address of the service's pages as people type it: without the scheme."""
    return matter.room.terms.people_address.partition("://")[2]


def help_line(matter: MessageContext) -> str:
    """How to reach help, in the recipient's language."""
    return matter.room.terms.help[matter.language]


def _framed(matter: MessageContext, written: MessageBody) -> Iterator[Part]:
    to = matter.told.to
    yield matter.say(texts.HELLO, name=named(to.name)) if to and to.name else matter.say(texts.HELLO_NOBODY)
    if matter.room.environment is Environment.TEST and written.role is not Role.OPERATOR:
        yield matter.say(texts.REHEARSAL)
    yield from written.parts
    if matter.told.certificate is not None and matter.owed.kind not in _ABOUT_PEOPLE and not matter.many:
        yield _facts(matter)
    yield _who(matter, written)
    if written.role is not Role.OPERATOR:
        yield matter.say(texts.HELP, help=help_line(matter))
        yield from _links(matter, written)
    if to is not None and not to.written_to:
        yield from _your_data(matter)
    yield matter.room.terms.service


def _facts(matter: MessageContext) -> RowsBlock:
    certificate, holding = matter.certificate, matter.holding
    lines = [
        matter.say(texts.DESCRIPTION, description=matter.description),
        matter.say(texts.ORGANISATION, organisation=matter.organisation, customer_id=holding.customer_id),
        matter.say(texts.CHANNEL, channel=holding.channel.value),
        matter.say(texts.SERIAL, serial=certificate.serial),
    ]
    if certificate.revoked_at is None:
        if certificate.successor is None and not matter.ended:
            lines.append(matter.say(texts.OPENS, opens=matter.when(certificate.renewable_from)))
        lines.append(matter.say(texts.ENDS, ends=matter.when(certificate.not_after)))
    return RowsBlock(tuple(lines))


def _who(matter: MessageContext, written: MessageBody) -> str:
    """Why they get it, and who else does, where that is known."""
    holding = matter.told.holding
    if written.why:
        return written.why
    if matter.many:
        why = matter.say(texts.WHY_MANY[written.role])
    elif holding is None and written.role is Role.SIGNATORY:
        why = matter.say(texts.WHY_UNNAMED)
    else:
        why = matter.say(texts.WHY[written.role], organisation=matter.organisation if holding else "")
    # A link to transfer IDs, or an account, is one person's: earlier ones are other messages.
    alone = matter.owed.kind in {MessageKind.TRANSFER_IDS, MessageKind.ACCOUNT}
    also = () if alone else message_data.other_recipients(matter.room.db, matter.owed)
    if also is None:
        return why
    people = ", ".join(matter.say(texts.AS[_role_of(matter, one.person_id)], name=named(one.name)) for one in also)
    return f"{why} {matter.say(texts.ALSO, people=people) if people else matter.say(texts.NOBODY_ELSE)}"


def _role_of(matter: MessageContext, person_id: str) -> Role:
    """What somebody else is; a contact of before is said to be one."""
    if matter.owed.kind is MessageKind.CONTACT_CHANGED and person_id == matter.fact("old"):
        return Role.FORMER
    role = matter.role_of(person_id)
    told = AUDIENCES.get(matter.owed.kind)
    # Who is nothing any more, in a message that signatories do not get, was contact or deputy when it happened.
    return Role.FORMER if role is Role.SIGNATORY and told and RecipientRole.SIGNATORIES not in told else role


def _links(matter: MessageContext, written: MessageBody) -> Iterator[Part]:
    """The one link, if it does not stand in what the kind says; or that there is none."""
    if matter.owed.kind in WITH_STOP:
        yield matter.say(texts.NOT_YOURS)
        yield LinkBlock(_stop_address(matter))
        yield matter.say(texts.TYPE_STOP, address=page(matter))
    elif not any(isinstance(one, LinkBlock) for one in written.parts):
        yield matter.say(texts.NO_LINK, address=page(matter))


def _stop_address(matter: MessageContext) -> str:
    message_id = matter.owed.message_id
    token = link_token(matter.room.key, STOP_LINK, message_id)
    return f"{matter.room.terms.people_address}/stop/{message_id}/{token}"


def _your_data(matter: MessageContext) -> Iterator[Part]:
    """What is done with people's data (GDPR, Article 14): in the first message to each of them."""
    terms = matter.room.terms
    if matter.told.holding is None or matter.many:
        yield matter.say(texts.YOUR_DATA_UNNAMED, service=terms.service)
    else:
        yield matter.say(texts.YOUR_DATA, service=terms.service, organisation=matter.organisation)
    years, rest = divmod(terms.people_kept, _YEAR)
    in_years = not rest and years > 1
    kept = texts.KEPT_YEARS if in_years else texts.KEPT_DAYS
    yield matter.say(kept, count=years if in_years else terms.people_kept.days)
    yield matter.say(texts.YOUR_RIGHTS, help=help_line(matter))
