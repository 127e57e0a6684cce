"""Sentences that the next page of a reader shows once."""

from django.http import HttpRequest

_SAID = "said"


def flash(request: HttpRequest, sentence: str) -> None:
    """Have the next page of this reader say what was done."""
    request.session[_SAID] = [*request.session.get(_SAID, ()), sentence]


def pop_flash_messages(request: HttpRequest) -> list[str]:
    """What is to be said on this page, once. Where there is no session nothing is, and none is made."""
    session = getattr(request, "session", None)
    if session is None or request.method == "HEAD" or _SAID not in session:
        return []
    return list(session.pop(_SAID))
