"""Resignation from authorisations selected in a table.

A user resigns own authorisations. A firm resigns those for its clients.
"""

from collections.abc import Sequence

from django.contrib import messages
from django.http import HttpRequest

from sinetti.eservice.core.authentication import current_actor
from sinetti.eservice.core.context import portal_context, request_id
from sinetti.eservice.ui.components import Button, Component, Form, Text
from sinetti.i18n.translate import _, gettext_noop
from sinetti.services.self_service.role_resignation import resign

GIVE_UP, PICK = "give-up", "mandate"
"""Value of the button, and name of the checkboxes."""
_MOST = 50
_HOW = gettext_noop("The authorisation ends immediately. Only the organisation's representative can give it again.")
_DONE, _NONE, _SO, _KEPT = (
    gettext_noop("Authorisations given up: {count}."),
    gettext_noop("Choose at least one authorisation."),
    gettext_noop("No changes were needed."),
    gettext_noop(
        "Authorisations kept, because the organisation would have no representative: {count}. Give the "
        "authorisation to another representative first."
    ),
)


def giving_up_form(action: str = "") -> Sequence[Component]:
    """Return the explanation and the button below the table."""
    button = Button(_("Give up selected authorisations"), GIVE_UP, danger=True)
    return [Text([_(_HOW)]), Form([], [button], action, name=GIVE_UP)]


def given_up(request: HttpRequest) -> str:
    """Resign the selected authorisations and flash the result.

    Return an error message if none is selected. Raises PermissionDenied for an authorisation of another user.
    """
    chosen, actor = tuple(request.POST.getlist(PICK)[:_MOST]), current_actor(request)
    if actor is None or not chosen:
        return _(_NONE)
    done = resign(chosen, portal_context(request).ctx, actor, request_id(request))
    if done.done:
        messages.info(request, _(_DONE, count=done.done))
    if not done.done and not done.kept:
        messages.info(request, _(_SO))
    if done.kept:
        messages.info(request, _(_KEPT, count=done.kept))
    return ""
