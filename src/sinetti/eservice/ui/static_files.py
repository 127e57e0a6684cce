"""Static files under names with a content hash, cached by browsers for ever."""

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib import resources

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.views.decorators.http import require_safe

from sinetti.eservice.core.context import portal_context
from sinetti.settings.portal import Logo

_FOR_EVER = "public, max-age=31536000, immutable"
_DIGITS = 16
POLICY = "sinetti_policy"
"""Response attribute: a Content-Security-Policy of its own."""
_PICTURE = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
"""Policy of the operator's logo: an SVG paints itself and loads nothing."""
FILES: Mapping[str, str] = {
    "tokens.css": "text/css; charset=utf-8",
    "pages.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "seal.svg": "image/svg+xml",
    "passkeys.js": "text/javascript; charset=utf-8",
}
"""Closed list of served files and their media types."""
STYLES = ("tokens.css", "pages.css")
"""Style sheets of every page: tokens, then rules."""


@require_safe
def file(request: HttpRequest, name: str) -> HttpResponseBase:
    """Serve a file."""
    logo = portal_context(request).eservice.logo
    if logo is not None and name == _logo_name(logo):
        response = HttpResponse(logo.octets, content_type=logo.media_type, headers={"Cache-Control": _FOR_EVER})
        setattr(response, POLICY, _PICTURE)
        return response
    found = next((text for text in FILES if named(text) == name), None)
    if found is None:
        raise Http404
    return HttpResponse(_octets(found), content_type=FILES[found], headers={"Cache-Control": _FOR_EVER})


def logo_address(logo: Logo | None) -> str:
    """Return the address of the operator's logo; empty without one."""
    return "" if logo is None else reverse(file, args=[_logo_name(logo)])


def _logo_name(logo: Logo) -> str:
    kind = logo.media_type.rpartition("/")[2].partition("+")[0]
    return f"logo.{sha256(logo.octets).hexdigest()[:_DIGITS]}.{kind}"


def address(name: str) -> str:
    """Return the address of a file."""
    return reverse(file, args=[named(name)])


@cache
def named(name: str) -> str:
    """Return the name that a file is served under."""
    stem, _, kind = name.rpartition(".")
    return f"{stem}.{sha256(_octets(name)).hexdigest()[:_DIGITS]}.{kind}"


@cache
def _octets(name: str) -> bytes:
    return (resources.files("sinetti.eservice") / "static" / name).read_bytes()
