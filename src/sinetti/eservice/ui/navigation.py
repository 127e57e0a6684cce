"""Menu with the pages that the user may open.

Helpers make links to pages by URL name, and redirects after an action.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import NoReverseMatch, reverse

from sinetti.domain.access.roles import Permission
from sinetti.eservice.core.authentication import current_actor, current_permissions, is_clerk
from sinetti.eservice.core.representation import representation
from sinetti.eservice.ui.components import Button, Component, Form, Input, Link, Links
from sinetti.eservice.ui.icons import ICONS
from sinetti.i18n.translate import _, gettext_noop, ngettext, ngettext_noop


def url_or_empty(name: str, *args: object) -> str:
    """Return the address of a page; empty if the page does not exist."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


def redirect_to(name: str, *args: object, **query: object) -> HttpResponse:
    """Redirect to another page after an action."""
    asked = f"?{urlencode(query)}" if query else ""
    return HttpResponseRedirect(f"{reverse(name, args=args)}{asked}", status=HTTPStatus.SEE_OTHER)


def _may(right: Permission) -> Callable[[HttpRequest], bool]:
    return lambda request: bool(current_permissions(request).organisations(right))


@dataclass(frozen=True)
class MenuItem:
    """Menu item: its text, the URL name of the page, and the condition to show it."""

    text: str
    page: str
    is_visible: Callable[[HttpRequest], bool]


def _acts_for_clients(request: HttpRequest) -> bool:
    """Return True if the user acts for an organisation through another one.

    The page of a firm lists such clients.
    """
    return any(effective_role.via is not None for effective_role in current_permissions(request).held.values())


ITEMS: tuple[MenuItem, ...] = (
    MenuItem(gettext_noop("Technical interface and certificates"), "certificates", _may(Permission.SEE)),
    MenuItem(gettext_noop("Applications"), "applications", _may(Permission.APPLY)),
    MenuItem(gettext_noop("Authorisations"), "authorisations", _may(Permission.GRANT)),
    MenuItem(gettext_noop("Clients"), "clients", _acts_for_clients),
    MenuItem(gettext_noop("Clerk's pages"), "staff", is_clerk),
)
"""Menu items in their order.

Messages and refusals name the first and third by the path to them: *Settings > Technical interface and certificates*,
*Settings > Authorisations*.
"""
_NAME, _NAME_OF_CLERKS = gettext_noop("Settings"), gettext_noop("Menu")


SECURITY = gettext_noop("Sign-in and security")
"""Title of the page with passwords and factors, used in every link to it."""
_STRANGERS = ((gettext_noop("Sign in"), "account_login"),)
_OWN = ((gettext_noop("My details"), "profile"), (SECURITY, "mfa_index"), (gettext_noop("Sign out"), "account_logout"))


@dataclass(frozen=True)
class PortalHeader:
    """Header of a page: the signed-in person, the represented organisation, the menus.

    `switch` are the components that choose another organisation.
    """

    identity: str = ""
    organisation: str = ""
    switch: Sequence[Component] = ()
    menu_name: str = ""
    menu: Sequence[Link] = ()
    account: Sequence[Link] = ()
    back: ClassVar[str] = ICONS["back"]
    building: ClassVar[str] = ICONS["building"]
    person: ClassVar[str] = ICONS["person"]


ALL_ORGANISATIONS = ngettext_noop("All: {count} organisation", "All {count} organisations")
LONGEST_SEARCH = 100
"""Longest search text in characters."""


def portal_header(request: HttpRequest) -> PortalHeader:
    """Return the header for the reader."""
    user = None if current_actor(request) is None else request.user
    identity = str(getattr(user, "name", "") or getattr(user, "email", ""))
    organisation, switch = _represented(request)
    menus = menu_name(request), main_menu(request), account_menu(request)
    return PortalHeader(identity, organisation, switch, *menus)


def _represented(request: HttpRequest) -> tuple[str, Sequence[Component]]:
    """Return the organisation for which the user acts, and the way to choose another."""
    acting, page = representation(request), url_or_empty("acting_for")
    if acting is None:
        return "", ()
    name = f"{acting.name} ({acting.customer_id})" if acting.name else ngettext(*ALL_ORGANISATIONS, acting.count)
    if acting.count == 1 or request.path == page:
        return name, ()
    find = Input("find", _("Find an organisation by a part of its name or ID"), longest=LONGEST_SEARCH)
    form = Form([find], [Button(_("Search"), minor=True)], page, search=True, name="switch")
    return name, [form, Links([Link(_("Choose another organisation"), page)])]


def main_menu(request: HttpRequest) -> list[Link]:
    """Return the menu of the signed-in user."""
    if current_actor(request) is None:
        return []
    there = [(item, reverse(item.page)) for item in ITEMS if item.is_visible(request)]
    return [Link(_(item.text), address, current=request.path.startswith(address)) for item, address in there]


def menu_name(request: HttpRequest) -> str:
    """Return the title of the menu.

    Users of the certificate pages see the word with which paths in messages begin.
    """
    sees = current_actor(request) is not None and bool(current_permissions(request).organisations(Permission.SEE))
    return _(_NAME if sees else _NAME_OF_CLERKS)


def account_menu(request: HttpRequest) -> list[Link]:
    """Return the sign-in link, or links to the user's settings and sign-out."""
    places = _STRANGERS if current_actor(request) is None else _OWN
    found = ((_(name), url_or_empty(page)) for name, page in places)
    return [Link(name, address, current=request.path == address) for name, address in found if address]
