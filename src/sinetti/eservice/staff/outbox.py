"""Outbox: waiting and failed messages, and new attempts."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from sinetti.domain.notifications.messages import MessageChannel
from sinetti.eservice.staff.common import A_PAGE, page_number, pager, show_page, staff_view
from sinetti.eservice.ui.components import (
    Button,
    Cell,
    Component,
    Filters,
    Link,
    Severity,
    Table,
    Total,
    Totals,
)
from sinetti.eservice.ui.drafts import keeps_typed
from sinetti.eservice.ui.forms import PortalForm
from sinetti.eservice.ui.navigation import redirect_to
from sinetti.i18n.staff_labels import MESSAGES
from sinetti.i18n.translate import _, capital, format_datetime, gettext_noop
from sinetti.services.staff import outbox
from sinetti.services.staff.outbox import OutboxListItem
from sinetti.services.staff.session import StaffSession

_CHANNELS = {MessageChannel.EMAIL: gettext_noop("e-mail"), MessageChannel.SMS: gettext_noop("text message")}
_FAILED = "given-up"
"""State of failed messages in an address."""


class OutboxForm(PortalForm):
    """Search form for messages."""

    text = forms.CharField(
        label=gettext_noop("Organisation or serial number"),
        required=False,
        max_length=100,
    )
    state = forms.ChoiceField(
        label=gettext_noop("State"),
        choices=[("", gettext_noop("Waiting")), (_FAILED, gettext_noop("Failed"))],
        required=False,
    )


@keeps_typed(acts=("again",))
@staff_view
@require_http_methods(["GET", "HEAD", "POST"])
def message_list(request: HttpRequest, clerk: StaffSession) -> HttpResponse:
    """List waiting messages, oldest first, or failed ones, without address and text."""
    if request.method == "POST":
        count = outbox.try_again(request.POST.getlist("message")[:A_PAGE], clerk)
        messages.info(request, _("Messages to be sent again: {count}", count=count))
        return redirect_to("staff_outbox", state=_FAILED)
    form, given_up, number = OutboxForm(request.GET), request.GET.get("state") == _FAILED, page_number(request)
    about = form.cleaned_data["text"].strip() if form.is_valid() else ""
    summary = outbox.summarise(clerk)
    rows = outbox.messages(about, (number - 1) * A_PAGE, A_PAGE + 1, clerk, given_up=given_up)
    failed = f"{request.path}?state={_FAILED}"
    late = Severity.WARNING if summary.late else Severity.GOOD
    totals = Totals(
        [
            Total(_("Waiting"), summary.waiting, request.path),
            Total(_("Over an hour late"), summary.late, request.path, late),
            Total(_("Failed"), summary.dead, failed, Severity.ERROR if summary.dead else Severity.GOOD),
        ]
    )
    search = form.as_component(Button(_("Search")), search=True)
    every = failed if given_up else request.path
    chosen = [Link(about, every, note=_("Remove this filter"))] if about else []
    blocks: list[Component] = [Filters(search, chosen), _table(rows[:A_PAGE], given_up=given_up)]
    blocks += [pager(request, number, len(rows[:A_PAGE]), more=len(rows) > A_PAGE), totals]
    return show_page(request, _("Outbox"), blocks)


def _table(rows: tuple[OutboxListItem, ...], *, given_up: bool) -> Table:
    table_rows = [
        [
            Cell(capital(_(MESSAGES[row.kind])), note=_(_CHANNELS[row.channel])),
            Cell(row.customer_id or "–", note=row.serial or ""),
            Cell(format_datetime(row.due)),
            Cell(str(row.tries)),
            Cell(row.problem or "–"),
        ]
        for row in rows
    ]
    columns = [_("Type"), _("About"), _("Due"), _("Attempts"), _("Problem")]
    caption = _("Failed messages") if given_up else _("Waiting messages")
    if not given_up:
        return Table(caption, columns, table_rows, _("Nothing to show."))
    picks = [row.message_id for row in rows]
    again = [Button(_("Send selected again"), "again")] if rows else []
    return Table(caption, columns, table_rows, _("Nothing to show."), "message", picks, actions=again)
