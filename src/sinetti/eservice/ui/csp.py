"""What a page may load and where its forms may lead: ours alone, unless the page says that it needs more."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpResponse

_NOTED = "sinetti_needs"


@dataclass(frozen=True, slots=True)
class _Needs:
    scripts: bool = False
    targets: Sequence[str] = ()


def extend_csp(response: HttpResponse, *, scripts: bool = False, targets: Sequence[str] = ()) -> None:
    """Note what the page needs: scripts from our own files, origins that its forms are led on to."""
    setattr(response, _NOTED, _Needs(scripts, targets))


def build_csp(response: HttpResponse) -> str:
    """The Content-Security-Policy of a page (CSP, level 3)."""
    needs: _Needs = getattr(response, _NOTED, _Needs())
    parts = [
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self'",
        *(["script-src 'self'"] if needs.scripts else []),
        " ".join(["form-action 'self'", *needs.targets]),
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
    return "; ".join(parts)
