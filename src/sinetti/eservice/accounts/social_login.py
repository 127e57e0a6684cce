"""Sign-in by other services: allauth's adapter and the pages."""

import functools
import logging
from http import HTTPStatus
from typing import Any

import requests
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount import app_settings, views
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.forms import SignupForm as AllauthSignupForm
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialLogin
from allauth.socialaccount.providers.base.constants import AuthProcess
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse, reverse_lazy

from sinetti.domain.validation import LONGEST_PERSON
from sinetti.eservice.accounts.base_views import (
    Context,
    PortalAccountView,
    ReauthenticationRequired,
    origin,
    provider_blocks,
    provider_origins,
    recently_reauthenticated,
    store,
)
from sinetti.eservice.accounts.oidc import (
    OidcAdapter,
    OidcCallback,
    OidcProvider,
    UntrustedProviderResponse,
    social_app,
)
from sinetti.eservice.accounts.sign_in import NO_RIGHTS, SignupForm, release_unconfirmed_address
from sinetti.eservice.core.context import language_of, portal_context, request_id
from sinetti.eservice.ui.components import Button, Component, Form, Input, Link, Links, Option, Text
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.translate import _, active_language, gettext_noop
from sinetti.settings.portal import Provider

_log = logging.getLogger(__name__)
_GONE = Provider("", {}, "", "", "")
_SIGN_IN = gettext_noop("Sign in")
_TOKEN_ERRORS = (
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
)
"""Errors that a token endpoint may return (RFC 6749, 5.2)."""


class SocialAccountAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc] # allauth has no types
    """allauth adapter whose providers are those of the settings, not database rows."""

    def list_apps(
        self, request: HttpRequest, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        """Return the providers of the settings, or the one with this id."""
        del client_id
        language = language_of(request)
        there = portal_context(request).eservice.providers
        return [
            social_app(one, one.name[language])
            for one in there
            if provider in {None, one.provider_id, "openid_connect"}
        ]

    def get_provider(self, request: HttpRequest, provider: str, client_id: str | None = None) -> OidcProvider:
        """Return the provider of an id; one no longer in the settings has only a name."""
        there = portal_context(request).eservice
        settings = there.provider(provider) or next(
            (provider for provider in there.providers if client_id is not None and provider.client_id == client_id),
            None,
        )
        name = provider if settings is None else settings.name[language_of(request)]
        return OidcProvider(request, app=social_app(settings or _GONE, name))

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, str]) -> Any:  # noqa: ANN401
        """Fill in the initial values of the sign-up form."""
        user = super().populate_user(request, sociallogin, data)
        user.name = data.get("name", "")[:LONGEST_PERSON]
        return user

    def get_requests_session(self) -> requests.Session:
        """Return an HTTP session limited to the provider's addresses, with a timeout."""
        session = requests.Session()
        session.request = functools.partial(  # type: ignore[method-assign] # as allauth does
            session.request, timeout=app_settings.REQUESTS_TIMEOUT, allow_redirects=False
        )
        session.get = functools.partial(session.request, "GET")  # type: ignore[method-assign]
        return session

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Connect a provider only at its owner's request after reauthentication."""
        connects = sociallogin.state.get("process") == AuthProcess.CONNECT
        if connects and not (request.user.is_authenticated and recently_reauthenticated(request)):
            raise ImmediateHttpResponse(HttpResponseRedirect(reverse("socialaccount_connections")))

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: OidcProvider,
        error: object = None,
        exception: Exception | None = None,
        extra_context: object = None,
    ) -> None:
        """Show that the sign-in failed.

        The log has the reason, without the provider's response.
        """
        del error, extra_context
        log_values = request_id(request), provider.app.provider_id, _why(exception)
        _log.warning("request %s: sign-in by %s failed: %s", *log_values)
        raise ImmediateHttpResponse(failed(request))

    def get_connect_redirect_url(self, request: HttpRequest, socialaccount: SocialAccount) -> str:
        """Return the address of the list of connected services."""
        del request, socialaccount
        return reverse("socialaccount_connections")


def begin(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Redirect to a provider after a press of the button.

    Connecting a provider requires a recent reauthentication.
    """
    settings = _settings(request, provider_id)
    process = request.POST.get("process")
    if request.method != "POST" or process not in {AuthProcess.LOGIN, AuthProcess.CONNECT}:
        return HttpResponseRedirect(reverse("account_login"))
    if process == AuthProcess.CONNECT and not (request.user.is_authenticated and recently_reauthenticated(request)):
        return HttpResponseRedirect(reverse("socialaccount_connections"))
    provider = SocialAccountAdapter(request).get_provider(request, provider_id)
    try:
        answer: HttpResponse = provider.redirect_from_request(request)
    except (requests.RequestException, OAuth2Error, KeyError, ValueError) as away:
        _log.warning("request %s: %s cannot be reached: %s", request_id(request), provider_id, type(away).__name__)
        return failed(request)
    target = answer.headers.get("Location", "")
    if origin(target) != origin(settings.issuer):
        return _led_on(request, settings, target)
    return answer


def finish(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Process a provider's response."""
    settings = _settings(request, provider_id)
    try:
        answer: HttpResponse = OidcCallback.adapter_view(OidcAdapter(request, settings))(request)
    except (requests.RequestException, OAuth2Error, KeyError, ValueError, TypeError) as wrong:
        _log.warning("request %s: %s answered wrongly: %s", request_id(request), provider_id, type(wrong).__name__)
        return failed(request)
    return answer


def failed(request: HttpRequest) -> HttpResponse:
    """Show that the sign-in failed, and the next step."""
    paragraphs = [
        _("Nothing was changed. Try again, or sign in another way."),
        _("If it fails again, ask for help and give this reference: {reference}", reference=request_id(request)),
    ]
    again = Link(_(_SIGN_IN), reverse("account_login"))
    title = _("Sign-in with the other service failed")
    return render_page(request, Page(title, blocks=[Text(paragraphs), Links([again])], status=HTTPStatus.UNAUTHORIZED))


class SocialLoginCancelled(PortalAccountView, views.LoginCancelledView):  # type: ignore[misc]
    """Page for a user who cancelled the sign-in at the other service."""

    def page(self, context: Context) -> Page:
        """Return the page."""
        del context
        again = Link(_(_SIGN_IN), reverse("account_login"))
        return Page(_("Sign-in cancelled"), blocks=[Links([again])])


class NewAccountForm(AllauthSignupForm):  # type: ignore[misc]
    """Form for a new account of an unknown subject: name and address."""

    clean_name = SignupForm.clean_name

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        name = getattr(self.sociallogin.user, "name", "")
        self.fields["name"] = forms.CharField(max_length=LONGEST_PERSON, initial=name)
        self.order_fields(("name", "email"))

    def validate_unique_email(self, value: str) -> str:
        """Check the address as for a sign-up with a password."""
        release_unconfirmed_address(value)
        return str(super().validate_unique_email(value))


class SocialSignupView(PortalAccountView, views.SignupView):  # type: ignore[misc]
    """Page for an unknown subject, who creates an account only on request."""

    form_class = NewAccountForm

    def form_valid(self, form: Any) -> HttpResponse:  # noqa: ANN401
        """Store the address to continue to after confirmation."""
        store(self.request, self.sociallogin.state.get("next") or "")
        answer: HttpResponse = super().form_valid(form)
        return answer

    def page(self, context: Context) -> Page:
        """Return the page with an explanation and the sign-up form."""
        paragraphs = [
            _(
                "You signed in with another service that is not connected to an account here. You can create "
                "an account now."
            ),
            _(NO_RIGHTS),
            _(
                "If you already have an account, sign in with it. Then connect the other service under "
                "“Sign-in and security”."
            ),
        ]
        form = self.asked(context["form"], gettext_noop("Create an account"))
        links = Links([Link(_("Sign in with an existing account"), reverse("account_login"))])
        return Page(_("Create an account?"), blocks=[Text(paragraphs), form, links])


class Connections(PortalAccountView, ReauthenticationRequired, views.ConnectionsView):  # type: ignore[misc]
    """Page with the other services that sign in to this account."""

    success_url = reverse_lazy("socialaccount_connections")

    def page(self, context: Context) -> Page:
        """Return the page with connected and available services."""
        there = list(SocialAccount.objects.filter(user=self.request.user).order_by("pk"))
        form = context["form"]
        blocks: list[Component] = []
        if there:
            names = {
                provider.provider_id: provider.name[active_language()]
                for provider in portal_context(self.request).eservice.providers
            }
            options = [Option(str(one.pk), names.get(one.provider, one.provider)) for one in there]
            wrong = [
                (name, _(_CANNOT if one.code else _CHOOSE))
                for name, found in (form.errors.as_data() if form.is_bound else {}).items()
                for one in found[:1]
            ]
            field = Input("account", _("Connected services"), "radio", options=options)
            blocks.append(Form([field], (Button(_("Disconnect"), danger=True),), errors=wrong))
        else:
            blocks.append(Text([_("No other service is connected to your account.")]))
        blocks += provider_blocks(self.request, gettext_noop("Connect {name}"), "connect")
        title = _("Sign-in with other services")
        return Page(title, blocks=blocks, back=self.back, form_targets=provider_origins(self.request))


_CANNOT = gettext_noop("Set a password first. Without one you could not sign in after disconnecting this service.")
_CHOOSE = gettext_noop("Choose one of the options.")


def _why(exception: Exception | None) -> str:
    """Return the reason for a failed sign-in without the provider's response.

    allauth's own sentences contain the whole response.
    """
    if isinstance(exception, UntrustedProviderResponse):
        return str(exception)
    code = next((error for error in _TOKEN_ERRORS if error in str(exception)), "")
    return f"{type(exception).__name__} {code}".rstrip()


def _settings(request: HttpRequest, provider_id: str) -> Provider:
    provider = portal_context(request).eservice.provider(provider_id)
    if provider is None:
        raise Http404
    return provider


def _led_on(request: HttpRequest, settings: Provider, target: str) -> HttpResponse:
    """Return a page with a link to a sign-in on another host.

    Forms of the portal may lead to the issuer's host only.
    """
    language = language_of(request)
    name = settings.name[language]
    link = Link(_("Continue to {name}", name=name), target, button=True)
    return render_page(request, Page(_("Sign in with {name}", name=name), blocks=[Links([link])]))
