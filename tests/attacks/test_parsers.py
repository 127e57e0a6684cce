"""Hostile XML at every endpoint that takes XML.

The endpoint refuses it in under a second and 64 MB and follows none of its references.
"""

import json
import socket
from contextlib import closing

import pytest

from tests.attacks.hostile import ENCODINGS, ENTITIES, LARGE, LONG_NAMES, POINTERS, SECRET, Hostile, Place
from tests.attacks.measured_doors import PATHS, doors_open
from tests.support.registers import copied_file

SECONDS, MEBIBYTES = 1.0, 64.0
"""Limits of one call: seconds, and MiB beyond those of the process (issue 5)."""

RECEIVERS = ("gateway", "deliveries")
FITS = 120_000
"""Octets of hostile text that the SOAP endpoint reads, without the message around."""


@pytest.fixture(scope="module")
def doors(tmp_path_factory):
    """Yield the endpoints, in a process that has read nothing large."""
    folder = tmp_path_factory.mktemp("attacked")
    with copied_file(folder / "register.sqlite3") as db, doors_open(folder, db) as opened:
        yield opened


@pytest.fixture
def place(tmp_path):
    """Yield a readable file and an address with a listener.

    At the end the fixture checks that there was no connection.
    """
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        yield Place(f"http://127.0.0.1:{listening.getsockname()[1]}", str(secret))
        assert not somebody_connected(listening)


def somebody_connected(listening):
    """Return True if the kernel has taken a connection that was not accepted yet."""
    listening.setblocking(False)
    try:
        listening.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def test_somebody_who_connects_is_noticed():
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        assert not somebody_connected(listening)
        with closing(socket.create_connection(listening.getsockname())):
            assert somebody_connected(listening)


def test_what_takes_a_second_or_64_megabytes_is_noticed(doors):
    quick, slow, large = (doors.asked("gateway", b"<a/>", also=also) for also in ("", "wait", "take"))
    assert quick.seconds < SECONDS < slow.seconds
    assert quick.mebibytes < MEBIBYTES < large.mebibytes


def test_what_is_not_hostile_is_taken(doors, place):
    nothing = Hostile("", "")
    assert "PKI020" in doors.asked("soap", nothing.envelope(place)).body
    for door in RECEIVERS:
        assert doors.asked(door, nothing.delivery(place, doors.document)).status == 200


def cheap(ask):
    """Check the cost of a call and that its answer does not reveal the secret.

    The quickest of three calls counts, since the machine may be busy. A call that is slow in itself is slow each time.
    """
    answered = ask()
    for _ in range(2):
        if answered.seconds >= SECONDS:
            answered = ask()
    assert answered.seconds < SECONDS
    assert answered.mebibytes < MEBIBYTES
    assert SECRET not in answered.body
    return answered


def told_by_soap(answered):
    """Return the code of a signed answer, "Fault", or the HTTP status."""
    if answered.status == 500 and "<faultcode>SOAP-ENV:Client</faultcode>" in answered.body:
        return "Fault"
    if answered.status != 200:
        return answered.status
    return answered.body.partition("<ErrorCode>")[2].partition("<")[0]


def reason_of(answered):
    assert answered.status == 422
    return json.loads(answered.body)["reason"]


XML = {**ENTITIES, **POINTERS, **ENCODINGS}


@pytest.mark.parametrize("hostile", XML.values(), ids=XML)
def test_nothing_is_followed(hostile, doors, place):
    assert told_by_soap(cheap(lambda: doors.asked("soap", hostile.envelope(place)))) == hostile.soap
    delivery = hostile.delivery(place, doors.document)
    assert reason_of(cheap(lambda: doors.asked("gateway", delivery))) == hostile.document


THE_SAME = ["an entity of a file", "billion laughs", "XInclude of an address", "UTF-16 with its mark"]


@pytest.mark.parametrize("name", THE_SAME)
def test_nothing_is_followed_at_the_bench_either(name, doors, place):
    """The bench reads as the gateway does, behind another edge."""
    delivery = XML[name].delivery(place, doors.document)
    assert reason_of(cheap(lambda: doors.asked("deliveries", delivery))) == XML[name].document


@pytest.mark.parametrize("large", LARGE.values(), ids=LARGE)
def test_nothing_grows(large, doors, place):
    whole = large.hostile(19_000_000).delivery(place, "<Delivery><Pay>100</Pay></Delivery>")
    assert reason_of(cheap(lambda: doors.asked("gateway", whole))) == large.document
    cut = large.hostile(FITS)
    assert told_by_soap(cheap(lambda: doors.asked("soap", cut.envelope(place)))) == cut.soap


@pytest.mark.parametrize("name", ["a million attributes", "10 MB of an instruction"])
def test_nothing_grows_at_the_bench_either(name, doors, place):
    """The bench reads as the gateway does, behind another edge."""
    whole = LARGE[name].hostile(19_000_000).delivery(place, "<Delivery><Pay>100</Pay></Delivery>")
    assert reason_of(cheap(lambda: doors.asked("deliveries", whole))) == LARGE[name].document


def test_a_signature_that_was_copied_around_10_megabytes(doors, place):
    """The verifier canonicalises the document before it finds the error.

    The cost of that is bounded, too, but not by 64 MB.
    """
    delivery = LARGE["10 MB of text"].hostile(19_000_000).delivery(place, doors.document)
    answered = doors.asked("gateway", delivery)
    assert reason_of(answered) == "signature-invalid"
    assert answered.mebibytes < 1.5 * MEBIBYTES


def test_a_signature_that_was_copied_around_what_grows_in_c14n(doors, place):
    """The document has 2 MB, and its canonical form would have 70 MB.

    The verifier writes that form up to its limit only, in addition to the tree.
    """
    delivery = LONG_NAMES.hostile(19_000_000).delivery(place, doors.document)
    answered = doors.asked("gateway", delivery)
    assert reason_of(answered) == LONG_NAMES.document
    assert answered.mebibytes < 2.5 * MEBIBYTES
    assert answered.seconds < 2 * SECONDS


def test_names_that_c14n_would_write_over_and_over_are_no_message(doors, place):
    """The limit applies to the Header, too.

    The names are counted while the envelope is read.
    """
    assert told_by_soap(cheap(lambda: doors.asked("soap", LONG_NAMES.hostile(FITS).envelope(place)))) == LONG_NAMES.soap


def test_what_is_larger_than_any_request_is_not_read_by_the_soap_door(doors, place):
    whole = LARGE["10 MB of text"].hostile(19_000_000)
    assert told_by_soap(cheap(lambda: doors.asked("soap", whole.envelope(place)))) == 413


def test_every_door_is_attacked():
    assert set(PATHS) == {"soap", *RECEIVERS}
