"""One's own settings: name and language; and where password, second factor and sessions are looked after."""

from collections.abc import Mapping
from typing import ClassVar

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from sinetti.domain.validation import LONGEST_PERSON
from sinetti.domain.values import Language
from sinetti.eservice.authorisations.common import capital, paged, start_of, told_until
from sinetti.eservice.authorisations.resign import GIVE_UP, PICK, given_up, giving_up_form
from sinetti.eservice.core.authentication import actor_of, signed_in, standing_of
from sinetti.eservice.core.context import language_of, request_id, surroundings
from sinetti.eservice.middleware import remember_language
from sinetti.eservice.ui.components import Block, Button, Cell, Column, Link, Links, Section, Table
from sinetti.eservice.ui.flash import say
from sinetti.eservice.ui.forms import LANGUAGE_CHOICES, PeopleForm
from sinetti.eservice.ui.links import link_to
from sinetti.eservice.ui.navigation import SECURITY
from sinetti.eservice.ui.page import Page, show
from sinetti.i18n.role_labels import ROLES
from sinetti.i18n.translate import mark, text
from sinetti.services.access.profile import change_profile
from sinetti.services.self_service.role_resignation import own

_SAVED = mark("Your details were saved.")
_ACCOUNT = (
    (mark("Password"), "account_change_password"),
    (mark("E-mail address"), "account_email"),
    (SECURITY, "mfa_index"),
    (mark("Where you are signed in"), "usersessions_list"),
    (mark("Sign-in with other services"), "socialaccount_connections"),
)


class ProfileForm(PeopleForm):
    """Name and language."""

    autocomplete: ClassVar[Mapping[str, str]] = {"name": "name"}
    name = forms.CharField(
        label=mark("Your name"),
        help_text=mark("As it is seen by others who act for the same organisation"),
        max_length=LONGEST_PERSON,
    )
    reads = forms.ChoiceField(
        label=mark("Language"),
        help_text=mark("Of these pages, and of our messages about your account"),
        choices=LANGUAGE_CHOICES,
    )

    def clean_name(self) -> str:
        """A name as it is kept: one that others see whole."""
        return self.check_unlinked("name", LONGEST_PERSON, mark("Write the name in 1 to 200 characters."))


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def page(request: HttpRequest) -> HttpResponse:
    """Show them, or change them."""
    user, language = request.user, language_of(request)
    gives_up = request.method == "POST" and request.POST.get("do") == GIVE_UP
    wrong = given_up(request) if gives_up else ""
    if gives_up and not wrong:
        return HttpResponseRedirect(reverse("profile"), status=303)
    if request.method != "POST" or wrong:
        stored = {"name": getattr(user, "name", ""), "reads": getattr(user, "language", language.value)}
        return _shown(request, ProfileForm(language, initial=stored), 422 if wrong else 200, wrong)
    form, actor = ProfileForm(language, request.POST.dict()), actor_of(request)
    if actor is None or not form.is_valid():
        return _shown(request, form, status=422)
    chosen = Language(form.cleaned_data["reads"])
    change_profile(form.cleaned_data["name"], chosen, surroundings(request).office, actor, request_id(request))
    say(request, text(_SAVED, chosen))
    response = HttpResponseRedirect(reverse("profile"), status=303)
    remember_language(response, chosen)
    return response


def _authorisations(request: HttpRequest) -> list[Block]:
    """What one may do, and giving it up."""
    language, actor = language_of(request), actor_of(request)
    if actor is None:
        return []
    found, pager = paged(request, own(actor, standing_of(request), surroundings(request).office, start_of(request)))
    if not found:
        return pager
    rows = [
        [
            Cell(one.organisation.name, note=one.organisation.customer_id),
            Cell(capital(text(ROLES[one.role], language))),
            Cell(told_until(one.until, language)),
        ]
        for one in found
    ]
    columns = [Column(text(one, language)) for one in (mark("Organisation"), mark("Authorisation"), mark("Until"))]
    title = text(mark("Your authorisations"), language)
    table = Table(title, columns, rows, pick=PICK, picks=[one.mandate_id for one in found], form=GIVE_UP)
    return [Section(title, [table, *giving_up_form(language), *pager], "authorisations")]


def _shown(request: HttpRequest, form: ProfileForm, status: int = 200, wrong: str = "") -> HttpResponse:
    language = language_of(request)
    there = (Link(text(name, language), link_to(place)) for name, place in _ACCOUNT)
    blocks: list[Block] = [
        form.block(Button(text(mark("Save"), language), "save")),
        *_authorisations(request),
        Section(text(mark("Signing in"), language), [Links([one for one in there if one.address])]),
    ]
    return show(request, Page(text(mark("My details"), language), blocks, status=status, error=wrong))
