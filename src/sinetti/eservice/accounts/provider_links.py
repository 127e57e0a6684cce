"""Buttons that lead to other services' sign-in: one for each that stands in the settings (docs/accounts.md)."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from django.http import HttpRequest
from django.urls import reverse

from sinetti.eservice.accounts.base_views import next_url
from sinetti.eservice.core.context import language_of, portal_context
from sinetti.eservice.ui.components import Button, Component, Form, Input
from sinetti.i18n.translate import translate


def provider_blocks(request: HttpRequest, button: str, process: str) -> list[Component]:
    """One button for each provider; `button` is a message id with a place for its name, `process` what is begun."""
    language, onward = language_of(request), next_url(request)
    hidden = {"process": process, **({"next": onward} if onward else {})}
    return [
        Form(
            [Input(name, "", "hidden", value) for name, value in hidden.items()],
            (Button(translate(button, language, name=one.name[language]), minor=True),),
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
