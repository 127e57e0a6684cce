"""Choice of one organisation out of many: search inside names and IDs, then pick."""

from collections.abc import Sequence
from dataclasses import dataclass

from django import forms
from django.http import HttpRequest, HttpResponse

from sinetti.domain.validation import LONGEST_ORGANISATION
from sinetti.domain.values import has_text
from sinetti.eservice.ui.components import Button, Cell, Component, Link, Table, Text
from sinetti.eservice.ui.forms import PortalForm
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.translate import _, gettext_noop

_SHOWN = 20


@dataclass(frozen=True)
class Choice:
    """An organisation to choose, and the address of the next page."""

    name: str
    customer_id: str
    address: str


class ChoiceForm(PortalForm):
    """Search form for an organisation."""

    q = forms.CharField(
        label=gettext_noop("Name or ID of the organisation"),
        help_text=gettext_noop("Any part of the name or of the ID"),
        required=False,
        max_length=LONGEST_ORGANISATION,
    )


def choose_organisation(
    request: HttpRequest, choices: Sequence[Choice], purpose: str, back: Link | None
) -> HttpResponse:
    """Show the search for an organisation; each row leads to the next page."""
    lead = Text([_("Next step: {purpose}", purpose=purpose)])
    blocks = [lead, *organisation_choice(request, choices)]
    return render_page(request, Page(_("Choose an organisation"), blocks=blocks, back=back, wide=True))


def organisation_choice(request: HttpRequest, choices: Sequence[Choice]) -> list[Component]:
    """Return the search and the first organisations that match it."""
    form = ChoiceForm(request.GET if "q" in request.GET else None)
    text = form.cleaned_data["q"].strip() if form.is_bound and form.is_valid() else ""
    found = [choice for choice in choices if has_text(text, choice.name, choice.customer_id)]
    table = Table(
        _("Organisations: {count}", count=len(found)),
        [_("Organisation"), _("ID")],
        [[Cell(choice.name, choice.address), choice.customer_id] for choice in found[:_SHOWN]],
        _("No organisation matches. Check the spelling, or search for a shorter part."),
    )
    search = [form.as_component(Button(_("Search")), search=True)] if len(choices) > _SHOWN else []
    more = _("The first {count} are shown. Search for a part of the name or of the ID.", count=_SHOWN)
    return [*search, table, *([Text([more])] if len(found) > _SHOWN else [])]
