"""Events of the status feed: their numbers, their transactions, and how long they are kept."""

from datetime import timedelta
from threading import Event

from django.db import transaction

from sinetti.database.issuance.status_feed import KEPT_FOR, insert_events, list_events
from sinetti.wire.json_api.status_events import StatusEvent, StatusEventKind
from tests.support.authority import NOW
from tests.support.registers import crowd

NEW_LIST = StatusEvent(StatusEventKind.LIST, "issuing", 7)
REVOKED = StatusEvent(StatusEventKind.REVOCATION, "issuing", 6, "0a")
MS = int(NOW.timestamp() * 1000)


def test_numbers_grow_and_are_never_below_the_time(db):
    insert_events(db, [REVOKED, NEW_LIST], NOW)
    insert_events(db, [NEW_LIST], NOW - timedelta(days=1))
    insert_events(db, [], NOW)
    assert list_events(db, 0, 10) == [(MS - 1, REVOKED), (MS, NEW_LIST), (MS + 1, NEW_LIST)]
    assert list_events(db, MS, 10) == [(MS + 1, NEW_LIST)]
    assert [number for number, _ in list_events(db, 0, 2)] == [MS, MS + 1]


def test_an_event_is_kept_for_an_hour_and_the_last_one_for_ever(db):
    insert_events(db, [NEW_LIST], NOW)
    insert_events(db, [NEW_LIST], NOW + timedelta(milliseconds=KEPT_FOR))
    assert len(list_events(db, 0, 10)) == 2
    insert_events(db, [NEW_LIST], NOW + timedelta(days=1))
    assert [number for number, _ in list_events(db, 0, 10)] == [MS + 24 * KEPT_FOR]


def test_an_event_of_a_transaction_that_is_rolled_back_is_not_there(db):
    with transaction.atomic(using=db.alias):
        insert_events(db, [NEW_LIST], NOW)
        transaction.set_rollback(True, using=db.alias)
    assert list_events(db, 0, 10) == []


def test_numbers_become_visible_in_their_order(db):
    """A transaction with a higher number waits until the one with a lower number is committed."""
    written, seen = Event(), []

    def first():
        with transaction.atomic(using=db.alias):
            insert_events(db, [REVOKED], NOW)
            written.set()
            # The second transaction has begun to wait, or soon will.
            seen.append(Event().wait(0.1))

    def second():
        assert written.wait(60)
        insert_events(db, [NEW_LIST], NOW)
        seen.append([event for _, event in list_events(db, 0, 10)])

    crowd(db, 2, lambda number: (first, second)[number]())
    assert seen == [False, [REVOKED, NEW_LIST]]
