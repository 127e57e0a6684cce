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
from sinetti.domain.certificates.display_status import (
    CertificateFacts,
    DisplayStatus,
    NextActor,
    Urgency,
    is_let_end,
    next_actor,
    state_of,
    urgency_of,
)
from sinetti.domain.certificates.listing import ActorCategory, LineageMember
from sinetti.domain.refusals import ERROR_CODES, Rejection
from sinetti.domain.values import KeyType
from sinetti.eservice.certificates import labels, timeline
from sinetti.eservice.certificates.renewal_guide import NAME as RENEWAL
from sinetti.eservice.certificates.renewal_guide import renewal_instructions
from sinetti.eservice.core.authentication import current_actor, current_permissions, login_required
from sinetti.eservice.core.context import portal_context
from sinetti.eservice.ui.components import (
    Badge,
    Cell,
    Component,
    DescriptionItem,
    DescriptionList,
    Link,
    Links,
    Section,
    Table,
    Text,
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
_LIFE, _DATA, _TECHNICAL, _FILES, _DOING, _HAPPENED, _REFUSED = (
    gettext_noop("Timeline"),
    gettext_noop("Details"),
    gettext_noop("Technical data"),
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
_ACTS, _USE, _OPENS = (
    gettext_noop("Responsible"),
    gettext_noop("In use"),
    gettext_noop("Can be renewed from"),
)
_UNTIL, _WAS_VALID_UNTIL, _REVOKED_ON = (
    gettext_noop("Valid until {at}. {left}."),
    gettext_noop("Expired on {at}."),
    gettext_noop("Revoked on {at}. It would have expired on {ends}."),
)
_WHO_ACTS = gettext_noop("Next action by: {actor}")
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
_SUBJECT, _SERIAL, _SHA256, _KEY_ID, _KEY, _ISSUER, _EARLIER, _LATER, _ORDER = (
    gettext_noop("Subject"),
    gettext_noop("Serial number"),
    gettext_noop("SHA-256 fingerprint of the certificate"),
    gettext_noop("SHA-256 fingerprint of the public key"),
    gettext_noop("Key"),
    gettext_noop("Certification authority"),
    gettext_noop("Previous certificate"),
    gettext_noop("Next certificate"),
    gettext_noop("Order"),
)
_CHANGE_IT = gettext_noop("Change")
_NOT_YET, _OTHER_KEY = gettext_noop("Not issued yet"), gettext_noop("Another key type")
_OF_LINE = gettext_noop("{serial}, valid until {at}")
_PEM, _DER, _CHAIN, _DATES = (
    gettext_noop("Certificate (PEM)"),
    gettext_noop("Certificate (DER)"),
    gettext_noop("Certificate chain (PEM)"),
    gettext_noop("Calendar dates (ICS)"),
)
_CHANGE, _LET_END, _NOT_NEEDED, _LET_END_NOT, _REPLACE, _NEW, _REVOKE, _WAITING, _RENEW, _SHOW_NEW, _SHOW_ORDER = (
    gettext_noop("Change the contact person"),
    gettext_noop("Let it expire"),
    gettext_noop("No new certificate is needed"),
    gettext_noop("Turn reminders on again"),
    gettext_noop("Order a replacement"),
    gettext_noop("Order a new certificate"),
    gettext_noop("Revoke this certificate"),
    gettext_noop("Show the replacement order"),
    gettext_noop("How to renew it"),
    gettext_noop("Show the next certificate"),
    gettext_noop("Show the order"),
)
_REVOKED_OR_EXPIRED = frozenset({DisplayStatus.REVOKED, DisplayStatus.EXPIRED})
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


@dataclass(frozen=True)
class _DetailState:
    """Data shared by all parts of the page."""

    one: OneCertificate
    permissions: Permissions
    now: datetime

    @property
    def facts(self) -> CertificateFacts:
        """Data of the certificate."""
        return self.one.seen.facts

    @property
    def state(self) -> DisplayStatus:
        """Display status of the certificate."""
        return state_of(self.facts, self.now)

    @property
    def needed(self) -> bool:
        """True for an ended certificate that nothing replaced."""
        return self.state in _REVOKED_OR_EXPIRED and urgency_of(self.facts, self.now) is Urgency.OPEN

    @property
    def renews(self) -> bool:
        """True if a program can still renew the certificate."""
        return self.state not in _REVOKED_OR_EXPIRED and not self.facts.succeeded

    def may(self, right: Permission) -> bool:
        """Return True if the reader has a right for the certificate's organisation."""
        return self.permissions.may(right, self.one.seen.listed.organisation_id)


@require_safe
@login_required
def certificate_detail(request: HttpRequest, serial: str) -> HttpResponse:
    """Show one certificate."""
    ctx, permissions, actor = portal_context(request).ctx, current_permissions(request), current_actor(request)
    assert actor is not None  # noqa: S101 - `login_required` has seen to it
    details = certificates.get_details(serial.lower(), permissions, actor, ctx)
    around = _DetailState(details, permissions, ctx.now())
    listed = details.seen.listed
    next_act, acts = _acts(around)
    actor_label = labels.next_actor_label(listed, permissions, around.now)
    acting = next_actor(around.facts, around.now) is not NextActor.NONE
    blocks: list[Component] = [
        *([Text([_(_WHO_ACTS, actor=actor_label)])] if acting else []),
        *([Links([next_act])] if next_act else []),
        *([Text([_(_ENDED)])] if around.needed else []),
        Section(_(_LIFE), timeline.blocks(details, around.now), "timeline"),
        Section(_(_DATA), [DescriptionList(_first(around))], "details"),
        *([renewal_instructions(details)] if around.renews else []),
        Section(_(_HAPPENED), [_happened(around)], "happened"),
        *_refused(around),
        Section(_(_TECHNICAL), [DescriptionList(_data(around))], "data"),
    ]
    side = [*([Section(_(_DOING), [Links(acts)], "doing")] if acts else []), *_files(around)]
    page = Page(
        _(_TITLE, description=listed.description or details.seen.serial),
        blocks=blocks,
        side=side,
        back=Link(_(_BACK), reverse("certificates")),
        badge=Badge(labels.status_label(listed, around.now), labels.severity(listed, around.now)),
        lead=_lead(around),
    )
    return render_page(request, page)


def _lead(around: _DetailState) -> str:
    """Return the end of the certificate, and the days left."""
    facts, now = around.facts, around.now
    ends = format_datetime(facts.span.not_after)
    if facts.revoked_at is not None:  # nothing is left of it to use
        return _(_REVOKED_ON, at=format_datetime(facts.revoked_at), ends=ends)
    if now > facts.span.not_after:
        return "" if around.state is DisplayStatus.EXPIRED else _(_WAS_VALID_UNTIL, at=ends)  # the badge has it
    return _(_UNTIL, at=ends, left=labels.left_words(facts.span.not_after, now))


def _first(around: _DetailState) -> list[DescriptionItem]:
    """Return the most important values."""
    listed, facts = around.one.seen.listed, around.facts
    contact = f"{listed.contact}, {listed.email}" if listed.contact else _(_NO_CONTACT)
    change = _link(_CHANGE_IT, url_or_empty("certificate_contact", around.one.seen.serial))
    may_change = around.may(Permission.CONTACT) and around.state not in _REVOKED_OR_EXPIRED
    values = [
        DescriptionItem(_(_ACTS), labels.next_actor_label(listed, around.permissions, around.now)),
        DescriptionItem(_(_CONTACT), contact, change=change if may_change else None),
        DescriptionItem(_(_ORGANISATION), f"{listed.organisation} ({listed.customer_id})"),
        DescriptionItem(_(_CHANNEL), labels.channel_words(listed.channel)),
        *([] if facts.revoked_at else [DescriptionItem(_(_OPENS), format_datetime(facts.renewable_from))]),
        DescriptionItem(_(_USE), labels.use_words(around.one.use)),
    ]
    if listed.serves is not None:
        others = number(listed.serves)
        stops = _(_OWN_AND_OTHERS, count=others) if listed.serves else _(_OWN_REPORTS)
        values.append(DescriptionItem(_(_SERVES), stops))
    if facts.reason is not None:
        values.append(DescriptionItem(_(_REASON), _(REASONS[facts.reason])))
    return values


def _acts(around: _DetailState) -> tuple[Link | None, list[Link]]:
    """Return the one next act that makes sense now, and the reader's others."""
    offered = {name: link for name, link in _offered(around).items() if link is not None}
    name = next((text for text in _NEXT.get(around.state, ()) if text in offered), None)
    others = [link for text, link in offered.items() if text not in {name, _RENEW, _SHOW_NEW, _SHOW_ORDER, _DATES}]
    if name is None:
        return None, others
    icon = "download" if name == _DATES else ""
    first = offered[name]
    return Link(first.text, first.address, button=True, download=name == _DATES, icon=icon), others


def _offered(around: _DetailState) -> Mapping[str, Link | None]:
    """Return the acts that this reader may take now, by name; None for others."""
    certificate, facts, state = around.one.seen, around.facts, around.state
    serial, alive = certificate.serial, state not in _REVOKED_OR_EXPIRED
    orders = around.may(Permission.ORDER) and certificate.waiting_order is None and not facts.succeeded
    ordering = f"?organisation={certificate.listed.organisation_id}&replaces={serial}"
    new_order = f"{url_or_empty('order_new')}{ordering}"
    let_end, ends = url_or_empty("certificate_let_end", serial), around.may(Permission.CONTACT) and not facts.succeeded
    later, by_program = certificate.later[-1:], next_actor(facts, around.now) is NextActor.PROGRAM
    own_order = url_or_empty("order", certificate.order_id or "-")
    offered = {
        _WAITING: (url_or_empty("order", certificate.waiting_order or "-"), certificate.waiting_order is not None),
        _SHOW_NEW: (reverse("certificate", args=[later[0].serial]) if later else "", bool(later)),
        _SHOW_ORDER: (own_order, certificate.order_id is not None and facts.fetched_at is None),
        _RENEW: (f"#{RENEWAL}", around.renews and not by_program),
        _REPLACE: (new_order, orders and alive),
        _NEW: (new_order, orders and around.needed),
        _NOT_NEEDED: (let_end, ends and around.needed),
        _LET_END_NOT: (let_end, ends and is_let_end(facts) and not certificate.later),
        _LET_END: (let_end, ends and alive and not is_let_end(facts)),
        _CHANGE: (url_or_empty("certificate_contact", serial), around.may(Permission.CONTACT) and alive),
        _REVOKE: (url_or_empty("certificate_revoke", serial), around.may(Permission.REVOKE) and alive),
        _DATES: (reverse("certificate_dates", args=[serial]), certificate.der is not None),
    }
    return {name: _link(name, address) if there else None for name, (address, there) in offered.items()}


def _link(name: str, address: str) -> Link | None:
    """Return a link, or None if the page is not installed."""
    return Link(_(name), address) if address[:1] in {"/", "#"} else None


_NEXT: Mapping[DisplayStatus, Sequence[str]] = {
    DisplayStatus.REVOKED: (_WAITING, _NEW, _SHOW_NEW),
    DisplayStatus.EXPIRED: (_WAITING, _NEW, _SHOW_NEW),
    DisplayStatus.OLD_IN_USE: (_SHOW_NEW,),
    DisplayStatus.RENEWED: (_SHOW_NEW,),
    DisplayStatus.NEW_WAITS: (_SHOW_NEW,),
    DisplayStatus.NOT_FETCHED: (_SHOW_ORDER, _RENEW),
    DisplayStatus.LET_END: (_LET_END_NOT,),
    DisplayStatus.ENDS_SOON: (_WAITING, _RENEW),
    DisplayStatus.RENEWAL_OPEN: (_WAITING, _RENEW),
    DisplayStatus.VALID: (_WAITING, _DATES),
}
"""Next acts of a state: the first that is offered is the button."""


def _data(around: _DetailState) -> list[DescriptionItem]:
    certificate = around.one
    seen = certificate.seen
    key = _(_OTHER_KEY if seen.der is not None else _NOT_YET) if certificate.key is None else _KEYS[certificate.key]
    values = [
        *([DescriptionItem(_(_SUBJECT), certificate.subject, copy=True)] if certificate.subject else []),
        DescriptionItem(_(_SERIAL), seen.serial, copy=True),
        DescriptionItem(_(_SHA256), seen.sha256 or _(_NOT_YET), copy=bool(seen.sha256)),
        *([DescriptionItem(_(_KEY_ID), certificate.key_sha256, copy=True)] if certificate.key_sha256 else []),
        DescriptionItem(_(_KEY), key),
        DescriptionItem(_(_ISSUER), certificate.issuer),
    ]
    if seen.order_id is not None and (address := url_or_empty("order", seen.order_id)):
        values.append(DescriptionItem(_(_ORDER), seen.order_id, link=address))
    values += _line(seen.later, _LATER)
    return values + _line(seen.earlier, _EARLIER)


def _line(others: Sequence[LineageMember], name: str) -> list[DescriptionItem]:
    return [
        DescriptionItem(
            _(name),
            _(_OF_LINE, serial=lineage_member.serial, at=format_datetime(lineage_member.facts.span.not_after)),
            link=reverse("certificate", args=[lineage_member.serial]),
        )
        for lineage_member in others
    ]


def _files(around: _DetailState) -> list[Section]:
    certificate = around.one.seen
    if certificate.der is None:
        return []
    offered = (
        (_PEM, "certificate_pem"),
        (_DER, "certificate_der"),
        (_CHAIN, "certificate_chain"),
        (_DATES, "certificate_dates"),
    )
    links = [Link(_(name), reverse(page, args=[certificate.serial]), download=True) for name, page in offered]
    return [Section(_(_FILES), [Links(links)], "downloads")]


def _happened(around: _DetailState) -> Table:
    certificate = around.one.seen
    rows = []
    for audit in around.one.deeds:
        later = audit.serial not in {"", certificate.serial}
        text = (_LATER_DEEDS if later else _DEEDS).get(audit.action)
        if text is not None:
            link = reverse("certificate", args=[audit.serial]) if later else ""
            rows.append([Cell(format_time(audit.at)), Cell(_(text), link), Cell(_(WHO[audit.who]))])
    names = [_(text) for text in (_WHEN, _EVENT, _BY)]
    return Table(_(_HAPPENED), names, rows, _(_NO_DEEDS))


def _refused(around: _DetailState) -> list[Component]:
    if not around.one.refusals:
        return []
    names = [_(name) for name in (_WHEN, _CODE, _MEANING)]
    title = _(_REFUSED)
    return [
        Section(
            title,
            [
                Table(
                    title,
                    names,
                    [
                        [
                            format_time(refusal.at),
                            ERROR_CODES[refusal.reason],
                            # Without instants: it may have been about an earlier certificate of the line.
                            refusal_text(Rejection(refusal.reason)),
                        ]
                        for refusal in around.one.refusals
                    ],
                )
            ],
            "refusals",
        )
    ]
