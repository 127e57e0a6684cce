"""The gateway's reader of the status feed: what an event makes due, and what it never changes."""

import re
import socket
import threading
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace

import pytest

from sinetti.domain.values import Channel
from sinetti.gateway import status_feed
from sinetti.gateway.crl_freshness import issuer_of
from sinetti.gateway.revocation.crl_fetch import CrlDownload
from sinetti.gateway.status_feed import (
    GIVEN_UP_AFTER,
    LIST_FOLLOWS,
    RESET_SPREAD,
    SPREAD,
    CrlFetchJob,
    FeedActions,
    FeedReader,
    FetchSchedule,
    TrustListFetchJob,
)
from sinetti.gateway.trust_lists.folder import ListCheck
from sinetti.infra.clock import monotonic_seconds, utc_now
from sinetti.pki.encoding import certificate_der
from sinetti.pki.trust_lists.lists import TrustListKind
from sinetti.wire.json_api.status_events import HEARTBEAT, RESET, StatusEvent, StatusEventKind, format_event
from tests.support.authority import NOW, issuer
from tests.support.relying import material
from tests.support.relying_doors import SETTINGS, gateway_running
from tests.support.serving import until
from tests.support.small_server import LoopbackServer, small_server

MADE = material(NOW)
ISSUER = issuer_of(certificate_der(issuer(Channel.WS, MADE.built).certificate), "issuing.pem")
LIST = '[[list]]\nurl = "{url}/crl/Issuing.crl"\nfile = "issuing.crl"\nissuer = "issuing.pem"\n'
REVOKED = StatusEvent(StatusEventKind.REVOCATION, "Issuing", 6, "0a")
NEW_LIST = StatusEvent(StatusEventKind.LIST, "Issuing", 7)
TRUST = StatusEvent(StatusEventKind.TRUST, "anchors", 1)


def work(address="http://pki.example/crl/Issuing-1.crl", file=Path("issuing.crl")):
    return CrlFetchJob(CrlDownload(address, file, ISSUER))


ABOUT = {
    "its CA's shard": ("/crl/Issuing-1.crl", NEW_LIST, True, 7),
    "its CA's complete list": ("/crl/Issuing.crl", NEW_LIST, True, 7),
    "a CA whose name begins alike": ("/crl/Issuing-v2.crl", NEW_LIST, False, 7),
    "another CA": ("/crl/Root.crl", NEW_LIST, False, 7),
    "a mirror's address": ("/lists/a.der", NEW_LIST, True, 0),
    "a revocation": ("/crl/Issuing-1.crl", REVOKED, True, 0),
    "missed events": ("/crl/Root.crl", RESET, True, 0),
    "a trust list": ("/lists/a.der", TRUST, False, 0),
}


@pytest.mark.parametrize(("path", "event", "is_due", "number"), ABOUT.values(), ids=ABOUT)
def test_the_list_that_an_event_is_about(path, event, is_due, number):
    one = work(f"http://pki.example{path}")
    assert (one.is_due(event), one.wanted_number(event)) == (is_due, number)


class TrustLists:
    """Trust lists that a request brings to number 4."""

    settings = SimpleNamespace(url="http://pki.example")

    def fetch(self, kind):
        return (ListCheck(kind, number=4),)


TRUST_LISTS = {
    "its kind": (TRUST, True, 1),
    "missed events": (RESET, True, 0),
    "a new list of a CA": (NEW_LIST, False, 0),
}


@pytest.mark.parametrize(("event", "is_due", "number"), TRUST_LISTS.values(), ids=TRUST_LISTS)
def test_the_trust_list_that_an_event_is_about(event, is_due, number):
    one, other = (TrustListFetchJob(TrustLists(), kind) for kind in (TrustListKind.ANCHORS, TrustListKind.DISTRUST))
    assert (one.is_due(event), one.wanted_number(event)) == (is_due, number)
    assert other.is_due(event) is (event is RESET)
    assert (one.name, one.run()) == ("http://pki.example/trust/anchors", (4, None))


@pytest.fixture(autouse=True)
def no_chance(monkeypatch):
    """Take the longest random delays."""

    class Longest:
        def random(self):
            return 1.0

    monkeypatch.setattr(status_feed, "_random", Longest())


WAITS = {
    "a list": (NEW_LIST, SPREAD),
    "a revocation": (REVOKED, LIST_FOLLOWS + SPREAD),
    "a reset": (RESET, RESET_SPREAD),
}


@pytest.mark.parametrize(("event", "pause"), WAITS.values(), ids=WAITS)
def test_a_download_is_due_soon(event, pause):
    schedule = FetchSchedule()
    assert (schedule.next(0), schedule.lag(0), schedule.pause(0)) == (None, 0, 60)
    schedule.add(event, [work()], 0)
    assert schedule.pause(0) == pytest.approx(pause)
    assert schedule.next(pause - 0.01) is None
    assert schedule.next(pause + 0.01).job == work()
    assert schedule.lag(5) == 5
    schedule.done(schedule.next(5), (7, None), 5, 5)
    assert (schedule.next(100), schedule.lag(100)) == (None, 0)


def test_the_list_of_a_revocation_is_fetched_once():
    schedule = FetchSchedule()
    schedule.add(REVOKED, [work()], 0)
    schedule.add(NEW_LIST, [work()], 0.1)
    assert schedule.pause(0.1) == pytest.approx(SPREAD)
    schedule.done(schedule.next(1), (7, None), 1, 1)
    schedule.add(NEW_LIST, [work()], 2)
    assert schedule.next(100) is None


def test_an_event_during_a_download_is_not_served_by_it():
    schedule = FetchSchedule()
    schedule.add(NEW_LIST, [work()], 0)
    one = schedule.next(1)
    schedule.add(REVOKED, [work()], 2)
    schedule.done(one, (7, None), 1, 3)
    assert schedule.next(3) is None, "a download of two seconds is not repeated at once"
    assert schedule.next(11 + LIST_FOLLOWS) is not None


def test_a_flood_of_events_is_no_flood_of_downloads():
    schedule, count = FetchSchedule(), 0
    for tick in range(1000):
        schedule.add(StatusEvent(StatusEventKind.LIST, "Issuing", tick + 1), [work()], tick / 100)
        if (one := schedule.next(tick / 100)) is not None:
            schedule.done(one, (tick + 1, None), tick / 100, tick / 100)
            count += 1
    assert 5 <= count <= 20


def test_a_failed_download_is_tried_again_and_more_and_more_rarely():
    schedule, now, pauses = FetchSchedule(), 0.0, []
    schedule.add(RESET, [work()], now)
    for _ in range(10):
        now += schedule.pause(now)
        schedule.done(schedule.next(now), (0, "away"), now, now)
        pauses.append(schedule.pause(now))
    assert pauses == [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert (schedule.troubles(), schedule.lag(now)) == (["away"], now)
    schedule.done(schedule.next(now + 60), (0, None), now, now)
    assert schedule.troubles() == []


def test_a_list_that_never_comes_is_given_up(caplog):
    schedule, now, tries = FetchSchedule(), 0.0, 0
    schedule.add(StatusEvent(StatusEventKind.LIST, "Issuing", 10**18), [work()], now)
    while (one := schedule.next(now + 60)) is not None:
        now += schedule.pause(now)
        schedule.done(one, (7, None), now, now)
        tries += 1
    assert tries == GIVEN_UP_AFTER + 1
    assert "not the list with number" in str(caplog.records[0].facts)


class Parts:
    """Server whose answer comes in parts: octets, or an event to wait for."""

    def __init__(self, *connections):
        self.connections, self.asked, self.status = list(connections), [], 200

    @contextmanager
    def running(self):
        parts = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                parts.asked.append(self.headers.get("last-event-id"))
                self.send_response(parts.status)
                self.send_header("transfer-encoding", "chunked")
                self.end_headers()
                for one in parts.connections.pop(0) if parts.connections else ():
                    if isinstance(one, bytes):
                        self.wfile.write(b"%x\r\n%b\r\n" % (len(one), one))
                    else:
                        one.wait(60)
                self.wfile.write(b"0\r\n\r\n")

            def log_message(self, *_words):
                """Log nothing."""

        with LoopbackServer(Handler) as server:
            yield f"{server.origin}/status/feed"


@contextmanager
def reading(url, jobs=(), anew=None):
    """Read a feed; `anew` gets the serial numbers whose answers are no longer used."""
    reader = FeedReader(url, FeedActions(lambda: jobs, (lambda _serial: None) if anew is None else anew.append))
    reader.start()
    try:
        yield reader
    finally:
        reader.stop()


def test_a_list_is_stored_after_its_event(tmp_path):
    """A revocation, the list that has it, and the end of the connection, after which the reader comes back."""
    new, over, anew = MADE.crl(at=NOW, number=7), threading.Event(), []
    octets = format_event(5, REVOKED) + format_event(6, NEW_LIST)
    feed = Parts([octets[:20], octets[20:]], [HEARTBEAT, over])
    with feed.running() as url, small_server(lambda _: (200, {}, new)) as lists:
        one = work(f"{lists.url}/crl/Issuing-1.crl", tmp_path / "issuing.crl")
        with reading(url, [one], anew) as reader:
            until(lambda: one.download.file.exists() and len(feed.asked) == 2 and reader.lag() == 0)
            assert one.download.file.read_bytes() == new
            assert (anew, feed.asked) == ([10], [None, "6"])
            assert re.match(r"feed: last sign of life [0-9]{1,2} s ago", reader.sentence())
            over.set()
        assert len(lists.asked) == 1


@pytest.mark.long
def test_the_server_stores_what_the_feed_names_and_says_so(tmp_path):
    made, over = material(utc_now()), threading.Event()
    folder, new = made.written(tmp_path / "m"), made.crl(number=7)
    feed = Parts([format_event(6, NEW_LIST), over])
    with feed.running() as url, small_server(lambda _: (200, {}, new)) as lists:
        settings = f"""{SETTINGS.replace("[serve]", LIST.format(url=lists.url) + "[serve]")}[feed]\nurl = "{url}"\n"""
        with gateway_running(folder, settings) as place:
            until(lambda: (folder / "lists" / "issuing.crl").read_bytes() == new)
            with closing(socket.socket(socket.AF_UNIX)) as caller:
                caller.settimeout(60)
                caller.connect(str(place))
                caller.sendall(b"GET /readyz HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n")
                answer = b"".join(iter(lambda: caller.recv(4096), b"")).decode()
        over.set()
    assert answer.startswith("HTTP/1.1 200")
    assert "\nfeed: last sign of life" in answer


WRONG = {
    "no such page": (404, [], "HTTP 404"),
    "octets without end": (200, [b"x" * 5000], "too long"),
    "a break in the middle": (200, [b"event: list\n", b"\r\nzz"], None),
}


@pytest.mark.parametrize(("status", "parts", "trouble"), WRONG.values(), ids=WRONG)
def test_a_feed_that_is_wrong_only_says_so(status, parts, trouble, tmp_path, monkeypatch):
    monkeypatch.setattr(status_feed, "SILENT_AFTER", 0.0)
    feed = Parts(*([parts] * 50))
    feed.status = status
    one = work("http://127.0.0.1:1/crl/Issuing-1.crl", tmp_path / "issuing.crl")
    with feed.running() as url:
        reader = FeedReader(url, FeedActions(lambda: [one], lambda _serial: None))
        monkeypatch.setattr(status_feed, "SILENT_AFTER", 30.0)
        reader.start()
        until(lambda: feed.asked)
        if trouble is not None:
            until(lambda: reader._trouble)
            assert trouble in reader._trouble
        reader._heard_at = monotonic_seconds() - 45
        assert "feed: silent for 45 s" in reader.sentence()
        assert "sinetti gateway fetch alone" in reader.sentence()
        reader.stop()
    assert list(tmp_path.iterdir()) == []


def test_octets_that_complete_nothing_are_no_sign_of_life(monkeypatch):
    monkeypatch.setattr(status_feed, "SILENT_AFTER", 0.3)
    pause = threading.Event()
    monkeypatch.setattr(pause, "wait", lambda _seconds: threading.Event().wait(0.1))
    feed = Parts(*[[b"x", pause] * 20] * 20)
    with feed.running() as url, reading(url) as reader:
        until(lambda: reader._trouble)
        assert "no heartbeat" in reader._trouble
        assert reader.silence() > 0.3


def test_wrong_data_of_an_event_make_everything_due(tmp_path, monkeypatch):
    monkeypatch.setattr(status_feed, "RESET_SPREAD", 0.0)
    over, anew = threading.Event(), []
    feed = Parts(
        [b"event: list\ndata: {\n\n", format_event(9, StatusEvent(StatusEventKind.REVOCATION, "a", 1, "x")), over]
    )
    with feed.running() as url, small_server(lambda _: (500, {}, b"")) as lists:
        one = work(f"{lists.url}/crl/Issuing-1.crl", tmp_path / "issuing.crl")
        with reading(url, [one], anew) as reader:
            until(lambda: anew == [None, None] and lists.asked)
            until(lambda: "status 500" in reader.sentence())
            over.set()


def test_an_error_of_a_download_stops_no_other():
    class Broken:
        name = "http://pki.example/trust/anchors"
        count = 0

        def is_due(self, event):
            return event.kind is StatusEventKind.TRUST

        def wanted_number(self, event):
            return event.number

        def run(self):
            self.count += 1
            if self.count == 1:
                raise ZeroDivisionError
            return 1, None

    over, broken = threading.Event(), Broken()
    feed = Parts([format_event(9, TRUST), over])
    with feed.running() as url, reading(url, [broken, work()]) as reader:
        until(lambda: broken.count == 2 and reader.lag() == 0)
        over.set()
