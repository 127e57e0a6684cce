"""Revocation lists: each follows the last one, and no entry that counts is dropped."""

import random
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from sinetti.authority.signer.lists import AdoptedList, adopt, check_list, read_entries, read_list
from sinetti.authority.signer.store import AdoptedCertificate
from sinetti.authority.signer.tasks import SigningTask, TaskKind
from sinetti.ca.crl import RevokedEntry, attach_crl_signature, build_tbs_crl, encode_entry, prepare_crl
from sinetti.ca.profiles import der_integer, encode_tlv
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Channel, Serial
from sinetti.pki.encoding import sign
from sinetti.pki.signers import SignatureRefused
from tests.support import golden
from tests.support.authority import NOW, authority, issuer
from tests.support.signing import CA, LOG, SERVICES, one, policy

DAY, WEEK, MINUTE, SECOND = timedelta(days=1), timedelta(days=7), timedelta(minutes=1), timedelta(seconds=1)
ISSUER = issuer()
ROOT = authority().hierarchy.authorities[0].file_name


def entry(number, reason="unspecified", at=NOW, since=None):
    return RevokedEntry(Serial(f"4a{number:036x}"), at, reason, since)


def listed(*entries, number=1, now=NOW, until=None, by=ISSUER):
    return prepare_crl(by, entries, number, now, until or now + WEEK)


def task(tbs, ca=CA):
    return SigningTask(TaskKind.LIST, ca, tbs)


def serial_of(number):
    return bytes.fromhex(f"4a{number:036x}")


def with_end(store, number, not_after, ca=CA):
    adopt(store, [AdoptedCertificate(ca, serial_of(number), not_after)], [], None)


def test_the_first_list_is_signed_and_its_serials_are_revoked(rules, store):
    tbs = listed(entry(1), entry(2, "keyCompromise", since=NOW - DAY))
    attach_crl_signature(tbs, one(rules, task(tbs)), ISSUER.certificate)
    with store.transaction():
        assert store.is_revoked(CA, serial_of(1))
        assert not store.is_revoked(CA, serial_of(3))
        assert not store.is_revoked(SERVICES, serial_of(1))


@pytest.mark.parametrize("reason", RevocationReason)
def test_each_reason_of_the_service_is_read(rules, reason):
    assert one(rules, task(listed(entry(1, reason), entry(2, reason, since=NOW - DAY))))


def test_an_empty_list_and_dates_after_2049_are_read(rules):
    assert one(rules, task(listed()))
    late = NOW.replace(year=2051)
    octets = encode_entry(entry(1, at=late, since=late))
    assert read_entries(octets) == [octets]


def test_each_shard_and_each_ca_has_lists_of_its_own(rules):
    for shard in (0, 1, 2):
        assert one(rules, task(listed(entry(1), number=5, by=replace(ISSUER, shard=shard))))
    sftp = issuer(Channel.SFTP)
    assert one(rules, task(listed(number=5, by=sftp), sftp.file_name))
    with pytest.raises(SignatureRefused, match="its number 5"):
        one(rules, task(listed(entry(1), entry(2), number=5, by=replace(ISSUER, shard=2))))


def test_the_same_list_may_be_asked_for_again(rules):
    """Its answer may have been lost."""
    asked = task(listed(entry(1), number=5))
    assert one(rules, asked)
    assert one(rules, asked)


def test_a_root_signs_lists_for_a_year(rules):
    root = authority().issuer(ROOT)
    assert one(rules, task(listed(by=root, until=NOW + 365 * DAY), ROOT))


FOLLOWING = {
    "an entry more": listed(entry(1), entry(2, "superseded"), entry(3), number=2),
    "in another order": listed(entry(2, "superseded"), entry(3), entry(1), number=2),
    "another reason": listed(entry(1, "keyCompromise"), entry(2, "superseded"), number=2),
    "the dates of the last list": listed(entry(1), entry(2, "superseded"), entry(3), number=2),
    "the number of the time in milliseconds": listed(entry(1), entry(2, "superseded"), number=1_772_452_800_000),
}
LAST = listed(entry(1), entry(2, "superseded"))


@pytest.mark.parametrize("tbs", FOLLOWING.values(), ids=FOLLOWING)
def test_follows_the_last_list(rules, tbs):
    one(rules, task(LAST))
    assert one(rules, task(tbs))


def test_a_list_has_the_dates_of_the_last_one_while_the_clock_is_not_trusted(rules):
    one(rules, task(LAST))
    assert one(rules, task(FOLLOWING["the dates of the last list"]), NOW + DAY)
    with pytest.raises(SignatureRefused, match="minutes"):
        one(rules, task(listed(entry(1), entry(2, "superseded"), number=3, until=NOW + 6 * DAY)), NOW + DAY)


NOT_FOLLOWING = {
    "an entry less": listed(entry(1), number=2),
    "no entry": listed(number=2),
    "an entry for another": listed(entry(1), entry(3), number=2),
    "another date": listed(entry(1, at=NOW - DAY), entry(2, "superseded"), number=2),
    "the same number": listed(entry(1), entry(2, "superseded"), entry(3)),
    "a lower number": listed(entry(1), entry(2, "superseded"), number=0),
    "a number that blocks all others": listed(entry(1), entry(2, "superseded"), number=1 << 158),
    "six minutes ago": listed(entry(1), entry(2, "superseded"), number=2, now=NOW - 6 * MINUTE),
    "in six minutes": listed(entry(1), entry(2, "superseded"), number=2, now=NOW + 6 * MINUTE),
    "more than a week": listed(entry(1), entry(2, "superseded"), number=2, until=NOW + WEEK + SECOND),
}


def test_does_not_follow(rules):
    one(rules, task(LAST))
    attempts = {name: partial(one, rules, task(tbs)) for name, tbs in NOT_FOLLOWING.items()}
    said = golden.stable_text(golden.refusals(attempts, SignatureRefused))
    golden.check("sentences/signer-certificates/lists", {"en.txt": said})
    assert one(rules, task(listed(entry(1), entry(2, "superseded"), number=2)))


EXPIRED = {
    "ended before the last list": (NOW - SECOND, True),
    "ended with the last list": (NOW, False),
    "not ended": (NOW + DAY, False),
}


@pytest.mark.parametrize(("not_after", "may_go"), EXPIRED.values(), ids=EXPIRED)
def test_an_entry_may_go_after_a_list_that_followed_its_end(rules, store, not_after, may_go):
    with_end(store, 1, not_after)
    with_end(store, 1, NOW - DAY, SERVICES)
    one(rules, task(LAST))
    (result,) = rules.sign([task(listed(entry(2, "superseded"), number=2))], NOW)
    assert isinstance(result, bytes) is may_go


def test_a_serial_that_left_the_list_stays_revoked(rules, store):
    with_end(store, 1, NOW - SECOND)
    one(rules, task(LAST))
    one(rules, task(listed(entry(2, "superseded"), number=2)))
    with store.transaction():
        assert store.is_revoked(CA, serial_of(1))


def changed(old, new):
    found = LAST.replace(old, new, 1)
    assert found != LAST
    return found


def of_entries(octets):
    return build_tbs_crl(ISSUER, [octets], 1, NOW, NOW + WEEK)


def raw_entry(*parts):
    return encode_tlv(0x30, *parts)


SERIAL, DATE = der_integer(int(entry(1).serial, 16)), b"\x17\x0d260302120000Z"
MALFORMED = {
    "nothing": b"",
    "version 1": changed(b"\x02\x01\x01", b"\x02\x01\x00"),
    "another CA": listed(entry(1), by=issuer(Channel.SFTP)),
    "another address": listed(entry(1), by=replace(ISSUER, base_url="http://other.example")),
    "another algorithm": changed(bytes.fromhex("2a8648ce3d040302"), bytes.fromhex("2a8648ce3d040303")),
    "no number": changed(bytes.fromhex("0603551d14"), bytes.fromhex("0603551d1b")),
    "an octet more": LAST + b"\0",
    "an end before the beginning": changed(b"260309120000Z", b"260301120000Z"),
    "certificateHold": listed(entry(1, "certificateHold")),
    "removeFromCRL": of_entries(encode_entry(entry(1, "keyCompromise"))[:-1] + b"\x08"),
    "a serial of 20 octets": of_entries(raw_entry(der_integer(1 << 158), DATE)),
    "a short serial": of_entries(raw_entry(der_integer(77), DATE)),
    "a date that is none": of_entries(raw_entry(SERIAL, b"\x17\x0d261302120000Z")),
    "no date": of_entries(raw_entry(SERIAL)),
    "an unknown extension": of_entries(raw_entry(SERIAL, DATE, encode_tlv(0x30, b"\x05\x00"))),
    "empty extensions": of_entries(raw_entry(SERIAL, DATE, b"\x30\x00")),
    "octets after an entry": of_entries(encode_entry(entry(1)) + b"\0"),
    "octets before an entry": of_entries(b"\0" + encode_entry(entry(1))),
}


@pytest.mark.parametrize("tbs", MALFORMED.values(), ids=MALFORMED)
def test_has_another_form(rules, tbs):
    with pytest.raises(SignatureRefused):
        one(rules, task(tbs))


@pytest.mark.parametrize("name", [LOG, "Other", f"{CA}_ocsp-1"])
def test_only_a_ca_signs_lists(rules, name):
    with pytest.raises(SignatureRefused, match="key"):
        one(rules, task(LAST, name))


def test_each_octet_counts(store):
    """A changed octet is refused, or is in a part that may vary."""
    vary = set()
    parts = (DATE[2:-1], b"260309120000Z", encode_entry(entry(1)), encode_entry(entry(2, "superseded")))
    for part in (*parts, bytes.fromhex("0603551d140403020101"), b"-1.crl"):
        vary.update(range(LAST.index(part), LAST.index(part) + len(part)))
    ca, signed = next(one for one in policy().authorities if one.file_name == CA), set()
    for at in range(len(LAST)):
        octets = LAST[:at] + bytes([LAST[at] ^ 1]) + LAST[at + 1 :]
        with store.transaction(), suppress(SignatureRefused):
            check_list(read_list(octets, ca), ca, store, NOW)
            signed.add(at)
    assert signed
    assert signed <= vary


def test_the_lists_of_an_older_authority_are_adopted(rules, store):
    tbs = listed(entry(1), entry(2), number=7)
    der = attach_crl_signature(tbs, sign(authority().key(CA), tbs), ISSUER.certificate)
    ca = next(one for one in policy().authorities if one.file_name == CA)
    for _ in range(2):
        adopt(store, [], [AdoptedList(ca, der)], (3, bytes(32)))
    with store.transaction():
        assert store.is_revoked(CA, serial_of(2))
        assert store.find_head() == (3, bytes(32))
    with pytest.raises(SignatureRefused, match="lacks 1 entries"):
        one(rules, task(listed(entry(2), number=8)))
    assert one(rules, task(listed(entry(1), entry(2), entry(3), number=8)))


@pytest.mark.long
def test_many_entries_take_seconds(rules):
    draw = random.Random(1)  # noqa: S311 - serials for a test
    template = encode_entry(entry(0, "superseded"))
    begin = template.index(serial_of(0)) + 1
    some = [template[:begin] + draw.randbytes(18) + template[begin + 18 :] for _ in range(200_000)]
    for number in (1, 2, 3):
        if number == 3:
            draw.shuffle(some)
        elif number == 2:
            some.append(encode_entry(entry(1)))
        tbs = build_tbs_crl(ISSUER, some, number, NOW, NOW + WEEK)
        assert one(rules, task(tbs))
    with pytest.raises(SignatureRefused, match="lacks 1 entries"):
        one(rules, task(build_tbs_crl(ISSUER, some[1:], 4, NOW, NOW + WEEK)))
