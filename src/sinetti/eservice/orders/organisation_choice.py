"""For which organisation: the page that asks it where there are several, and the one that says it may not yet."""

from collections.abc import Sequence
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse

from sinetti.domain.orders.ordering_rules import OrderErrorReason
from sinetti.eservice.core.context import language_of
from sinetti.eservice.orders.common import back_to_list, translator
from sinetti.eservice.orders.error_texts import order_error_text
from sinetti.eservice.ui.components import Alert, Button, Component, Form, Input, Link, Option, Severity, Text
from sinetti.eservice.ui.links import url_or_empty
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.translate import translate
from sinetti.services.self_service.order import OrganisationInfo

_MOST = 1000
"""Organisations in one list of choices: 100 kB."""


def choose(request: HttpRequest, organisations: Sequence[OrganisationInfo]) -> HttpResponse:
    """Ask for which organisation something is ordered."""
    language = language_of(request)
    _ = translator(language)
    options = [Option(one.organisation_id, f"{one.name}, {one.customer_id}") for one in organisations[:_MOST]]
    field = Input("organisation", _("Organisation"), "select", options=options, required=True)
    form = Form([field], [Button(_("Continue"))], search=True)
    page = Page(_("For which organisation?"), blocks=[form], back=back_to_list(language))
    return render_page(request, page)


def closed(request: HttpRequest) -> HttpResponse:
    """Say that nothing is issued any more to an organisation that somebody may order for."""
    language = language_of(request)
    told = Alert(order_error_text(OrderErrorReason.CLOSED, language), Severity.WARNING)
    title = translate("Order a certificate", language)
    return render_page(request, Page(title, blocks=[told], status=HTTPStatus.GONE, back=back_to_list(language)))


def not_approved(request: HttpRequest, found: OrganisationInfo) -> HttpResponse:
    """Say that nothing, or nothing of what is wanted, was approved, and where that is applied for."""
    language = language_of(request)
    _ = translator(language)
    if found.channels:
        told = _("{organisation} cannot order this type of certificate yet.", organisation=found.name)
    else:
        told = _("{organisation} cannot order certificates yet.", organisation=found.name)
    then = _(
        "First an application for the technical interface has to be approved. The organisation's "
        "representative makes it in the e-service, and certificates can be ordered as soon as it "
        "has been approved."
    )
    address = url_or_empty("applications")
    links = [Link(_("Apply for the technical interface"), address, button=True)] if address else []
    blocks: list[Component] = [Alert(told, Severity.WARNING, links), Text([then])]
    return render_page(request, Page(_("Order a certificate"), blocks=blocks, back=back_to_list(language)))
