"""Samples of messages about authorisations and accounts.

Their rows are those of `database.notifications.scenario`. The links of accounts have invalid tokens.
"""

from datetime import datetime

from sinetti.database.access.pending_invitations import PendingNotice
from sinetti.database.notifications import scenario
from sinetti.database.notifications.access_messages import AccessEvent
from sinetti.database.organisations.applications import DECIDED_STEP
from sinetti.domain.access.pending_invitations import InvitationProposal
from sinetti.domain.notifications.messages import AccountEmail, MessageKind
from sinetti.notifications.previews.reminders import SampleMessage, at

_NOW = at(2027, 3, 3, 11, 3)
_LAPSED = at(2027, 3, 17, 11, 4)


_FIRMS = [scenario.ENDED, scenario.ENDS_IN_DAYS, scenario.ENDS_IN_WEEKS]
_AFTER = at(2027, 3, 18, 6)


def _case(
    title: str, to: str, tells: AccessEvent, *, first: bool = False, now: datetime = _NOW, **about: str | list[str]
) -> SampleMessage:
    return SampleMessage(
        MessageKind.AUTHORISATION, title, now, to=to, facts={"tells": tells.value, **about}, first=first
    )


def _pending(title: str, tells: PendingNotice, pending: str) -> SampleMessage:
    # The message about a lapse is written after the expiry of the proposal.
    now = _LAPSED if tells is PendingNotice.LAPSED else _NOW
    return SampleMessage(
        MessageKind.INVITATION_PENDING,
        title,
        now,
        to="signatory",
        facts={"tells": tells.value, "pending": pending},
    )


PENDING = (
    _pending("it waits", PendingNotice.ASKED, scenario.PENDING[InvitationProposal.WAITING]),
    _pending("it was confirmed", PendingNotice.CONFIRMED, scenario.PENDING[InvitationProposal.CONFIRMED]),
    _pending("it was rejected", PendingNotice.REJECTED, scenario.PENDING[InvitationProposal.REJECTED]),
    _pending("the clerk withdrew it", PendingNotice.WITHDRAWN, scenario.PENDING[InvitationProposal.WITHDRAWN]),
    _pending("it has lapsed", PendingNotice.LAPSED, scenario.PENDING[InvitationProposal.WAITING]),
)
AUTHORISATIONS = (
    _case(
        "an invitation, the first message to this person",
        "newcomer",
        AccessEvent.INVITATION,
        first=True,
        mandate=scenario.OFFERED,
        invitation=scenario.OFFERED,
    ),
    _case(
        "an invitation to be a representative",
        "newcomer",
        AccessEvent.INVITATION,
        mandate=scenario.OFFERED_TO_SIGN,
        invitation=scenario.OFFERED_TO_SIGN,
    ),
    _case("a new representative, to another one", "signatory", AccessEvent.JOINED, mandate=scenario.JOINED),
    _case(
        "a first representative is named, to the organisation",
        "contact",
        AccessEvent.NAMED,
        mandate=scenario.NAMED,
        naming=scenario.NAMED,
    ),
    _case("a firm asks, to a representative", "signatory", AccessEvent.ASKED, request=scenario.ASKED_BY_FIRM),
    _case("a person asks, to a representative", "signatory", AccessEvent.ASKED, request=scenario.ASKED_BY_PERSON),
    _case("approved, to the person who asked", "newcomer", AccessEvent.GRANTED, request=scenario.GRANTED),
    _case("declined, to the person who asked", "newcomer", AccessEvent.DECLINED, request=scenario.DECLINED),
    _case(
        "declined, to the person who asked for a firm", "firm", AccessEvent.DECLINED, request=scenario.DECLINED_TO_FIRM
    ),
    _case("changed", "newcomer", AccessEvent.CHANGED, mandate=scenario.CHANGED),
    _case("changed, to a firm", "firm", AccessEvent.CHANGED, mandate=scenario.FIRMS),
    _case("withdrawn", "newcomer", AccessEvent.WITHDRAWN, mandate=scenario.WITHDRAWN),
    _case("withdrawn, to a firm", "firm", AccessEvent.WITHDRAWN, mandate=scenario.FIRMS_WITHDRAWN),
    _case("given up, to a representative", "signatory", AccessEvent.GIVEN_UP, mandate=scenario.WITHDRAWN),
    _case(
        "given up by a firm, to a representative", "signatory", AccessEvent.GIVEN_UP, mandate=scenario.FIRMS_WITHDRAWN
    ),
    _case("given to a firm", "firm", AccessEvent.GIVEN_TO_FIRM, mandate=scenario.FIRMS),
    _case("clients' authorisations end, to a firm", "firm", AccessEvent.ENDS_FIRM, mandates=_FIRMS),
    _case(
        "a client's authorisation ends in 60 days, to a firm",
        "firm",
        AccessEvent.ENDS_FIRM,
        mandates=[scenario.ENDS_IN_WEEKS],
    ),
    _case(
        "given ones end, to a representative",
        "signatory",
        AccessEvent.ENDS_GIVEN,
        mandates=[scenario.ENDED, scenario.PERSONS_END],
    ),
    _case("a person's own ends in 14 days", "newcomer", AccessEvent.ENDS_OWN, mandates=[scenario.PERSONS_END]),
    _case("a person's own has ended", "newcomer", AccessEvent.ENDS_OWN, mandates=[scenario.PERSONS_END], now=_AFTER),
)


_UNTIL = at(2027, 3, 9, 14).isoformat()
_LINK = {
    AccountEmail.CONFIRM: "/account/confirm-email/Mg:1uXyZa:Q5mX1c5xUqvOeYd0r3nJ2kPq7sT9wLzB4hNfG6aRiEo",
    AccountEmail.CONFIRM_NEW: "/account/confirm-email/Mw:1uXyZb:Vd2mP8qLxR4tB7nKcW0yHsJfG3aZeU6iOo9rT1wQ5vE",
    AccountEmail.RESET: "/account/password/reset/key/00000000000000000000000000000001-d1f2g3-5a9c0e7b4d2f8a6c1e3b",
}
_TITLES = {
    AccountEmail.CONFIRM: "the address of a new account",
    AccountEmail.CONFIRM_NEW: "a new address of an account",
    AccountEmail.THERE_ALREADY: "sign-up with an address that has an account",
    AccountEmail.RESET: "a new password",
    AccountEmail.NO_ACCOUNT: "a new password for an address without an account",
    AccountEmail.WELCOME: "an account that the authority made",
    AccountEmail.PASSWORD_CHANGED: "the password was changed",
    AccountEmail.PASSWORD_RESET: "the password was reset",
    AccountEmail.ADDRESS_CHANGED: "the address was changed, to the one before",
    AccountEmail.CODES_ADDED: "verification codes are a second factor",
    AccountEmail.CODES_REMOVED: "verification codes were removed",
    AccountEmail.PASSKEY_ADDED: "a passkey was added",
    AccountEmail.PASSKEY_REMOVED: "a passkey was removed",
    AccountEmail.FACTORS_RESET: "the authority removed a lost second factor",
    AccountEmail.RECOVERY_MADE: "recovery codes were made",
    AccountEmail.RECOVERY_USED: "a recovery code was used",
    AccountEmail.PROVIDER_ADDED: "another service's sign-in was connected",
    AccountEmail.PROVIDER_REMOVED: "another service's sign-in was disconnected",
}

ACCOUNTS = tuple(
    SampleMessage(
        MessageKind.ACCOUNT,
        _TITLES[letter],
        at(2027, 3, 9, 12),
        None,
        None,
        facts={"letter": letter, **({"way": _LINK[letter], "until": _UNTIL} if letter in _LINK else {})},
    )
    for letter in AccountEmail
)

DECISIONS = tuple(
    SampleMessage(
        MessageKind.AUTHORISATION,
        f"a decision: an application is {state}",
        _NOW,
        to="newcomer",
        step=DECIDED_STEP,
        facts={"application": application_id},
    )
    for state, application_id in scenario.APPLICATIONS.items()
)
