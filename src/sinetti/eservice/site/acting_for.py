"""Choice of the organisation for which the user acts (core/representation.py)."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from sinetti.domain.values import has_text
from sinetti.eservice.core.authentication import current_permissions, login_required
from sinetti.eservice.core.representation import REPRESENTED, represented
from sinetti.eservice.ui.components import Button, Component, Form, Input, Link, Links, Option, Text
from sinetti.eservice.ui.navigation import ALL_ORGANISATIONS, LONGEST_SEARCH, redirect_to
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.translate import _, gettext_noop, ngettext, number
from sinetti.services.access.permissions import Permissions

SHOWN = 50
"""Organisations on the page; a search finds the others."""
_ALL = "all"
_TITLE = gettext_noop("Choose the organisation that you act for")
_WHY = gettext_noop(
    "Lists, the start page and new orders are limited to the organisation that you choose. Your authorisations stay "
    "as they are."
)
_SHOWN_OF = gettext_noop("The first {shown} of {count} organisations are shown. Search to find the others.")
_NONE_FOUND = gettext_noop("No organisation that you act for has this in its name or ID. Use a shorter search term.")
_CHOOSE = gettext_noop("Choose one of the organisations.")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def acting_for_page(request: HttpRequest) -> HttpResponse:
    """Show the organisations of the user, or keep the chosen one in the session."""
    permissions, error = current_permissions(request), ""
    if request.method == "POST":
        chosen = request.POST.get("represented", "")
        if chosen == _ALL or chosen in permissions.held:
            return _kept(request, chosen, permissions)
        error = _(_CHOOSE)
    return _page(request, permissions, error)


def _kept(request: HttpRequest, chosen: str, permissions: Permissions) -> HttpResponse:
    if chosen == _ALL:
        request.session.pop(REPRESENTED, None)
        messages.info(request, _("You now act for all your organisations."))
    else:
        request.session[REPRESENTED] = chosen
        name = permissions.names[chosen]
        messages.info(request, _("You now act for {name} ({id}).", name=name.name, id=name.customer_id))
    return redirect_to("start")


def _page(request: HttpRequest, permissions: Permissions, error: str) -> HttpResponse:
    text = "".join(letter for letter in request.GET.get("find", "") if letter.isprintable()).strip()[:LONGEST_SEARCH]
    named = sorted(permissions.held, key=lambda text: (permissions.names[text].name.casefold(), text))
    found = [one for one in named if has_text(text, permissions.names[one].name, permissions.names[one].customer_id)]
    blocks: list[Component] = [Text([_(_WHY)])]
    if len(named) > 1:
        blocks.append(_search(text))
    if text and not found:
        blocks += [Text([_(_NONE_FOUND)]), Links([Link(_("Show all organisations"), request.path)])]
    elif found:
        if len(found) > SHOWN:
            blocks.append(Text([_(_SHOWN_OF, shown=SHOWN, count=number(len(found)))]))
        blocks.append(_choice(request, permissions, found[:SHOWN], error))
    status = 422 if error else 200
    return render_page(request, Page(_(_TITLE), blocks, status=status, back=Link(_("Start page"), reverse("start"))))


def _search(text: str) -> Form:
    hint = _("A part of the name or of the Business ID, for example korhonen")
    field = Input("find", _("Search"), value=text, hint=hint, longest=LONGEST_SEARCH)
    return Form([field], [Button(_("Search"), minor=True)], search=True, name="search")


def _choice(request: HttpRequest, permissions: Permissions, found: list[str], error: str) -> Form:
    now, names = represented(request), permissions.names
    every = Option(_ALL, ngettext(*ALL_ORGANISATIONS, len(permissions.held)), now is None)
    ones = [Option(text, names[text].name, text == now, names[text].customer_id) for text in found]
    options = [every, *ones] if len(permissions.held) > 1 else ones
    errors = [("represented", error)] if error else []
    field = Input("represented", _("Organisation"), "radio", error=error, required=True, options=options)
    return Form([field], [Button(_("Act for the selected organisation"), "represent")], errors=errors)
