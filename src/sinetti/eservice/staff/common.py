"""Decorators and helpers of pages for clerks (docs/e-service/clerks.md).

Other users get "not found". A clerk must first state a purpose.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Concatenate, ParamSpec
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from sinetti.domain.access.access_purpose import AccessJustification, AccessPurpose
from sinetti.eservice.core.authentication import Detour, current_actor, is_clerk
from sinetti.eservice.core.context import portal_context, request_id
from sinetti.eservice.middleware import FOR_CLERKS
from sinetti.eservice.ui.components import Component, DescriptionItem, DescriptionList, Link, Pager
from sinetti.eservice.ui.error_pages import not_found
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.staff_labels import PURPOSES
from sinetti.i18n.translate import _
from sinetti.services.access.permissions import Actor
from sinetti.services.staff.session import NotStaff, StaffSession

PURPOSE, CASE = "looking_purpose", "looking_case"
"""Session keys: the clerk's purpose, and the case number if there is one."""
A_PAGE = 50
"""Rows on a page."""

Asked = ParamSpec("Asked")


def require_staff(
    view: Callable[Concatenate[HttpRequest, Actor, Asked], HttpResponse],
) -> Callable[Concatenate[HttpRequest, Asked], HttpResponse]:
    """Require a clerk with a second factor; other users get "not found"."""

    @wraps(view)
    def answer(request: HttpRequest, /, *args: Asked.args, **named: Asked.kwargs) -> HttpResponse:
        actor = current_actor(request)
        return view(request, actor, *args, **named) if actor is not None and is_clerk(request) else not_found(request)

    setattr(answer, FOR_CLERKS, True)
    return answer


def staff_view(
    view: Callable[Concatenate[HttpRequest, StaffSession, Asked], HttpResponse],
) -> Callable[Concatenate[HttpRequest, Asked], HttpResponse]:
    """Require a clerk with a stated purpose; otherwise ask for one, then return."""

    @wraps(view)
    def answer(request: HttpRequest, actor: Actor, /, *args: Asked.args, **named: Asked.kwargs) -> HttpResponse:
        looking = current_purpose(request)
        if looking is None:
            return Detour(reverse("staff_purpose"), request.get_full_path())
        clerk = StaffSession(actor, looking, portal_context(request).ctx, request_id(request))
        try:
            return view(request, clerk, *args, **named)
        except NotStaff:  # the account lost the clerk's role during the request
            return not_found(request)

    return require_staff(answer)


def current_purpose(request: HttpRequest) -> AccessJustification | None:
    """Return the purpose that the clerk stated in this session, if any."""
    purpose = request.session.get(PURPOSE, "")
    if purpose not in set(AccessPurpose):
        return None
    return AccessJustification(AccessPurpose(purpose), str(request.session.get(CASE, "")))


def show_page(
    request: HttpRequest, title: str, blocks: Sequence[Component], back: Link | None = None, status: int = 200
) -> HttpResponse:
    """Show a page for clerks with the stated purpose above its content."""
    shown = purpose_item(request)
    above = [] if shown is None else [DescriptionList([shown])]
    return render_page(request, Page(title, blocks=[*above, *blocks], wide=True, back=back or home(), status=status))


def show_check(request: HttpRequest, page: Page) -> HttpResponse:
    """Show a check page for clerks."""
    return show_page(request, page.title, page.blocks, page.back, page.status)


def purpose_item(request: HttpRequest) -> DescriptionItem | None:
    """Return the stated purpose with the link to change it; None without one."""
    looking = current_purpose(request)
    if looking is None:
        return None
    text = _(PURPOSES[looking.purpose])
    address = f"{reverse('staff_purpose')}?{urlencode({'next': request.get_full_path()})}"
    change = Link(_("Change"), address, note=_("the purpose of access"))
    return DescriptionItem(_("Purpose of access"), f"{text} ({looking.case})" if looking.case else text, change=change)


def home() -> Link:
    """Return the link to the first page for clerks."""
    return Link(_("Clerk's pages"), reverse("staff"))


def page_number(request: HttpRequest) -> int:
    """Return the requested page of a list, from 1 on."""
    asked = request.GET.get("page", "")
    return max(int(asked), 1) if asked.isdecimal() and len(asked) < 7 else 1  # noqa: PLR2004 - a million pages


def pager(request: HttpRequest, number: int, row_count: int, *, more: bool) -> Pager:
    """Return the position in a list with links; `more` means that a page follows."""
    first = (number - 1) * A_PAGE
    position = _("Rows {first} to {last}", first=first + 1, last=first + row_count) if row_count else ""

    def link(words: str, to_page: int) -> Link:
        asked = {**{name: value for name, value in request.GET.items() if name != "lang"}, "page": str(to_page)}
        return Link(words, f"{request.path}?{urlencode(asked)}")

    before = link(_("Previous page"), number - 1) if number > 1 else None
    return Pager(position, before, link(_("Next page"), number + 1) if more else None)


def chosen_filters(request: HttpRequest, labels: Mapping[str, str]) -> list[Link]:
    """Return what the address filters by, each with the address without it."""
    asked = {name: value for name, value in request.GET.items() if name in labels and value}
    links = []
    for name, value in asked.items():
        others = urlencode({key: kept for key, kept in asked.items() if key != name})
        links.append(Link(f"{labels[name]}: {value}", f"{request.path}?{others}", note=_("Remove this filter")))
    return links


def safe_next(given: str) -> str:
    """Return the next address if it is a page for clerks, else their first page."""
    ours = url_has_allowed_host_and_scheme(given, allowed_hosts=None) and given.startswith(reverse("staff"))
    return given if ours else reverse("staff")
