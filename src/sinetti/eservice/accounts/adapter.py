"""Adapter of django-allauth: sign-up rules, mail, redirects after sign-in.

Second factors as django-allauth stores them: secrets are sealed, names are in the reader's language.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY, get_authentication_records
from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import get_script_prefix, reverse

from sinetti.domain import validation
from sinetti.domain.notifications.messages import LINKED, AccountEmail
from sinetti.domain.values import Language
from sinetti.eservice.accounts import base_views, known_devices
from sinetti.eservice.accounts.login_limits import count_password
from sinetti.eservice.accounts.mfa_adapter import PROVED, has_second_factor
from sinetti.eservice.accounts.sessions import BEGAN, EXTENDED
from sinetti.eservice.core.authentication import (
    OUTSIDE_ROLES,
    STRONG,
    VOUCHED_BY,
    current_actor,
    current_permissions,
    reset_actor_cache,
)
from sinetti.eservice.core.context import language_of, portal_context, send_at_once
from sinetti.infra.clock import utc_now
from sinetti.services.access.accounts import AccountNotification, notify_account

LETTERS: Mapping[str, AccountEmail] = {
    "account/email/email_confirmation_signup": AccountEmail.CONFIRM,
    "account/email/email_confirmation": AccountEmail.CONFIRM,
    "account/email/account_already_exists": AccountEmail.THERE_ALREADY,
    "account/email/password_reset_key": AccountEmail.RESET,
    "account/email/unknown_account": AccountEmail.NO_ACCOUNT,
    "account/email/password_changed": AccountEmail.PASSWORD_CHANGED,
    "account/email/password_set": AccountEmail.PASSWORD_CHANGED,
    "account/email/password_reset": AccountEmail.PASSWORD_RESET,
    "account/email/email_changed": AccountEmail.ADDRESS_CHANGED,
    "mfa/email/totp_activated": AccountEmail.CODES_ADDED,
    "mfa/email/totp_deactivated": AccountEmail.CODES_REMOVED,
    "mfa/email/webauthn_added": AccountEmail.PASSKEY_ADDED,
    "mfa/email/webauthn_removed": AccountEmail.PASSKEY_REMOVED,
    "mfa/email/recovery_codes_generated": AccountEmail.RECOVERY_MADE,
    "sinetti/recovery_code_used": AccountEmail.RECOVERY_USED,
    "socialaccount/email/account_connected": AccountEmail.PROVIDER_ADDED,
    "socialaccount/email/account_disconnected": AccountEmail.PROVIDER_REMOVED,
}
"""allauth's template prefixes, mapped to our mails.

A prefix that is missing here is a fault, which the tests find.
"""

_PROOFS = "sinetti_proofs"
"""Request attribute: the reauthentication methods by account."""
_UNKNOWN_ADDRESS = "0.0.0.0"  # noqa: S104 - not a listening address: clients without a known address share one limit


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc] # allauth has no types
    """allauth adapter for accounts of this service."""

    def is_ajax(self, request: HttpRequest) -> bool:
        """Return False: pages never answer in JSON, regardless of request headers."""
        del request
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the client address from the proxy, for limits and the session list."""
        return str(request.META.get("REMOTE_ADDR") or _UNKNOWN_ADDRESS)

    def new_user(self, request: HttpRequest) -> AbstractBaseUser:
        """Return a new account in the language of the current page."""
        user: AbstractBaseUser = super().new_user(request)
        user.language = language_of(request).value  # type: ignore[attr-defined] # our user model's
        user.created = portal_context(request).ctx.now()  # type: ignore[attr-defined]
        return user

    def clean_email(self, email: str) -> str:
        """Reject an address by the rules of the database.

        Django's own rule accepts "localhost". Some addresses have twice as many characters in lower case.
        """
        try:
            validation.check_email("email", email.lower())
        except validation.ValidationError as refused:
            raise ValidationError(str(refused), code="invalid") from refused
        return email

    def save_user(self, request: HttpRequest, user: AbstractBaseUser, form: Form, commit: bool = True) -> Any:  # noqa: ANN401, FBT001, FBT002 - its signature
        """Save a new account with its name."""
        user.name = form.cleaned_data.get("name", "")  # type: ignore[attr-defined]
        return super().save_user(request, user, form, commit)

    def send_account_already_exists_mail(self, email: str) -> None:
        """Notify the owner of a confirmed address that an account exists.

        The request takes as long as the creation of an account. If the account is not confirmed, nothing is sent. A
        user who began it a moment ago pressed the button twice and has been notified already.
        """
        make_password("as long as a new one takes")
        if EmailAddress.objects.filter(email=email.lower(), verified=True).exists():
            super().send_account_already_exists_mail(email)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Queue the message in the outbox and send it at once."""
        request, user = self.request, context.get("user")
        letter = LETTERS[template_prefix]
        if (
            letter is AccountEmail.CONFIRM
            and user is not None
            and bool(EmailAddress.objects.filter(user_id=user.pk, verified=True).exists())
        ):
            letter = AccountEmail.CONFIRM_NEW
        way = lives = None
        if letter in LINKED:
            way = _path(context.get("activate_url") or context["password_reset_url"])
            lives = timedelta(days=app_settings.EMAIL_CONFIRMATION_EXPIRE_DAYS)
            if letter is AccountEmail.RESET:
                lives = timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)
        language = language_of(request) if user is None else Language(user.language)
        message_id = notify_account(
            AccountNotification(letter, email, language, way, lives), portal_context(request).ctx
        )
        send_at_once(request, message_id)

    def send_notification_mail(
        self,
        template_prefix: str,
        user: AbstractBaseUser,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        """Notify the account's owner of a change, in the owner's language."""
        super().send_notification_mail(template_prefix, user, {**(context or {}), "user": user}, email)

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Return the address after sign-in: the start page with the user's tasks."""
        del request
        return reverse("start")

    def get_email_verification_redirect_url(self, email_address: EmailAddress) -> str:
        """Return the address after an e-mail address is confirmed.

        A user who is not signed in signs in first and then continues to the stored address.
        """
        if self.request.user.is_authenticated:
            return str(super().get_email_verification_redirect_url(email_address))
        return base_views.sign_in_first(self.request)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Return the address after a change of password."""
        del request
        return reverse("mfa_index")

    def get_reauthentication_methods(self, user: AbstractBaseUser) -> list[dict[str, Any]]:
        """Return the reauthentication methods; an existing second factor is required.

        Some pages ask for the methods twice in a request. GET and HEAD requests cache the result, because it does not
        change meanwhile.
        """
        if self.request.method not in {"GET", "HEAD"}:
            return self._proofs(user)
        known: dict[object, list[dict[str, Any]]] = self.request.__dict__.setdefault(_PROOFS, {})
        if user.pk not in known:
            known[user.pk] = self._proofs(user)
        return known[user.pk]

    def _proofs(self, user: AbstractBaseUser) -> list[dict[str, Any]]:
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        if has_second_factor(str(user.pk)):
            return [method for method in methods if method["id"] != "reauthenticate"]
        return methods

    def is_reauthentication_required(self, *, app: str, **options: object) -> bool:
        """Return False if our own page has reauthenticated the user already.

        Our page is stricter than allauth (accounts/base_views.py).
        """
        return not getattr(self.request, PROVED, False) and bool(
            super().is_reauthentication_required(app=app, **options)
        )

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:  # noqa: ANN401 - its signature
        """Count a password before it is checked.

        Raises ValidationError if too many were wrong.
        """
        # `authenticate` removes the count if the password is right.
        self._login_failed_rl_usage = count_password(request, str(credentials.get("email", "")))
        if self._login_failed_rl_usage is None:
            raise self.validation_error("too_many_login_attempts")  # an error code of allauth

    def login(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        """Begin a session without the claims of an earlier sign-in."""
        for name in (STRONG, OUTSIDE_ROLES, VOUCHED_BY):
            request.session.pop(name, None)
        super().login(request, user)
        request.session[BEGAN], request.session[EXTENDED] = utc_now().timestamp(), 0

    def post_login(self, request: HttpRequest, user: AbstractBaseUser, **options: Any) -> HttpResponse:  # noqa: ANN401
        """Copy a provider's claims into the session after sign-in.

        Redirect a user who needs a second factor to set one up.
        """
        sociallogin = (options.get("signal_kwargs") or {}).get("sociallogin")
        if sociallogin is not None:
            request.session[VOUCHED_BY] = sociallogin.account.provider
            request.session[STRONG] = bool(sociallogin.state.get(STRONG))
            request.session[OUTSIDE_ROLES] = sociallogin.state.get(OUTSIDE_ROLES, [])
        _just_proved(request, user)
        known_devices.signed_in(request, user)
        reset_actor_cache(request)
        base_views.pop(request)
        response: HttpResponse = super().post_login(request, user, **options)
        if not needs_second_factor(request):
            return response
        base_views.store(request, options.get("redirect_url") or "")
        return HttpResponseRedirect(reverse("mfa_index"))


def needs_second_factor(request: HttpRequest) -> bool:
    """Return True if the user would have more rights with a second factor."""
    actor = current_actor(request)
    if actor is None or actor.second_factor:
        return False
    return actor.staff or bool(current_permissions(request).waiting)


def _just_proved(request: HttpRequest, user: AbstractBaseUser) -> None:
    """Record the sign-in as a reauthentication.

    Otherwise the user would type the same password twice within a minute.
    """
    records = get_authentication_records(request, user)
    if records:
        strong = {STRONG: True} if request.session.get(STRONG) else {}
        last = {**records[-1], "reauthenticated": True, **strong}
        request.session[AUTHENTICATION_METHODS_SESSION_KEY] = [*records[:-1], last]


def _path(address: str) -> str:
    """Return the path of a portal address, relative to the portal's base path."""
    return "/" + urlsplit(address).path.removeprefix(get_script_prefix())
