"""Base classes of account pages: allauth's views decide, portal pages are shown.

The page that the user wanted is kept in the session while the user creates an account, confirms an address or sets up
a second factor. No mail contains it, and the user does not have to open the original message again.

Buttons lead to the sign-in of other services, one for each provider in the settings (docs/e-service/accounts.md).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, ClassVar, Concatenate, ParamSpec
from urllib.parse import urlsplit

from allauth.account import app_settings
from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.utils import get_request_param
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.forms import Form as DjangoForm
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.http import urlencode

from sinetti.eservice.accounts.form_fields import FieldOptions, FormOptions, form_block
from sinetti.eservice.accounts.mfa_adapter import PROVED, factors_of
from sinetti.eservice.core.authentication import STRONG, Detour, sign_in
from sinetti.eservice.core.context import language_of, portal_context
from sinetti.eservice.ui.components import Button, Component, Form, Input, Link
from sinetti.eservice.ui.draft_store import BUTTON
from sinetti.eservice.ui.navigation import SECURITY
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.translate import _
from sinetti.infra.clock import utc_now

Context = dict[str, Any]
Asked = ParamSpec("Asked")
View = Callable[Concatenate[HttpRequest, Asked], HttpResponseBase]

PROVES = "sinetti_proves"
"""Attribute of a view: the buttons that need a recent proof."""


class PortalAccountView(ABC):
    """allauth view that shows a portal page.

    `page` builds the page from the context that allauth would pass to a template.
    """

    request: HttpRequest

    def render_to_response(self, context: Context, **_kwargs: object) -> HttpResponse:
        """Show the page."""
        return render_page(self.request, self.page(context))

    @abstractmethod
    def page(self, context: Context) -> Page:
        """Return the page for allauth's context."""

    def asked(self, form: DjangoForm, button: str, names: dict[str, FieldOptions] | None = None, **how: str) -> Form:
        """Return allauth's form as a component with one button.

        A hidden field carries the address to continue to.
        """
        hidden = {REDIRECT_FIELD_NAME: onward} if (onward := next_url(self.request)) else {}
        asking = FormOptions((Button(_(button)),), hidden, names or {}, **how)
        return form_block(form, asking)

    @property
    def back(self) -> Link:
        """Link back to the page with the account's security settings."""
        return Link(_(SECURITY), reverse("mfa_index"))


class ReauthenticationRequired:
    """Mixin for pages that need a recent reauthentication.

    The user proves the second factor if there is one.
    """

    request: HttpRequest
    proves: ClassVar[frozenset[str]] = frozenset({"GET", "HEAD", "POST"})
    """HTTP methods that need the reauthentication."""

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        """Redirect to reauthentication if it is not recent."""
        if request.method in self.proves and (away := _lead_away(request)) is not None:
            return away
        answer: HttpResponseBase = super().dispatch(request, *args, **kwargs)  # type: ignore[misc] # a view's
        return answer


def proves_again(
    *acts: str,
) -> Callable[[View[Asked]], View[Asked]]:
    """Ask for the second factor before a button acts, if the last proof is old.

    `acts` are the values of the buttons of orders, grants and revocations. What was typed is kept, and the user
    presses the button again (docs/e-service/authorisations.md). A session that was left open or was stolen does none
    of these acts.
    """

    def around(view: View[Asked]) -> View[Asked]:
        @wraps(view)
        def answer(request: HttpRequest, /, *args: Asked.args, **named: Asked.kwargs) -> HttpResponseBase:
            if request.method == "POST" and request.POST.get(BUTTON) in acts:
                away = _lead_away(request)
                if away is not None:
                    return away
            return view(request, *args, **named)

        setattr(answer, PROVES, frozenset(acts))
        return answer

    return around


def next_url(request: HttpRequest) -> str:
    """Return the requested next address if it is a portal page, else the empty text."""
    wanted = get_request_param(request, REDIRECT_FIELD_NAME) or ""
    return str(wanted) if wanted and get_adapter(request).is_safe_url(wanted) else ""


def recently_reauthenticated(request: HttpRequest) -> bool:
    """Return True if the user has reauthenticated within the last minutes.

    A user who has an own second factor must have proved it. If a provider is the second factor, only a sign-in at that
    provider counts, because access to the mailbox is enough to set a password. A user whose sign-in there was strong
    before needs a strong sign-in again. Otherwise a person who has only the user's password there could add a factor.
    """
    user = request.user
    since = utc_now().timestamp() - app_settings.REAUTHENTICATION_TIMEOUT
    fresh = [
        record
        for record in get_authentication_records(request, user)
        if record.get("reauthenticated") and record["at"] >= since
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
    """Return a redirect to sign-in or reauthentication, or None if neither is needed.

    A password in the submitted data is dropped.
    """
    if not request.user.is_authenticated:
        return sign_in(request.get_full_path())
    if recently_reauthenticated(request):
        setattr(request, PROVED, True)
        return None
    methods = get_adapter(request).get_reauthentication_methods(request.user)
    address = methods[0]["url"] if methods else reverse("account_reauthenticate")
    return Detour(address, request.get_full_path())


_ONWARD = "sinetti_onward"


def store(request: HttpRequest, address: str) -> None:
    """Store the address to continue to, as `next_url` returns it; ignore an empty one."""
    if address:
        request.session[_ONWARD] = address


def peek(request: HttpRequest) -> str:
    """Return the stored address to continue to, or the empty text."""
    return str(request.session.get(_ONWARD, ""))


def pop(request: HttpRequest) -> str:
    """Return the stored address and remove it."""
    return str(request.session.pop(_ONWARD, "")) if _ONWARD in request.session else ""


def sign_in_first(request: HttpRequest) -> str:
    """Return the address of the sign-in page with the stored address as `next`."""
    onward = peek(request)
    return f"{reverse('account_login')}?{urlencode({'next': onward})}" if onward else reverse("account_login")


def provider_blocks(request: HttpRequest, button: str, process: str) -> list[Component]:
    """Return one button for each provider.

    `button` is a message id with a placeholder for the provider's name. `process` is allauth's process to begin.
    """
    language, onward = language_of(request), next_url(request)
    hidden = {"process": process, **({"next": onward} if onward else {})}
    return [
        Form(
            [Input(name, "", "hidden", value) for name, value in hidden.items()],
            (Button(_(button, name=provider.name[language]), minor=True),),
            reverse("openid_connect_login", args=[provider.provider_id]),
        )
        for provider in portal_context(request).eservice.providers
    ]


def provider_origins(request: HttpRequest) -> Sequence[str]:
    """Return the origins that the provider buttons may lead to."""
    return [origin(provider.issuer) for provider in portal_context(request).eservice.providers]


def origin(address: str) -> str:
    """Return scheme and host of an address."""
    place = urlsplit(address)
    return f"{place.scheme}://{place.netloc}"
