"""Revoking a certificate: the reason, a second look at what goes and what stops, and then it is done."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from sinetti.domain.certificates.revocation import RevocationReason, Revoker, may_give
from sinetti.domain.usage import InUse, Use
from sinetti.domain.values import Language, Serial
from sinetti.eservice.core.authentication import signed_in, standing_of
from sinetti.eservice.core.context import language_of, request_id, surroundings
from sinetti.eservice.orders.common import (
    back_to_certificate,
    certificate_values,
    hidden,
    serves,
    signed_in_actor,
    speaker,
)
from sinetti.eservice.ui.components import (
    Block,
    Button,
    Cell,
    Column,
    Form,
    Notice,
    Section,
    Table,
    Text,
    Tone,
    Value,
    Values,
)
from sinetti.eservice.ui.flash import say
from sinetti.eservice.ui.forms import PeopleForm
from sinetti.eservice.ui.links import link_to
from sinetti.eservice.ui.page import Page, show
from sinetti.i18n.translate import mark, text, when
from sinetti.services.self_service.revoke import CertificateSeen, Going, NotRevocable, look, revoke, what_goes

_REASONS: Mapping[RevocationReason, str] = {
    RevocationReason.KEY_COMPROMISE: mark(
        "The private key came into other hands, or may have: all certificates that were renewed from this one are "
        "revoked, too"
    ),
    RevocationReason.SUPERSEDED: mark("Another certificate has taken its place"),
    RevocationReason.CESSATION_OF_OPERATION: mark("It is no longer needed: the program is not used any more"),
    RevocationReason.AFFILIATION_CHANGED: mark("The organisation's details have changed"),
    RevocationReason.UNSPECIFIED: mark("Another reason, or none that we want to give"),
}


class ReasonForm(PeopleForm):
    """Why."""

    reason = forms.ChoiceField(
        label=mark("Why is it revoked?"),
        choices=[(one.value, told) for one, told in _REASONS.items() if may_give(Revoker.HOLDER, one)],
    )


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def page(request: HttpRequest, serial: str) -> HttpResponse:
    """Ask for the reason; show what goes; revoke."""
    language, office = language_of(request), surroundings(request).office
    seen = look(Serial(serial.casefold()), standing_of(request), office)
    form = ReasonForm(language, request.POST if request.method == "POST" and "reason" in request.POST else None)
    if request.method == "POST" and not form.is_bound:
        form = ReasonForm(language, {})
    if not form.is_bound or not form.is_valid():
        return show(request, _asking(seen, form, language))
    reason = RevocationReason(form.cleaned_data["reason"])
    if request.POST.get("do") == "revoke":
        return _revoke(request, seen, reason)
    return show(request, _second_look(seen, reason, what_goes(seen, reason, standing_of(request), office), language))


def _revoke(request: HttpRequest, seen: CertificateSeen, reason: RevocationReason) -> HttpResponse:
    language, office = language_of(request), surroundings(request).office
    try:
        done = revoke(seen.serial, reason, office, signed_in_actor(request), request_id(request))
    except NotRevocable:
        say(request, text("It was revoked already: nothing was changed.", language))
    else:
        say(request, text("Revoked: {count}. People concerned are told by e-mail.", language, count=len(done)))
    return HttpResponseRedirect(link_to("certificate", seen.serial) or request.path, status=HTTPStatus.SEE_OTHER)


def _asking(seen: CertificateSeen, form: ReasonForm, language: Language) -> Page:
    _ = speaker(language)
    told = _(
        "A certificate that is revoked is refused everywhere from then on, for good: it can be neither renewed nor "
        "taken back into use. If the program still needs one, order a replacement first, unless its private key is in "
        "other hands."
    )
    blocks: list[Block] = []
    if seen.revoked_at is not None:
        blocks.append(Notice(_("It was revoked on {revoked}.", revoked=when(seen.revoked_at, language)), Tone.WARNING))
    blocks += [Values(_values(seen, language)), Text([told]), form.block(Button(_("Look at what is revoked"), "look"))]
    return Page(
        _("Revoke a certificate"),
        blocks=blocks,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK,
        back=back_to_certificate(seen.serial, language),
    )


def _second_look(seen: CertificateSeen, reason: RevocationReason, going: Sequence[Going], language: Language) -> Page:
    _ = speaker(language)
    title, back = _("Revoke for good?"), back_to_certificate(seen.serial, language)
    if not going:
        already = Notice(_("It was revoked already: nothing was changed."), Tone.WARNING)
        return Page(title, blocks=[already], back=back)
    stops = [_("From then on {organisation} can send nothing with these certificates.", organisation=seen.organisation)]
    if seen.serves:
        stops.append(serves_stop(seen.serves, language))
    if reason is RevocationReason.KEY_COMPROMISE:
        stops.append(_("Make a new private key before you order a new certificate. Do not use the old key again."))
    rows = [[Cell(one.serial), Cell(when(one.span.not_after, language)), Cell(use(one.use, language))] for one in going]
    columns = [Column(_("Serial number")), Column(_("Valid until")), Column(_("Use, as far as is known"))]
    table = Table(_("Certificates that are revoked: {count}", count=len(going)), columns, rows)
    buttons = [Button(_("Revoke {count} for good", count=len(going)), "revoke", danger=True)]
    blocks: list[Block] = [
        Notice(" ".join(stops), Tone.WARNING),
        Values([*_values(seen, language), Value(_("Reason"), _(_REASONS[reason]))]),
        Section(_("What is revoked"), [table]),
        Form([hidden("reason", reason.value)], buttons),
    ]
    return Page(title, blocks=blocks, back=back)


def _values(seen: CertificateSeen, language: Language) -> list[Value]:
    named = (seen.organisation, seen.customer_id)
    values = certificate_values(seen, named, seen.channel.value, seen.span.not_after, language)
    return [*values, Value(text("Whose reports are sent with it", language), serves(seen.serves, language))]


def serves_stop(count: int, language: Language) -> str:
    """What stops for others."""
    if count == 1:
        return text("Reports of one other organisation are sent with it, too: they stop as well.", language)
    return text(
        "Reports of about {count} other organisations are sent with it, too: they stop as well.", language, count=count
    )


def use(known: InUse, language: Language) -> str:
    """What is known of a certificate's use."""
    if known.use is Use.NOT_KNOWN or known.since is None:
        return text("Not known", language)
    since = when(known.since, language)
    if known.use is Use.SEEN:
        return text("Last seen in use on {since}", language, since=since)
    return text("Not seen in use since {since}", language, since=since)
