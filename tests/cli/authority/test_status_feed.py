"""The status feed of a serving node: each worker, a killed worker, and many readers."""

import os
import signal
from contextlib import ExitStack, closing
from datetime import timedelta
from itertools import dropwhile, islice

import pytest

from sinetti.infra.clock import utc_now
from sinetti.pki.encoding import serial_hex
from sinetti.wire.json_api.status_events import StatusEventKind
from tests.support.feed_readers import FeedReader
from tests.support.programs import Holder, exchange, new_key
from tests.support.serving import serving, until


def revoked(operator, served):
    """Enrol a certificate and revoke it; return its serial number."""
    ids = operator.order()
    holder = Holder(served.soap, operator.root / "trust" / "services.pem", now=utc_now() - timedelta(seconds=1))
    serial = serial_hex(holder.enrolled(ids, new_key()).serial_number)
    operator.does("revoke", serial, "--reason", "keyCompromise")
    return serial


@pytest.mark.long
def test_a_revocation_reaches_the_readers_of_each_worker(operator):
    operator.found()
    operator.add()
    with serving(operator.root, "--workers", "2") as served, ExitStack() as stack:
        readers = [stack.enter_context(closing(FeedReader(served.status))) for _ in range(12)]
        assert {next(one.events)[1].kind for one in readers} == {StatusEventKind.RESET}
        serial = revoked(operator, served)
        seen = [tuple(islice(one.events, 2)) for one in readers]
        assert len(set(seen)) == 1, "every worker has the same events and ids"
        (_, revocation), (last, of_list) = seen[0]
        assert (revocation.kind, revocation.serial) == (StatusEventKind.REVOCATION, serial)
        assert of_list.kind is StatusEventKind.LIST
        assert of_list.subject == revocation.subject
        assert of_list.number > revocation.number
        for victim in served.children():
            os.kill(victim, signal.SIGKILL)
        assert all(one.is_ended() for one in readers)
        until(lambda: len(served.children()) == 3)
        again = revoked(operator, served)
        for _ in range(4):
            one = stack.enter_context(closing(FeedReader(served.status, last)))
            # The command and the maintenance may both sign a list for the first revocation.
            events = dropwhile(lambda event: event.kind is StatusEventKind.LIST, (event for _, event in one.events))
            assert [event.serial for event in islice(events, 2)] == [again, ""]
        served.stop()


@pytest.mark.long
def test_as_many_readers_as_one_address_may_have(sqlite_operator):
    sqlite_operator.found()
    with serving(sqlite_operator.root, "--workers", "2") as served, ExitStack() as stack:
        readers = [stack.enter_context(closing(FeedReader(served.status))) for _ in range(70)]
        # Two workers that count at the same time may admit one more each.
        assert 64 <= sum(one.status == 200 for one in readers) <= 66
        assert {one.status for one in readers} == {200, 503}
        assert exchange(served.status, "GET", "/healthz")[0] == 200, "readers keep no other request out"
        served.process.send_signal(signal.SIGHUP)
        until(lambda: "have taken over" in served.log)
        assert all(one.is_ended() for one in readers), "readers go to the new processes"
        with closing(FeedReader(served.status)) as one:
            assert one.status == 200
            served.stop()
