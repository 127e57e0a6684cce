"""Why something is not done, in people's words, with the next step in the e-service (docs/ordering.md)."""

from collections.abc import Mapping

from sinetti.domain.orders.ordering_rules import ExclusionReason, OrderErrorReason
from sinetti.domain.organisations.contacts import PersonErrorReason
from sinetti.domain.values import Language
from sinetti.i18n.translate import gettext_noop, translate

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


def order_error_text(why: OrderErrorReason, language: Language) -> str:
    """Why an order is not taken, or no new link is sent."""
    return translate(_ORDERS[why], language)


def person_error_text(why: PersonErrorReason, language: Language) -> str:
    """Why somebody is not named, or a certificate not let end."""
    return translate(_PEOPLE[why], language)


def exclusion_text(why: ExclusionReason, language: Language) -> str:
    """Why a certificate is left out among many."""
    return translate(_LEFT[why], language)
