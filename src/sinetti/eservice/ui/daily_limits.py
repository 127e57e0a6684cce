"""Messages for exceeded limits of 24 hours.

Each gives the limit and the time of the next possible try.
"""

from collections.abc import Mapping
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse

from sinetti.domain.daily_limits import NEVER, LimitKind, LimitReached
from sinetti.eservice.ui.components import Alert, Severity
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.translate import _, format_datetime, gettext_noop

_REACHED: Mapping[LimitKind, str] = {
    LimitKind.LETTERS: gettext_noop(
        "One e-mail address can receive at most {limit} messages in 24 hours. The limit protects people "
        "from unwanted mail. This address has reached it. Nothing was done. Try again after {again}."
    ),
    LimitKind.ORDERS: gettext_noop(
        "One person can order at most {limit} certificates in 24 hours. You have reached the limit. "
        "Nothing was ordered. You can order again after {again}."
    ),
    LimitKind.FIRM_ORDERS: gettext_noop(
        "One organisation can order at most {limit} certificates in 24 hours. Your organisation has "
        "reached the limit. Nothing was ordered. You can order again after {again}."
    ),
}
_AT_ONCE = gettext_noop(
    "One e-mail address can receive at most {limit} messages in 24 hours. This change would send more. "
    "Nothing was done. Change the contact person of one certificate at a time."
)


def limit_words(reached: LimitReached) -> str:
    """Return the limit and the time of the next possible try, in words."""
    if reached.again_at == NEVER:
        return _(_AT_ONCE, limit=reached.limit)
    return _(_REACHED[reached.what], limit=reached.limit, again=format_datetime(reached.again_at))


def over_limit(request: HttpRequest, reached: LimitReached) -> HttpResponse:
    """Show the message on its own page, for actions without a form to keep."""
    blocks = [Alert(limit_words(reached), Severity.ERROR)]
    title = _("Daily limit reached")
    return render_page(request, Page(title, blocks=blocks, status=HTTPStatus.TOO_MANY_REQUESTS))
