"""The audit trail in words: what was done, to what, by whom and when."""

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from sinetti.domain.business_days import day_begins
from sinetti.eservice.core.context import language_of
from sinetti.eservice.staff.common import A_PAGE, at_desk, show_page, speaker
from sinetti.eservice.ui.components import Block, Button, Cell, Column, Link, Pager, Table, Text
from sinetti.eservice.ui.forms import PeopleForm
from sinetti.i18n.audit_labels import ACTIONS, actor_words, fact_words, object_words
from sinetti.i18n.translate import mark, when
from sinetti.services.staff import audit_log
from sinetti.services.staff.audit_log import Asked, Entry
from sinetti.services.staff.session import Clerk


class AuditForm(PeopleForm):
    """Which rows."""

    object = forms.CharField(
        label=mark("Object"),
        help_text=mark("As it stands in the table, such as certificate:5a…"),
        required=False,
        max_length=80,
    )
    actor = forms.CharField(label=mark("Who"), help_text=mark("Such as user:…"), required=False, max_length=80)
    since = forms.DateField(
        label=mark("From this day on"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    until = forms.DateField(
        label=mark("Until this day"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def asked(self, before: int | None) -> Asked:
        """Which rows are asked for; days are Finland's, whole ones."""
        values = self.cleaned_data if self.is_bound else {}

        def begins(name: str, days: int) -> datetime | None:
            found = values.get(name)
            return day_begins(found, days) if found else None

        return Asked(
            (values.get("object") or "").strip(),
            (values.get("actor") or "").strip(),
            since=begins("since", 0),
            until=begins("until", 1),
            before=before,
        )


@at_desk
@require_safe
def listed(request: HttpRequest, clerk: Clerk) -> HttpResponse:
    """Rows of the trail, the newest first."""
    say, language = speaker(request), language_of(request)
    asks = {"object", "actor", "since", "until"} & set(request.GET)
    form = AuditForm(language, request.GET if asks else None)
    blocks: list[Block] = [form.block(Button(say("Search")), search=True)]
    if not form.is_bound or form.is_valid():
        told = request.GET.get("before", "")
        before = int(told) if told.isdecimal() and len(told) < 19 else None  # noqa: PLR2004 - a BIGINT has 19 digits
        found = audit_log.entries(form.asked(before), A_PAGE, clerk)
        blocks.append(history(request, found.entries))
        if found.before is not None:
            if not found.entries:
                blocks.append(Text([say("None of these rows match. Look also at the older ones.")]))
            kept = {name: value for name, value in request.GET.items() if name not in {"before", "lang"}}
            further = f"{request.path}?{urlencode({**kept, 'before': found.before})}"
            blocks.append(Pager("", None, Link(say("Older rows"), further)))
    return show_page(request, say("Audit trail"), blocks)


def history(request: HttpRequest, entries: Sequence[Entry]) -> Table:
    """Rows as a table."""
    say, language = speaker(request), language_of(request)
    names = (mark("When"), mark("What"), mark("Object"), mark("Who"), mark("More"))

    def more(one: Entry) -> str:
        told = "; ".join(
            fact_words(name, value, language) for name, value in sorted(one.facts.items()) if value is not None
        )
        unsound = say("this row is not as it was written: tell whoever runs the service")
        return told if one.sound else f"{told} – {unsound}"

    rows = [
        [
            Cell(when(one.at, language)),
            Cell(say(ACTIONS[one.action]) if one.action in ACTIONS else one.action, note=str(one.sequence)),
            Cell(one.object, note=object_words(one.object, language)),
            Cell(one.actor, note=actor_words(one.actor, language)),
            Cell(more(one) or "–"),
        ]
        for one in entries
    ]
    return Table(say("Rows, the newest first"), [Column(say(one)) for one in names], rows, say("There are none."))
