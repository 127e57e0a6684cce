"""The outbox: what waits, what was given up, and trying that again."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from sinetti.domain.notifications.messages import MessageChannel
from sinetti.eservice.core.context import language_of
from sinetti.eservice.staff.common import A_PAGE, page_number, pager, show_page, staff_view, translator
from sinetti.eservice.ui.components import (
    Button,
    Cell,
    Column,
    Component,
    DescriptionItem,
    DescriptionList,
    Form,
    Link,
    Links,
    Table,
)
from sinetti.eservice.ui.navigation import redirect_to
from sinetti.eservice.ui.page import flash as tell
from sinetti.i18n.staff_labels import MESSAGES
from sinetti.i18n.translate import format_datetime, gettext_noop
from sinetti.services.staff import outbox
from sinetti.services.staff.outbox import OutboxListItem
from sinetti.services.staff.session import StaffSession

_CHANNELS = {MessageChannel.EMAIL: gettext_noop("e-mail"), MessageChannel.SMS: gettext_noop("text message")}


@staff_view
@require_http_methods(["GET", "HEAD", "POST"])
def listed(request: HttpRequest, clerk: StaffSession) -> HttpResponse:
    """Those that wait, the oldest first, or those that were given up; no address and no text stands here."""
    say = translator(request)
    if request.method == "POST":
        count = outbox.try_again(request.POST.getlist("message")[:A_PAGE], clerk)
        tell(request, say("Messages that are tried again: {count}", count=count))
        return redirect_to("staff_outbox", state="given-up")
    given_up, number = request.GET.get("state") == "given-up", page_number(request)
    standing = outbox.standing(clerk)
    rows = outbox.messages((number - 1) * A_PAGE, A_PAGE + 1, clerk, given_up=given_up)
    counts = DescriptionList(
        [
            DescriptionItem(say("Wait"), str(standing.waiting)),
            DescriptionItem(say("Should have left an hour ago"), str(standing.late)),
            DescriptionItem(say("Given up"), str(standing.dead)),
        ]
    )
    states = Links(
        [
            Link(say("Those that wait"), request.path, current=not given_up),
            Link(say("Those given up"), f"{request.path}?state=given-up", current=given_up),
        ]
    )
    blocks: list[Component] = [counts, states, _table(request, rows[:A_PAGE], given_up=given_up)]
    if given_up and rows:
        blocks.append(Form((), [Button(say("Try the chosen ones again"), "again")], name="again"))
    blocks.append(pager(request, number, len(rows[:A_PAGE]), more=len(rows) > A_PAGE))
    return show_page(request, say("Outbox"), blocks)


def _table(request: HttpRequest, rows: tuple[OutboxListItem, ...], *, given_up: bool) -> Table:
    say, language = translator(request), language_of(request)
    names = (
        gettext_noop("About"),
        gettext_noop("Kind"),
        gettext_noop("Sent by"),
        gettext_noop("Due"),
        gettext_noop("Tries"),
        gettext_noop("Problem"),
    )
    told = [
        [
            Cell(one.customer_id or "–", note=one.serial or ""),
            Cell(say(MESSAGES[one.kind])),
            Cell(say(_CHANNELS[one.channel])),
            Cell(format_datetime(one.due, language)),
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
