"""Helpers shared by pages of orders: people as values, links back.

Texts for rejected actions name the next step in the e-service (docs/e-service/ordering.md).
"""

from collections.abc import Mapping
from typing import Protocol

from django.http import HttpRequest

from sinetti.domain.orders.ordering_rules import ExclusionReason, OrderErrorReason
from sinetti.domain.organisations.applications import PersonErrorReason
from sinetti.domain.values import Language, Serial
from sinetti.eservice.core.authentication import current_actor, current_permissions
from sinetti.eservice.core.context import portal_context
from sinetti.eservice.ui.components import Alert, Component, DescriptionItem, Input, Link, Severity
from sinetti.eservice.ui.navigation import url_or_empty
from sinetti.i18n.translate import LANGUAGES, _, format_datetime, gettext_noop, ngettext, ngettext_noop
from sinetti.services.access.permissions import Actor
from sinetti.services.self_service.order import count_orders_left

_ORDERS_LEFT = ngettext_noop(
    "You can still order {count} certificate. The limit is {limit} in 24 hours.",
    "You can still order {count} certificates. The limit is {limit} in 24 hours.",
)


class HasContactDetails(Protocol):
    """Person with contact details."""

    @property
    def name(self) -> str:
        """Name of the person."""

    @property
    def email(self) -> str:
        """E-mail address."""

    @property
    def phone(self) -> str:
        """Phone number for text messages; may be empty."""

    @property
    def language(self) -> Language:
        """Language of messages."""


class HasDescription(Protocol):
    """Certificate with the values that make up its display name."""

    @property
    def description(self) -> str:
        """Description by users; may be empty."""

    @property
    def serial(self) -> Serial:
        """Serial number."""


def signed_in_actor(request: HttpRequest) -> Actor:
    """Return the signed-in actor on pages that require sign-in."""
    actor = current_actor(request)
    assert actor is not None  # noqa: S101 - @login_required
    return actor


def display_name(description: HasDescription) -> str:
    """Return the display name of a certificate."""
    return description.description or description.serial


def serves(count: int | None) -> str:
    """Return the organisations whose reports use a certificate, in words."""
    match count:
        case None:
            return _("Not given")
        case 0:
            return _("Own reports only")
        case 1:
            return _("Own reports and those of 1 other organisation")
        case _many:
            return _("Own reports and those of about {count} other organisations", count=_many)


def person(has_contact: HasContactDetails | None) -> str:
    """Return a person in one line."""
    if has_contact is None:
        return _("Not named")
    reached = [has_contact.email, *([has_contact.phone] if has_contact.phone else [])]
    return ", ".join([has_contact.name, *reached, _(LANGUAGES[has_contact.language])])


def certificate_values(
    description: HasDescription, organisation: tuple[str, str], channel: str, ends: object
) -> list[DescriptionItem]:
    """Return the first values of a page about one certificate."""
    name, customer_id = organisation
    values = [
        DescriptionItem(_("Certificate"), display_name(description)),
        DescriptionItem(_("Organisation"), f"{name}, {customer_id}"),
        DescriptionItem(_("Certificate type"), channel),
        DescriptionItem(_("Serial number"), description.serial),
    ]
    if ends is not None:
        values.append(DescriptionItem(_("Valid until"), format_datetime(ends)))  # type: ignore[arg-type]
    return values


def back_to_certificate(serial: str) -> Link | None:
    """Return the link back to the page of one certificate."""
    address = url_or_empty("certificate", serial)
    return Link(_("Back to the certificate"), address) if address else None


def back_to_list() -> Link | None:
    """Return the link back to the list of certificates."""
    address = url_or_empty("certificates")
    return Link(_("Back to the certificates"), address) if address else None


def back_to_orders() -> Link:
    """Return the link back to the list of open orders."""
    return Link(_("Open orders"), url_or_empty("orders"))


def change_link(request: HttpRequest, name: str, field: str) -> Link | None:
    """Return the link from a check page to a field that keeps what was typed.

    Only the page of a draft has an address to which its values belong.
    """
    if "draft" not in request.GET:
        return None
    asked = request.GET.copy()
    asked["change"] = "1"
    return Link(_("Change"), f"{request.path}?{asked.urlencode()}#{field}", note=name)


def orders_left(request: HttpRequest, organisation_id: str) -> list[Component]:
    """Return the number of orders left today, once half of them are used."""
    around = portal_context(request)
    left = count_orders_left(organisation_id, current_permissions(request), around.ctx, signed_in_actor(request))
    if left is None or left.count * 2 > left.limit:
        return []
    if left.again_at is not None:
        full = _("You have placed all {limit} orders that are possible in 24 hours.", limit=left.limit)
        again = _("You can order again after {again}.", again=format_datetime(left.again_at))
        return [Alert(f"{full} {again}", Severity.WARNING)]
    return [Alert(ngettext(*_ORDERS_LEFT, left.count, limit=left.limit))]


def hidden(name: str, value: str) -> Input:
    """Return a hidden value of a form."""
    return Input(name, "", "hidden", value)


_ORDERS: Mapping[OrderErrorReason, str] = {
    OrderErrorReason.NO_ORGANISATION: gettext_noop(
        "This organisation no longer exists. Nothing was ordered. Choose the organisation again."
    ),
    OrderErrorReason.CLOSED: gettext_noop("The organisation has ended and can no longer get certificates."),
    OrderErrorReason.NOT_APPROVED: gettext_noop(
        "The organisation is no longer approved for this type of certificate. Choose another type, "
        "or apply for the technical interface first (Settings > Applications)."
    ),
    OrderErrorReason.NOT_OURS: gettext_noop(
        "The certificate to replace does not belong to this organisation. Choose it again from the list."
    ),
    OrderErrorReason.OTHER_CHANNEL: gettext_noop(
        "A replacement has the same type as the certificate that it replaces. For another type, order a "
        "new certificate."
    ),
    OrderErrorReason.SPENT: gettext_noop(
        "The transfer IDs of this order have already been used. If the certificate is lost, order a replacement."
    ),
    OrderErrorReason.UNKNOWN: gettext_noop("This order no longer exists. See the open orders."),
    OrderErrorReason.NO_CONTACT: gettext_noop(
        "The certificate has no technical contact person. Name one on the certificate's page, then send a new link."
    ),
}
_PEOPLE: Mapping[PersonErrorReason, str] = {
    PersonErrorReason.UNKNOWN: gettext_noop("This certificate no longer exists. See the list of certificates."),
    PersonErrorReason.NOT_NAMED: gettext_noop("No person has been named yet. Name one first."),
    PersonErrorReason.CLOSED: gettext_noop("The organisation has ended. You can no longer name people for it."),
    PersonErrorReason.ITSELF: gettext_noop(
        "An organisation cannot be its own accounting firm. Choose another organisation."
    ),
    PersonErrorReason.OTHER_ROLE: gettext_noop(
        "A person with this address already has another authorisation for the organisation. Withdraw it first."
    ),
    PersonErrorReason.TOO_MANY: gettext_noop(
        "Today's limit of invitations has been reached. Send the invitation again tomorrow."
    ),
    PersonErrorReason.NOT_IN_FORCE: gettext_noop("This certificate is not valid, so it has no reminders."),
    PersonErrorReason.NOT_NEWEST: gettext_noop(
        "Another certificate has already replaced this one. Reminders are sent about the new certificate. "
        "See the list of certificates."
    ),
}
_LEFT: Mapping[ExclusionReason, str] = {
    ExclusionReason.CLOSED: gettext_noop("The organisation has ended"),
    ExclusionReason.NOT_APPROVED: gettext_noop("The organisation is not approved for this type of certificate"),
    ExclusionReason.ORDERED: gettext_noop("A replacement has already been ordered"),
    ExclusionReason.SUCCEEDED: gettext_noop("It has already been renewed or replaced"),
    ExclusionReason.LET_END: gettext_noop("It has been left to expire"),
    ExclusionReason.NO_CONTACT: gettext_noop("It has no technical contact person. Name one first."),
    ExclusionReason.NO_MESSAGES: gettext_noop(
        "This service cannot send text messages. Order it separately, without the contact person's phone number."
    ),
    ExclusionReason.LINKED: gettext_noop(
        "Its description or a person's name contains a web or e-mail address. Order it separately and change the text."
    ),
    ExclusionReason.LIMIT: gettext_noop("The limit for 24 hours has been reached. Order it tomorrow."),
}


def order_error_text(why: OrderErrorReason) -> str:
    """Return the reason why an order or a new link is rejected."""
    return _(_ORDERS[why])


def person_error_text(why: PersonErrorReason) -> str:
    """Return the reason why a person or the end of a certificate is rejected."""
    return _(_PEOPLE[why])


def exclusion_text(why: ExclusionReason) -> str:
    """Return the reason why a certificate is left out of a bulk order."""
    return _(_LEFT[why])
