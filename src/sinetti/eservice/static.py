"""Files of the pages, under names made of their content: each may be kept for ever, and a new one has another name."""

from functools import cache
from hashlib import sha256
from importlib import resources

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.http import require_safe

STYLESHEET, ICON = "pages.css", "seal.svg"
_KINDS = {STYLESHEET: "text/css; charset=utf-8", ICON: "image/svg+xml"}
"""Every file that there is, and what it is."""
_FOR_EVER = "public, max-age=31536000, immutable"
_DIGITS = 16


@require_safe
def file(request: HttpRequest, name: str) -> HttpResponseBase:
    """Serve one."""
    del request
    wanted = _named().get(name)
    if wanted is None:
        raise Http404
    return HttpResponse(_octets(wanted), content_type=_KINDS[wanted], headers={"Cache-Control": _FOR_EVER})


def served(name: str) -> str:
    """The name under which a file is served: pages.css is pages.HASH.css."""
    stem, _, ending = name.partition(".")
    return f"{stem}.{sha256(_octets(name)).hexdigest()[:_DIGITS]}.{ending}"


@cache
def stylesheet() -> str:
    """The name under which the style sheet is served."""
    return served(STYLESHEET)


@cache
def _named() -> dict[str, str]:
    return {served(name): name for name in _KINDS}


@cache
def _octets(name: str) -> bytes:
    return (resources.files("sinetti.eservice") / "static" / name).read_bytes()
