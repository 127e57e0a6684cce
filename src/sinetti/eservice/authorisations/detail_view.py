"""One authorisation: what it is, and changing it, withdrawing it or sending its invitation again."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from sinetti.domain.access.roles import GIVEN_TO_AGENTS, Role
from sinetti.eservice.authorisations.common import (
    WRONG,
    after,
    back,
    beside,
    day_of,
    end_of,
    role_field,
    told_until,
    tried,
    until_field,
)
from sinetti.eservice.authorisations.list_view import TITLE, state
from sinetti.eservice.core.authentication import actor_of, signed_in, standing_of
from sinetti.eservice.core.context import language_of, request_id, surroundings
from sinetti.eservice.ui.components import Block, Button, Form, Notice, Section, Text, Tone, Value, Values
from sinetti.eservice.ui.flash import say
from sinetti.eservice.ui.forms import PeopleForm
from sinetti.eservice.ui.page import Page, show
from sinetti.i18n.role_labels import ROLES
from sinetti.i18n.translate import mark, text, when
from sinetti.services.self_service.role_assignments import (
    Gone,
    MandateFound,
    Terms,
    authorisation,
    change,
    organisation_giving,
    send_again,
    withdraw,
)

_FIRM_ROLES = tuple(one for one in Role if one in GIVEN_TO_AGENTS)
_SAID = {
    "change": mark("The authorisation is changed, and whoever has it is told."),
    "withdraw": mark("The authorisation is withdrawn, and whoever had it is told."),
    "again": mark("A new invitation is on its way. The link of the earlier one no longer works."),
}


class PersonTerms(PeopleForm):
    """Role and end of a person's authorisation."""

    role = role_field(tuple(Role))
    until = until_field(required=False)


class FirmTerms(PeopleForm):
    """Role and end of another organisation's authorisation."""

    role = role_field(_FIRM_ROLES)
    until = until_field(required=True)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def page(request: HttpRequest, mandate_id: str) -> HttpResponse:
    """Show it, or do what a button says."""
    who, office = standing_of(request), surroundings(request).office
    try:
        found = authorisation(mandate_id, who, office)
    except Gone:
        # Withdrawn by the same press before, or by somebody else: the list shows what stands now.
        say(request, text(WRONG[Gone], language_of(request)))
        return after("authorisations", organisation=organisation_giving(mandate_id, who, office))
    does = request.POST.get("do", "") if request.method == "POST" else ""
    kind = PersonTerms if found.agent is None else FirmTerms
    start = {"role": found.role.value, "until": day_of(found.until)}
    form = kind(language_of(request), request.POST if does == "change" else None, initial=start)
    wrong: str | None = ""
    if does in _SAID and (does != "change" or form.is_valid()):
        wrong = _done(request, does, found, form)
        if wrong is None:
            say(request, text(_SAID[does], language_of(request)))
            return after("authorisations", organisation=found.organisation_id)
        if beside(form, wrong):
            wrong = ""
    return _shown(request, found, form, wrong or "")


def _done(request: HttpRequest, does: str, found: MandateFound, form: PeopleForm) -> str | None:
    """Do it; returns what is told where it was refused."""
    office, actor, asked = surroundings(request).office, actor_of(request), request_id(request)
    if actor is None:
        return None
    if does == "withdraw":
        return tried(lambda: withdraw(found.mandate_id, office, actor, asked))
    if does == "again":
        return tried(lambda: send_again(found.mandate_id, office, actor, asked))
    day = form.cleaned_data["until"]
    # The same day said again is no other end.
    until = found.until if day == day_of(found.until) else end_of(day)
    return tried(lambda: change(found.mandate_id, Terms(Role(form.cleaned_data["role"]), until), office, actor, asked))


def _shown(request: HttpRequest, found: MandateFound, form: PeopleForm, wrong: str) -> HttpResponse:
    language = language_of(request)
    who = found.agent.name if found.agent else found.name or found.email
    change_it = form.block(Button(text(mark("Change"), language), "change"))
    withdraw_it = Form([], [Button(text(mark("Withdraw the authorisation"), language), "withdraw", danger=True)])
    blocks: list[Block] = [
        *([Notice(text(wrong, language), Tone.ERROR)] if wrong else ()),
        Values(_values(found, request)),
        *([_again(request)] if found.agent is None and found.account is None else ()),
        Section(
            text(mark("Change the authorisation"), language),
            [change_it],
            "change",
        ),
        Section(
            text(mark("Withdraw the authorisation"), language),
            [Text([text(mark("It ends at once. What was done with it stays in force."), language)]), withdraw_it],
            "withdraw",
        ),
    ]
    there = back(language, "authorisations", TITLE, organisation=found.organisation_id)
    title = text(mark("Authorisation – {who}"), language, who=who)
    return show(request, Page(title, blocks=blocks, back=there))


def _again(request: HttpRequest) -> Form:
    return Form([], [Button(text(mark("Send the invitation again"), language_of(request)), "again", minor=True)])


def _values(found: MandateFound, request: HttpRequest) -> list[Value]:
    language = language_of(request)
    where = found.agent.customer_id if found.agent else found.email
    name = mark("Business ID") if found.agent else mark("E-mail address")
    since = [] if found.waiting else [Value(text(mark("Since"), language), when(found.since, language))]
    return [
        Value(text(name, language), where),
        Value(text(mark("Authorisation"), language), text(ROLES[found.role], language)),
        *since,
        Value(text(mark("Until"), language), told_until(found.until, language)),
        Value(text(mark("State"), language), state(found, language)),
    ]
