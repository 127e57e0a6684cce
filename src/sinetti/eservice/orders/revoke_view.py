"""Revocation of a certificate: reason, confirmation with the effects, revocation."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from sinetti.domain.access.roles import Permission
from sinetti.domain.certificates.revocation import RevocationReason, RevokerRole, may_use_reason
from sinetti.domain.usage import UsageReport, UsageState
from sinetti.domain.values import Serial
from sinetti.eservice.accounts.base_views import proves_again
from sinetti.eservice.core.authentication import current_permissions, login_required
from sinetti.eservice.core.context import portal_context, request_id
from sinetti.eservice.orders.common import back_to_certificate, certificate_values, hidden, serves, signed_in_actor
from sinetti.eservice.ui.acts import ActLetters, Confirmation, check_of, is_step, letters_of
from sinetti.eservice.ui.check_pages import check_page
from sinetti.eservice.ui.components import (
    Alert,
    Button,
    Component,
    DescriptionItem,
    DescriptionList,
    Form,
    Section,
    Severity,
    Table,
    Text,
)
from sinetti.eservice.ui.drafts import keeps_typed
from sinetti.eservice.ui.forms import PortalForm
from sinetti.eservice.ui.navigation import url_or_empty
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.translate import _, format_datetime, gettext_noop, ngettext, ngettext_noop
from sinetti.services.self_service.revoke import (
    AffectedCertificate,
    LineageView,
    RevocationError,
    affected_certificates,
    get_for_confirmation,
    rehearse,
    revoke,
)

_REASONS: Mapping[RevocationReason, str] = {
    RevocationReason.KEY_COMPROMISE: gettext_noop(
        "The private key has leaked or may have leaked (certificates renewed from this one are also revoked)"
    ),
    RevocationReason.SUPERSEDED: gettext_noop("Another certificate has replaced it"),
    RevocationReason.CESSATION_OF_OPERATION: gettext_noop(
        "It is no longer needed because the program is no longer used"
    ),
    RevocationReason.AFFILIATION_CHANGED: gettext_noop("The organisation's details have changed"),
    RevocationReason.UNSPECIFIED: gettext_noop("Another reason, or no reason given"),
}
_REVOKE = ngettext_noop("Revoke this certificate permanently", "Revoke {count} certificates permanently")


REVOKE = "revoke"
"""Value of the button that revokes."""


class ReasonForm(PortalForm):
    """Form for the reason."""

    reason = forms.ChoiceField(
        label=gettext_noop("Reason for revocation"),
        choices=[
            (reason.value, label) for reason, label in _REASONS.items() if may_use_reason(RevokerRole.HOLDER, reason)
        ],
    )


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_typed(acts=("revoke",))
@proves_again("revoke")
@login_required
def certificate_revoke(request: HttpRequest, serial: str) -> HttpResponse:
    """Ask for the reason, show the effects, then revoke."""
    ctx = portal_context(request).ctx
    lineage = get_for_confirmation(Serial(serial.casefold()), current_permissions(request), ctx)
    form = ReasonForm(request.POST if is_step(request, REVOKE) else None)
    if not form.is_bound or not form.is_valid():
        return render_page(request, _asking(lineage, form))
    reason = RevocationReason(form.cleaned_data["reason"])
    going = affected_certificates(lineage, reason, current_permissions(request), ctx)
    once = Confirmation(request, REVOKE, reason, *(certificate.serial for certificate in going))
    if once.is_given or not going:
        return _revoke(request, lineage, reason)
    actor = signed_in_actor(request)
    people = [contact.email for contact in (lineage.contact, lineage.deputy) if contact is not None]
    known = None if current_permissions(request).may(Permission.GRANT, lineage.organisation_id) else people
    act_letters = letters_of(request, lambda ctx: rehearse(lineage, reason, ctx, actor, request_id(request)), known)
    return render_page(request, _check(lineage, reason, going, (once, act_letters)))


def _revoke(request: HttpRequest, lineage: LineageView, reason: RevocationReason) -> HttpResponse:
    ctx = portal_context(request).ctx
    try:
        done = revoke(lineage.serial, reason, ctx, signed_in_actor(request), request_id(request))
    except RevocationError:
        messages.info(request, _("Nothing was changed. The certificate had already been revoked."))
    else:
        messages.info(
            request, _("Certificates revoked: {count}. We tell the people concerned by e-mail.", count=len(done))
        )
    return HttpResponseRedirect(
        url_or_empty("certificate", lineage.serial) or request.path, status=HTTPStatus.SEE_OTHER
    )


def _asking(lineage: LineageView, form: ReasonForm) -> Page:
    explanation = _(
        "Revocation is permanent. A revoked certificate is refused everywhere, and it cannot be renewed "
        "or restored. If the program still needs a certificate, order a replacement first, unless the "
        "private key has leaked."
    )
    blocks: list[Component] = []
    if lineage.revoked_at is not None:
        blocks.append(
            Alert(
                _("This certificate was revoked on {revoked}.", revoked=format_datetime(lineage.revoked_at)),
                Severity.WARNING,
            )
        )
    blocks += [
        DescriptionList(_values(lineage)),
        Text([explanation]),
        form.as_component(Button(_("See the effects of the revocation"), check_of(REVOKE))),
    ]
    return Page(
        _("Revoke this certificate"),
        blocks=blocks,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK,
        back=back_to_certificate(lineage.serial),
    )


def _check(
    lineage: LineageView,
    reason: RevocationReason,
    going: Sequence[AffectedCertificate],
    shown: tuple[Confirmation, ActLetters],
) -> Page:
    once, act_letters = shown
    stops = [
        _("After this {organisation} cannot send anything with these certificates.", organisation=lineage.organisation)
    ]
    if lineage.serves:
        stops.append(serves_stop(lineage.serves))
    if reason is RevocationReason.KEY_COMPROMISE:
        stops.append(_("Make a new private key before you order a new certificate. Do not use the old key again."))
    table = Table(
        _("Certificates to revoke: {count}", count=len(going)),
        [_("Serial number"), _("Valid until"), _("Last known use")],
        [
            [certificate.serial, format_datetime(certificate.span.not_after), use(certificate.use)]
            for certificate in going
        ],
    )
    button = Button(ngettext(*_REVOKE, len(going)), REVOKE, danger=True)
    return check_page(
        _("Revoke permanently?"),
        Form([hidden("reason", reason.value), *once.fields], [button]),
        summary=[*_values(lineage), DescriptionItem(_("Reason"), _(_REASONS[reason])), act_letters.informed],
        effects=[" ".join(stops)],
        letters=act_letters.letters,
        blocks=[Section(_("Certificates to revoke"), [table])],
        back=back_to_certificate(lineage.serial),
    )


def _values(lineage: LineageView) -> list[DescriptionItem]:
    named = (lineage.organisation, lineage.customer_id)
    values = certificate_values(lineage, named, lineage.channel.value, lineage.span.not_after)
    return [*values, DescriptionItem(_("Reports sent with the certificate"), serves(lineage.serves))]


def serves_stop(count: int) -> str:
    """Return the number of other reports that stop, in words."""
    if count == 1:
        return _("The reports of 1 other organisation stop as well.")
    return _("The reports of about {count} other organisations stop as well.", count=count)


def use(known: UsageReport) -> str:
    """Return the known use of a certificate in words."""
    if known.use is UsageState.NOT_KNOWN or known.since is None:
        return _("Unknown")
    since = format_datetime(known.since)
    if known.use is UsageState.SEEN:
        return _("Last seen in use on {since}", since=since)
    return _("Not seen in use since {since}", since=since)
