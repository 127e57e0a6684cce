"""Page of one certificate: life, data, actions, log.

See docs/e-service/certificates.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from sinetti.domain.access.roles import Permission
from sinetti.domain.certificates.display_status import DisplayStatus, Urgency, state_of, urgency_of
from sinetti.domain.certificates.listing import ActorCategory, LineageMember
from sinetti.domain.refusals import ERROR_CODES, Rejection
from sinetti.domain.values import KeyType
from sinetti.eservice.certificates import labels, list_view, timeline
from sinetti.eservice.core.authentication import current_actor, current_permissions, login_required
from sinetti.eservice.core.context import portal_context
from sinetti.eservice.ui.components import (
    Alert,
    Cell,
    Column,
    Component,
    DescriptionItem,
    DescriptionList,
    Link,
    Links,
    Section,
    Table,
)
from sinetti.eservice.ui.navigation import url_or_empty
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.role_labels import REASONS
from sinetti.i18n.translate import _, format_datetime, format_time, gettext_noop, number, refusal_text
from sinetti.services.access.permissions import Permissions
from sinetti.services.self_service import certificates
from sinetti.services.self_service.certificates import OneCertificate

_TITLE = gettext_noop("Certificate “{description}”")
_BACK = gettext_noop("All certificates")
_LIFE, _DATA, _FILES, _DOING, _HAPPENED, _REFUSED = (
    gettext_noop("Timeline"),
    gettext_noop("Details"),
    gettext_noop("Downloads"),
    gettext_noop("Actions"),
    gettext_noop("History"),
    gettext_noop("Recently refused requests"),
)
_KEYS: Mapping[KeyType, str] = {
    KeyType.RSA_2048: "RSA 2048",
    KeyType.RSA_3072: "RSA 3072",
    KeyType.RSA_4096: "RSA 4096",
    KeyType.EC_P256: "EC P-256",
    KeyType.EC_P384: "EC P-384",
}
_STATE, _ACTS, _USE, _ENDS, _OPENS = (
    gettext_noop("State"),
    gettext_noop("Responsible"),
    gettext_noop("In use"),
    gettext_noop("Expires"),
    gettext_noop("Can be renewed from"),
)
_ORGANISATION, _CHANNEL, _CONTACT, _SERVES, _REASON = (
    gettext_noop("Organisation"),
    gettext_noop("Channel"),
    gettext_noop("Contact person"),
    gettext_noop("Stops when the certificate expires"),
    gettext_noop("Reason for revocation"),
)
_OWN_REPORTS = gettext_noop("The organisation's own reports")
_OWN_AND_OTHERS = gettext_noop("The organisation's own reports and those of about {count} others")
_NO_CONTACT = gettext_noop("No contact person")
_SERIAL, _SHA256, _KEY, _ISSUER, _EARLIER, _LATER, _ORDER = (
    gettext_noop("Serial number"),
    gettext_noop("SHA-256 digest"),
    gettext_noop("Key"),
    gettext_noop("Certification authority"),
    gettext_noop("Previous certificate"),
    gettext_noop("Next certificate"),
    gettext_noop("Order"),
)
_NOT_YET, _OTHER_KEY = gettext_noop("Not issued yet"), gettext_noop("Another key type")
_OF_LINE = gettext_noop("{serial}, valid until {at}")
_PEM, _DER, _CHAIN, _DATES = (
    gettext_noop("Certificate (PEM)"),
    gettext_noop("Certificate (DER)"),
    gettext_noop("Certificate chain (PEM)"),
    gettext_noop("Calendar dates (ICS)"),
)
_CHANGE, _LET_END, _LET_END_NOT, _REPLACE, _NEW, _REVOKE, _WAITING = (
    gettext_noop("Change the contact person"),
    gettext_noop("Let it expire"),
    gettext_noop("Turn reminders on again"),
    gettext_noop("Order a replacement"),
    gettext_noop("Order a new certificate"),
    gettext_noop("Revoke this certificate"),
    gettext_noop("Show the replacement order"),
)
_DEEDS: Mapping[str, str] = {
    "ordered": gettext_noop("Ordered"),
    "secure-message-offered": gettext_noop("Transfer IDs sent to the contact person"),
    "transfer-ids-shown": gettext_noop("Transfer IDs opened"),
    "certificate-issued": gettext_noop("Issued"),
    "certificate-fetched": gettext_noop("Retrieved"),
    "certificate-revoked": gettext_noop("Revoked"),
    "contact-changed": gettext_noop("Contact person changed"),
    "deputy-changed": gettext_noop("Deputy changed"),
    "deputy-removed": gettext_noop("Deputy removed"),
    "let-end": gettext_noop("Reminders turned off"),
    "let-end-undone": gettext_noop("Reminders turned on again"),
    "renewal-opened-early": gettext_noop("Renewal opened early"),
    "renewal-opened-by-rule": gettext_noop("Early renewal cancelled"),
}
_LATER_DEEDS: Mapping[str, str] = {
    "certificate-issued": gettext_noop("Next certificate issued"),
    "certificate-fetched": gettext_noop("Next certificate retrieved"),
    "certificate-revoked": gettext_noop("Next certificate revoked"),
}
WHO: Mapping[ActorCategory, str] = {
    ActorCategory.YOU: gettext_noop("You"),
    ActorCategory.OWN: gettext_noop("Another user in the organisation"),
    ActorCategory.FIRM: gettext_noop("The accounting firm"),
    ActorCategory.DESK: gettext_noop("The authority"),
    ActorCategory.CONTACT: gettext_noop("The contact person"),
    ActorCategory.PROGRAM: gettext_noop("The program"),
    ActorCategory.SERVICE: gettext_noop("The service"),
}
_WHEN, _EVENT, _CODE, _BY, _MEANING = (
    gettext_noop("Date and time (Finnish time)"),
    gettext_noop("Event"),
    gettext_noop("Error code"),
    gettext_noop("Done by"),
    gettext_noop("Meaning"),
)
_NO_DEEDS = gettext_noop("No events.")
_ENDED = gettext_noop(
    "This certificate is no longer valid and cannot be renewed. If a program still needs a certificate, order "
    "a new one."
)


@dataclass(frozen=True, slots=True)
class _DetailState:
    """Data shared by all parts of the page."""

    one: OneCertificate
    permissions: Permissions
    now: datetime

    def may(self, right: Permission) -> bool:
        """Return True if the reader has a right for the certificate's organisation."""
        return self.permissions.may(right, self.one.seen.listed.organisation_id)


@require_safe
@login_required
def certificate_detail(request: HttpRequest, serial: str) -> HttpResponse:
    """Show one certificate."""
    ctx, permissions, actor = portal_context(request).ctx, current_permissions(request), current_actor(request)
    assert actor is not None  # noqa: S101 - `login_required` has seen to it
    found = certificates.get_details(serial.lower(), permissions, actor, ctx)
    around = _DetailState(found, permissions, ctx.now())
    listed = found.seen.listed
    title = _(_TITLE, description=listed.description or found.seen.serial)
    blocks: list[Component] = [DescriptionList(_first(around))]
    over = state_of(found.seen.facts, around.now) in {DisplayStatus.REVOKED, DisplayStatus.EXPIRED}
    if over:
        blocks.insert(0, Alert(_(_ENDED)))
    blocks += [
        *_deeds(around),
        Section(_(_LIFE), timeline.blocks(found, around.now), "timeline"),
        *([] if over else [list_view.how()]),
        Section(_(_DATA), [DescriptionList(_data(around))], "data"),
        *_files(around),
        Section(_(_HAPPENED), [_happened(around)], "happened"),
        *_refused(around),
    ]
    back = Link(_(_BACK), reverse("certificates"))
    return render_page(request, Page(title, blocks=blocks, wide=True, back=back))


def _first(around: _DetailState) -> list[DescriptionItem]:
    """Return the most important values."""
    now = around.now
    listed, facts = around.one.seen.listed, around.one.seen.facts
    ends, revoked = format_datetime(facts.span.not_after), facts.revoked_at is not None
    if not revoked:  # of a revoked one nothing is left to use, nor to renew
        ends = f"{ends} ({labels.left_words(facts.span.not_after, now).lower()})"
    contact = f"{listed.contact}, {listed.email}" if listed.contact else _(_NO_CONTACT)
    values = [
        DescriptionItem(_(_STATE), labels.status_label(listed, now)),
        DescriptionItem(_(_ACTS), labels.next_actor_label(listed, around.permissions, now)),
        DescriptionItem(_(_ENDS), ends),
        *([] if revoked else [DescriptionItem(_(_OPENS), format_datetime(facts.renewable_from))]),
        DescriptionItem(_(_USE), labels.use_words(around.one.use)),
        DescriptionItem(_(_ORGANISATION), f"{listed.organisation} ({listed.customer_id})"),
        DescriptionItem(_(_CHANNEL), labels.channel_words(listed.channel)),
        DescriptionItem(_(_CONTACT), contact),
    ]
    if listed.serves is not None:
        others = number(listed.serves)
        stops = _(_OWN_AND_OTHERS, count=others) if listed.serves else _(_OWN_REPORTS)
        values.append(DescriptionItem(_(_SERVES), stops))
    if facts.reason is not None:
        values.append(DescriptionItem(_(_REASON), _(REASONS[facts.reason])))
    return values


def _deeds(around: _DetailState) -> list[Component]:
    """Return the actions that this reader may take now and that make sense."""
    seen = around.one.seen
    facts, serial = seen.facts, seen.serial
    state = state_of(facts, around.now)
    alive = state not in {DisplayStatus.REVOKED, DisplayStatus.EXPIRED}
    succeeded, organisation = facts.succeeded, seen.listed.organisation_id
    offered = [
        (_WAITING, url_or_empty("order", seen.waiting_order or "-"), seen.waiting_order is not None),
        (
            _REPLACE,
            f"{url_or_empty('order_new')}?organisation={organisation}&replaces={serial}",
            around.may(Permission.ORDER) and alive and not succeeded and seen.waiting_order is None,
        ),
        (
            _NEW,
            f"{url_or_empty('order_new')}?organisation={organisation}",
            around.may(Permission.ORDER)
            and not alive
            and not succeeded
            and urgency_of(facts, around.now) is Urgency.OPEN,
        ),
        (_CHANGE, url_or_empty("certificate_contact", serial), around.may(Permission.CONTACT) and alive),
        (
            _LET_END_NOT if state is DisplayStatus.LET_END else _LET_END,
            url_or_empty("certificate_let_end", serial),
            around.may(Permission.ORDER) and alive and not succeeded,
        ),
        (_REVOKE, url_or_empty("certificate_revoke", serial), around.may(Permission.REVOKE) and alive),
    ]
    links = [Link(_(name), address) for name, address, there in offered if there and address[:1] == "/"]
    return [Section(_(_DOING), [Links(links)], "doing")] if links else []


def _data(around: _DetailState) -> list[DescriptionItem]:
    one = around.one
    seen = one.seen
    key = _(_OTHER_KEY if seen.der is not None else _NOT_YET) if one.key is None else _KEYS[one.key]
    values = [
        DescriptionItem(_(_SERIAL), seen.serial, secret=True),
        DescriptionItem(_(_SHA256), seen.sha256 or _(_NOT_YET), secret=bool(seen.sha256)),
        DescriptionItem(_(_KEY), key),
        DescriptionItem(_(_ISSUER), one.issuer),
    ]
    if seen.order_id is not None and (address := url_or_empty("order", seen.order_id)):
        values.append(DescriptionItem(_(_ORDER), seen.order_id, link=address))
    values += _line(seen.later, _LATER)
    return values + _line(seen.earlier, _EARLIER)


def _line(others: Sequence[LineageMember], name: str) -> list[DescriptionItem]:
    return [
        DescriptionItem(
            _(name),
            _(_OF_LINE, serial=one.serial, at=format_datetime(one.facts.span.not_after)),
            link=reverse("certificate", args=[one.serial]),
        )
        for one in others
    ]


def _files(around: _DetailState) -> list[Component]:
    seen = around.one.seen
    if seen.der is None:
        return []
    offered = (
        (_PEM, "certificate_pem"),
        (_DER, "certificate_der"),
        (_CHAIN, "certificate_chain"),
        (_DATES, "certificate_dates"),
    )
    links = [Link(_(name), reverse(page, args=[seen.serial]), download=True) for name, page in offered]
    return [Section(_(_FILES), [Links(links)], "downloads")]


def _happened(around: _DetailState) -> Table:
    seen = around.one.seen
    rows = []
    for audit in around.one.deeds:
        later = audit.serial not in {"", seen.serial}
        text = (_LATER_DEEDS if later else _DEEDS).get(audit.action)
        if text is not None:
            link = reverse("certificate", args=[audit.serial]) if later else ""
            rows.append([Cell(format_time(audit.at)), Cell(_(text), link), Cell(_(WHO[audit.who]))])
    names = [Column(_(one)) for one in (_WHEN, _EVENT, _BY)]
    return Table(_(_HAPPENED), names, rows, _(_NO_DEEDS))


def _refused(around: _DetailState) -> list[Component]:
    if not around.one.refusals:
        return []
    rows = [
        [
            Cell(format_time(one.at)),
            Cell(ERROR_CODES[one.reason]),
            # Without instants: it may have been about an earlier certificate of the line.
            Cell(refusal_text(Rejection(one.reason))),
        ]
        for one in around.one.refusals
    ]
    names = [Column(_(name)) for name in (_WHEN, _CODE, _MEANING)]
    title = _(_REFUSED)
    return [Section(title, [Table(title, names, rows)], "refusals")]
