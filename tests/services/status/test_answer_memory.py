"""Answers to a GET from memory: never older than a revocation by more than NUMBER_COUNTS_FOR.

The rules are in docs/relying/ocsp.md. Another process is another context on the same database.
"""

from base64 import b64encode
from datetime import timedelta
from functools import partial

import pytest
from cryptography.x509 import ocsp
from django.db import OperationalError

from sinetti.api.ocsp import recall_ocsp
from sinetti.api.publication import PublicationEndpoint
from sinetti.authority import maintenance
from sinetti.authority.maintenance import FeedPoll
from sinetti.database.connection import open_database
from sinetti.database.issuance import ocsp_responses
from sinetti.database.issuance.ocsp_responses import OwnCertificate
from sinetti.domain.certificates.ocsp_status import SIGNED_ANEW_AFTER
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Channel, Sha256
from sinetti.infra import clock
from sinetti.pki.encoding import serial_hex
from sinetti.server.asgi import AsgiApp
from sinetti.server.http import Request, Response, text_response
from sinetti.services import last_signed as module
from sinetti.services.issuance.renew import renew
from sinetti.services.last_signed import NUMBER_COUNTS_FOR, LastSigned
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from sinetti.services.status import ocsp as service
from sinetti.wire.json_api.status_events import PATH
from tests.api.edges import through
from tests.support.asking import asked, believed
from tests.support.scene import (
    DAY,
    REQUEST,
    SECOND,
    Held,
    Scene,
    accepted,
    ca_certificate,
    collected,
    enrolled,
    in_the_window,
    new_key,
    renew_ask,
)

STATUS = ocsp.OCSPCertStatus


class Ticks:
    """Monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def ticks(monkeypatch) -> Ticks:
    one = Ticks()
    monkeypatch.setattr(module, "boottime_seconds", one)
    monkeypatch.setattr(maintenance, "boottime_seconds", one)
    return one


@pytest.fixture
def node(scene, tmp_path) -> Scene:
    """Return a process that keeps answers."""
    return scene.but(last_signed=LastSigned(tmp_path / "status"))


@pytest.fixture
def other(node, tmp_path) -> Scene:
    """Return another process on the same database."""
    return node.but(last_signed=LastSigned(tmp_path / "other"))


@pytest.fixture
def held(node) -> Held:
    return enrolled(node)


def polled(scene: Scene) -> None:
    FeedPoll(scene.ctx).read(0, 10)


def path_of(scene: Scene, serial: str, **how) -> str:
    octets = asked(int(serial, 16), ca_certificate(), **how)
    return f"/ocsp/{scene.ctx.issuing[Channel.WS]}/{b64encode(octets).decode()}"


def request(path: str, method: str = "GET") -> Request:
    return Request(method, path, "", {}, REQUEST, b"")


def got(scene: Scene, held: Held, method: str = "GET", **how) -> Response:
    return PublicationEndpoint(scene.ctx)(request(path_of(scene, held.serial, **how), method))


def recalled(scene: Scene, held: Held, method: str = "GET", **how) -> Response | None:
    return recall_ocsp(request(path_of(scene, held.serial, **how), method), scene.ctx)


def status(scene: Scene, reply: Response | None) -> ocsp.OCSPCertStatus:
    assert reply is not None
    return believed(reply.body, ca_certificate(), scene.clock()).certificate_status


def revoked(scene: Scene, held: Held) -> None:
    scene.clock.forward(SECOND)
    revoke(RevocationRequest(held.serial, RevocationReason.KEY_COMPROMISE), scene.ctx, "operator", REQUEST)


def away(scene: Scene) -> Scene:
    return scene.but(db=open_database("sqlite:////nowhere/at/all/register.sqlite3", alias="away"))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("sha256", [False, True], ids=["SHA-1", "SHA-256"])
def test_the_same_octets_and_headers_without_a_statement(method, sha256, node, held):
    polled(node)
    assert recalled(node, held, sha256=sha256) is None, "not read yet"
    read = got(node, held, sha256=sha256)
    assert recalled(away(node), held, method, sha256=sha256) == read
    node.clock.forward(timedelta(minutes=10))
    node.machine.forward(timedelta(minutes=10))
    assert recalled(away(node), held, method, sha256=sha256) == got(node, held, sha256=sha256) != read


def test_before_the_first_question_there_is_no_memory(node, held):
    got(node, held)
    assert recalled(node, held) is None
    polled(node)
    assert recalled(node, held) is None, "no number is from before the answer was read"


def test_what_another_process_revoked_is_good_until_the_next_question(node, other, held):
    polled(node)
    got(node, held)
    revoked(other, held)
    assert status(node, recalled(node, held)) is STATUS.GOOD
    polled(node)
    assert recalled(node, held) is None
    assert status(node, got(node, held)) is STATUS.REVOKED
    assert status(node, recalled(node, held)) is STATUS.REVOKED


def test_a_post_never_waits_for_the_question(node, other, held):
    polled(node)
    got(node, held)
    revoked(other, held)
    assert recalled(node, held, "POST") is None
    assert status(node, got(node, held)) is STATUS.REVOKED


@pytest.mark.parametrize(("later", "counts"), [(NUMBER_COUNTS_FOR, True), (NUMBER_COUNTS_FOR + 0.001, False)])
def test_a_number_that_was_asked_for_too_long_ago_counts_for_nothing(later, counts, node, held, ticks):
    polled(node)
    got(node, held)
    ticks.now += later
    assert (recalled(node, held) is not None) is counts
    polled(node)
    assert recalled(node, held) is not None, "the number is the same"


def test_while_the_database_is_away_the_number_grows_old(node, held, ticks):
    polled(node)
    got(node, held)
    alone = away(node)
    ticks.now += NUMBER_COUNTS_FOR
    with pytest.raises(OperationalError):
        polled(alone)
    assert recalled(alone, held) is not None
    ticks.now += 0.001
    assert recalled(alone, held) is None


def test_the_time_of_a_slow_question_counts_from_its_beginning(node, held, ticks, monkeypatch):
    polled(node)
    got(node, held)
    number = maintenance.last_number

    def slow(db):
        found = number(db)
        ticks.now += NUMBER_COUNTS_FOR + 0.001
        return found

    monkeypatch.setattr(maintenance, "last_number", slow)
    polled(node)
    assert recalled(node, held) is None


def test_an_answer_belongs_to_the_number_from_before_it_was_read(node, other, held, monkeypatch):
    """The revocation and the next question come while the answer is on its way from the database."""
    polled(node)
    find = ocsp_responses.find

    def overtaken(*arguments):
        found = find(*arguments)
        monkeypatch.undo()
        revoked(other, held)
        FeedPoll(node.ctx).read(0, 10)
        return found

    monkeypatch.setattr(service.ocsp_responses, "find", overtaken)
    assert status(node, got(node, held)) is STATUS.GOOD
    assert recalled(node, held) is None


@pytest.mark.parametrize(
    ("moved", "counts"),
    [(SIGNED_ANEW_AFTER - SECOND, True), (SIGNED_ANEW_AFTER, False), (-SECOND, False), (2 * DAY, False)],
    ids=["young", "old", "from the future", "expired"],
)
def test_the_age_of_an_answer_is_by_the_clock_of_the_service(moved, counts, node, held):
    polled(node)
    got(node, held)
    node.clock.forward(moved)
    assert (recalled(node, held) is not None) is counts


def test_an_old_answer_is_signed_anew_and_kept(node, held):
    polled(node)
    first = got(node, held)
    node.clock.forward(SIGNED_ANEW_AFTER)
    second = got(node, held)
    assert second.body != first.body
    assert recalled(away(node), held).body == second.body


def test_a_retired_ca_has_no_memory(node, held):
    polled(node)
    got(node, held)
    assert recalled(node.but(responders={}), held) is None


def test_a_certificate_that_may_be_given_up_is_read_each_time(node, held):
    """The next renewal gives up one that was not retrieved, without an event."""
    in_the_window(node, held)
    retrieval_id = accepted(renew(renew_ask(held, new_key()), node.ctx, REQUEST))
    new = next(one for one in certificates(node) if one != held.serial)
    waiting = Held(held.key, b"", new, retrieval_id)
    polled(node)
    assert status(node, got(node, waiting)) is STATUS.GOOD
    assert recalled(node, waiting) is None
    collected(node, retrieval_id)
    got(node, waiting)
    assert status(node, recalled(node, waiting)) is STATUS.GOOD


def certificates(scene: Scene) -> list[str]:
    return [serial for _, _, serial in ocsp_responses.page_of_signed(scene.db, 0, 10)]


def test_certificates_of_the_service_itself_are_kept(node):
    own = serial_hex(77)
    name = node.ctx.issuing[Channel.WS]
    ocsp_responses.record_own(node.db, [OwnCertificate(name, own, Sha256("0" * 64), node.clock() + DAY)])
    polled(node)
    mine = Held(new_key(), b"", own, "")
    got(node, mine)
    assert status(node, recalled(node, mine)) is STATUS.GOOD


OTHERS = {
    "a nonce": lambda node, held: path_of(node, held.serial, nonce=b"n" * 16),
    "another issuer": lambda node, held: path_of(node, held.serial).replace("/ocsp/Data", "/ocsp/Other"),
    "no request": lambda node, _: f"/ocsp/{node.ctx.issuing[Channel.WS]}/MA==",
    "no base64": lambda node, _: f"/ocsp/{node.ctx.issuing[Channel.WS]}/*",
    "no text": lambda node, _: f"/ocsp/{node.ctx.issuing[Channel.WS]}",
    "a long path": lambda node, held: path_of(node, held.serial).replace("/M", "/" * 5000 + "M"),
    "a bridge": lambda node, held: path_of(node, held.serial).replace("/ocsp/", "/status/bridge/"),
    "a list": lambda *_: "/crl/x.crl",
}


@pytest.mark.parametrize("path", OTHERS.values(), ids=OTHERS)
def test_nothing_else_is_from_memory(path, node, held):
    polled(node)
    got(node, held)
    assert recall_ocsp(request(path(node, held)), node.ctx) is None


def test_a_bench_keeps_nothing(scene, held):
    polled(scene)
    got(scene, held)
    assert recalled(scene, held) is None


def test_the_event_loop_answers_from_memory_without_the_endpoint(node, held):
    def endpoint(_request: Request) -> Response:
        raise AssertionError

    polled(node)
    read = got(node, held)
    edge = AsgiApp(endpoint)
    edge.mount_memory(partial(recall_ocsp, ctx=node.ctx))
    sent = through(edge, [b""], method="GET", path=path_of(node, held.serial))
    assert (sent.status, sent.body) == (200, read.body)
    assert read.headers.items() <= sent.headers.items()
    assert through(edge, [b""], method="GET", path=PATH).status == 500


@pytest.mark.parametrize("name", [b"Content-Length", b"transfer-encoding", b"content-encoding"])
def test_a_get_that_announces_a_body_takes_the_usual_way(name, node, held):
    polled(node)
    got(node, held)
    edge = AsgiApp(lambda _request: text_response(200, "usual"))
    edge.mount_memory(partial(recall_ocsp, ctx=node.ctx))
    path = path_of(node, held.serial)
    assert through(edge, [b""], method="GET", path=path, headers=((b"accept", b"*/*"),)).body != b"usual\n"
    assert through(edge, [b""], method="GET", path=path, headers=((name, b"identity"),)).body == b"usual\n"


def test_events_are_read_only_after_a_change(node, held, monkeypatch):
    poll = FeedPoll(node.ctx)
    assert poll.read(0, 10) == []
    revoked(node, held)
    found = poll.read(0, 10)
    assert len(found) == 2, "the revocation and the list"
    monkeypatch.setattr(maintenance, "list_events", None)
    assert poll.read(found[-1][0], 10) == ()


def test_events_that_could_not_be_read_are_read_again(node, held, monkeypatch):
    poll = FeedPoll(node.ctx)
    poll.read(0, 10)
    revoked(node, held)

    def fails(*_):
        raise OperationalError

    monkeypatch.setattr(maintenance, "list_events", fails)
    with pytest.raises(OperationalError):
        poll.read(0, 10)
    monkeypatch.undo()
    assert len(poll.read(0, 10)) == 2


def test_a_number_from_before_the_machine_slept_does_not_count(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "boottime_seconds", clock.boottime_seconds)
    last = LastSigned(tmp_path)
    last.remember_number(5, clock.boottime_seconds())
    assert last.status_number == 5
    asleep = clock.boottime_seconds() + 3600
    monkeypatch.setattr(clock, "_steady", lambda: asleep)
    assert last.status_number is None
