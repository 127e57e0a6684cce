"""Not allowed? Which right is missing, who can give it, and a button that asks for it (docs/mandates.md).

An organisation is named only to whoever has a role for it already; one that is not there reads like one of others.
"""

from http import HTTPStatus
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse

from sinetti.domain.access.roles import Right, Role, enough
from sinetti.eservice.core.authentication import standing_of
from sinetti.eservice.core.context import language_of, surroundings
from sinetti.eservice.ui.components import Block, Button, Form, Input, Link, Notice, Text, Tone
from sinetti.eservice.ui.links import link_to
from sinetti.eservice.ui.navigation import SECURITY
from sinetti.eservice.ui.page import Page, show
from sinetti.i18n.role_labels import LACKING, ROLES
from sinetti.i18n.translate import mark, text
from sinetti.services.access.permissions import NotAllowed
from sinetti.services.access.role_requests import organisations
from sinetti.services.staff.session import NotStaff

_TITLE = mark("You do not have the authorisation for this")
_SECOND_TITLE = mark("A second factor is needed")
_SECOND = mark(
    "You have the authorisation, but using it needs a second factor: sign in with your passkey "
    "or a verification code, or set one of them up."
)
_CLERKS = mark(
    "This page is for clerks of the authority that issues the certificates. Your own pages are in the menu above."
)
_WHO = mark("The organisation's representative (for example the managing director) can give it.")
_ENOUGH = mark("The authorisation that is needed: {role}.")
_FOR = mark("The organisation: {organisation}, {customer_id}.")
_FOR_WHICH = mark(
    "Ask for it with the organisation's Business ID. Its representative is told that you ask, and sees your name and "
    "e-mail address."
)


def no_right(request: HttpRequest, lacking: NotAllowed) -> HttpResponse:
    """Say what is lacking and who can give it; an organisation that is not there reads like one of somebody else's."""
    language = language_of(request)
    if lacking.second_factor:
        return _second_factor(request)
    role = enough(lacking.right)
    sentences = [
        text(LACKING[lacking.right], language),
        text(_ENOUGH, language, role=text(ROLES[role], language)),
        text(_WHO, language),
    ]
    named = _named(request, lacking.organisation_id)
    if named is None:
        sentences.append(text(_FOR_WHICH, language))
    else:
        sentences.append(text(_FOR, language, organisation=named[0], customer_id=named[1]))
    block = _ask(request, role, None if named is None else named[1])
    return show(request, Page(text(_TITLE, language), [Text(sentences), block], status=HTTPStatus.FORBIDDEN))


def not_staff(request: HttpRequest, lacking: NotStaff) -> HttpResponse:
    """Say that a page is for clerks, and to a clerk what is lacking; whatever it was asked about is not looked at."""
    if lacking.second_factor:
        return _second_factor(request)
    language = language_of(request)
    return show(request, Page(text(_TITLE, language), [Text([text(_CLERKS, language)])], status=HTTPStatus.FORBIDDEN))


def _second_factor(request: HttpRequest) -> HttpResponse:
    language, factor = language_of(request), link_to("mfa_index")
    # A form that was sent is not sent again: its own page is where one goes on.
    address = f"{factor}?{urlencode({'next': request.get_full_path()})}"
    links = [Link(text(SECURITY, language), address)] if factor else []
    blocks: list[Block] = [Notice(text(_SECOND, language), Tone.WARNING, links)]
    return show(request, Page(text(_SECOND_TITLE, language), status=HTTPStatus.FORBIDDEN, blocks=blocks))


def _named(request: HttpRequest, organisation_id: str | None) -> tuple[str, str] | None:
    """Name and id of an organisation that the reader has some role for."""
    if organisation_id is None or not standing_of(request).may(Right.SEE, organisation_id):
        return None
    found = organisations(frozenset({organisation_id}), surroundings(request).office)
    return (found[0].name, found[0].customer_id) if found else None


def _ask(request: HttpRequest, role: Role, customer_id: str | None) -> Form:
    """A press asks for the role, of the organisation that is known, or that is typed."""
    language = language_of(request)
    label = text(mark("Business ID of the organisation"), language)
    which = (
        Input("customer_id", label, required=True, longest=30)
        if customer_id is None
        else Input("customer_id", label, "hidden", customer_id)
    )
    button = Button(text(mark("Ask for the authorisation"), language), "ask")
    return Form([which, Input("role", "", "hidden", role.value)], [button], link_to("ask"))
