"""Adapter of allauth's MFA, and the factors of an account."""

from dataclasses import dataclass
from typing import Any

from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest

from sinetti.eservice.core.context import portal_context
from sinetti.i18n.translate import _, gettext_noop
from sinetti.services.token_encryption import SECOND_FACTOR, seal, unseal

ONCE_STRONG = "strong"
"""Key in the stored data of a provider account: a sign-in there was once strong.

A strong sign-in counts as a second factor.
"""


_FACTORS = "sinetti_factors"


_PASSKEY = gettext_noop("Passkey {number}")


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc] # allauth has no types
    """allauth MFA adapter for second factors of this service."""

    def encrypt(self, text: str) -> str:
        """Seal the secret of TOTP codes, or the seed of recovery codes."""
        return seal(portal_context(context.request).ctx.keyring, SECOND_FACTOR, text)

    def decrypt(self, encrypted_text: str) -> str:
        """Return the plain secret of a sealed one."""
        return unseal(portal_context(context.request).ctx.keyring, SECOND_FACTOR, encrypted_text)

    def get_totp_issuer(self) -> str:
        """Return the service name for authenticator apps."""
        return portal_context(context.request).service

    def generate_authenticator_name(self, user: AbstractBaseUser, type: Authenticator.Type) -> str:  # noqa: A002 - its name there
        """Return the default name of a passkey."""
        count = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return _(_PASSKEY, number=count + 1)

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Return the relying party of a passkey: this host and the service's name."""
        entity: dict[str, Any] = super().get_public_key_credential_rp_entity()
        return {"id": entity["id"], "name": portal_context(context.request).service}


def has_second_factor(user_id: str) -> bool:
    """Return True if an account has TOTP codes or a passkey."""
    found: bool = Authenticator.objects.filter(
        user_id=user_id, type__in=(Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
    ).exists()
    return found


@dataclass(frozen=True)
class FactorState:
    """Second factors of an account: its own, or the data of its provider accounts.

    `vouching` is empty for an account with its own second factor. A provider that is no longer in the settings does
    not count.
    """

    own: bool
    vouching: tuple[dict[str, Any], ...] = ()

    @property
    def once_strong(self) -> bool:
        """True if a sign-in at one of these providers was strong before."""
        return any(one.get(ONCE_STRONG) for one in self.vouching)


def factors_of(request: HttpRequest) -> FactorState:
    """Return the second factors of the signed-in user, read once per request.

    Some pages need them several times.
    """
    user_id = str(request.user.pk)
    if request.method not in {"GET", "HEAD"}:
        return _factors(request, user_id)
    known: dict[str, FactorState] = request.__dict__.setdefault(_FACTORS, {})
    if user_id not in known:
        known[user_id] = _factors(request, user_id)
    return known[user_id]


def has_provider_factor(request: HttpRequest) -> bool:
    """Return True if the user's second factor is at a provider.

    The user can then sign in strongly there. The result is False for a user with an own second factor.
    """
    return bool(_strong(request) and factors_of(request).vouching)


def had_strong_sign_in(request: HttpRequest) -> bool:
    """Return True if the user has signed in strongly at a provider before.

    Sensitive pages then require a strong sign-in again.
    """
    return factors_of(request).once_strong


def was_strong(provider: str, uid: str) -> bool:
    """Return True if an earlier sign-in at this provider is stored as strong."""
    kept: dict[str, Any] | None = (
        SocialAccount.objects.filter(provider=provider, uid=uid).values_list("extra_data", flat=True).first()
    )
    return bool((kept or {}).get(ONCE_STRONG))


def _strong(request: HttpRequest) -> list[str]:
    return [provider.provider_id for provider in portal_context(request).eservice.providers if provider.acr_values]


def _factors(request: HttpRequest, user_id: str) -> FactorState:
    if has_second_factor(user_id):
        return FactorState(own=True)
    if not (strong := _strong(request)):
        return FactorState(own=False)
    rows = SocialAccount.objects.filter(user_id=user_id, provider__in=strong)
    return FactorState(own=False, vouching=tuple(rows.values_list("extra_data", flat=True)))


PROVED = "sinetti_proved"
"""Request attribute: the page has checked a recent reauthentication."""
