"""The outbox: what waits, what was given up, and trying that again."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from sinetti.domain.notifications.messages import MessageChannel
from sinetti.eservice.core.context import language_of
from sinetti.eservice.staff.common import A_PAGE, at_desk, page_number, pager, show_page, speaker
from sinetti.eservice.ui.components import Block, Button, Cell, Column, Form, Link, Links, Table, Value, Values
from sinetti.eservice.ui.flash import say as tell
from sinetti.eservice.ui.links import to
from sinetti.i18n.staff_labels import MESSAGES
from sinetti.i18n.translate import mark, when
from sinetti.services.staff import outbox
from sinetti.services.staff.outbox import Message
from sinetti.services.staff.session import Clerk

_CHANNELS = {MessageChannel.EMAIL: mark("e-mail"), MessageChannel.SMS: mark("text message")}


@at_desk
@require_http_methods(["GET", "HEAD", "POST"])
def listed(request: HttpRequest, clerk: Clerk) -> HttpResponse:
    """Those that wait, the oldest first, or those that were given up; no address and no text stands here."""
    say = speaker(request)
    if request.method == "POST":
        count = outbox.try_again(request.POST.getlist("message")[:A_PAGE], clerk)
        tell(request, say("Messages that are tried again: {count}", count=count))
        return to("staff_outbox", state="given-up")
    given_up, number = request.GET.get("state") == "given-up", page_number(request)
    standing = outbox.standing(clerk)
    rows = outbox.messages((number - 1) * A_PAGE, A_PAGE + 1, clerk, given_up=given_up)
    counts = Values(
        [
            Value(say("Wait"), str(standing.waiting)),
            Value(say("Should have left an hour ago"), str(standing.late)),
            Value(say("Given up"), str(standing.dead)),
        ]
    )
    states = Links(
        [
            Link(say("Those that wait"), request.path, current=not given_up),
            Link(say("Those given up"), f"{request.path}?state=given-up", current=given_up),
        ]
    )
    blocks: list[Block] = [counts, states, _table(request, rows[:A_PAGE], given_up=given_up)]
    if given_up and rows:
        blocks.append(Form((), [Button(say("Try the chosen ones again"), "again")], name="again"))
    blocks.append(pager(request, number, len(rows[:A_PAGE]), more=len(rows) > A_PAGE))
    return show_page(request, say("Outbox"), blocks)


def _table(request: HttpRequest, rows: tuple[Message, ...], *, given_up: bool) -> Table:
    say, language = speaker(request), language_of(request)
    names = (mark("About"), mark("Kind"), mark("Sent by"), mark("Due"), mark("Tries"), mark("Problem"))
    told = [
        [
            Cell(one.customer_id or "–", note=one.serial or ""),
            Cell(say(MESSAGES[one.kind])),
            Cell(say(_CHANNELS[one.channel])),
            Cell(when(one.due, language)),
            Cell(str(one.tries)),
            Cell(one.problem or "–"),
        ]
        for one in rows
    ]
    picks = [one.message_id for one in rows]
    columns = [Column(say(one)) for one in names]
    caption = say("Messages that were given up") if given_up else say("Messages that wait")
    if not given_up:
        return Table(caption, columns, told, say("There are none."))
    return Table(caption, columns, told, say("There are none."), "message", picks, "again")
