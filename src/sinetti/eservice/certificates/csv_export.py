"""List as CSV with the same rows, streamed in parts.

See docs/e-service/certificates.md.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.http import require_safe

from sinetti.domain.business_days import FINNISH_TIME
from sinetti.domain.certificates.display_status import OrderFacts, days_left
from sinetti.domain.certificates.listing import CertificateListItem
from sinetti.domain.values import Language
from sinetti.eservice.certificates import labels, list_view
from sinetti.eservice.core.authentication import login_required
from sinetti.eservice.core.context import language_of, portal_context
from sinetti.eservice.core.representation import represented_permissions
from sinetti.i18n.translate import _, activated, finnish_day, gettext_noop, translate
from sinetti.infra.spreadsheets import BOM, lines_of
from sinetti.services.access.permissions import Permissions
from sinetti.services.self_service import certificates

_COLUMNS = (
    gettext_noop("ID of the organisation"),
    gettext_noop("Organisation"),
    gettext_noop("Description"),
    gettext_noop("Channel"),
    gettext_noop("Contact person"),
    gettext_noop("Contact person's e-mail"),
    gettext_noop("Serial number"),
    gettext_noop("Order"),
    gettext_noop("Valid from (Finnish time)"),
    gettext_noop("Renewal opens (Finnish time)"),
    gettext_noop("Valid until (Finnish time)"),
    gettext_noop("Days left"),
    gettext_noop("State"),
    gettext_noop("In use"),
    gettext_noop("Responsible"),
    gettext_noop("Other organisations served (estimate)"),
    gettext_noop("Severity"),
)


@require_safe
@login_required
def certificate_csv(request: HttpRequest) -> HttpResponseBase:
    """Send every row that matches the filter."""
    ctx, permissions, language = portal_context(request).ctx, represented_permissions(request), language_of(request)
    now = ctx.now()
    wanted = list_view.read(request.GET, permissions).wanted(permissions, now)
    name = f"certificates-{finnish_day(now).isoformat()}.csv"
    parts = _octets(certificates.iter_chunks(wanted, permissions, ctx), permissions, now, language)
    response = StreamingHttpResponse(parts, content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _octets(
    parts: Iterator[Sequence[CertificateListItem]], permissions: Permissions, now: datetime, language: Language
) -> Iterator[bytes]:
    yield (BOM + lines_of([[translate(text, language) for text in _COLUMNS]])).encode()
    for part in parts:
        yield _lines(part, permissions, now, language).encode()


def _lines(part: Sequence[CertificateListItem], permissions: Permissions, now: datetime, language: Language) -> str:
    # The server reads a streamed body after the middleware: the language of the request is no longer active.
    with activated(lambda: language):
        return lines_of([_row(certificate, permissions, now) for certificate in part])


def _row(certificate: CertificateListItem, permissions: Permissions, now: datetime) -> list[str]:
    begins, opens, ends, left = "", "", "", ""
    order = isinstance(certificate.facts, OrderFacts)
    if not isinstance(certificate.facts, OrderFacts):
        span = certificate.facts.span
        begins, opens, ends = (
            f"{at.astimezone(FINNISH_TIME):%Y-%m-%d %H:%M}"
            for at in (span.not_before, certificate.facts.renewable_from, span.not_after)
        )
        left = str(days_left(span.not_after, now)) if certificate.facts.revoked_at is None else ""
    return [
        certificate.customer_id,
        certificate.organisation,
        certificate.description,
        labels.channel_words(certificate.channel),
        certificate.contact,
        certificate.email,
        "" if order else certificate.key,
        certificate.key if order else "",
        begins,
        opens,
        ends,
        left,
        labels.status_label(certificate, now),
        "" if order else labels.use_words(labels.use_in(certificate, now)),
        labels.next_actor_label(certificate, permissions, now),
        "" if certificate.serves is None else str(certificate.serves),
        _(labels.SEVERITIES[labels.severity(certificate, now)]),
    ]
