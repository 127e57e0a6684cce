"""Second factors as django-allauth keeps them: their secrets sealed, their names in the reader's language."""

from typing import Any

from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest

from sinetti.actions.sealing import SECOND_FACTOR, seal, unseal
from sinetti.eservice.surroundings import language_of, surroundings
from sinetti.texts.reader import mark, text

ONCE_STRONG = "strong"
"""Kept of an account at a provider: its sign-in has counted as a second factor, if only once."""
_PASSKEY = mark("Passkey {number}")


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc] # allauth has no types
    """Second factors as this service has them."""

    def encrypt(self, text: str) -> str:
        """Seal the secret of one-time codes, or the seed of recovery codes."""
        return seal(surroundings(context.request).office.transfer_key, SECOND_FACTOR, text)

    def decrypt(self, encrypted_text: str) -> str:
        """Open it."""
        return unseal(surroundings(context.request).office.transfer_key, SECOND_FACTOR, encrypted_text)

    def get_totp_issuer(self) -> str:
        """The service, as an app that shows codes names it."""
        return surroundings(context.request).service

    def generate_authenticator_name(self, user: AbstractBaseUser, type: Authenticator.Type) -> str:  # noqa: A002 - its name there
        """What a passkey is called unless its owner says otherwise."""
        count = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return text(_PASSKEY, language_of(context.request), number=count + 1)

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Whom a passkey is for: this host, and the service's name."""
        entity: dict[str, Any] = super().get_public_key_credential_rp_entity()
        return {"id": entity["id"], "name": surroundings(context.request).service}


def has_second_factor(user_id: str) -> bool:
    """Whether an account has an app's codes or a passkey."""
    found: bool = Authenticator.objects.filter(
        user_id=user_id, type__in=(Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
    ).exists()
    return found


def vouched_for(request: HttpRequest) -> bool:
    """Whether who is signed in has their second factor at a provider: by whose word they may sign in strongly.

    Only while they have none of their own; a provider that left the settings vouches for nobody.
    """
    return bool(_vouching(request))


def once_strong(request: HttpRequest) -> bool:
    """Whether they have signed in strongly there before: what is sensitive then takes no less."""
    return any(one.get(ONCE_STRONG) for one in _vouching(request))


def was_strong(provider: str, uid: str) -> bool:
    """Whether somebody has signed in strongly by this provider before, by what is kept of them."""
    kept: dict[str, Any] | None = (
        SocialAccount.objects.filter(provider=provider, uid=uid).values_list("extra_data", flat=True).first()
    )
    return bool((kept or {}).get(ONCE_STRONG))


def _vouching(request: HttpRequest) -> list[dict[str, Any]]:
    """What is kept of their accounts at providers whose word may count as a second factor."""
    strong = [one.provider_id for one in surroundings(request).eservice.providers if one.acr_values]
    user_id = str(request.user.pk)
    if not strong or has_second_factor(user_id):
        return []
    rows = SocialAccount.objects.filter(user_id=user_id, provider__in=strong)
    return list(rows.values_list("extra_data", flat=True))
