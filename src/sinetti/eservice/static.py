"""The style sheet, under a name made of its content: it may be kept for ever, and a new one has another name."""

from functools import cache
from hashlib import sha256
from importlib import resources

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.http import require_safe

_FOR_EVER = "public, max-age=31536000, immutable"
_DIGITS = 16


@require_safe
def file(request: HttpRequest, name: str) -> HttpResponseBase:
    """Serve it."""
    del request
    if name != stylesheet():
        raise Http404
    return HttpResponse(_octets(), content_type="text/css; charset=utf-8", headers={"Cache-Control": _FOR_EVER})


@cache
def stylesheet() -> str:
    """The style sheet's name."""
    return f"pages.{sha256(_octets()).hexdigest()[:_DIGITS]}.css"


@cache
def _octets() -> bytes:
    return (resources.files("sinetti.eservice") / "static" / "pages.css").read_bytes()
