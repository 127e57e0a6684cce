"""Asking an organisation for an authorisation for oneself, and what came of it."""

from collections.abc import Sequence

from django import forms
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from sinetti.domain.access.invitations import Answer
from sinetti.domain.access.roles import Role, no_greater
from sinetti.domain.identifiers import customer_id_fits
from sinetti.domain.values import Environment, Language
from sinetti.eservice.authorisations.common import WRONG, after, paged, role_field, start_of
from sinetti.eservice.core.authentication import actor_of, signed_in
from sinetti.eservice.core.context import language_of, request_id, surroundings
from sinetti.eservice.ui.components import Block, Button, Cell, Column, Link, Links, Section, Table, Text
from sinetti.eservice.ui.flash import say
from sinetti.eservice.ui.forms import PeopleForm
from sinetti.eservice.ui.links import link_to
from sinetti.eservice.ui.page import Page, show
from sinetti.i18n.role_labels import ROLES
from sinetti.i18n.translate import mark, text, when
from sinetti.services.access.role_requests import RequestFound, TooMany, ask_for_oneself, asked_by

TITLE = mark("Ask for an authorisation")
_HOW = mark(
    "Give the organisation's Business ID. If the organisation uses this service, its representative is told that you "
    "ask, and sees your name and e-mail address. You get a message when the request has been answered."
)
_FIRM = mark("Does your organisation act for others? Ask them for an authorisation for it")
_ASKED = mark("The request is stored. You get a message when the organisation's representative has answered it.")
_BEFORE = mark("You have already asked for this. The request is waiting for an answer.")
_THERE = mark("You already have this authorisation.")
STATES = {
    Answer.WAITING: mark("waits for an answer"),
    Answer.GIVEN: mark("approved"),
    Answer.DECLINED: mark("declined"),
    Answer.LAPSED: mark("lapsed without an answer"),
}
NOT_AN_ID = mark("This is not a Business ID: one has seven digits, a hyphen and a check digit, like 1234567-1.")


class AskForm(PeopleForm):
    """Which organisation is asked for which role."""

    customer_id = forms.CharField(label=mark("Business ID of the organisation"), max_length=30)
    role = role_field(no_greater(Role.SIGNATORY)[::-1])

    def fits(self, environment: Environment) -> bool:
        """Whether all of it can be asked; the id is looked at by its form alone."""
        if not self.is_valid():
            return False
        if not customer_id_fits(self.cleaned_data["customer_id"], environment):
            self.refuse("customer_id", NOT_AN_ID)
        return not self.errors


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def page(request: HttpRequest) -> HttpResponse:
    """Show the form and what was asked, or ask."""
    office, language, actor = surroundings(request).office, language_of(request), actor_of(request)
    start = {"customer_id": request.GET.get("id", ""), "role": Role.VIEWER.value}
    form = AskForm(language, request.POST if request.method == "POST" else None, initial=start)
    if request.method == "POST" and actor is not None and form.fits(office.environment):
        told = form.cleaned_data
        try:
            asked = ask_for_oneself(told["customer_id"], Role(told["role"]), office, actor, request_id(request))
        except TooMany as refused:
            form.refuse(None, WRONG[type(refused)])
        else:
            say(request, text(_ASKED if asked.now else _BEFORE if asked.before else _THERE, language))
            return after("ask")
    asked_before, pager = paged(request, asked_by(actor, office, start_of(request)) if actor else ())
    blocks: list[Block] = [
        Text([text(_HOW, language)]),
        form.block(Button(text(mark("Ask"), language), "ask")),
        Section(text(mark("Your requests"), language), [requests_table(asked_before, language), *pager], "asked"),
        Links([Link(text(_FIRM, language), link_to("clients"))]),
    ]
    return show(request, Page(text(TITLE, language), blocks=blocks))


def requests_table(asked: Sequence[RequestFound], language: Language) -> Table:
    """What was asked, of organisations as they were named then, and its state."""
    names = (mark("Business ID"), mark("Authorisation"), mark("Asked on"), mark("State"))
    rows = [
        [
            Cell(one.customer_id),
            Cell(text(ROLES[one.role], language)),
            Cell(when(one.created, language)),
            Cell(text(STATES[one.state], language)),
        ]
        for one in asked
    ]
    empty = text(mark("Nothing has been asked lately."), language)
    caption = text(mark("Requests of the last months"), language)
    return Table(caption, [Column(text(one, language)) for one in names], rows, empty)
