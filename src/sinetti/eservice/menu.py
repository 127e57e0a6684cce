"""The menu: what somebody may do is in it, what they may not is not."""

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse

from sinetti.domain.mandates import Right
from sinetti.eservice.acting import actor_of, standing_of
from sinetti.eservice.blocks import Link
from sinetti.eservice.surroundings import language_of
from sinetti.texts.reader import mark, text


def _may(right: Right) -> Callable[[HttpRequest], bool]:
    return lambda request: bool(standing_of(request).organisations(right))


def _is_staff(request: HttpRequest) -> bool:
    actor = actor_of(request)
    return actor is not None and actor.staff and actor.second_factor


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
    Item(mark("Authorisations"), "authorisations", _may(Right.GRANT)),
    Item(mark("Clients"), "clients", _acts_for_clients),
)
"""In the order in which they stand."""


def menu(request: HttpRequest) -> list[Link]:
    """What stands in the menu of whoever is signed in."""
    if actor_of(request) is None:
        return []
    language = language_of(request)
    there = [(item, reverse(item.page)) for item in ITEMS if item.shown(request)]
    return [
        Link(text(item.text, language), address, current=request.path.startswith(address)) for item, address in there
    ]


def account_links(request: HttpRequest) -> list[Link]:
    """Signing in; or one's account, and signing out."""
    language = language_of(request)
    if actor_of(request) is None:
        return [Link(text(mark("Sign in"), language), reverse("account_login"))]
    return []
