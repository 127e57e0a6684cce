"""Certificates of all organisations for clerks: search, details, revocation."""

from collections.abc import Sequence
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from sinetti.domain.certificates.bulk_revocation import BulkRevocationError
from sinetti.domain.certificates.display_status import severity_of, state_of
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Serial
from sinetti.eservice.accounts.base_views import proves_again
from sinetti.eservice.certificates.labels import STATES
from sinetti.eservice.core.context import portal_context
from sinetti.eservice.staff.audit_log import history
from sinetti.eservice.staff.bulk_revocations import REVOKE, at_once, is_too_many, revocation_check
from sinetti.eservice.staff.common import show_check, show_page, staff_view
from sinetti.eservice.ui.acts import Confirmation, check_of, is_step
from sinetti.eservice.ui.components import (
    Alert,
    Button,
    Cell,
    Component,
    DescriptionItem,
    DescriptionList,
    Filters,
    Input,
    Link,
    Links,
    Pager,
    Section,
    Severity,
    Table,
    Text,
)
from sinetti.eservice.ui.drafts import keeps_typed
from sinetti.eservice.ui.error_pages import not_found
from sinetti.eservice.ui.forms import PortalForm
from sinetti.eservice.ui.navigation import redirect_to
from sinetti.i18n.role_labels import REASONS
from sinetti.i18n.staff_labels import BULK, CHANNELS
from sinetti.i18n.translate import _, format_datetime, gettext_noop
from sinetti.services.staff import bulk_revocations, certificates
from sinetti.services.staff.certificates import REASONS as MAY_GIVE
from sinetti.services.staff.certificates import OrganisationRef, Recipient, StaffCertificateView
from sinetti.services.staff.session import StaffSession

SEARCH_HINT = gettext_noop(
    "Part of an organisation's ID or name, of a description, or of a person's name or e-mail address, or the start of "
    "a serial number. At least two characters."
)
_PART = gettext_noop("The search term is so common that only a part of the matches is shown. Enter a longer one.")
_ALREADY = gettext_noop("This certificate has already been revoked.")
_PROPOSED = gettext_noop(
    "Revocation proposed. The certificate is revoked when another clerk confirms. Ask another clerk to open this page."
)


class CertificateSearchForm(PortalForm):
    """Search form for certificates."""

    text = forms.CharField(
        label=gettext_noop("Search term"),
        help_text=SEARCH_HINT,
        min_length=2,
        max_length=254,
    )


class RevokeForm(PortalForm):
    """Form for the reason of a revocation."""

    reason = forms.ChoiceField(
        label=gettext_noop("Reason"), choices=[(reason.value, REASONS[reason]) for reason in MAY_GIVE]
    )


@staff_view
@require_safe
def certificate_list(request: HttpRequest, clerk: StaffSession) -> HttpResponse:
    """List organisations and certificates with a text; without one the list is empty."""
    form = CertificateSearchForm(request.GET if "text" in request.GET else None)
    blocks: list[Component] = [Filters(form.as_component(Button(_("Search")), search=True))]
    if form.is_bound and form.is_valid():
        asked = form.cleaned_data["text"]
        named, found_page = certificates.search(asked, request.GET.get("after", ""), clerk)
        if named:
            blocks.append(_organisations(named, asked))
        now = portal_context(request).ctx.now()
        if found_page.more:
            blocks.append(Alert(_(_PART)))
        blocks.append(
            Table(
                _("Certificates"),
                [_("Serial number"), _("Organisation"), _("Description"), _("Technical contact person"), _("State")],
                [
                    [
                        Cell(row.serial, reverse("staff_certificate", args=[row.serial]), note=row.channel),
                        Cell(row.organisation, note=row.customer_id),
                        row.description or "–",
                        Cell(row.contact or "–", note=row.email),
                        Cell(state, tone=tone),
                    ]
                    for row in found_page.rows
                    for state, tone in [(_(STATES[state_of(row.facts, now)]), Severity(severity_of(row.facts, now)))]
                ],
                _("No results."),
            )
        )
        if found_page.after:
            more = Link(_("Next page"), f"{request.path}?{urlencode({'text': asked, 'after': found_page.after})}")
            blocks.append(Pager("", None, more))
    return show_page(request, _("Certificates"), blocks)


def _organisations(named: Sequence[OrganisationRef], asked: str) -> Section:
    """Return the first organisations that were found, with a link to all of them."""
    table = Table(
        _("Organisations"),
        [_("Name"), _("ID")],
        [
            [Cell(ref.name, reverse("staff_organisation", args=[ref.organisation_id])), ref.customer_id]
            for ref in named[: certificates.ORGANISATIONS]
        ],
    )
    if len(named) <= certificates.ORGANISATIONS:
        return Section(_("Organisations"), [table])
    every = Link(
        _("Show all organisations that match"), f"{reverse('staff_organisations')}?{urlencode({'text': asked})}"
    )
    return Section(_("Organisations"), [table, Links([every])])


@keeps_typed(acts=("revoke",))
@proves_again("revoke")
@staff_view
@require_http_methods(["GET", "HEAD", "POST"])
def certificate_detail(request: HttpRequest, clerk: StaffSession, serial: str) -> HttpResponse:
    """Show one certificate with its people and history; revoke it."""
    certificate = certificates.certificate(Serial(serial), clerk)
    if certificate is None:
        return not_found(request)
    form = RevokeForm(request.POST if is_step(request, REVOKE) else None)
    if form.is_bound and form.is_valid() and (answer := _revoked(request, form, certificate, clerk)) is not None:
        return answer
    blocks: list[Component] = [_values(request, certificate), Section(_("People"), [_people(certificate)])]
    if not certificate.certificate.revoked:
        blocks.append(Section(_("Revoke this certificate"), _revoking(form, clerk)))
    blocks.append(Section(_("History"), [history(request, certificate.history)]))
    return show_page(request, _("Certificate"), blocks, Link(_("Certificates"), reverse("staff_certificates")))


def _revoked(
    request: HttpRequest, form: RevokeForm, certificate: StaffCertificateView, clerk: StaffSession
) -> HttpResponse | None:
    """Show the effects, then revoke it or propose it; None if the form shows an error."""
    serial, reason = certificate.certificate.serial, RevocationReason(form.cleaned_data["reason"])
    try:
        selection = certificates.preview_one(serial, reason, clerk)
        once = Confirmation(request, REVOKE, reason, is_too_many(clerk, selection), *selection.serials)
        if selection.going and not once.is_given:
            lineage, carried = certificate.certificate.lineage, [Input("reason", "", "hidden", reason.value)]
            named = DescriptionItem(_("Organisation"), f"{lineage.customer.name}, {lineage.customer.customer_id}")
            back = Link(_("Certificate"), reverse("staff_certificate", args=[serial]))
            return show_check(
                request, revocation_check(request, clerk, (selection, reason), (once, carried, [named], back))
            )
        outcome = certificates.revoke_one(serial, reason, clerk)
    except BulkRevocationError as refused:
        form.refuse(None, BULK[refused.reason])
        return None
    if outcome.proposal is None:
        messages.info(request, _(_ALREADY))
        return redirect_to("staff_certificate", serial)
    if outcome.proposal.approved_at is None:
        messages.info(request, _(_PROPOSED))
        return redirect_to("staff_revocation", outcome.proposal.proposal_id)
    count = len(outcome.selection.going)
    messages.info(request, _("Certificates revoked: {count}. They are no longer valid.", count=count))
    return redirect_to("staff_certificate", serial)


def _revoking(form: RevokeForm, clerk: StaffSession) -> list[Component]:
    """Return the effects of a revocation, the need for a second clerk, and the form."""
    effects = Text(
        [
            _("A revocation is permanent. We notify the contact person and the representatives."),
            _("If the private key has been compromised, all certificates renewed from this one are revoked as well."),
            at_once(),
        ]
    )
    blocks: list[Component] = [effects]
    if bulk_revocations.needs_second(1, clerk):
        blocks.append(Alert(_("A second clerk must confirm this."), Severity.WARNING))
    return [*blocks, form.as_component(Button(_("See the effects of the revocation"), check_of(REVOKE), danger=True))]


def _values(request: HttpRequest, certificate: StaffCertificateView) -> DescriptionList:
    one = certificate.certificate
    customer, now = one.lineage.customer, portal_context(request).ctx.now()
    state = _("revoked") if one.revoked_at is not None else _("expired") if now > one.span.not_after else _("valid")
    rows = [
        DescriptionItem(_("Serial number"), one.serial),
        DescriptionItem(_("Organisation"), f"{customer.name} ({customer.customer_id})"),
        DescriptionItem(_("Channel"), _(CHANNELS[one.lineage.channel])),
        DescriptionItem(_("Certification authority"), one.authority),
        DescriptionItem(_("State"), state),
        DescriptionItem(_("Valid from"), format_datetime(one.span.not_before)),
        DescriptionItem(_("Valid until"), format_datetime(one.span.not_after)),
        DescriptionItem(_("Can be renewed from"), format_datetime(one.renewable_from)),
        DescriptionItem(
            _("First retrieved"), format_datetime(one.first_fetched_at) if one.first_fetched_at else _("not yet")
        ),
    ]
    if one.revoked_at is not None and one.revocation_reason is not None:
        rows.append(
            DescriptionItem(_("Revoked"), f"{format_datetime(one.revoked_at)}: {_(REASONS[one.revocation_reason])}")
        )
    for name, serial in ((_("Renewed from"), one.predecessor), (_("Renewed by"), one.renewed_by)):
        if serial is not None:
            rows.append(DescriptionItem(name, serial, link=reverse("staff_certificate", args=[serial])))
    return DescriptionList(rows)


def _people(certificate: StaffCertificateView) -> DescriptionList:
    return DescriptionList(
        [
            DescriptionItem(_("Technical contact person"), _person(certificate.contact)),
            DescriptionItem(_("Deputy"), _person(certificate.deputy)),
        ]
    )


def _person(recipient: Recipient | None) -> str:
    if recipient is None:
        return _("not named")
    text = ", ".join(part for part in (recipient.name, recipient.email, recipient.phone) if part) or _("erased")
    return text if recipient.mailable else _("{person} (e-mail does not reach this address)", person=text)
