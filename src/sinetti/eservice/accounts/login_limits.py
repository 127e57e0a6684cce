"""Limits for guesses at passwords and codes.

A stranger's wrong guesses do not lock the owner out. A browser that is known to the account
(accounts/known_devices.py) has its own counters and no others. Every other guess counts for its network address, for
the account at this address, and for the account as a whole, in this order. An address above its limit does not use up
the limit of others. The numbers are in settings/django.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from allauth.core import context
from allauth.core.internal import ratelimit
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from sinetti.eservice.accounts import known_devices

_APP = "allauth.account"


@dataclass(frozen=True)
class Guess:
    """Kinds of counted guesses."""

    counted: tuple[Any, ...]

    def rollback(self) -> None:
        """Do not count a correct guess; earlier wrong guesses stay counted."""
        for one in self.counted:
            one.rollback()


def count_guess(request: HttpRequest, account: str, device: str | None) -> Guess | None:
    """Count a guess at `account`, existing or not; None if too many were wrong."""
    if device is not None:
        return _count(request, {"guess_known": f"{account}|{device}", "guess_known_day": f"{account}|{device}"})
    here = f"{account}|{ratelimit.get_ip(request)}"
    return _count(request, {"guess_address": None, "guess": here, "guess_day": here, "guess_account": account})


def count_password(request: HttpRequest, login: str) -> Guess | None:
    """Count a guess at the password of an account, by the typed address."""
    folded = login.lower()
    return count_guess(request, f"password|{folded}", known_devices.number_by_login(request, folded))


class LimitedCode:
    """Form mixin for a code of the second factor, counted like passwords.

    It is used beside django-allauth's form.
    """

    def clean_code(self) -> str:
        """Reject every code after too many wrong ones.

        Raises ValidationError.
        """
        user = self.user  # type: ignore[attr-defined] # the form's
        request = context.request
        guess = count_guess(request, f"code|{user.pk}", known_devices.number_of(request, user))
        if guess is None:
            raise ValidationError("too many codes were wrong", code="too_many_codes")
        code = str(super().clean_code())  # type: ignore[misc] # the form's
        guess.rollback()
        return code


class SignInCode(LimitedCode, AuthenticateForm):  # type: ignore[misc] # allauth has no types
    """Form for the code at sign-in."""


class ProvingCode(LimitedCode, ReauthenticateForm):  # type: ignore[misc]
    """Form for the code at reauthentication."""


def _count(request: HttpRequest, limits: Mapping[str, str | None]) -> Guess | None:
    counted: list[Any] = []
    for action, key in limits.items():
        usage = ratelimit.consume(request, app=_APP, action=action, key=key)
        if not usage:
            return None
        counted.append(usage)
    return Guess(tuple(counted))
