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
from sinetti.eservice.authorisations.own_roles import own_roles
from sinetti.eservice.authorisations.resign import GIVE_UP, NONE_CHOSEN, PICK, give_up_page
from sinetti.eservice.core.authentication import current_actor, login_required
from sinetti.eservice.core.context import language_of, portal_context, request_id
from sinetti.eservice.middleware import remember_language
from sinetti.eservice.ui.acts import is_step
from sinetti.eservice.ui.components import Button, Component, Link, Links, Section
from sinetti.eservice.ui.drafts import keeps_typed
from sinetti.eservice.ui.forms import LANGUAGE_CHOICES, PortalForm
from sinetti.eservice.ui.navigation import SECURITY, url_or_empty
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.translate import _, gettext_noop, translate
from sinetti.services.access.accounts import change_profile
from sinetti.services.access.role_requests import SHOWN

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
    actor, wrong = current_actor(request), ""
    if actor is not None and is_step(request, GIVE_UP):
        if picked := request.POST.getlist(PICK)[:SHOWN]:
            return give_up_page(request, actor, picked, "profile")
        wrong = _(NONE_CHOSEN)
    if request.method != "POST" or wrong:
        stored = {"name": getattr(user, "name", ""), "reads": getattr(user, "language", language.value)}
        return _render_profile(request, ProfileForm(initial=stored), 422 if wrong else 200, wrong)
    form = ProfileForm(request.POST)
    if actor is None or not form.is_valid():
        return _render_profile(request, form, status=422)
    chosen = Language(form.cleaned_data["reads"])
    change_profile(form.cleaned_data["name"], chosen, portal_context(request).ctx, actor, request_id(request))
    messages.info(request, translate(_SAVED, chosen))
    response = HttpResponseRedirect(reverse("profile"), status=303)
    remember_language(response, chosen)
    return response


def _render_profile(request: HttpRequest, form: ProfileForm, status: int = 200, wrong: str = "") -> HttpResponse:
    there = (Link(_(name), url_or_empty(place)) for name, place in _ACCOUNT)
    blocks: list[Component] = [
        form.as_component(Button(_("Save"), "save")),
        *own_roles(request),
        Section(_("Sign-in"), [Links([link for link in there if link.address])]),
    ]
    return render_page(request, Page(_("My details"), blocks, status=status, error=wrong))
