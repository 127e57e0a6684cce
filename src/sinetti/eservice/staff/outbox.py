"""Outbox: waiting and failed messages, and new attempts."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from sinetti.domain.notifications.messages import MessageChannel
from sinetti.eservice.staff.common import A_PAGE, page_number, pager, show_page, staff_view
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
from sinetti.eservice.ui.drafts import keeps_typed
from sinetti.eservice.ui.navigation import redirect_to
from sinetti.i18n.staff_labels import MESSAGES
from sinetti.i18n.translate import _, format_datetime, gettext_noop
from sinetti.services.staff import outbox
from sinetti.services.staff.outbox import OutboxListItem
from sinetti.services.staff.session import StaffSession

_CHANNELS = {MessageChannel.EMAIL: gettext_noop("e-mail"), MessageChannel.SMS: gettext_noop("text message")}


@keeps_typed(acts=("again",))
@staff_view
@require_http_methods(["GET", "HEAD", "POST"])
def message_list(request: HttpRequest, clerk: StaffSession) -> HttpResponse:
    """List waiting messages, oldest first, or failed ones, without address and text."""
    if request.method == "POST":
        count = outbox.try_again(request.POST.getlist("message")[:A_PAGE], clerk)
        messages.info(request, _("Messages to be sent again: {count}", count=count))
        return redirect_to("staff_outbox", state="given-up")
    given_up, number = request.GET.get("state") == "given-up", page_number(request)
    summary = outbox.summarise(clerk)
    rows = outbox.messages((number - 1) * A_PAGE, A_PAGE + 1, clerk, given_up=given_up)
    counts = DescriptionList(
        [
            DescriptionItem(_("Waiting"), str(summary.waiting)),
            DescriptionItem(_("Over an hour late"), str(summary.late)),
            DescriptionItem(_("Failed"), str(summary.dead)),
        ]
    )
    states = Links(
        [
            Link(_("Waiting"), request.path, current=not given_up),
            Link(_("Failed"), f"{request.path}?state=given-up", current=given_up),
        ]
    )
    blocks: list[Component] = [counts, states, _table(rows[:A_PAGE], given_up=given_up)]
    if given_up and rows:
        blocks.append(Form((), [Button(_("Send selected again"), "again")], name="again"))
    blocks.append(pager(request, number, len(rows[:A_PAGE]), more=len(rows) > A_PAGE))
    return show_page(request, _("Outbox"), blocks)


def _table(rows: tuple[OutboxListItem, ...], *, given_up: bool) -> Table:
    names = (
        gettext_noop("About"),
        gettext_noop("Type"),
        gettext_noop("Sent as"),
        gettext_noop("Due"),
        gettext_noop("Attempts"),
        gettext_noop("Problem"),
    )
    table_rows = [
        [
            Cell(one.customer_id or "–", note=one.serial or ""),
            Cell(_(MESSAGES[one.kind])),
            Cell(_(_CHANNELS[one.channel])),
            Cell(format_datetime(one.due)),
            Cell(str(one.tries)),
            Cell(one.problem or "–"),
        ]
        for one in rows
    ]
    picks = [one.message_id for one in rows]
    columns = [Column(_(one)) for one in names]
    caption = _("Failed messages") if given_up else _("Waiting messages")
    if not given_up:
        return Table(caption, columns, table_rows, _("Nothing to show."))
    return Table(caption, columns, table_rows, _("Nothing to show."), "message", picks, "again")
