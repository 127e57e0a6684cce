"""Account settings: password, e-mail address, sessions and reauthentication."""

from typing import Any

from allauth.account import views
from allauth.account.forms import AddEmailForm
from allauth.account.models import EmailAddress
from allauth.usersessions import views as sessions
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse_lazy

from sinetti.eservice.accounts.base_views import (
    Context,
    PortalAccountView,
    ReauthenticationRequired,
    provider_blocks,
    provider_origins,
)
from sinetti.eservice.accounts.form_fields import FieldOptions
from sinetti.eservice.accounts.mfa import reauthentication_page
from sinetti.eservice.accounts.mfa_adapter import had_strong_sign_in, has_provider_factor
from sinetti.eservice.ui.components import Button, Cell, Component, Form, Table, Text
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.translate import _, format_time, gettext_noop

_NEW_ADDRESS = {"email": FieldOptions(gettext_noop("New e-mail address"), "email", "email")}
_SET = gettext_noop("Set password")
_STRONGLY = gettext_noop("Use your second factor there. A password alone is not enough.")


_BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
_SYSTEMS = ("Windows", "Android", "iPhone", "iPad", "Mac OS X", "Linux")
_SHORT = 40


def browser_of(user_agent: str) -> str:
    """Return a short name of a browser from its User-Agent, as in "Firefox, Linux"."""
    name = next((name for sign, name in _BROWSERS if f"{sign}/" in user_agent), "")
    system = next((known for known in _SYSTEMS if known in user_agent), "")
    return ", ".join(text for text in (name, system) if text) or user_agent[:_SHORT]


class ChangePassword(PortalAccountView, ReauthenticationRequired, views.PasswordChangeView):  # type: ignore[misc] # allauth has no types
    """Page for a new password; all other sessions end."""

    def page(self, context: Context) -> Page:
        """Return the form."""
        text = _("When you change your password, you are signed out on all other devices.")
        form = self.asked(context["form"], gettext_noop("Change password"))
        return Page(_("Change password"), blocks=[Text([text]), form], back=self.back)

    def form_valid(self, form: Any) -> HttpResponse:  # noqa: ANN401
        """Change the password and add a message."""
        answer: HttpResponse = super().form_valid(form)
        messages.info(self.request, _("Password changed."))
        return answer


class SetPassword(PortalAccountView, ReauthenticationRequired, views.PasswordSetView):  # type: ignore[misc]
    """Page for the first password of a user who signs in by another service."""

    def page(self, context: Context) -> Page:
        """Return the form."""
        return Page(_(_SET), blocks=[self.asked(context["form"], _SET)], back=self.back)

    def form_valid(self, form: Any) -> HttpResponse:  # noqa: ANN401
        """Set the password and add a message."""
        answer: HttpResponse = super().form_valid(form)
        messages.info(self.request, _("Password changed."))
        return answer


class ChangeAddress(PortalAccountView, ReauthenticationRequired, views.EmailView):  # type: ignore[misc]
    """Page for a new e-mail address, which counts once its owner has opened the link.

    The old address gets a message.
    """

    form_class = AddEmailForm

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ANN401
        """Add the new address; other actions of allauth's view are ignored."""
        del request, args, kwargs
        form = self.get_form()
        return self.form_valid(form) if form.is_valid() else self.form_invalid(form)

    def form_valid(self, form: Any) -> HttpResponse:  # noqa: ANN401
        """Send the link."""
        answer: HttpResponse = super().form_valid(form)
        text = gettext_noop("We have sent a link to the new address. Open it to confirm the change.")
        messages.info(self.request, _(text))
        return answer

    def get_context_data(self, **kwargs: Any) -> Context:  # noqa: ANN401 - Django's
        """Return the form and the pending address only.

        allauth's own context takes three more queries, for its templates.
        """
        context: Context = super(views.EmailView, self).get_context_data(**kwargs)
        return {**context, "new_emailaddress": EmailAddress.objects.get_new(self.request.user)}

    def page(self, context: Context) -> Page:
        """Return the page with the form and the pending address."""
        user: Any = self.request.user
        paragraphs = [_("Current address: {email}", email=user.email)]
        if (new := context["new_emailaddress"]) is not None:
            paragraphs.append(_("Not confirmed yet: {email}", email=new.email))
        form = self.asked(context["form"], gettext_noop("Send confirmation link"), _NEW_ADDRESS)
        return Page(_("Change e-mail address"), blocks=[Text(paragraphs), form], back=self.back)


class Sessions(PortalAccountView, sessions.ListUserSessionsView):  # type: ignore[misc]
    """Page with the active sessions of the account, where the user can end the others."""

    success_url = reverse_lazy("usersessions_list")

    def page(self, context: Context) -> Page:
        """Return the list, and the button."""
        rows = [[Cell(self._since(one)), Cell(browser_of(one.user_agent)), Cell(one.ip)] for one in context["sessions"]]
        blocks: list[Component] = [Table(_("Your sign-ins"), [_("Since"), _("Browser"), _("IP address")], rows)]
        if len(rows) > 1:
            blocks.append(Form((), (Button(_("Sign out everywhere else")),)))
        return Page(_("Where you are signed in"), blocks=blocks, back=self.back, wide=True)

    def _since(self, one: Any) -> str:  # noqa: ANN401 - allauth's
        when = format_time(one.created_at)
        return _("{when} (this device)", when=when) if one.is_current() else when


class ProveByPassword(PortalAccountView, views.ReauthenticateView):  # type: ignore[misc]
    """Page for reauthentication by password, or by a new sign-in without a password."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # noqa: ANN401
        """Send users who have neither password nor own second factor to sign in again.

        Their second factor, if any, is at a provider, so they sign in there.
        """
        user: Any = request.user
        if user.is_authenticated and self._is_proved_elsewhere(user):
            blocks = provider_blocks(request, gettext_noop("Sign in again with {name}"), "login")
            if had_strong_sign_in(request):
                blocks.insert(0, Text([_(_STRONGLY)]))
            return render_page(
                request,
                Page(
                    _("Confirm that it is you"), blocks=blocks, back=self.back, form_targets=provider_origins(request)
                ),
            )
        answer: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return answer

    def _is_proved_elsewhere(self, user: Any) -> bool:  # noqa: ANN401 - our user model
        nothing = not user.has_usable_password() and not self.get_reauthentication_alternatives()
        return nothing or has_provider_factor(self.request)

    def page(self, context: Context) -> Page:
        """Return the form, and other ways."""
        return reauthentication_page(self.asked(context["form"], gettext_noop("Continue")), context)
