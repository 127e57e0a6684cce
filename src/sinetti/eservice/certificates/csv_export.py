"""The list as a file for spreadsheets: the same rows, in parts while they are read (docs/certificates-page.md)."""

import csv
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from io import StringIO

from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.http import require_safe

from sinetti.domain.business_days import FINNISH_TIME
from sinetti.domain.certificates.display_status import OrderFacts, days_left
from sinetti.domain.certificates.listing import Listed
from sinetti.domain.values import Language
from sinetti.eservice.certificates import filters, labels
from sinetti.eservice.core.authentication import signed_in, standing_of
from sinetti.eservice.core.context import language_of, surroundings
from sinetti.i18n.translate import finnish_day, mark, text
from sinetti.services.access.permissions import Standing
from sinetti.services.self_service import certificates

_BOM = "\ufeff"
_SEPARATORS = ",;\t\r\n\v\f\x1c-\x1e\x85\u2028\u2029"
_PASSED_OVER = r"\s\"\u200b\ufeff"
_BEGINS_FORMULA = re.compile(
    f"(?:^|(?<=[{_SEPARATORS}]))(?=(?:(?![{_SEPARATORS}])[{_PASSED_OVER}])*[-=+@\uff1d\uff0b\uff0d\uff20\t\r\n])"
)
"""Where a formula may begin: at a cell's beginning and after everything at which a program may split a line.

Spaces, quotation marks and marks without a width may come first. Each sign counts in full width, too: spreadsheets for
Japanese may read both alike.
"""
_COLUMNS = (
    mark("ID of the organisation"),
    mark("Organisation"),
    mark("Description"),
    mark("Channel"),
    mark("Contact person"),
    mark("Contact person's e-mail"),
    mark("Serial number"),
    mark("Order"),
    mark("Begins (Finnish time)"),
    mark("Renewal opens (Finnish time)"),
    mark("Ends (Finnish time)"),
    mark("Days left"),
    mark("State"),
    mark("In use"),
    mark("Who can act"),
    mark("Others served, about"),
)


@require_safe
@signed_in
def page(request: HttpRequest) -> HttpResponseBase:
    """Send everything that the list has with this filter."""
    office, standing, language = surroundings(request).office, standing_of(request), language_of(request)
    now = office.now()
    wanted = filters.read(request.GET, standing).wanted(standing, now)
    name = f"certificates-{finnish_day(now).isoformat()}.csv"
    parts = _octets(certificates.in_parts(wanted, standing, office), standing, now, language)
    response = StreamingHttpResponse(parts, content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def guarded(cell: str) -> str:
    """Put an apostrophe where a spreadsheet would begin a formula.

    It covers every separator at which a spreadsheet may split. A spreadsheet that splits at commas ignores the
    quotation marks that a semicolon needs (OWASP, CSV injection).
    """
    return _BEGINS_FORMULA.sub("'", cell)


def _octets(
    parts: Iterator[Sequence[Listed]], standing: Standing, now: datetime, language: Language
) -> Iterator[bytes]:
    yield (_BOM + lines_of([[text(one, language) for one in _COLUMNS]])).encode()
    for part in parts:
        yield lines_of([_row(one, standing, now, language) for one in part]).encode()


def lines_of(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as lines of CSV, each cell guarded."""
    written = StringIO()
    # Semicolons: the comma is the decimal sign in Finland, so that Excel takes no comma there.
    csv.writer(written, delimiter=";", lineterminator="\r\n").writerows([guarded(one) for one in row] for row in rows)
    return written.getvalue()


def _row(one: Listed, standing: Standing, now: datetime, language: Language) -> list[str]:
    begins, opens, ends, left = "", "", "", ""
    order = isinstance(one.facts, OrderFacts)
    if not isinstance(one.facts, OrderFacts):
        span = one.facts.span
        begins, opens, ends = (_instant(at) for at in (span.not_before, one.facts.renewable_from, span.not_after))
        left = str(days_left(span.not_after, now)) if one.facts.revoked_at is None else ""
    return [
        one.customer_id,
        one.organisation,
        one.description,
        labels.channel_words(one.channel, language),
        one.contact,
        one.email,
        "" if order else one.key,
        one.key if order else "",
        begins,
        opens,
        ends,
        left,
        labels.state_words(one, now, language),
        "" if order else labels.use_words(labels.use_in(one, now), language),
        labels.acts_words(one, standing, now, language),
        "" if one.serves is None else str(one.serves),
    ]


def _instant(at: datetime) -> str:
    return f"{at.astimezone(FINNISH_TIME):%Y-%m-%d %H:%M}"
