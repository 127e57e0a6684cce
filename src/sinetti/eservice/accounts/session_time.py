"""End of a session: the warning before it, and one more hour on request.

A session ends 12 hours after the sign-in. Its reader can put the end off ten times by an hour (WCAG 2.2.1).
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from sinetti.eservice.accounts.sessions import EXTENDED, MOST_EXTENSIONS, ends_at
from sinetti.eservice.core.authentication import current_actor
from sinetti.eservice.ui.page import SESSION_WARNING, SessionWarning
from sinetti.i18n.translate import _, format_datetime
from sinetti.infra.clock import utc_now

WARNING = 120
"""Seconds before the end in which a page warns."""
_SOON = 15 * 60
"""Seconds before the end from which a session can be extended."""


def warn_before_end(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Give each page of a signed-in reader the warning that static/page.js shows."""

    def answer(request: HttpRequest) -> HttpResponse:
        setattr(request, SESSION_WARNING, lambda: session_warning(request))
        return get_response(request)

    return answer


def session_warning(request: HttpRequest) -> SessionWarning | None:
    """Return the warning for a reader whose session has an end."""
    ends = ends_at(request.session) if current_actor(request) is not None else None
    if ends is None:
        return None
    can_stay = request.session.get(EXTENDED, 0) < MOST_EXTENSIONS
    at = _("For your safety, the session ends on {at}.", at=format_datetime(ends))
    kept = _(
        "If you are signed out, you can still press the button of the form. After you have signed in, you "
        "continue with what you typed."
    )
    more = _("You can stay signed in for one more hour.") if can_stay else _("You have to sign in again after that.")
    return SessionWarning(
        seconds=_left(request),
        warning=WARNING,
        title=_("You will soon be signed out"),
        text=f"{at} {more} {kept}",
        plain=f"{at} {kept}",
        stay=_("Stay signed in") if can_stay else "",
        over=_("You have been signed out"),
        ended=_(
            "What you typed is still on this page. Press the button of the form. After you have signed in, you "
            "continue with what you typed."
        ),
        close=_("Hide"),
        address=reverse("session_time"),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def session_time(request: HttpRequest) -> JsonResponse:
    """Return the seconds that are left; POST extends a session that ends soon."""
    left = _left(request)
    if request.method == "POST" and 0 < left <= _SOON and request.session.get(EXTENDED, 0) < MOST_EXTENSIONS:
        request.session[EXTENDED] = request.session.get(EXTENDED, 0) + 1
        left = _left(request)
    return JsonResponse({"seconds": left})


def _left(request: HttpRequest) -> int:
    ends = ends_at(request.session) if current_actor(request) is not None else None
    return 0 if ends is None else max(0, int((ends - utc_now()).total_seconds()))
