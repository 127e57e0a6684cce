"""Calls for early replacement: replaced, heard and unreached certificates."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from sinetti.domain.notifications.messages import MessageKind
from sinetti.eservice.staff.common import A_PAGE, show_page, staff_view
from sinetti.eservice.ui.components import (
    Cell,
    Component,
    DescriptionItem,
    DescriptionList,
    Link,
    Severity,
    Table,
    Text,
    Total,
    Totals,
)
from sinetti.eservice.ui.error_pages import not_found
from sinetti.i18n.translate import _, format_datetime, gettext_noop
from sinetti.services.staff import early_calls
from sinetti.services.staff.early_calls import CallStatus, UnreachedItem
from sinetti.services.staff.session import StaffSession

_TITLE = gettext_noop("Calls for early replacement")
_REPLACED, _HEARD, _UNREACHED = gettext_noop("Replaced"), gettext_noop("Heard"), gettext_noop("Not reached")
_EXPLAINED = gettext_noop(
    "Heard means that the program of the certificate asked for its renewal time, or that a message was delivered to "
    "one of its people. Call the organisations of the certificates that were not reached."
)


@staff_view
@require_safe
def call_list(request: HttpRequest, clerk: StaffSession) -> HttpResponse:
    """List the calls in force, the newest first."""
    names = (gettext_noop("Called"), gettext_noop("Replace by"), gettext_noop("Certificates"))
    return show_page(
        request,
        _(_TITLE),
        [
            Text([_(_EXPLAINED)]),
            Table(
                _(_TITLE),
                [_(name) for name in (*names, _REPLACED, _HEARD, _UNREACHED)],
                [
                    [
                        Cell(format_datetime(call.begins), reverse("staff_early_call", args=[call.call_id])),
                        format_datetime(call.ends),
                        *(Cell(str(count)) for count in (call.count, call.replaced, call.heard, call.unreached)),
                    ]
                    for call in early_calls.list_calls(clerk)
                ],
                _("Nothing to show."),
            ),
        ],
    )


@staff_view
@require_safe
def call_detail(request: HttpRequest, clerk: StaffSession, call_id: str) -> HttpResponse:
    """Show the counts of one call, and certificates that were not reached."""
    call = early_calls.find_call(call_id, A_PAGE, clerk)
    if call is None:
        return not_found(request)
    status, unreached = call
    blocks: list[Component] = [_values(status), _totals(status), Text([_(_EXPLAINED)]), _table(unreached)]
    title = _("Call for early replacement, {date}", date=format_datetime(status.begins))
    return show_page(request, title, blocks, Link(_(_TITLE), reverse("staff_early_calls")))


def _values(status: CallStatus) -> DescriptionList:
    is_incident = status.kind is MessageKind.INCIDENT
    kind = _("A key of the authority was stolen") if is_incident else _("Early replacement")
    items = [
        DescriptionItem(_("Reason"), kind),
        DescriptionItem(_("Called"), format_datetime(status.begins)),
        DescriptionItem(_("Replace by"), format_datetime(status.ends)),
    ]
    if status.undone_at is not None:
        items.append(DescriptionItem(_("Ended"), format_datetime(status.undone_at)))
    return DescriptionList(items)


def _totals(status: CallStatus) -> Totals:
    severity = Severity.WARNING if status.unreached else Severity.GOOD
    return Totals(
        [
            Total(_("Certificates"), status.count),
            Total(_(_REPLACED), status.replaced),
            Total(_(_HEARD), status.heard),
            Total(_(_UNREACHED), status.unreached, tone=severity),
            Total(_("Expired or revoked"), status.ended),
        ]
    )


def _table(rows: tuple[UnreachedItem, ...]) -> Table:
    return Table(
        _(_UNREACHED),
        [_("Organisation"), _("Serial number"), _("Valid until")],
        [
            [
                Cell(row.organisation, note=row.customer_id),
                Cell(row.serial, reverse("staff_certificate", args=[row.serial])),
                format_datetime(row.not_after),
            ]
            for row in rows
        ],
        _("Nothing to show."),
    )
