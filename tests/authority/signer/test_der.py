"""Strict DER: each value has one form, and anything else is refused."""

from datetime import UTC, datetime

import pytest

from sinetti.authority.signer.der import INTEGER, OCTET_STRING, SEQUENCE, DerReader
from sinetti.pki.signers import SignatureRefused

NOT_STRICT = {
    "nothing": "",
    "a tag alone": "04",
    "another tag": "0500",
    "an indefinite length": "0480000000",
    "a length of five octets": "048500000000010000",
    "a length that is cut off": "0482ff",
    "a long form for a short length": "04810100",
    "a zero before a length": "04820080" + "00" * 128,
    "content that is cut off": "040300",
}


@pytest.mark.parametrize("octets", NOT_STRICT.values(), ids=NOT_STRICT)
def test_is_not_strict(octets):
    with pytest.raises(SignatureRefused):
        DerReader(bytes.fromhex(octets)).content(OCTET_STRING)


@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 65_536])
def test_each_length_has_one_form(size):
    head = bytes([size]) if size < 128 else bytes([0x80 | (n := (size.bit_length() + 7) // 8)]) + size.to_bytes(n)
    octets = b"\x04" + head + bytes(size)
    reader = DerReader(memoryview(octets))
    assert reader.element(OCTET_STRING) == octets
    reader.finish()
    assert reader.next_tag() is None


def test_octets_after_a_value_are_refused():
    reader = DerReader(bytes.fromhex("0400" + "00"))
    reader.content(OCTET_STRING)
    with pytest.raises(SignatureRefused, match="left over"):
        reader.finish()


def test_an_element_does_not_reach_beyond_the_one_around_it():
    inner = DerReader(bytes.fromhex("3003" + "040200" + "00")).inside(SEQUENCE)
    with pytest.raises(SignatureRefused, match="cut off"):
        inner.content(OCTET_STRING)


NUMBERS = {"00": "00", "7f": "7f", "0080": "80", "00ff01": "ff01"}


@pytest.mark.parametrize(("content", "wanted"), NUMBERS.items())
def test_a_number(content, wanted):
    octets = bytes.fromhex(content)
    assert DerReader(bytes([INTEGER, len(octets)]) + octets).number().hex() == wanted


@pytest.mark.parametrize("content", ["", "80", "0001", "007f", "ff"])
def test_no_number(content):
    octets = bytes.fromhex(content)
    with pytest.raises(SignatureRefused, match="whole number"):
        DerReader(bytes([INTEGER, len(octets)]) + octets).number()


TIMES = {
    (0x17, b"260302120000Z"): datetime(2026, 3, 2, 12, tzinfo=UTC),
    (0x17, b"500101000000Z"): datetime(1950, 1, 1, tzinfo=UTC),
    (0x17, b"491231235959Z"): datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC),
    (0x18, b"20500101000000Z"): datetime(2050, 1, 1, tzinfo=UTC),
}


@pytest.mark.parametrize(("written", "wanted"), TIMES.items())
def test_a_time(written, wanted):
    tag, octets = written
    assert DerReader(bytes([tag, len(octets)]) + octets).time() == wanted


NO_TIMES = {
    "no seconds": (0x17, b"2603021200Z"),
    "an offset": (0x17, b"260302120000+0200"),
    "a fraction": (0x18, b"20500101000000.5Z"),
    "no zone": (0x18, b"20500101000000"),
    "13 months": (0x17, b"261302120000Z"),
    "letters": (0x17, b"26030212000xZ"),
    "a year before 2050 with four digits": (0x18, b"20260302120000Z"),
    "another tag": (0x04, b"20260302120000Z"),
}


@pytest.mark.parametrize("written", NO_TIMES.values(), ids=NO_TIMES)
def test_no_time(written):
    tag, octets = written
    with pytest.raises(SignatureRefused):
        DerReader(bytes([tag, len(octets)]) + octets).time()
