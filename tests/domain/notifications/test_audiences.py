"""Audiences of events: the recipients and their roles, for every kind of event."""

from sinetti.domain.notifications.messages import AUDIENCES, FIRST_REACHED, MessageKind, RecipientRole

EVENTS = {"fetched", "renewed", "refused", "revoked", "contact-changed", "bounced", "contact-gone"}
"""Kinds that are written as events.

All others have a recipient from the first.
"""


def test_every_kind_of_event_concerns_somebody_and_in_one_manner():
    assert {kind.value for kind in (*AUDIENCES, *FIRST_REACHED)} == EVENTS
    assert not AUDIENCES.keys() & FIRST_REACHED.keys()
    assert all(whom and len(set(whom)) == len(whom) for whom in (*AUDIENCES.values(), *FIRST_REACHED.values()))


def test_signatories_hear_of_what_a_stolen_key_could_do():
    for kind in (MessageKind.RENEWED, MessageKind.REVOKED):
        assert {RecipientRole.CONTACT, RecipientRole.SIGNATORIES} <= set(AUDIENCES[kind])


def test_operators_are_the_last_who_are_asked():
    assert {whom[-1] for whom in FIRST_REACHED.values()} == {RecipientRole.OPERATORS}
    assert not any(RecipientRole.OPERATORS in whom for whom in AUDIENCES.values())
