"""What stands around what a kind says: greeting, whose certificate, why and to whom it goes, help, the first letter's notice."""

from collections.abc import Iterator
from datetime import timedelta

from sinetti.domain.messages import MessageKind
from sinetti.domain.tokens import STOP_LINK, link_token
from sinetti.domain.values import Environment
from sinetti.notices.letters.matter import Matter, Written
from sinetti.notices.parts import Link, Part, Rows, shown
from sinetti.registry import telling
from sinetti.texts import notices as texts

WITH_STOP = frozenset({MessageKind.REMINDER, MessageKind.TAKE_INTO_USE, MessageKind.DIGEST})
"""What ends with *Not your task any more?*: that is the one link."""

_YEAR = timedelta(days=365)


def framed(matter: Matter, written: Written) -> tuple[Part, ...]:
    """The whole letter, in its order."""
    return tuple(_framed(matter, written))


def page(matter: Matter) -> str:
    """The address of the service's pages as people type it: without the scheme."""
    return matter.room.terms.people_address.partition("://")[2]


def help_line(matter: Matter) -> str:
    """How to reach help, in the recipient's language."""
    return matter.room.terms.help[matter.language]


def _framed(matter: Matter, written: Written) -> Iterator[Part]:
    terms = matter.room.terms
    to = matter.told.to
    yield matter.say(texts.HELLO, name=shown(to.name)) if to and to.name else matter.say(texts.HELLO_NOBODY)
    if matter.room.environment is Environment.TEST and written.role is not texts.Part.OPERATOR:
        yield matter.say(texts.REHEARSAL)
    yield from written.parts
    if matter.told.certificate is not None and matter.told.holding is not None:
        yield _facts(matter)
    yield _who(matter, written)
    yield matter.say(texts.HELP, help=help_line(matter))
    if matter.owed.kind in WITH_STOP:
        yield matter.say(texts.NOT_YOURS)
        yield Link(_stop_address(matter))
        yield matter.say(texts.TYPE_STOP, address=page(matter))
    elif not any(isinstance(one, Link) for one in written.parts):
        yield matter.say(texts.NO_LINK, address=page(matter))
    if to is not None and not to.written_to:
        yield from _your_data(matter)
    yield terms.service


def _facts(matter: Matter) -> Rows:
    certificate, holding = matter.certificate, matter.holding
    return Rows(
        (
            matter.say(texts.DESCRIPTION, description=matter.description),
            matter.say(texts.ORGANISATION, organisation=matter.organisation, customer_id=holding.customer_id),
            matter.say(texts.CHANNEL, channel=holding.channel.value),
            matter.say(texts.SERIAL, serial=certificate.serial),
            matter.say(texts.OPENS, opens=matter.when(certificate.renewable_from)),
            matter.say(texts.ENDS, ends=matter.when(certificate.not_after)),
        )
    )


def _who(matter: Matter, written: Written) -> str:
    """Why they get it, and who else does, where that is known."""
    values = {"organisation": matter.organisation} if matter.told.holding else {"organisation": ""}
    why = matter.say(texts.WHY[written.role], **values)
    if matter.told.to is None or matter.owed.kind is MessageKind.DIGEST:
        return why
    also = [
        matter.say(texts.AS[_role_of(matter, one.person_id)], name=shown(one.name))
        for one in telling.others(matter.room.register, matter.owed)
    ]
    who = matter.say(texts.ALSO, people=", ".join(also)) if also else matter.say(texts.NOBODY_ELSE)
    return f"{why} {who}"


def _role_of(matter: Matter, person_id: str) -> texts.Part:
    """What somebody else is; a contact of before is said to be one."""
    if matter.owed.kind is MessageKind.CONTACT_CHANGED and person_id == matter.fact("old"):
        return texts.Part.FORMER
    return matter.role_of(person_id)


def _stop_address(matter: Matter) -> str:
    message_id = matter.owed.message_id
    token = link_token(matter.room.key, STOP_LINK, message_id)
    return f"{matter.room.terms.people_address}/stop/{message_id}/{token}"


def _your_data(matter: Matter) -> Iterator[Part]:
    terms = matter.room.terms
    organisation = matter.organisation if matter.told.holding else ""
    yield matter.say(texts.YOUR_DATA, service=terms.service, organisation=organisation)
    years, rest = divmod(terms.people_kept, _YEAR)
    if rest or years < 2:  # noqa: PLR2004 - "1 years"
        yield matter.say(texts.KEPT_DAYS, count=terms.people_kept.days)
    else:
        yield matter.say(texts.KEPT_YEARS, count=years)
    yield matter.say(texts.YOUR_RIGHTS, help=help_line(matter))
