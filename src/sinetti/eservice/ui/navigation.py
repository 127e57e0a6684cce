"""The menu: what somebody may do is in it, what they may not is not."""

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse

from sinetti.domain.access.roles import Right
from sinetti.eservice.core.authentication import actor_of, is_clerk, standing_of
from sinetti.eservice.core.context import language_of
from sinetti.eservice.ui.components import Link
from sinetti.eservice.ui.links import link_to
from sinetti.i18n.translate import mark, text


def _may(right: Right) -> Callable[[HttpRequest], bool]:
    return lambda request: bool(standing_of(request).organisations(right))


@dataclass(frozen=True, slots=True)
class Item:
    """One place of the menu: its name, the page's name in urls.py, and for whom it is there."""

    text: str
    page: str
    shown: Callable[[HttpRequest], bool]


def _acts_for_clients(request: HttpRequest) -> bool:
    """Whether somebody acts for one organisation through another: a firm's own page lists such clients."""
    return any(one.via is not None for one in standing_of(request).held.values())


ITEMS: tuple[Item, ...] = (
    Item(mark("Technical interface and certificates"), "certificates", _may(Right.SEE)),
    Item(mark("Applications"), "applications", _may(Right.APPLY)),
    Item(mark("Authorisations"), "authorisations", _may(Right.GRANT)),
    Item(mark("Clients"), "clients", _acts_for_clients),
    Item(mark("Clerk's pages"), "staff", is_clerk),
)
"""In the order in which they stand. Messages and refusals name the first and third by the path to them:
*Settings > Technical interface and certificates*, *Settings > Authorisations*."""
_NAME, _NAME_OF_CLERKS = mark("Settings"), mark("Menu")


SECURITY = mark("Sign-in and security")
"""What the page of one's passwords and factors is called, wherever something leads to it."""
_STRANGERS = ((mark("Sign in"), "account_login"),)
_OWN = (
    (mark("My details"), "profile"),
    (SECURITY, "mfa_index"),
    (mark("Sign out"), "account_logout"),
)


def menu(request: HttpRequest) -> list[Link]:
    """What stands in the menu of whoever is signed in."""
    if actor_of(request) is None:
        return []
    language = language_of(request)
    there = [(item, reverse(item.page)) for item in ITEMS if item.shown(request)]
    return [
        Link(text(item.text, language), address, current=request.path.startswith(address)) for item, address in there
    ]


def menu_name(request: HttpRequest) -> str:
    """What the menu is called: by the word with which the paths in messages begin, where those pages are in it."""
    sees = actor_of(request) is not None and bool(standing_of(request).organisations(Right.SEE))
    return text(_NAME if sees else _NAME_OF_CLERKS, language_of(request))


def account_links(request: HttpRequest) -> list[Link]:
    """Signing in; or one's own settings, and signing out."""
    language = language_of(request)
    places = _STRANGERS if actor_of(request) is None else _OWN
    found = ((text(name, language), link_to(page)) for name, page in places)
    return [Link(name, address, current=request.path == address) for name, address in found if address]
