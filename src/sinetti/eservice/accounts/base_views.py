"""What pages of accounts have in common: allauth's views decide, pages of ours are shown.

Where somebody was going when they had to make an account, confirm an address or set up a second factor first.

It is kept in the session, so that no mail of ours has it and nobody has to open the message again that they came by.

Buttons that lead to other services' sign-in: one for each that stands in the settings (docs/accounts.md).
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar
from urllib.parse import urlsplit

from allauth.account import app_settings
from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.utils import get_request_param
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.forms import Form as DjangoForm
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode

from sinetti.eservice.accounts.form_fields import FieldOptions, FormOptions, form_block
from sinetti.eservice.accounts.mfa_adapter import PROVED, factors_of
from sinetti.eservice.core.authentication import STRONG
from sinetti.eservice.core.context import language_of, portal_context
from sinetti.eservice.ui.components import Button, Component, Form, Input, Link
from sinetti.eservice.ui.navigation import SECURITY
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.translate import _
from sinetti.infra.clock import utc_now

Context = dict[str, Any]


class PortalAccountView(ABC):
    """A view of allauth's that shows a page of ours: `page` makes it of what the view would tell a template."""

    request: HttpRequest

    def render_to_response(self, context: Context, **_kwargs: object) -> HttpResponse:
        """Show the page."""
        return render_page(self.request, self.page(context))

    @abstractmethod
    def page(self, context: Context) -> Page:
        """What the page says."""

    def asked(self, form: DjangoForm, button: str, names: dict[str, FieldOptions] | None = None, **how: str) -> Form:
        """A form of allauth's as a block, with one button; where one goes on after it goes along."""
        hidden = {REDIRECT_FIELD_NAME: onward} if (onward := next_url(self.request)) else {}
        asking = FormOptions((Button(_(button)),), hidden, names or {}, **how)
        return form_block(form, asking)

    @property
    def back(self) -> Link:
        """The way back to one's account."""
        return Link(_(SECURITY), reverse("mfa_index"))


class ReauthenticationRequired:
    """A page for who has just proved who they are: by their second factor, where they have one."""

    request: HttpRequest
    proves: ClassVar[frozenset[str]] = frozenset({"GET", "HEAD", "POST"})
    """For which methods."""

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        """Lead elsewhere first who has not."""
        if request.method in self.proves and (away := _lead_away(request)) is not None:
            return away
        answer: HttpResponseBase = super().dispatch(request, *args, **kwargs)  # type: ignore[misc] # a view's
        return answer


def next_url(request: HttpRequest) -> str:
    """Where one wants to go on to: one of our own pages, or the empty text."""
    wanted = get_request_param(request, REDIRECT_FIELD_NAME) or ""
    return str(wanted) if wanted and get_adapter(request).is_safe_url(wanted) else ""


def recently_reauthenticated(request: HttpRequest) -> bool:
    """Whether who is signed in has proved it within the last minutes; by their second factor, where they have one.

    Where a provider is their second factor it is the provider who tells: a password may come of an address alone. Who
    has signed in strongly there before does so again: whoever has no more than their password there adds no factor.
    """
    user = request.user
    since = utc_now().timestamp() - app_settings.REAUTHENTICATION_TIMEOUT
    fresh = [
        one for one in get_authentication_records(request, user) if one.get("reauthenticated") and one["at"] >= since
    ]
    methods = {one["method"] for one in fresh}
    has = factors_of(request)
    if has.own:
        return "mfa" in methods
    if not has.vouching:
        return bool(methods)
    there = [one for one in fresh if one["method"] == "socialaccount"]
    return any(one.get(STRONG) for one in there) if has.once_strong else bool(there)


def _lead_away(request: HttpRequest) -> HttpResponse | None:
    """What is asked is forgotten: a form may have had a password in it."""
    onward = urlencode({REDIRECT_FIELD_NAME: request.get_full_path()})
    if not request.user.is_authenticated:
        return HttpResponseRedirect(f"{reverse('account_login')}?{onward}")
    if recently_reauthenticated(request):
        setattr(request, PROVED, True)
        return None
    methods = get_adapter(request).get_reauthentication_methods(request.user)
    address = methods[0]["url"] if methods else reverse("account_reauthenticate")
    return HttpResponseRedirect(f"{address}?{onward}")


_ONWARD = "sinetti_onward"


def store(request: HttpRequest, address: str) -> None:
    """Note where to go on to: a page of ours, as `pages.next_of` gives it; nothing is noted of the empty text."""
    if address:
        request.session[_ONWARD] = address


def peek(request: HttpRequest) -> str:
    """Where to go on to, or the empty text."""
    return str(request.session.get(_ONWARD, ""))


def pop(request: HttpRequest) -> str:
    """Return the stored address and remove it."""
    return str(request.session.pop(_ONWARD, "")) if _ONWARD in request.session else ""


def sign_in_first(request: HttpRequest) -> str:
    """Return the address of the sign-in page with the stored address as `next`."""
    onward = peek(request)
    return f"{reverse('account_login')}?{urlencode({'next': onward})}" if onward else reverse("account_login")


def provider_blocks(request: HttpRequest, button: str, process: str) -> list[Component]:
    """One button for each provider; `button` is a message id with a place for its name, `process` what is begun."""
    language, onward = language_of(request), next_url(request)
    hidden = {"process": process, **({"next": onward} if onward else {})}
    return [
        Form(
            [Input(name, "", "hidden", value) for name, value in hidden.items()],
            (Button(_(button, name=one.name[language]), minor=True),),
            reverse("openid_connect_login", args=[one.provider_id]),
        )
        for one in portal_context(request).eservice.providers
    ]


def provider_origins(request: HttpRequest) -> Sequence[str]:
    """Where these buttons may lead: the providers' own origins."""
    return [origin(one.issuer) for one in portal_context(request).eservice.providers]


def origin(address: str) -> str:
    """Scheme and host of an address."""
    place = urlsplit(address)
    return f"{place.scheme}://{place.netloc}"
