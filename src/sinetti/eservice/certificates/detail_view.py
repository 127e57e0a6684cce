"""The page of one certificate: its life, its data, what may be done, what has happened (docs/certificates-page.md)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from sinetti.domain.access.roles import Right
from sinetti.domain.certificates.display_status import Rank, State, rank_of, state_of
from sinetti.domain.certificates.listing import OneOfLine, Who
from sinetti.domain.codes import CODES
from sinetti.domain.refusals import Refusal
from sinetti.domain.values import KeyType, Language
from sinetti.eservice.certificates import labels, list_view, timeline
from sinetti.eservice.core.authentication import actor_of, signed_in, standing_of
from sinetti.eservice.core.context import language_of, surroundings
from sinetti.eservice.ui.components import Block, Cell, Column, Link, Links, Notice, Section, Table, Value, Values
from sinetti.eservice.ui.links import link_to
from sinetti.eservice.ui.page import Page, show
from sinetti.i18n.revocation_reasons import REASONS
from sinetti.i18n.translate import mark, refusal_text, text, when, when_short
from sinetti.services.access.permissions import Standing
from sinetti.services.self_service import certificates
from sinetti.services.self_service.certificates import OneCertificate

_TITLE = mark("Certificate “{description}”")
_BACK = mark("All certificates")
_LIFE, _DATA, _FILES, _DOING, _HAPPENED, _REFUSED = (
    mark("Timeline"),
    mark("Data"),
    mark("Downloads"),
    mark("What you can do"),
    mark("What has happened"),
    mark("The last refusals of its program"),
)
_KEYS: Mapping[KeyType, str] = {
    KeyType.RSA_2048: "RSA 2048",
    KeyType.RSA_3072: "RSA 3072",
    KeyType.RSA_4096: "RSA 4096",
    KeyType.EC_P256: "EC P-256",
    KeyType.EC_P384: "EC P-384",
}
_STATE, _ACTS, _USE, _ENDS, _OPENS = (
    mark("State"),
    mark("Who can act"),
    mark("In use"),
    mark("Ends"),
    mark("Renewal opens, at the earliest"),
)
_ORGANISATION, _CHANNEL, _CONTACT, _SERVES, _REASON = (
    mark("Organisation"),
    mark("Channel"),
    mark("Contact person"),
    mark("If it ends, this stops"),
    mark("Reason for revocation"),
)
_OWN_REPORTS = mark("The organisation's own reports")
_OWN_AND_OTHERS = mark("The organisation's own reports, and those of about {count} others")
_NO_CONTACT = mark("No contact person")
_SERIAL, _SHA256, _KEY, _ISSUER, _EARLIER, _LATER, _ORDER = (
    mark("Serial number"),
    mark("SHA-256 fingerprint"),
    mark("Key"),
    mark("Certification authority"),
    mark("Earlier certificate"),
    mark("Later certificate"),
    mark("Order"),
)
_NOT_YET, _OTHER_KEY = mark("Not issued yet"), mark("Of another type")
_OF_LINE = mark("{serial}, ends {at}")
_PEM, _DER, _CHAIN, _DATES = (
    mark("The certificate (PEM)"),
    mark("The certificate (DER)"),
    mark("The certification authorities' certificates (PEM)"),
    mark("The dates for your calendar (ICS)"),
)
_CHANGE, _LET_END, _LET_END_NOT, _REPLACE, _NEW, _REVOKE, _WAITING = (
    mark("Change the contact person"),
    mark("Let this one end"),
    mark("Do not let it end after all"),
    mark("Order a replacement"),
    mark("Order a new certificate"),
    mark("Revoke this certificate"),
    mark("See the replacement that is on order"),
)
_DEEDS: Mapping[str, str] = {
    "ordered": mark("Ordered"),
    "secure-message-offered": mark("Transfer IDs sent to the contact person"),
    "transfer-ids-shown": mark("Transfer IDs opened"),
    "certificate-issued": mark("Issued"),
    "certificate-fetched": mark("Retrieved"),
    "certificate-revoked": mark("Revoked"),
    "contact-changed": mark("Contact person changed"),
    "deputy-changed": mark("Deputy changed"),
    "deputy-removed": mark("Deputy removed"),
    "let-end": mark("Said that it is to end"),
    "let-end-undone": mark("Said that it is not to end after all"),
    "renewal-opened-early": mark("Renewal opened early"),
    "renewal-opened-by-rule": mark("Early renewal taken back"),
}
_LATER_DEEDS: Mapping[str, str] = {
    "certificate-issued": mark("A later certificate in this one's place was issued"),
    "certificate-fetched": mark("A later certificate in this one's place was retrieved"),
    "certificate-revoked": mark("A later certificate in this one's place was revoked"),
}
WHO: Mapping[Who, str] = {
    Who.YOU: mark("You"),
    Who.OWN: mark("Somebody in the organisation"),
    Who.FIRM: mark("The accounting firm"),
    Who.DESK: mark("The service desk"),
    Who.CONTACT: mark("The contact person"),
    Who.PROGRAM: mark("The program"),
    Who.SERVICE: mark("The service"),
}
_WHEN, _WHAT, _BY, _TO_DO = mark("When (Finnish time)"), mark("What"), mark("Who did it"), mark("What it means")
_NO_DEEDS = mark("Nothing is known of what has happened.")
_ENDED = mark("This certificate has ended. It cannot be renewed, but a new one can be ordered.")


@dataclass(frozen=True, slots=True)
class _Around:
    """What every part of the page is written from."""

    one: OneCertificate
    standing: Standing
    now: datetime
    language: Language

    def may(self, right: Right) -> bool:
        """Whether the reader has a right for its organisation."""
        return self.standing.may(right, self.one.seen.listed.organisation_id)


@require_safe
@signed_in
def page(request: HttpRequest, serial: str) -> HttpResponse:
    """Show one certificate."""
    office, standing, actor = surroundings(request).office, standing_of(request), actor_of(request)
    assert actor is not None  # noqa: S101 - `signed_in` has seen to it
    found = certificates.one_certificate(serial.lower(), standing, actor, office)
    around = _Around(found, standing, office.now(), language_of(request))
    language, listed = around.language, found.seen.listed
    title = text(_TITLE, language, description=listed.description or found.seen.serial)
    blocks: list[Block] = [Values(_first(around))]
    over = state_of(found.seen.facts, around.now) in {State.REVOKED, State.EXPIRED}
    if over:
        blocks.insert(0, Notice(text(_ENDED, language)))
    blocks += [
        *_deeds(around),
        Section(text(_LIFE, language), timeline.blocks(found, around.now, language), "timeline"),
        *([] if over else [list_view.how(language)]),
        Section(text(_DATA, language), [Values(_data(around))], "data"),
        *_files(around),
        Section(text(_HAPPENED, language), [_happened(around)], "happened"),
        *_refused(around),
    ]
    back = Link(text(_BACK, language), reverse("certificates"))
    return show(request, Page(title, blocks=blocks, wide=True, back=back))


def _first(around: _Around) -> list[Value]:
    """What one comes for."""
    language, now = around.language, around.now
    listed, facts = around.one.seen.listed, around.one.seen.facts
    ends, revoked = when(facts.span.not_after, language), facts.revoked_at is not None
    if not revoked:  # of a revoked one nothing is left to use, nor to renew
        ends = f"{ends} ({labels.left_words(facts.span.not_after, now, language).lower()})"
    contact = f"{listed.contact}, {listed.email}" if listed.contact else text(_NO_CONTACT, language)
    values = [
        Value(text(_STATE, language), labels.state_words(listed, now, language)),
        Value(text(_ACTS, language), labels.acts_words(listed, around.standing, now, language)),
        Value(text(_ENDS, language), ends),
        *([] if revoked else [Value(text(_OPENS, language), when(facts.renewable_from, language))]),
        Value(text(_USE, language), labels.use_words(around.one.use, language)),
        Value(text(_ORGANISATION, language), f"{listed.organisation} ({listed.customer_id})"),
        Value(text(_CHANNEL, language), labels.channel_words(listed.channel, language)),
        Value(text(_CONTACT, language), contact),
    ]
    if listed.serves is not None:
        others = labels.number(listed.serves, language)
        stops = text(_OWN_AND_OTHERS, language, count=others) if listed.serves else text(_OWN_REPORTS, language)
        values.append(Value(text(_SERVES, language), stops))
    if facts.reason is not None:
        values.append(Value(text(_REASON, language), text(REASONS[facts.reason], language)))
    return values


def _deeds(around: _Around) -> list[Block]:
    """What this reader may do now that makes sense."""
    seen, language = around.one.seen, around.language
    facts, serial = seen.facts, seen.serial
    state = state_of(facts, around.now)
    alive = state not in {State.REVOKED, State.EXPIRED}
    succeeded, organisation = facts.succeeded, seen.listed.organisation_id
    offered = [
        (_WAITING, link_to("order", seen.waiting_order or "-"), seen.waiting_order is not None),
        (
            _REPLACE,
            f"{link_to('order_new')}?organisation={organisation}&replaces={serial}",
            around.may(Right.ORDER) and alive and not succeeded and seen.waiting_order is None,
        ),
        (
            _NEW,
            f"{link_to('order_new')}?organisation={organisation}",
            around.may(Right.ORDER) and not alive and not succeeded and rank_of(facts, around.now) is Rank.OPEN,
        ),
        (_CHANGE, link_to("certificate_contact", serial), around.may(Right.CONTACT) and alive),
        (
            _LET_END_NOT if state is State.LET_END else _LET_END,
            link_to("certificate_let_end", serial),
            around.may(Right.ORDER) and alive and not succeeded,
        ),
        (_REVOKE, link_to("certificate_revoke", serial), around.may(Right.REVOKE) and alive),
    ]
    links = [Link(text(name, language), address) for name, address, there in offered if there and address[:1] == "/"]
    return [Section(text(_DOING, language), [Links(links)], "doing")] if links else []


def _data(around: _Around) -> list[Value]:
    one, language = around.one, around.language
    seen = one.seen
    key = text(_OTHER_KEY if seen.der is not None else _NOT_YET, language) if one.key is None else _KEYS[one.key]
    values = [
        Value(text(_SERIAL, language), seen.serial, secret=True),
        Value(text(_SHA256, language), seen.sha256 or text(_NOT_YET, language), secret=bool(seen.sha256)),
        Value(text(_KEY, language), key),
        Value(text(_ISSUER, language), one.issuer),
    ]
    if seen.order_id is not None and (address := link_to("order", seen.order_id)):
        values.append(Value(text(_ORDER, language), seen.order_id, link=address))
    values += _line(seen.later, _LATER, language)
    return values + _line(seen.earlier, _EARLIER, language)


def _line(others: Sequence[OneOfLine], name: str, language: Language) -> list[Value]:
    return [
        Value(
            text(name, language),
            text(_OF_LINE, language, serial=one.serial, at=when(one.facts.span.not_after, language)),
            link=reverse("certificate", args=[one.serial]),
        )
        for one in others
    ]


def _files(around: _Around) -> list[Block]:
    seen, language = around.one.seen, around.language
    if seen.der is None:
        return []
    offered = (
        (_PEM, "certificate_pem"),
        (_DER, "certificate_der"),
        (_CHAIN, "certificate_chain"),
        (_DATES, "certificate_dates"),
    )
    links = [Link(text(name, language), reverse(page, args=[seen.serial]), download=True) for name, page in offered]
    return [Section(text(_FILES, language), [Links(links)], "downloads")]


def _happened(around: _Around) -> Table:
    language, seen = around.language, around.one.seen
    rows = []
    for deed in around.one.deeds:
        later = deed.serial not in {"", seen.serial}
        told = (_LATER_DEEDS if later else _DEEDS).get(deed.action)
        if told is not None:
            link = reverse("certificate", args=[deed.serial]) if later else ""
            rows.append(
                [
                    Cell(when_short(deed.at, language)),
                    Cell(text(told, language), link),
                    Cell(text(WHO[deed.who], language)),
                ]
            )
    names = [Column(text(one, language)) for one in (_WHEN, _WHAT, _BY)]
    return Table(text(_HAPPENED, language), names, rows, text(_NO_DEEDS, language))


def _refused(around: _Around) -> list[Block]:
    language = around.language
    if not around.one.refusals:
        return []
    rows = [
        [
            Cell(when_short(one.at, language)),
            Cell(CODES[one.reason]),
            # Without instants: it may have been about an earlier certificate of the line.
            Cell(refusal_text(Refusal(one.reason), language)),
        ]
        for one in around.one.refusals
    ]
    names = [Column(text(name, language)) for name in (_WHEN, _WHAT, _TO_DO)]
    title = text(_REFUSED, language)
    return [Section(title, [Table(title, names, rows)], "refusals")]
