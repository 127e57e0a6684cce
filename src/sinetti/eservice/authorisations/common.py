"""Helpers shared by pages of authorisations.

They choose the organisation, name roles and end dates, and define form fields.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from sinetti.domain.access.roles import AGENTS_AT_MOST, Permission, Role, last_second
from sinetti.eservice.core.authentication import current_permissions, missing_permission
from sinetti.eservice.core.context import portal_context
from sinetti.eservice.core.representation import represented
from sinetti.eservice.ui.components import Cell, Component, Link, Pager, Table, Text
from sinetti.eservice.ui.forms import PortalForm
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.role_labels import CHOICES
from sinetti.i18n.translate import _, finnish_day, format_datetime, gettext_noop
from sinetti.services.access.permissions import PermissionDenied
from sinetti.services.access.role_requests import SHOWN, OrganisationRef, organisations
from sinetti.services.self_service.role_assignments import (
    AlreadyHasOtherRole,
    InvalidTerms,
    InvitationLimitReached,
    LastSignatory,
    NoLongerExists,
    OrganisationClosed,
)

_Row = TypeVar("_Row")
_LONGEST_PAGE = 6

EVERY = "all"
"""Value of `organisation` in an address that leads to the choice of all.

It does so while one is represented, too.
"""
NO_END = gettext_noop("no end date")
ROLE_FIELD = gettext_noop("Authorisation")
UNTIL_FIELD = gettext_noop("Last day of validity")
UNTIL_HINT = gettext_noop("Leave this field empty if there is no end date.")
UNTIL_HINT_FIRM = gettext_noop("At most two years from today. You can extend the authorisation before it ends.")

WRONG = {
    OrganisationClosed: gettext_noop("The organisation has ended. You can no longer give authorisations for it."),
    NoLongerExists: gettext_noop("The situation has changed in the meantime. Check the current state."),
    LastSignatory: gettext_noop(
        "This is the organisation's last representative. Without one, the organisation would be locked "
        "out of the service. First give the authorisation of a representative to another person, and wait "
        "until they have accepted it."
    ),
    AlreadyHasOtherRole: gettext_noop(
        "This person already has another authorisation for the organisation. Change that one."
    ),
    InvitationLimitReached: gettext_noop("Today's limit for messages has been reached. Continue tomorrow."),
    InvalidTerms: gettext_noop(
        "Choose a day in the future. An organisation's authorisation can last at most two years."
    ),
}
"""Messages for rejected actions, by exception class."""

_BESIDE = {WRONG[InvalidTerms]: "until", WRONG[AlreadyHasOtherRole]: "email"}
"""Form field of a message, for messages that have one."""

Refused = (
    OrganisationClosed | NoLongerExists | LastSignatory | AlreadyHasOtherRole | InvitationLimitReached | InvalidTerms
)
REFUSED = tuple(WRONG)


class DateInput(forms.DateInput):
    """Date input with the browser's date picker."""

    input_type = "date"


def until_field(*, required: bool) -> forms.DateField:
    """Parse the last day of an authorisation, as browsers send it or users type it."""
    return forms.DateField(
        label=UNTIL_FIELD,
        help_text=UNTIL_HINT_FIRM if required else UNTIL_HINT,
        required=required,
        widget=DateInput(),
        input_formats=["%Y-%m-%d", "%d.%m.%Y"],
    )


def role_field(roles: Sequence[Role]) -> forms.ChoiceField:
    """Return a field that offers these roles."""
    return forms.ChoiceField(label=ROLE_FIELD, choices=[(role.value, CHOICES[role]) for role in roles])


def end_of(day: date | None) -> datetime | None:
    """Return the instant behind a form's last day."""
    return None if day is None else last_second(day)


def day_of(until: datetime | None) -> date | None:
    """Return the last day of an authorisation, as a form shows it."""
    return None if until is None else finnish_day(until)


def two_years(request: HttpRequest) -> date:
    """Return the latest end date for an authorisation given to an organisation today."""
    return finnish_day(portal_context(request).ctx.now() + AGENTS_AT_MOST) - date.resolution


def format_until(until: datetime | None) -> str:
    """Return an end date in words."""
    return _(NO_END) if until is None else format_datetime(until)


def chosen(request: HttpRequest, ids: frozenset[str], right: Permission) -> str | None:
    """Return the requested, only or represented organisation of a page.

    Returns None if the choice is open. Raises PermissionDenied if there is none.
    """
    wanted = request.GET.get("organisation", "")
    if not wanted and not ids:
        raise missing_permission(right, current_permissions(request))
    if wanted == EVERY:
        return None
    represents = represented(request)
    return wanted or (next(iter(ids)) if len(ids) == 1 else represents if represents in ids else None)


def every(page: str, ids: frozenset[str]) -> Link | None:
    """Return the link to the choice of all organisations; None if there is one."""
    return back(page, gettext_noop("Show all organisations"), organisation=EVERY) if len(ids) > 1 else None


def name_of(request: HttpRequest, organisation_id: str) -> OrganisationRef:
    """Return an organisation for which the reader has a role.

    Raises PermissionDenied where it is closed.
    """
    found = organisations(frozenset({organisation_id}), portal_context(request).ctx)
    if not found:
        raise PermissionDenied(Permission.SEE, organisation_id)
    return found[0]


def start_of(request: HttpRequest) -> int:
    """Return the number of rows before the requested page of a list."""
    wanted = request.GET.get("page", "1")
    number = int(wanted) if wanted.isascii() and wanted.isdecimal() and len(wanted) < _LONGEST_PAGE else 1
    return max(number - 1, 0) * SHOWN


def paged(request: HttpRequest, found: Sequence[_Row]) -> tuple[Sequence[_Row], list[Component]]:
    """Return the rows of this page and links to the previous and next page."""
    start = start_of(request)
    more = len(found) > SHOWN
    if not start and not more:
        return found, []

    def link(label: str, number: int) -> Link:
        query = {**{name: str(value) for name, value in request.GET.items()}, "page": str(number)}
        return Link(_(label), f"{request.path}?{urlencode(query)}")

    number, rows = start // SHOWN + 1, found[:SHOWN]
    before = link(gettext_noop("Previous page"), number - 1) if start else None
    after_ = link(gettext_noop("Next page"), number + 1) if more else None
    row_range = _("Rows {first} to {last}", first=start + 1, last=start + len(rows))
    return rows, [Pager(row_range if rows else "", before, after_)]


def choose(request: HttpRequest, title: str, ids: frozenset[str], page: str, **query: str) -> HttpResponse:
    """Show the links that select one of several organisations; they keep the query."""
    kept = {name: value for name, value in query.items() if value}
    refs, pager = paged(request, organisations(ids, portal_context(request).ctx, start_of(request)))
    caption = _("Organisations")
    sentence = _("Choose the organisation.")
    return render_page(
        request,
        Page(
            title,
            [
                Text([sentence]),
                Table(
                    caption,
                    [_("Name"), _("Business ID")],
                    [
                        [Cell(ref.name, link=address(page, organisation=ref.organisation_id, **kept)), ref.customer_id]
                        for ref in refs
                    ],
                ),
                *pager,
            ],
            wide=True,
        ),
    )


def address(page: str, *args: str, **query: str) -> str:
    """Return a page's address with these values."""
    return f"{reverse(page, args=args)}?{urlencode(query)}" if query else reverse(page, args=args)


def after(page: str, **query: str) -> HttpResponse:
    """Redirect to a page after an action."""
    return HttpResponseRedirect(address(page, **query), status=HTTPStatus.SEE_OTHER)


def back(page: str, name: str, *args: str, **query: str) -> Link:
    """Return the link to the parent page."""
    return Link(_(name), address(page, *args, **query))


def beside(form: PortalForm, wrong: str) -> bool:
    """Show the reason for a rejection beside its field; return False without a field."""
    name = _BESIDE.get(wrong, "")
    if not form.is_bound or name not in form.fields:
        return False
    form.refuse(name, wrong)
    return True


def add_error_text(form: PortalForm, wrong: str) -> None:
    """Show the reason for a rejection beside its field, else above the form."""
    if not beside(form, wrong):
        form.refuse(None, wrong)


def tried(act: Callable[[], object]) -> str | None:
    """Run an action; return the message if it is rejected, else None."""
    try:
        act()
    except REFUSED as refused:
        return WRONG[type(refused)]
    return None
