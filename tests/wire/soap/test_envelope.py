"""The parts of an envelope that diagnostics read."""

import pytest

from sinetti.wire.soap.envelope import SOAP, parse_envelope

PAYLOAD = '<c:Ask xmlns:c="urn:c" xmlns="urn:d"><Inside>ä</Inside></c:Ask>'


def enveloped(payload, declarations=""):
    return f'<s:Envelope xmlns:s="{SOAP}"{declarations}><s:Body>{payload}</s:Body></s:Envelope>'.encode()


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["no mark", "byte order mark"])
def test_the_span_cuts_the_payload_out_of_the_octets(mark):
    octets = enveloped(PAYLOAD)
    start, end = parse_envelope(mark + octets).span
    assert octets[start:end] == PAYLOAD.encode()


def test_only_the_payloads_own_declarations_count():
    assert parse_envelope(enveloped(PAYLOAD, ' xmlns:o="urn:o"')).own == {"c", None}
    assert parse_envelope(enveloped("<c:Ask/>", ' xmlns:c="urn:c"')).own == frozenset()
