import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from sinetti.ca.crl import (
    ParsedCrl,
    RevokedEntry,
    SignatureRejected,
    attach_crl_signature,
    build_tbs_crl,
    encode_entry,
    prepare_crl,
    read_list,
    read_signed,
)
from sinetti.ca.crl_entries import serials_revoked_since
from sinetti.ca.issuance import capture_key
from sinetti.ca.profiles import ca_key, key_identifier_of
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Serial
from sinetti.pki.encoding import hash_for, serial_hex, sign
from tests.support.authority import BASE_URL, NOW, authority, holder_key, issuer

ISSUER = issuer()
CA_KEY = authority().key(ISSUER.key_name)
NEXT = NOW + timedelta(days=7)
EARLIER = NOW - timedelta(days=3)
SERIAL = Serial("4a" * 19)


def signed(*entries, number=1):
    tbs = prepare_crl(ISSUER, entries, number, NOW, NEXT)
    return x509.load_der_x509_crl(attach_crl_signature(tbs, sign(CA_KEY, tbs), ISSUER.certificate))


def test_an_empty_list_says_whose_which_and_when():
    crl = signed(number=42)
    assert list(crl) == []
    assert crl.issuer == ISSUER.certificate.subject
    assert (crl.last_update_utc, crl.next_update_utc) == (NOW, NEXT)
    assert crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 42
    own = ISSUER.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert crl.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier == own.digest


def test_the_shard_is_named_critically():
    scope = signed().extensions.get_extension_for_class(x509.IssuingDistributionPoint)
    assert scope.critical
    assert [one.value for one in scope.value.full_name] == [f"{BASE_URL}/crl/DataProvidersTestIssuingCAv1-1.crl"]
    assert not scope.value.indirect_crl


@pytest.mark.parametrize("reason", [one for one in RevocationReason if one is not RevocationReason.UNSPECIFIED])
def test_a_reason_stands_under_its_name(reason):
    (entry,) = signed(RevokedEntry(SERIAL, EARLIER, reason))
    assert entry.serial_number == int(SERIAL, 16)
    assert entry.revocation_date_utc == EARLIER
    assert entry.extensions.get_extension_for_class(x509.CRLReason).value.reason.value == reason


def test_unspecified_is_said_by_leaving_it_out():
    (entry,) = signed(RevokedEntry(SERIAL, EARLIER, "unspecified"))
    assert list(entry.extensions) == []


def test_an_invalidity_date_stands_beside_the_reason():
    (entry,) = signed(RevokedEntry(SERIAL, NOW, "keyCompromise", invalidity_date=EARLIER))
    assert entry.extensions.get_extension_for_class(x509.InvalidityDate).value.invalidity_date_utc == EARLIER


def test_a_year_has_four_digits_in_der():
    """One typed with three would make every later list of the CA unreadable.

    The source is X.690, 11.7 and RFC 5280, 4.1.2.5.2.
    """
    (entry,) = signed(RevokedEntry(SERIAL, NOW, "keyCompromise", invalidity_date=datetime(202, 1, 2, tzinfo=UTC)))
    found = entry.extensions.get_extension_for_class(x509.InvalidityDate).value
    assert found.invalidity_date_utc == datetime(202, 1, 2, tzinfo=UTC)


def test_a_list_is_read_as_it_was_made():
    entries = (
        RevokedEntry(SERIAL, EARLIER, "unspecified"),
        RevokedEntry(Serial("4b" * 19), NOW, "keyCompromise", invalidity_date=EARLIER),
    )
    assert read_list(signed(*entries, number=42).public_bytes(Encoding.DER)) == ParsedCrl(42, NOW, NEXT, entries)


def test_something_else_is_no_list():
    with pytest.raises(ValueError, match=r"."):
        read_list(b"0")


def built(*, issuer=ISSUER.certificate.subject, key=CA_KEY, number=42) -> bytes:
    """Sign a CRL with any key, in any name."""
    builder = x509.CertificateRevocationListBuilder(issuer, NOW, NEXT)
    if number is not None:
        builder = builder.add_extension(x509.CRLNumber(number), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def with_another_algorithm() -> bytes:
    """Return a CRL with an unknown algorithm: ecdsa-with-SHA256, last arc changed."""
    return built().replace(bytes.fromhex("06082a8648ce3d040302"), bytes.fromhex("06082a8648ce3d04037f"))


NOT_OURS = {
    "nothing": b"",
    "no list": b"0",
    "cut off": built()[:-20],
    "a foreign key": built(key=holder_key()),
    "a foreign key of another kind": built(key=rsa.generate_private_key(65537, 2048)),
    "another CA's name": built(issuer=x509.Name([])),
    "an algorithm that is unknown": with_another_algorithm(),
    "without its number": built(number=None),
}


@pytest.mark.parametrize("der", NOT_OURS.values(), ids=NOT_OURS)
def test_what_its_ca_has_not_signed_is_no_list(der):
    with pytest.raises(ValueError, match=r"."):
        read_signed(der, ISSUER.certificate)


def test_what_its_ca_has_signed_is_read():
    assert read_signed(built(), ISSUER.certificate) == ParsedCrl(42, NOW, NEXT, ())


DATES = {
    "1950 begins": datetime(1950, 1, 1, tzinfo=UTC),
    "1999 ends": datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC),
    "UTCTime ends": datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC),
    "GeneralizedTime begins": datetime(2050, 1, 1, tzinfo=UTC),
    "another zone": datetime(2050, 1, 1, 1, tzinfo=timezone(timedelta(hours=2))),
}


def by_the_library(entries, shard: int, now: datetime) -> bytes:
    """Return the octets that cryptography's own builder would sign."""
    one = replace(ISSUER, shard=shard)
    builder = x509.CertificateRevocationListBuilder(ISSUER.certificate.subject, now, now + timedelta(days=7))
    builder = builder.add_extension(key_identifier_of(ISSUER.certificate), critical=False)
    builder = builder.add_extension(x509.CRLNumber(42), critical=False)
    if shard:
        names = [x509.UniformResourceIdentifier(one.crl_url)]
        flags = (False, False, None, False, False)
        builder = builder.add_extension(x509.IssuingDistributionPoint(names, None, *flags), critical=True)
    for entry in entries:
        revoked = x509.RevokedCertificateBuilder(int(entry.serial, 16), entry.revoked_at)
        if entry.reason != "unspecified":
            revoked = revoked.add_extension(x509.CRLReason(x509.ReasonFlags(entry.reason)), critical=False)
        if entry.invalidity_date is not None:
            revoked = revoked.add_extension(x509.InvalidityDate(entry.invalidity_date), critical=False)
        builder = builder.add_revoked_certificate(revoked.build())
    key = capture_key(ca_key(ISSUER.certificate))
    builder.sign(key, hash_for(ca_key(ISSUER.certificate)))
    return key.octets


@pytest.mark.parametrize("seed", range(8))
def test_to_the_octet_what_the_librarys_builder_makes(seed):
    draw = random.Random(seed)  # noqa: S311 - played again from its number
    reasons = [one.value for one in x509.ReasonFlags if one is not x509.ReasonFlags.remove_from_crl]

    def drawn() -> RevokedEntry:
        at = draw.choice([*DATES.values(), datetime(1950, 1, 1, tzinfo=UTC) + timedelta(seconds=draw.randrange(2**32))])
        since = draw.choice([None, at, at + timedelta(days=draw.randrange(1000))])
        serial = draw.getrandbits(draw.choice([1, 7, 8, 64, 152, 159])) or 1
        return RevokedEntry(serial_hex(serial), at, draw.choice(reasons), since)

    for count, shard in ((0, 0), (0, 3), (1, 1), (seed * 60, 0), (seed * 60, 12)):
        entries, now = [drawn() for _ in range(count)], draw.choice(list(DATES.values())).astimezone(UTC)
        ours = prepare_crl(replace(ISSUER, shard=shard), entries, 42, now, now + timedelta(days=7))
        assert ours == by_the_library(entries, shard, now)


def test_entries_come_in_any_parts():
    entries = [RevokedEntry(Serial(f"4{number}" * 19), NOW, "superseded") for number in range(5)]
    octets = [encode_entry(one) for one in entries]
    parts = [b"", memoryview(b"".join(octets[:2])), b"".join(octets[2:]), b""]
    assert build_tbs_crl(ISSUER, parts, 1, NOW, NEXT) == prepare_crl(ISSUER, entries, 1, NOW, NEXT)


def many(count: int, begins: datetime, *, since: datetime | None = None) -> list[RevokedEntry]:
    """Return entries of which one is revoked each second."""
    draw = random.Random(count)  # noqa: S311
    return [
        RevokedEntry(Serial(f"4{draw.getrandbits(148):037x}"), begins + number * SECOND, "cACompromise", since)
        for number in range(count)
    ]


SECOND = timedelta(seconds=1)
ENDS = {
    "a list of nothing": ([], 0),
    "a short list is read whole": (many(10, NOW), 10),
    "the end of a long one": (many(3000, NOW), 900),
    "of one with invalidity dates": (many(3000, NOW, since=EARLIER), 700),
    "four times the end, where that is not enough": (many(8000, NOW), 3000),
    "all of it, where all is new": (many(3000, NOW), 3000),
    "in the year 2051": (many(3000, datetime(2051, 1, 1, tzinfo=UTC)), 900),
    "in 1998": (many(3000, datetime(1998, 1, 1, tzinfo=UTC)), 900),
}


@pytest.mark.parametrize(("entries", "new"), ENDS.values(), ids=ENDS)
def test_what_was_revoked_from_an_instant_on_is_found_at_the_end(entries, new):
    octets = memoryview(b"".join(map(encode_entry, entries)))
    since = entries[-new].revoked_at if entries else NOW
    found = serials_revoked_since(octets, since)
    assert {one.serial for one in entries[-new:]} <= found <= {one.serial for one in entries}
    assert len(found) <= max(4 * new, 1300)


def test_serials_of_any_length_are_found():
    entries = [RevokedEntry(serial_hex(number), NOW, "unspecified") for number in (1, 127, 128, 255, 256, 2**159 - 1)]
    assert serials_revoked_since(memoryview(b"".join(map(encode_entry, entries))), NOW) == {
        one.serial for one in entries
    }


def test_octets_that_are_no_entries_have_no_serials_that_anybody_has():
    assert serials_revoked_since(memoryview(b"\xff" * 200_000), NOW).isdisjoint({SERIAL})


REFUSED = {
    "a serial that is nought": ([RevokedEntry(Serial("00"), NOW, "superseded")], 1, NEXT),
    "a serial of 21 octets": ([RevokedEntry(Serial("80" + "00" * 19), NOW, "superseded")], 1, NEXT),
    "a date before 1950": ([RevokedEntry(SERIAL, datetime(1949, 12, 31, tzinfo=UTC), "superseded")], 1, NEXT),
    "a reason that is unknown": ([RevokedEntry(SERIAL, NOW, "lost")], 1, NEXT),
    "a reason of delta lists": ([RevokedEntry(SERIAL, NOW, "removeFromCRL")], 1, NEXT),
    "a negative number": ([], -1, NEXT),
    "a number of 21 octets": ([], 1 << 159, NEXT),
    "a next update that is this one": ([], 1, NOW),
}


@pytest.mark.parametrize(("entries", "number", "next_update"), REFUSED.values(), ids=REFUSED)
def test_what_no_list_can_say_is_refused(entries, number, next_update):
    with pytest.raises(ValueError):  # noqa: PT011 - some are the library's own words
        prepare_crl(ISSUER, entries, number, NOW, next_update)


def test_the_greatest_number_fits():
    number = signed(number=(1 << 159) - 1).extensions.get_extension_for_class(x509.CRLNumber).value
    assert number.crl_number == (1 << 159) - 1


TBS = prepare_crl(ISSUER, [], 1, NOW, NEXT)
REJECTED = {
    "by another key": (TBS, sign(holder_key(), TBS)),
    "over other octets": (TBS, sign(CA_KEY, TBS + b".")),
    "nothing": (TBS, b""),
}


@pytest.mark.parametrize(("tbs", "signature"), REJECTED.values(), ids=REJECTED)
def test_a_signature_that_is_not_the_cas_is_rejected(tbs, signature):
    with pytest.raises(SignatureRejected):
        attach_crl_signature(tbs, signature, ISSUER.certificate)
