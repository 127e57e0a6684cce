"""Receivers of allauth's signals.

A factor that was set up counts at once. Changes are recorded in the audit log.
"""

from typing import Any

from allauth.account import signals as account_signals
from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import (
    AUTHENTICATION_METHODS_SESSION_KEY,
    get_authentication_records,
    record_authentication,
)
from allauth.mfa import signals as mfa_signals
from allauth.mfa.models import Authenticator
from allauth.socialaccount import signals as social_signals
from allauth.socialaccount.models import SocialLogin
from django.contrib.auth.base_user import AbstractBaseUser
from django.dispatch import Signal
from django.http import HttpRequest

from sinetti.eservice.accounts import known_devices
from sinetti.eservice.accounts.mfa_adapter import has_second_factor
from sinetti.eservice.core.authentication import STRONG, reset_actor_cache
from sinetti.eservice.core.context import portal_context, request_id
from sinetti.services.access.accounts import end_other_sessions, note


def connect_signals() -> None:
    """Connect the receivers, once per process."""
    for signal, receiver in (
        (mfa_signals.authenticator_added, _factor_added),
        (mfa_signals.authenticator_removed, _factor_removed),
        (mfa_signals.authenticator_used, _factor_used),
    ):
        signal.connect(receiver, dispatch_uid=f"sinetti.{receiver.__name__}")
    for signal in (account_signals.password_changed, account_signals.password_set, account_signals.password_reset):
        signal.connect(_password_made, dispatch_uid="sinetti._password_made")
    social_signals.social_account_added.connect(_provider_connected, dispatch_uid="sinetti._provider_connected")
    for signal, what in (
        (mfa_signals.authenticator_reset, "recovery-codes-made"),
        (account_signals.password_changed, "password-changed"),
        (account_signals.password_set, "password-changed"),
        (account_signals.password_reset, "password-reset"),
        (account_signals.email_changed, "address-changed"),
        (social_signals.social_account_added, "provider-connected"),
        (social_signals.social_account_removed, "provider-disconnected"),
    ):
        _audit(signal, what)


def _audit(signal: Signal, what: str) -> None:
    def receiver(request: HttpRequest, user: AbstractBaseUser | None = None, **_rest: object) -> None:
        """Write the event of an account to the audit log."""
        whose = user if user is not None else request.user
        note(str(whose.pk), what, portal_context(request).ctx, request_id(request))

    signal.connect(receiver, weak=False, dispatch_uid=f"sinetti.{what}")


def _factor_added(request: HttpRequest, user: AbstractBaseUser, authenticator: Authenticator, **_rest: object) -> None:
    if authenticator.type == Authenticator.Type.RECOVERY_CODES:
        return
    # The set-up proves possession of the factor, after a reauthentication.
    more = {"id": authenticator.pk, "type": authenticator.type, "reauthenticated": True}
    record_authentication(request, user, "mfa", **more)
    reset_actor_cache(request)
    note(str(user.pk), "second-factor-added", portal_context(request).ctx, request_id(request))


def _password_made(request: HttpRequest, user: AbstractBaseUser, **_rest: object) -> None:
    """Make the browser known in which the owner chose a new password.

    Wrong guesses elsewhere then do not lock the owner out of it.
    """
    known_devices.signed_in(request, user)


def _provider_connected(request: HttpRequest, sociallogin: SocialLogin, **_rest: object) -> None:
    """Record the sign-in at a provider that the user connects.

    The user has just signed in there and reauthenticated here before.
    """
    details = {"provider": sociallogin.account.provider, "uid": sociallogin.account.uid, "reauthenticated": True}
    details[STRONG] = bool(sociallogin.state.get(STRONG))
    record_authentication(request, request.user, "socialaccount", **details)


def _factor_removed(
    request: HttpRequest, user: AbstractBaseUser, authenticator: Authenticator, **_rest: object
) -> None:
    if authenticator.type == Authenticator.Type.RECOVERY_CODES:
        return
    note(str(user.pk), "second-factor-removed", portal_context(request).ctx, request_id(request))
    if not has_second_factor(str(user.pk)):
        records: list[dict[str, Any]] = get_authentication_records(request, user)
        request.session[AUTHENTICATION_METHODS_SESSION_KEY] = [
            record for record in records if record["method"] != "mfa"
        ]
        reset_actor_cache(request)
        # Each session holds the authentication methods of its sign-in.
        end_other_sessions(str(user.pk), request.session.session_key or "", portal_context(request).ctx)


def _factor_used(user: AbstractBaseUser, authenticator: Authenticator, **_rest: object) -> None:
    if authenticator.type == Authenticator.Type.RECOVERY_CODES:
        get_adapter().send_notification_mail("sinetti/recovery_code_used", user)
