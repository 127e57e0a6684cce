"""Giving up authorisations that were chosen in a table: one's own, or a firm's for its clients."""

from collections.abc import Sequence

from django.http import HttpRequest

from sinetti.domain.values import Language
from sinetti.eservice.core.authentication import actor_of
from sinetti.eservice.core.context import language_of, request_id, surroundings
from sinetti.eservice.ui.components import Block, Button, Form, Text
from sinetti.eservice.ui.flash import say
from sinetti.i18n.translate import mark, text
from sinetti.services.self_service.role_resignation import give_up

GIVE_UP, PICK = "give-up", "mandate"
"""The form and what it does; what is chosen for it."""
_MOST = 50
_HOW = mark("It ends at once, and only the organisation's representative can give it again.")
_DONE, _NONE, _SO, _KEPT = (
    mark("Authorisations given up: {count}."),
    mark("Nothing was chosen, so nothing was given up."),
    mark("Nothing was changed: it was so already."),
    mark(
        "Not given up, because the organisation would have no representative here: {count}. Give the authorisation to "
        "another representative first."
    ),
)


def giving_up_form(language: Language, action: str = "") -> Sequence[Block]:
    """What it means, and the button below the table."""
    button = Button(text(mark("Give up the chosen authorisations"), language), GIVE_UP, danger=True)
    return [Text([text(_HOW, language)]), Form([], [button], action, name=GIVE_UP)]


def given_up(request: HttpRequest) -> str:
    """Give up what was chosen, and have the next page say so; returns what went wrong, where nothing was chosen.

    Raises NotAllowed where it is somebody else's.
    """
    chosen, actor, language = tuple(request.POST.getlist(PICK)[:_MOST]), actor_of(request), language_of(request)
    if actor is None or not chosen:
        return text(_NONE, language)
    done = give_up(chosen, surroundings(request).office, actor, request_id(request))
    if done.done:
        say(request, text(_DONE, language, count=done.done))
    if not done.done and not done.kept:
        say(request, text(_SO, language))
    if done.kept:
        say(request, text(_KEPT, language, count=done.kept))
    return ""
