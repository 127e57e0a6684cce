"""What pages of authorisations share: which organisation it is about, what roles and ends are called, their fields."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from sinetti.domain.access.roles import AGENTS_AT_MOST, Right, Role, last_second
from sinetti.domain.values import Language
from sinetti.eservice.core.authentication import lacking, standing_of
from sinetti.eservice.core.context import language_of, surroundings
from sinetti.eservice.ui.components import Block, Cell, Column, Link, Pager, Table, Text
from sinetti.eservice.ui.forms import PeopleForm
from sinetti.eservice.ui.page import Page, show
from sinetti.i18n.role_labels import CHOICES
from sinetti.i18n.translate import finnish_day, mark, text, when
from sinetti.services.access.permissions import NotAllowed
from sinetti.services.access.role_requests import SHOWN, Named, organisations
from sinetti.services.self_service.role_assignments import Closed, Gone, LastSignatory, Otherwise, TooMany, WrongTerms

_Row = TypeVar("_Row")
_LONGEST_PAGE = 6

NO_END = mark("no end")
ROLE_FIELD = mark("Authorisation")
UNTIL_FIELD = mark("Valid until the end of this day")
UNTIL_HINT = mark("Leave this empty if it has no end.")
UNTIL_HINT_FIRM = mark("At most two years from now; it can be given anew before it ends.")

WRONG = {
    Closed: mark("The organisation has ended: no authorisations are given for it any more."),
    Gone: mark("Somebody else has changed or answered this meanwhile. Look at how it stands now."),
    LastSignatory: mark(
        "This is the organisation's last representative here. Give another person the authorisation"
        " of a representative first, and wait until they have taken it up."
    ),
    Otherwise: mark("This person has another authorisation for the organisation already: change that one."),
    TooMany: mark("The number of messages for today is used up. Go on tomorrow."),
    WrongTerms: mark("Choose a last day that is still to come. An organisation's authorisation ends within two years."),
}
"""What is told where an act was refused, by what it raised."""

_BESIDE = {WRONG[WrongTerms]: "until", WRONG[Otherwise]: "email"}
"""The field that is to blame, by what is told."""

Refused = Closed | Gone | LastSignatory | Otherwise | TooMany | WrongTerms
REFUSED = tuple(WRONG)


class DateInput(forms.DateInput):
    """A date as browsers have it."""

    input_type = "date"


def until_field(*, required: bool) -> forms.DateField:
    """The last day of an authorisation, as browsers send it or as people type it."""
    return forms.DateField(
        label=UNTIL_FIELD,
        help_text=UNTIL_HINT_FIRM if required else UNTIL_HINT,
        required=required,
        widget=DateInput(),
        input_formats=["%Y-%m-%d", "%d.%m.%Y"],
    )


def role_field(roles: Sequence[Role]) -> forms.ChoiceField:
    """One of these roles."""
    return forms.ChoiceField(label=ROLE_FIELD, choices=[(one.value, CHOICES[one]) for one in roles])


def end_of(day: date | None) -> datetime | None:
    """The instant behind a form's last day."""
    return None if day is None else last_second(day)


def day_of(until: datetime | None) -> date | None:
    """The last day of an authorisation, as a form shows it."""
    return None if until is None else finnish_day(until)


def two_years(request: HttpRequest) -> date:
    """The last day of an authorisation that is given to another organisation today, at most."""
    return finnish_day(surroundings(request).office.now() + AGENTS_AT_MOST) - date.resolution


def told_until(until: datetime | None, language: Language) -> str:
    """An end in words."""
    return text(NO_END, language) if until is None else when(until, language)


def capital(words: str) -> str:
    """The words as a sentence begins."""
    return words[:1].upper() + words[1:]


def chosen(request: HttpRequest, ids: frozenset[str], right: Right) -> str | None:
    """The organisation that a page is about: the one that is asked for, or the only one; None where it is open.

    Raises NotAllowed where there is none.
    """
    wanted = request.GET.get("organisation", "")
    if wanted or len(ids) == 1:
        return wanted or next(iter(ids))
    if not ids:
        raise lacking(right, standing_of(request))
    return None


def name_of(request: HttpRequest, organisation_id: str) -> Named:
    """An organisation that the reader has a role for. Raises NotAllowed where it is closed."""
    found = organisations(frozenset({organisation_id}), surroundings(request).office)
    if not found:
        raise NotAllowed(Right.SEE, organisation_id)
    return found[0]


def start_of(request: HttpRequest) -> int:
    """How many rows of a list come before the page that is asked for."""
    wanted = request.GET.get("page", "1")
    number = int(wanted) if wanted.isascii() and wanted.isdecimal() and len(wanted) < _LONGEST_PAGE else 1
    return max(number - 1, 0) * SHOWN


def paged(request: HttpRequest, found: Sequence[_Row]) -> tuple[Sequence[_Row], list[Block]]:
    """The rows of this page out of those that were read, and where the pages before and after are."""
    start, language = start_of(request), language_of(request)
    more = len(found) > SHOWN
    if not start and not more:
        return found, []

    def link(told: str, number: int) -> Link:
        query = {**{name: str(value) for name, value in request.GET.items()}, "page": str(number)}
        return Link(text(told, language), f"{request.path}?{urlencode(query)}")

    number, shown = start // SHOWN + 1, found[:SHOWN]
    before = link(mark("Previous page"), number - 1) if start else None
    after_ = link(mark("Next page"), number + 1) if more else None
    told = text(mark("Rows {first} to {last}"), language, first=start + 1, last=start + len(shown))
    return shown, [Pager(told if shown else "", before, after_)]


def choose(request: HttpRequest, title: str, ids: frozenset[str], page: str) -> HttpResponse:
    """Have one of several organisations chosen."""
    language = language_of(request)
    found, pager = paged(request, organisations(ids, surroundings(request).office, start_of(request)))
    rows = [
        [Cell(one.name, link=address(page, organisation=one.organisation_id)), Cell(one.customer_id)] for one in found
    ]
    caption = text(mark("Organisations"), language)
    columns = [Column(text(mark("Name"), language)), Column(text(mark("Business ID"), language))]
    sentence = text(mark("Choose the organisation."), language)
    return show(request, Page(title, [Text([sentence]), Table(caption, columns, rows), *pager], wide=True))


def address(page: str, *args: str, **query: str) -> str:
    """A page's address with these values."""
    return f"{reverse(page, args=args)}?{urlencode(query)}" if query else reverse(page, args=args)


def after(page: str, **query: str) -> HttpResponse:
    """Go on to a page after something was done."""
    return HttpResponseRedirect(address(page, **query), status=HTTPStatus.SEE_OTHER)


def back(language: Language, page: str, name: str, **query: str) -> Link:
    """The link to where a page hangs."""
    return Link(text(name, language), address(page, **query))


def beside(form: PeopleForm, wrong: str) -> bool:
    """Tell beside its field why an act was refused; False where no field of the form is to blame."""
    name = _BESIDE.get(wrong, "")
    if not form.is_bound or name not in form.fields:
        return False
    form.refuse(name, wrong)
    return True


def refuse(form: PeopleForm, wrong: str) -> None:
    """Tell why an act was refused: beside its field, else above the form."""
    if not beside(form, wrong):
        form.refuse(None, wrong)


def tried(act: Callable[[], object]) -> str | None:
    """Do something; returns what is told where it was refused."""
    try:
        act()
    except REFUSED as refused:
        return WRONG[type(refused)]
    return None
