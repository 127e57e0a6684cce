"""Pages for a missing permission: the right, its givers, a request button.

An organisation is named only to a user who has a role for it already. One that does not exist reads like one of others
(docs/e-service/authorisations.md).
"""

from http import HTTPStatus
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse

from sinetti.domain.access.roles import Permission, Role, minimum_role_for
from sinetti.eservice.core.authentication import current_permissions
from sinetti.eservice.core.context import portal_context
from sinetti.eservice.ui.components import Alert, Button, Component, Form, Input, Link, Severity, Text
from sinetti.eservice.ui.navigation import SECURITY, url_or_empty
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.role_labels import LACKING, ROLES
from sinetti.i18n.translate import _, gettext_noop
from sinetti.services.access.permissions import PermissionDenied
from sinetti.services.access.role_requests import organisations
from sinetti.services.staff.session import NotStaff

_TITLE = gettext_noop("You do not have the required authorisation")
_SECOND_TITLE = gettext_noop("Second factor required")
_SECOND = gettext_noop(
    "To use your authorisation, sign in with a second factor. If you do not have one, set up a passkey or "
    "verification codes."
)
_CLERKS = gettext_noop(
    "This page is for clerks of the authority that issues the certificates. You find your own pages in the menu above."
)
_WHO = gettext_noop("The organisation's representative, for example the managing director, can give it to you.")
_ENOUGH = gettext_noop("Required authorisation: {role}.")
_FOR = gettext_noop("Organisation: {organisation}, {customer_id}")
_FOR_WHICH = gettext_noop(
    "Request it with the organisation's Business ID. We notify the organisation's representative, who "
    "sees your name and e-mail address."
)


def permission_denied_page(request: HttpRequest, lacking: PermissionDenied) -> HttpResponse:
    """Show the missing right, its givers, and the button that requests it.

    An organisation that does not exist reads like one of other users.
    """
    if lacking.second_factor:
        return _second_factor(request)
    role = minimum_role_for(lacking.right)
    sentences = [_(LACKING[lacking.right]), _(_ENOUGH, role=_(ROLES[role])), _(_WHO)]
    named = _named(request, lacking.organisation_id)
    if named is None:
        sentences.append(_(_FOR_WHICH))
    else:
        sentences.append(_(_FOR, organisation=named[0], customer_id=named[1]))
    block = _ask(role, None if named is None else named[1])
    return render_page(request, Page(_(_TITLE), [Text(sentences), block], status=HTTPStatus.FORBIDDEN))


def staff_only_page(request: HttpRequest, lacking: NotStaff) -> HttpResponse:
    """Show that a page is for clerks, and to a clerk the missing second factor.

    The requested object is not read.
    """
    if lacking.second_factor:
        return _second_factor(request)
    return render_page(request, Page(_(_TITLE), [Text([_(_CLERKS)])], status=HTTPStatus.FORBIDDEN))


def _second_factor(request: HttpRequest) -> HttpResponse:
    factor = url_or_empty("mfa_index")
    # A submitted form is not submitted again: the user continues at its page.
    address = f"{factor}?{urlencode({'next': request.get_full_path()})}"
    links = [Link(_(SECURITY), address)] if factor else []
    blocks: list[Component] = [Alert(_(_SECOND), Severity.WARNING, links)]
    return render_page(request, Page(_(_SECOND_TITLE), status=HTTPStatus.FORBIDDEN, blocks=blocks))


def _named(request: HttpRequest, organisation_id: str | None) -> tuple[str, str] | None:
    """Return name and id of an organisation for which the reader has a role."""
    if organisation_id is None or not current_permissions(request).may(Permission.SEE, organisation_id):
        return None
    refs = organisations(frozenset({organisation_id}), portal_context(request).ctx)
    return (refs[0].name, refs[0].customer_id) if refs else None


def _ask(role: Role, customer_id: str | None) -> Form:
    """Return a form that requests the role for the known or typed organisation."""
    label = _("Business ID of the organisation")
    which = (
        Input("customer_id", label, required=True, longest=30)
        if customer_id is None
        else Input("customer_id", label, "hidden", customer_id)
    )
    button = Button(_("Request the authorisation"), "ask")
    return Form([which, Input("role", "", "hidden", role.value)], [button], url_or_empty("ask"))
