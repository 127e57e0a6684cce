"""`authority call-early`: preview, call, list, undo, and refusals."""

import json
import stat
from contextlib import contextmanager

import pytest

from sinetti.authority.bootstrap import open_authority
from sinetti.authority.data_directory import DirectoryKind
from sinetti.cli.authority import serial_selection
from sinetti.cli.authority.common import machine_officer
from sinetti.database import models
from sinetti.database.certificates import early_replacement
from sinetti.database.connection import Database
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.infra.clock import utc_now
from sinetti.pki.ari_id import ari_cert_id
from sinetti.pki.encoding import load_certificate
from sinetti.server.http import SOAP_PATH
from sinetti.wire.http_signatures.certificate_keys import certificate_signer
from sinetti.wire.json_api import revocations
from sinetti.wire.json_api.revocations import sign_revocation
from tests.support import golden
from tests.support.authority import CUSTOMER_ID
from tests.support.programs import exchange
from tests.support.scene import Scene, enrolled
from tests.support.serving import serving

WORDS = ("--over", "2d", "--reason", "incident 7")
EXPLAINED = ("--explanation-fi", "syy", "--explanation-sv", "orsak", "--explanation-en", "why")


@contextmanager
def opened(operator):
    """Open the authority of the operator as a scene that needs no clock of its own."""
    authority = open_authority(operator.root.absolute(), DirectoryKind.AUTHORITY)
    try:
        yield Scene(authority.ctx, None, None, None, None)
    finally:
        authority.journal.close()
        Database("default").close()


@pytest.fixture
def stocked(sqlite_operator):
    """Return an operator, and the serials of two retrieved certificates."""
    sqlite_operator.found()
    sqlite_operator.add(CUSTOMER_ID)
    with opened(sqlite_operator) as scene:
        return sqlite_operator, [enrolled(scene).serial for _ in range(2)]


def renewable(operator, serial):
    with opened(operator) as scene:
        return scene.certificate(serial).renewable_from


def test_looked_at_called_listed_and_undone(stocked, tmp_path, monkeypatch):
    operator, serials = stocked
    monkeypatch.setattr(serial_selection, "QUIET_FOR", 0.0)
    usual = renewable(operator, serials[0])
    mine = ("call-early", "--customer-id", CUSTOMER_ID, *WORDS)
    shown = json.loads(operator.does(*mine, "--dry-run", "--json"))
    assert {name: shown[name] for name in ("result", "count", "passed_over", "call", "begins", "ends")} == {
        "result": "dry-run", "count": 2, "passed_over": 0, "call": None, "begins": None, "ends": None,
    }  # fmt: skip
    assert [one["serial"] for one in shown["certificates"]] == serials
    assert list(shown["certificates"][0]) == ["serial", "customer_id", "channel", "authority", "not_after"]
    lines = operator.says(0, *mine, "--dry-run")[0].splitlines()
    assert [shown[name] for name in ("reached", "unreached", "messages", "people_unreached")] == [
        {"program": 0, "email": 2, "sms": 0}, 0, {"email": 1, "sms": 0}, 0,
    ]  # fmt: skip
    assert [line.split("  ")[0] for line in lines[:-2]] == serials
    assert renewable(operator, serials[0]) == usual
    operator.says(0, "call-early", "status")

    out, err = operator.says(0, *mine, *EXPLAINED, "--explanation-url", "https://service.example/7", "--json")
    done = json.loads(out)
    assert (done["result"], done["count"]) == ("done", 2)
    assert f"--end {done['call']}" in err
    assert renewable(operator, serials[0]) < usual
    (row,) = json.loads(operator.does("call-early", "status", "--json"))
    assert row == {
        "call": done["call"], "kind": "early", "officer": machine_officer(), "reason": "incident 7", "count": 2,
        "replaced": 0, "heard": 0, "unreached": 2, "expired_or_revoked": 0,
        "begins": done["begins"], "ends": done["ends"], "done": row["done"], "ended": None,
    }  # fmt: skip
    listed = operator.does("call-early", "status").splitlines()[1]
    assert listed.split()[:6] == [done["call"], "2", "0", "0", "2", done["begins"]]
    operator.says(0, *mine)

    undone = operator.does("call-early", "--end", done["call"], "--json")
    assert json.loads(undone) == {"result": "ended", "call": done["call"]}
    assert renewable(operator, serials[0]) == usual
    operator.refused(2, "call-early", "--end", done["call"])
    golden.check("sentences/call-early/looked-at-called-listed-and-undone", operator.said())


def test_what_is_served_tells_of_a_call_and_takes_revocations(sqlite_operator):
    """The real server gives the hint after a command, and revokes, beside SOAP.

    Its limits are those of SOAP.
    """
    operator = sqlite_operator
    operator.found()
    operator.add(CUSTOMER_ID)
    with opened(operator) as scene:
        held = enrolled(scene)
    certificate = load_certificate(held.der)
    with serving(operator.root, "--workers", 1, "--rate-per-address", 5) as served:
        origin, path = served.soap.removesuffix(SOAP_PATH), f"/api/v1/renewal-info/{ari_cert_id(certificate)}"
        assert "explanation" not in json.loads(exchange(origin, "GET", path)[2])
        operator.does("call-early", "--serial", held.serial, *WORDS, *EXPLAINED)
        told = json.loads(exchange(origin, "GET", path)[2])
        assert told["explanation"] == {"fi": "syy", "sv": "orsak", "en": "why"}
        call = sign_revocation(certificate, RevocationReason.SUPERSEDED, certificate_signer(held.key), utc_now())
        assert exchange(origin, "POST", revocations.PATH, call.body, dict(call.headers))[0] == 200
        asked = [exchange(origin, "GET", path)[0] for _ in range(40)]
        assert set(asked) == {200, 503}, "limits per address count these calls too"
        served.stop()
    (row,) = json.loads(operator.does("status", "--customer-id", CUSTOMER_ID, "--json"))
    assert (row["state"], row["reason"]) == ("revoked", "superseded")


def test_one_and_those_of_a_file(stocked, tmp_path):
    operator, (first, second) = stocked
    operator.says(0, "call-early", "--serial", first.upper(), *WORDS)
    (tmp_path / "serials").write_text(f"# those of the incident\n\n{first}\n{second}\n")
    operator.says(0, "call-early", "--serials", tmp_path / "serials", *WORDS)
    golden.check("sentences/call-early/one-and-those-of-a-file", operator.said(HEX=first.upper()))


def test_what_was_cut_short_is_told(stocked, monkeypatch):
    operator, (first, second) = stocked
    monkeypatch.setattr(early_replacement, "finish", lambda *_: None)
    operator.does("call-early", "--serial", first, *WORDS)
    operator.says(0, "call-early", "status")
    monkeypatch.undo()
    operator.says(0, "call-early", "--serial", second, *WORDS)
    (one, _) = json.loads(operator.does("call-early", "status", "--json"))
    assert one["done"] is not None
    golden.check("sentences/call-early/what-was-cut-short-is-told", operator.said())


def test_an_undoing_that_was_cut_short_is_told(stocked, monkeypatch):
    operator, (first, second) = stocked
    call = json.loads(operator.does("call-early", "--serial", first, *WORDS, "--json"))["call"]
    monkeypatch.setattr(early_replacement, "finish_undoing", lambda *_: True)
    operator.says(0, "call-early", "--end", call)
    monkeypatch.undo()
    assert f"({call})" in operator.says(0, "call-early", "--serial", second, *WORDS)[1]
    golden.check("sentences/call-early/an-undoing-that-was-cut-short-is-told", operator.said())


def test_one_call_is_shown_narrowed_and_its_phone_list_is_private(stocked, tmp_path):
    operator, (first, second) = stocked
    path = tmp_path / "phone.csv"
    with opened(operator) as scene:
        models.Person.objects.using(scene.db.alias).update(email="", name="=1+1")
    operator.says(0, "call-early", "--channel", "WS", *WORDS, "--phone-list", path, "--json")
    assert path.read_bytes().decode("utf-8-sig").splitlines() == [
        "organisation;customer_id;name;phone;language;certificates"
    ], "a text message reaches the only person"
    (listed,) = json.loads(operator.does("call-early", "status", "--json"))
    with opened(operator) as scene:
        models.Person.objects.using(scene.db.alias).update(stopped_at=utc_now())
    operator.does("call-early", "--end", listed["call"])
    done = json.loads(operator.does("call-early", "--channel", "WS", *WORDS, "--phone-list", path, "--json"))
    assert (done["unreached"], done["telephone"], stat.S_IMODE(path.stat().st_mode)) == (2, 2, 0o600)
    (_, row) = path.read_bytes().decode("utf-8-sig").splitlines()
    assert row.split(";")[1:] == [CUSTOMER_ID, "'=1+1", "'+358 00 000", "sv", "2"]
    shown = json.loads(operator.does("call-early", "status", done["call"], "--json"))
    assert (shown["count"], shown["unreached"], shown["messages"]) == (2, 2, {"sent": 0, "waiting": 0, "failed": 0})
    assert {one["serial"] for one in shown["certificates"]} == {first, second}
    lines = operator.says(0, "call-early", "status", done["call"])[0].splitlines()
    assert {line.split()[2] for line in lines[2:]} == {first, second}
    narrowed = operator.does("call-early", "--narrow", done["call"], "--serial", first, "--json")
    assert json.loads(narrowed) == {"result": "narrowed", "call": done["call"], "kept": 1, "left_out": 1}
    operator.refused(2, "call-early", "--narrow", done["call"], "--serial", first)
    operator.refused(2, "call-early", "status", "x")
    golden.check("sentences/call-early/one-call-is-shown-narrowed-and-its-phone-list-is-private", operator.said())


BASE = ("call-early", "--over", "2d", "--reason", "x")
REFUSED = (
    BASE,
    ("call-early", "--over", "2d"),
    ("call-early", "--reason", "x"),
    (*BASE, "--over", "10"),
    (*BASE, "--over", "31d", "--authority", "x"),
    (*BASE, "--serial", "xy"),
    (*BASE, "--serial", "41"),
    (*BASE, "--serials", "/nowhere"),
    (*BASE, "--serial", "41", "--explanation-fi", "syy"),
    (*BASE, "--serial", "41", "--explanation-url", "http://x"),
    (*BASE, "--end", "x"),
    ("call-early", "status", "--serial", "41"),
    (*BASE, "--narrow", "x"),
    (*BASE, "--issued-between", "2027-02-01T00:00:00Z", "2027-01-01T00:00:00Z"),
    ("call-early", "--end", "x"),
)


def test_refused(sqlite_operator):
    sqlite_operator.found()
    for words in REFUSED:
        sqlite_operator.refused(2, *words)
    golden.check("sentences/call-early/refused", sqlite_operator.said())
