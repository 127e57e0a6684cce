"""Audit log in words: action, object, actor and time."""

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from sinetti.domain.business_days import day_begins
from sinetti.eservice.core.context import language_of
from sinetti.eservice.staff.common import A_PAGE, chosen_filters, show_page, staff_view
from sinetti.eservice.ui.components import Button, Cell, Component, Filters, Link, Pager, Table, Text
from sinetti.eservice.ui.forms import PortalForm
from sinetti.i18n.audit_labels import ACTIONS, actor_label, fact_label, object_label
from sinetti.i18n.translate import _, format_datetime, gettext_noop
from sinetti.services.staff import audit_log
from sinetti.services.staff.audit_log import AuditEntry, AuditQuery
from sinetti.services.staff.session import StaffSession


class AuditForm(PortalForm):
    """Form that filters rows of the audit log."""

    object = forms.CharField(
        label=gettext_noop("Object"),
        help_text=gettext_noop("As shown in the table, for example certificate:5a…"),
        required=False,
        max_length=80,
    )
    actor = forms.CharField(
        label=gettext_noop("Actor"), help_text=gettext_noop("For example user:…"), required=False, max_length=80
    )
    since = forms.DateField(
        label=gettext_noop("From date"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    until = forms.DateField(
        label=gettext_noop("To date"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def asked(self, before: int | None) -> AuditQuery:
        """Return the query of the form; days are whole days in Finnish time."""
        values = self.cleaned_data if self.is_bound else {}

        def begins(name: str, days: int) -> datetime | None:
            found = values.get(name)
            return day_begins(found, days) if found else None

        return AuditQuery(
            (values.get("object") or "").strip(),
            (values.get("actor") or "").strip(),
            since=begins("since", 0),
            until=begins("until", 1),
            before=before,
        )


@staff_view
@require_safe
def audit_list(request: HttpRequest, clerk: StaffSession) -> HttpResponse:
    """List rows of the audit log, newest first."""
    asks = {"object", "actor", "since", "until"} & set(request.GET)
    form = AuditForm(request.GET if asks else None)
    search = form.as_component(Button(_("Search")), search=True)
    chosen = chosen_filters(request, {name: str(field.label) for name, field in form.fields.items()})
    blocks: list[Component] = [Filters(search, chosen, open=bool(form.is_bound and form.errors))]
    if not form.is_bound or form.is_valid():
        before_text = request.GET.get("before", "")
        before = int(before_text) if before_text.isdecimal() and len(before_text) < 19 else None  # noqa: PLR2004 - a BIGINT has 19 digits
        audit_page = audit_log.entries(form.asked(before), A_PAGE, clerk)
        blocks.append(history(request, audit_page.entries))
        if audit_page.before is not None:
            if not audit_page.entries:
                blocks.append(Text([_("No match among these events. Check older events as well.")]))
            kept = {name: value for name, value in request.GET.items() if name not in {"before", "lang"}}
            further = f"{request.path}?{urlencode({**kept, 'before': audit_page.before})}"
            blocks.append(Pager("", None, Link(_("Older events"), further)))
    return show_page(request, _("Audit log"), blocks)


def history(request: HttpRequest, entries: Sequence[AuditEntry]) -> Table:
    """Return rows of the audit log as a table."""
    language = language_of(request)

    def more(audit_entry: AuditEntry) -> str:
        facts_text = "; ".join(
            fact_label(name, value, language) for name, value in sorted(audit_entry.facts.items()) if value is not None
        )
        unsound = _("row altered after it was written, report this to the operator")
        return facts_text if audit_entry.sound else f"{facts_text} – {unsound}"

    return Table(
        _("Events, newest first"),
        [_("Time"), _("Event"), _("Object"), _("Actor"), _("Details")],
        [
            [
                format_datetime(entry.at),
                Cell(_(ACTIONS[entry.action]) if entry.action in ACTIONS else entry.action, note=str(entry.sequence)),
                Cell(entry.object, note=object_label(entry.object, language)),
                Cell(entry.actor, note=actor_label(entry.actor, language)),
                more(entry) or "–",
            ]
            for entry in entries
        ],
        _("Nothing to show."),
    )
