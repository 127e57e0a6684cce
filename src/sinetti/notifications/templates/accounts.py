"""What is told about an account: in the language that stood in the row, with the one link that was sealed there."""

from datetime import datetime

from sinetti.domain.notifications.account_emails import LINKED, AccountEmail
from sinetti.notifications.templates import layout_texts as texts
from sinetti.notifications.templates.layout import page
from sinetti.notifications.templates.layout_texts import RecipientRoleText as Role
from sinetti.notifications.templates.markup import LinkBlock, Part
from sinetti.notifications.templates.message_context import NOT_THERE, MessageBody, MessageContext, NothingToReport
from sinetti.notifications.templates.notices_account import SAID

LAPSED = "its link does not work any more"


def account(matter: MessageContext) -> MessageBody:
    """Tell what happened to an account, or give the link that was asked for.

    Raises NothingToReport for a lapsed link.
    """
    letter = AccountEmail(matter.fact("letter") or "")
    said, values = SAID[letter], {"when": matter.when(matter.owed.created)}
    link: tuple[Part, ...] = ()
    if letter in LINKED:
        values["until"] = matter.when(_until(matter))
        link = (LinkBlock(_address(matter)), matter.say(texts.TYPE_STOP, address=page(matter)))
    before, after = ([matter.say(one, **values) for one in some] for some in (said.before, said.after))
    return MessageBody(matter.say(said.subject), (*before, *link, *after), Role.ACCOUNT)


def _until(matter: MessageContext) -> datetime:
    until = matter.fact("until")
    if until is None:
        raise NothingToReport(NOT_THERE)
    at = datetime.fromisoformat(until)
    if matter.room.machine_now() >= at:
        raise NothingToReport(LAPSED)
    return at


def _address(matter: MessageContext) -> str:
    sealed = matter.fact("way")
    if sealed is None:
        raise NothingToReport(NOT_THERE)
    return f"{matter.room.terms.people_address}{matter.room.unseal(sealed)}"
