"""Helpers shared by pages of orders: people as values, links back.

Texts for rejected actions name the next step in the e-service (docs/e-service/ordering.md).
"""

from collections.abc import Mapping
from secrets import token_hex
from typing import Protocol

from django.http import HttpRequest

from sinetti.domain.orders.ordering_rules import ExclusionReason, OrderErrorReason
from sinetti.domain.organisations.applications import PersonErrorReason
from sinetti.domain.values import Language, Serial
from sinetti.eservice.core.authentication import current_actor
from sinetti.eservice.ui.components import DescriptionItem, Input, Link
from sinetti.eservice.ui.navigation import url_or_empty
from sinetti.i18n.translate import LANGUAGES, _, format_datetime, gettext_noop
from sinetti.services.access.permissions import Actor

_FORM_OCTETS = 16


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


def display_name(one: HasDescription) -> str:
    """Return the display name of a certificate."""
    return one.description or one.serial


def serves(count: int | None) -> str:
    """Return the organisations whose reports use a certificate, in words."""
    match count:
        case None:
            return _("Not told")
        case 0:
            return _("Own reports only")
        case 1:
            return _("Own reports, and those of one other organisation")
        case _many:
            return _("Own reports, and those of about {count} other organisations", count=_many)


def person(one: HasContactDetails | None) -> str:
    """Return a person in one line."""
    if one is None:
        return _("Nobody")
    reached = [one.email, *([one.phone] if one.phone else [])]
    return ", ".join([one.name, *reached, _(LANGUAGES[one.language])])


def certificate_values(
    seen: HasDescription, organisation: tuple[str, str], channel: str, ends: object
) -> list[DescriptionItem]:
    """Return the first values of a page about one certificate."""
    name, customer_id = organisation
    values = [
        DescriptionItem(_("Certificate"), display_name(seen)),
        DescriptionItem(_("Organisation"), f"{name}, {customer_id}"),
        DescriptionItem(_("Certificate type"), channel),
        DescriptionItem(_("Serial number"), seen.serial),
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


def hidden(name: str, value: str) -> Input:
    """Return a hidden value of a form."""
    return Input(name, "", "hidden", value)


def new_form() -> str:
    """Return an id for a form, so that repeated submissions act once."""
    return token_hex(_FORM_OCTETS)


_ORDERS: Mapping[OrderErrorReason, str] = {
    OrderErrorReason.NO_ORGANISATION: gettext_noop(
        "There is no such organisation any more. Nothing was ordered. Choose the organisation again."
    ),
    OrderErrorReason.CLOSED: gettext_noop("The organisation has ended: no certificates are issued to it any more."),
    OrderErrorReason.NOT_APPROVED: gettext_noop(
        "The organisation is no longer approved for this type of certificate. Choose another type, "
        "or apply for the technical interface first (Settings > Applications)."
    ),
    OrderErrorReason.NOT_OURS: gettext_noop(
        "The certificate that was to be replaced is not this organisation's. Choose it again from the list."
    ),
    OrderErrorReason.OTHER_CHANNEL: gettext_noop(
        "A replacement is of the same type as the certificate in whose place it comes. Order a certificate of its own "
        "for another type."
    ),
    OrderErrorReason.SPENT: gettext_noop(
        "The transfer IDs of this order have already been used. Order a replacement if the certificate is lost."
    ),
    OrderErrorReason.UNKNOWN: gettext_noop("There is no such order any more. Look at the open orders."),
    OrderErrorReason.NO_CONTACT: gettext_noop(
        "Nobody is the technical contact person any more. Name one on the certificate's page; then send a new link."
    ),
}
_PEOPLE: Mapping[PersonErrorReason, str] = {
    PersonErrorReason.UNKNOWN: gettext_noop("There is no such certificate any more. Look at the list of certificates."),
    PersonErrorReason.NOBODY: gettext_noop("There is nobody yet whose data could be corrected. Name somebody."),
    PersonErrorReason.CLOSED: gettext_noop("The organisation has ended: nobody is named for it any more."),
    PersonErrorReason.ITSELF: gettext_noop("An organisation does not look after itself: name another one."),
    PersonErrorReason.OTHER_ROLE: gettext_noop(
        "Somebody with this address has another authorisation for the organisation: withdraw it first."
    ),
    PersonErrorReason.TOO_MANY: gettext_noop("The number of invitations for today is used up. Invite again tomorrow."),
    PersonErrorReason.NOT_IN_FORCE: gettext_noop("This certificate is not valid: nobody is reminded of its end."),
    PersonErrorReason.NOT_NEWEST: gettext_noop(
        "Another certificate has taken its place already. People are reminded of the end of that one: look at it in "
        "the list."
    ),
}
_LEFT: Mapping[ExclusionReason, str] = {
    ExclusionReason.CLOSED: gettext_noop("The organisation has ended"),
    ExclusionReason.NOT_APPROVED: gettext_noop("The organisation is not approved for this type of certificate"),
    ExclusionReason.ORDERED: gettext_noop("A replacement is ordered already"),
    ExclusionReason.SUCCEEDED: gettext_noop("It was renewed or replaced already"),
    ExclusionReason.LET_END: gettext_noop("It is to end, and nothing replaces it"),
    ExclusionReason.NO_CONTACT: gettext_noop("It has no technical contact person: name one first"),
    ExclusionReason.NO_MESSAGES: gettext_noop(
        "No text messages can be sent from here: order it by itself, without the contact person's phone number"
    ),
    ExclusionReason.LINKED: gettext_noop(
        "Its description or a name contains a web address or an e-mail address: order it separately, with another text"
    ),
    ExclusionReason.LIMIT: gettext_noop("The limit of 24 hours is reached: order it tomorrow"),
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
