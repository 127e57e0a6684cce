"""Why something is not done, in people's words, with the next step in the e-service (docs/ordering.md)."""

from collections.abc import Mapping

from sinetti.domain.orders.ordering_rules import LeftOut, Trouble
from sinetti.domain.organisations.contacts import PeopleTrouble
from sinetti.domain.values import Language
from sinetti.i18n.translate import mark, text

_ORDERS: Mapping[Trouble, str] = {
    Trouble.NO_ORGANISATION: mark(
        "There is no such organisation any more. Nothing was ordered. Choose the organisation again."
    ),
    Trouble.CLOSED: mark("The organisation has ended: no certificates are issued to it any more."),
    Trouble.NOT_APPROVED: mark(
        "The organisation is no longer approved for this type of certificate. Choose another type, "
        "or apply for the technical interface first (Settings > Applications)."
    ),
    Trouble.NOT_OURS: mark(
        "The certificate that was to be replaced is not this organisation's. Choose it again from the list."
    ),
    Trouble.OTHER_CHANNEL: mark(
        "A replacement is of the same type as the certificate in whose place it comes. Order a certificate of its own "
        "for another type."
    ),
    Trouble.SPENT: mark(
        "The transfer IDs of this order have already been used. Order a replacement if the certificate is lost."
    ),
    Trouble.UNKNOWN: mark("There is no such order any more. Look at the open orders."),
    Trouble.NO_CONTACT: mark(
        "Nobody is the technical contact person any more. Name one on the certificate's page; then send a new link."
    ),
}
_PEOPLE: Mapping[PeopleTrouble, str] = {
    PeopleTrouble.UNKNOWN: mark("There is no such certificate any more. Look at the list of certificates."),
    PeopleTrouble.NOBODY: mark("There is nobody yet whose data could be corrected. Name somebody."),
    PeopleTrouble.CLOSED: mark("The organisation has ended: nobody is named for it any more."),
    PeopleTrouble.ITSELF: mark("An organisation does not look after itself: name another one."),
    PeopleTrouble.OTHER_ROLE: mark(
        "Somebody with this address has another authorisation for the organisation: withdraw it first."
    ),
    PeopleTrouble.TOO_MANY: mark("The number of invitations for today is used up. Invite again tomorrow."),
    PeopleTrouble.NOT_IN_FORCE: mark("This certificate is not valid: nobody is reminded of its end."),
    PeopleTrouble.NOT_NEWEST: mark(
        "Another certificate has taken its place already. People are reminded of the end of that one: look at it in "
        "the list."
    ),
}
_LEFT: Mapping[LeftOut, str] = {
    LeftOut.CLOSED: mark("The organisation has ended"),
    LeftOut.NOT_APPROVED: mark("The organisation is not approved for this type of certificate"),
    LeftOut.ORDERED: mark("A replacement is ordered already"),
    LeftOut.SUCCEEDED: mark("It was renewed or replaced already"),
    LeftOut.LET_END: mark("It is to end, and nothing replaces it"),
    LeftOut.NO_CONTACT: mark("It has no technical contact person: name one first"),
    LeftOut.NO_MESSAGES: mark(
        "No text messages can be sent from here: order it by itself, without the contact person's phone number"
    ),
    LeftOut.LINKED: mark(
        "Its description or a name contains a web address or an e-mail address: order it separately, with another text"
    ),
    LeftOut.LIMIT: mark("The limit of 24 hours is reached: order it tomorrow"),
}


def trouble(why: Trouble, language: Language) -> str:
    """Why an order is not taken, or no new link is sent."""
    return text(_ORDERS[why], language)


def people_trouble(why: PeopleTrouble, language: Language) -> str:
    """Why somebody is not named, or a certificate not let end."""
    return text(_PEOPLE[why], language)


def left(why: LeftOut, language: Language) -> str:
    """Why a certificate is left out among many."""
    return text(_LEFT[why], language)
