"""Invariants of a fleet: each violation is found, and nothing else."""

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sinetti.client.store import generations, key_storage
from sinetti.domain.values import KeyType, is_business_id
from sinetti.pki.encoding import generate_key
from sinetti.testbench.fleet.enrolment import organisations
from sinetti.testbench.fleet.invariants import InvariantChecker, ViolationKind
from tests.support import authority
from tests.support.authority import NOW

(ONLY,) = organisations(1)
DAY = timedelta(days=1)
END = NOW + timedelta(days=730)


def taken(ledger, begins=NOW):
    """Take a new certificate into use as an agent does, and return its row."""
    key = generate_key(KeyType.EC_P256)
    plan = authority.leaf_plan(key.public_key(), begins=begins, customer_id=ONLY.customer_id)
    certificate = authority.issue(plan, authority.issuer())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    bundle = [one for _, one in authority.authority().entries.values()]
    serial = generations.install(ledger.store / ONLY.name, pem, certificate, bundle)
    assert serial == key_storage.serial_of(certificate)
    return {
        "customer_id": ONLY.customer_id,
        "serial": serial,
        "not_after": certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "revoked_at": None,
    }


@pytest.fixture
def ledger(tmp_path):
    return InvariantChecker(tmp_path / "store", (ONLY,))


@pytest.fixture
def renewed(ledger):
    """Set up a correct fleet of one, and return its rows, newest first.

    The certificate was ordered, and renewed a month before its end.
    """
    ledger.expect([ONLY.name])
    first = taken(ledger)
    assert ledger.look(NOW) == (ONLY.name,)
    ledger.expect([ONLY.name])
    assert ledger.waiting() == (ONLY.name,)
    assert ledger.look(END - 30 * DAY) == ()
    second = taken(ledger, END - 30 * DAY)
    assert ledger.look(END - 30 * DAY) == (ONLY.name,)
    return [second, first]


def wrongs(ledger):
    return [one.wrong for one in ledger.breaches]


def test_all_is_well(ledger, renewed):
    ledger.look(END + DAY)
    ledger.compare(renewed, END + DAY)
    assert (ledger.breaches, ledger.waiting(), ledger.under_way()) == ([], (), ())
    assert ledger.in_use() == {ONLY.name: renewed[0]["serial"]}
    assert list(ledger.days(NOW).values()) == [1]


def test_the_last_valid_second_and_the_one_after(ledger):
    taken(ledger)
    ledger.look(END)
    assert wrongs(ledger) == []
    ledger.look(END + timedelta(seconds=1))
    ledger.look(END + timedelta(seconds=2))
    assert wrongs(ledger) == [ViolationKind.LAPSED], "told once"
    assert ledger.breaches[0].at == END + timedelta(seconds=1)


def another(ledger, rows):
    return [{**rows[0], "serial": "0badc0de"}, *rows]


def without_key(ledger, rows):
    (ledger.store / ONLY.name / "generations" / rows[1]["serial"] / "key.pem").unlink()
    return rows


def foreign_key(ledger, rows):
    old, new = (ledger.store / ONLY.name / "generations" / row["serial"] / "key.pem" for row in reversed(rows))
    old.write_bytes(new.read_bytes())
    return rows


UNWELL = {
    "a certificate that nobody has the key of": (another, [ViolationKind.KEY_LOST, ViolationKind.ISSUED_TWICE]),
    "a key that is gone": (without_key, [ViolationKind.KEY_LOST]),
    "a key that is another's": (foreign_key, [ViolationKind.KEY_LOST]),
    "one that was revoked": (
        lambda _, rows: [rows[0], {**rows[1], "revoked_at": "2027-01-01T00:00:00Z"}],
        [ViolationKind.CUT_SHORT],
    ),
    "one that ends earlier": (
        lambda _, rows: [rows[0], {**rows[1], "not_after": "2027-01-01T00:00:00Z"}],
        [ViolationKind.CUT_SHORT],
    ),
    "one that is in no register": (lambda _, rows: rows[:1], [ViolationKind.DAMAGED, ViolationKind.NOT_RENEWED]),
}


@pytest.mark.parametrize(("change", "found"), UNWELL.values(), ids=UNWELL)
def test_what_does_not_hold_is_found(change, found, ledger, renewed):
    ledger.compare(change(ledger, renewed), END - 29 * DAY)
    assert wrongs(ledger) == found


def test_one_that_was_not_renewed(ledger):
    ledger.expect([ONLY.name])
    rows = [taken(ledger)]
    ledger.look(NOW)
    ledger.expect([ONLY.name])
    ledger.compare(rows, NOW)
    assert wrongs(ledger) == [ViolationKind.NOT_RENEWED]


def test_a_set_that_does_not_belong_together(ledger):
    row = taken(ledger)
    (ledger.store / ONLY.name / "generations" / row["serial"] / "chain.pem").write_bytes(b"")
    assert ledger.look(NOW) == ()
    assert wrongs(ledger) == [ViolationKind.DAMAGED]


def test_nothing_at_all(ledger):
    ledger.store.mkdir()
    ledger.look(NOW)
    assert wrongs(ledger) == [ViolationKind.DAMAGED]


def test_what_is_begun_is_under_way(ledger):
    taken(ledger)
    (ledger.store / ONLY.name / "pending" / "renew").mkdir(parents=True)
    assert ledger.under_way() == (ONLY.name,)


def test_organisations_are_nobody():
    many = organisations(2_000)
    assert len({one.customer_id for one in many}) == len({one.name for one in many}) == 2_000
    assert not any(is_business_id(one.customer_id) for one in many)
