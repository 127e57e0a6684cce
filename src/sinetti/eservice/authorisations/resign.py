"""Resignation from authorisations ticked in a table, after a check page.

A user resigns own authorisations. A firm resigns those for its clients.
"""

from collections.abc import Sequence

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from sinetti.domain.access.roles import Permission
from sinetti.eservice.authorisations.common import after, back, format_until
from sinetti.eservice.core.authentication import current_permissions
from sinetti.eservice.core.context import portal_context, request_id
from sinetti.eservice.ui.acts import Confirmation, letters_of
from sinetti.eservice.ui.check_pages import check_page
from sinetti.eservice.ui.components import Button, DescriptionItem, Form, Input
from sinetti.eservice.ui.page import render_page
from sinetti.i18n.role_labels import ROLES
from sinetti.i18n.translate import _, gettext_noop, ngettext, ngettext_noop
from sinetti.services.access.permissions import Actor
from sinetti.services.self_service.role_resignation import preview_resignation, resign

GIVE_UP, PICK = "give-up", "mandate"
"""Value of the button, and name of the checkboxes."""
GIVE_UP_TEXT = gettext_noop("Give up")
NONE_CHOSEN = gettext_noop("Choose at least one authorisation.")
_EFFECTS = (
    gettext_noop("The authorisation ends immediately. Only the organisation's representative can give it again."),
    gettext_noop("Everything done with it remains in force. The certificates and their contact persons do not change."),
)
_TITLE = ngettext_noop("Give up {count} authorisation?", "Give up {count} authorisations?")
_BUTTON = ngettext_noop("Give up {count} authorisation permanently", "Give up {count} authorisations permanently")
_DONE, _SO, _KEPT = (
    gettext_noop("Authorisations given up: {count}."),
    gettext_noop("No changes were needed."),
    gettext_noop(
        "Authorisations kept, because the organisation would have no representative: {count}. Give the "
        "authorisation to another representative first."
    ),
)


def give_up_page(request: HttpRequest, actor: Actor, picked: Sequence[str], page: str, **query: str) -> HttpResponse:
    """Show the check page before ticked authorisations are given up, or give them up.

    The reader returns to `page`. Raises PermissionDenied for an authorisation of another user.
    """
    ctx, ids = portal_context(request).ctx, tuple(picked)
    once = Confirmation(request, GIVE_UP, *sorted(ids))
    own_roles = preview_resignation(ids, ctx, actor)
    if once.is_given or not own_roles:
        _give_up(request, actor, ids)
        return after(page, **query)
    gives = current_permissions(request).organisations(Permission.GRANT)
    known = None if all(own_role.organisation.organisation_id in gives for own_role in own_roles) else ()
    letters = letters_of(request, lambda held: resign(ids, held, actor, request_id(request)), known)
    summary = [
        DescriptionItem(
            f"{own_role.organisation.name}, {own_role.organisation.customer_id}",
            f"{_(ROLES[own_role.role])}, {format_until(own_role.until)}",
        )
        for own_role in own_roles
    ]
    fields = [*once.fields, *(Input(PICK, "", "hidden", text) for text in ids)]
    shown = check_page(
        ngettext(*_TITLE, len(own_roles)),
        Form(fields, [Button(ngettext(*_BUTTON, len(own_roles)), GIVE_UP, danger=True)]),
        summary=[*summary, letters.informed],
        effects=[_(text) for text in _EFFECTS],
        letters=letters.letters,
        back=back(page, gettext_noop("Back"), **query),
    )
    return render_page(request, shown)


def _give_up(request: HttpRequest, actor: Actor, ids: tuple[str, ...]) -> None:
    done = resign(ids, portal_context(request).ctx, actor, request_id(request))
    if done.done:
        messages.info(request, _(_DONE, count=done.done))
    if not done.done and not done.kept:
        messages.info(request, _(_SO))
    if done.kept:
        messages.info(request, _(_KEPT, count=done.kept))
