"""User profile: name and language, and links to password, factors and sessions."""

from collections.abc import Mapping
from typing import ClassVar

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from sinetti.domain.validation import LONGEST_PERSON
from sinetti.domain.values import Language
from sinetti.eservice.authorisations.common import capital, format_until, paged, start_of
from sinetti.eservice.authorisations.resign import GIVE_UP, PICK, given_up, giving_up_form
from sinetti.eservice.core.authentication import current_actor, current_permissions, login_required
from sinetti.eservice.core.context import language_of, portal_context, request_id
from sinetti.eservice.middleware import remember_language
from sinetti.eservice.ui.components import Button, Cell, Column, Component, Link, Links, Section, Table
from sinetti.eservice.ui.drafts import keeps_typed
from sinetti.eservice.ui.forms import LANGUAGE_CHOICES, PortalForm
from sinetti.eservice.ui.navigation import SECURITY, url_or_empty
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.role_labels import ROLES
from sinetti.i18n.translate import _, gettext_noop, translate
from sinetti.services.access.accounts import change_profile
from sinetti.services.self_service.role_resignation import own

_SAVED = gettext_noop("Your details have been saved.")
_ACCOUNT = (
    (gettext_noop("Password"), "account_change_password"),
    (gettext_noop("E-mail address"), "account_email"),
    (SECURITY, "mfa_index"),
    (gettext_noop("Where you are signed in"), "usersessions_list"),
    (gettext_noop("Sign-in with other services"), "socialaccount_connections"),
)


class ProfileForm(PortalForm):
    """Form for name and language."""

    autocomplete: ClassVar[Mapping[str, str]] = {"name": "name"}
    name = forms.CharField(
        label=gettext_noop("Your name"),
        help_text=gettext_noop("Shown to others who act for the same organisation"),
        max_length=LONGEST_PERSON,
    )
    reads = forms.ChoiceField(
        label=gettext_noop("Language"),
        help_text=gettext_noop("Language of these pages and of messages about your account"),
        choices=LANGUAGE_CHOICES,
    )

    def clean_name(self) -> str:
        """Return the name as stored; others see all of it."""
        return self.check_unlinked("name", LONGEST_PERSON, gettext_noop("Enter a name, 1 to 200 characters."))


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_typed(acts=("save", "give-up"))
@login_required
def profile_page(request: HttpRequest) -> HttpResponse:
    """Show the profile, or change it."""
    user, language = request.user, language_of(request)
    gives_up = request.method == "POST" and request.POST.get("do") == GIVE_UP
    wrong = given_up(request) if gives_up else ""
    if gives_up and not wrong:
        return HttpResponseRedirect(reverse("profile"), status=303)
    if request.method != "POST" or wrong:
        stored = {"name": getattr(user, "name", ""), "reads": getattr(user, "language", language.value)}
        return _render_profile(request, ProfileForm(initial=stored), 422 if wrong else 200, wrong)
    form, actor = ProfileForm(request.POST.dict()), current_actor(request)
    if actor is None or not form.is_valid():
        return _render_profile(request, form, status=422)
    chosen = Language(form.cleaned_data["reads"])
    change_profile(form.cleaned_data["name"], chosen, portal_context(request).ctx, actor, request_id(request))
    messages.info(request, translate(_SAVED, chosen))
    response = HttpResponseRedirect(reverse("profile"), status=303)
    remember_language(response, chosen)
    return response


def _authorisations(request: HttpRequest) -> list[Component]:
    """Return the user's authorisations with the form to resign them."""
    actor = current_actor(request)
    if actor is None:
        return []
    found, pager = paged(
        request, own(actor, current_permissions(request), portal_context(request).ctx, start_of(request))
    )
    if not found:
        return pager
    rows = [
        [
            Cell(one.organisation.name, note=one.organisation.customer_id),
            Cell(capital(_(ROLES[one.role]))),
            Cell(format_until(one.until)),
        ]
        for one in found
    ]
    columns = [
        Column(_(one)) for one in (gettext_noop("Organisation"), gettext_noop("Authorisation"), gettext_noop("Until"))
    ]
    title = _("Your authorisations")
    table = Table(title, columns, rows, pick=PICK, picks=[one.mandate_id for one in found], form=GIVE_UP)
    return [Section(title, [table, *giving_up_form(), *pager], "authorisations")]


def _render_profile(request: HttpRequest, form: ProfileForm, status: int = 200, wrong: str = "") -> HttpResponse:
    there = (Link(_(name), url_or_empty(place)) for name, place in _ACCOUNT)
    blocks: list[Component] = [
        form.as_component(Button(_("Save"), "save")),
        *_authorisations(request),
        Section(_("Sign-in"), [Links([one for one in there if one.address])]),
    ]
    return render_page(request, Page(_("My details"), blocks, status=status, error=wrong))
