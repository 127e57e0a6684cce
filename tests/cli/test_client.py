"""Commands of the client: options, JSON, exit codes and messages."""

import io
import json
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from sinetti.cli import entry as start
from sinetti.cli import main
from sinetti.cli.client import common, status
from sinetti.cli.core import console
from sinetti.client.results import ExitCode
from sinetti.client.store import files
from sinetti.domain.values import Language
from sinetti.wire.soap.operations import Failure
from tests.client import double
from tests.client.store.test_document_signature import MALFORMED, malformed, sealed_with
from tests.support import authority, golden
from tests.support.programs import program, ran, surroundings

END = authority.NOW + timedelta(days=730)
OPENS = END - timedelta(days=60)
TOO_EARLY = Failure("PKI034", "Too early: renewal opens later.")
ROW = ["name", "customer_id", "serial", "not_after", "state", "renew_from", "service", "reason", "advice"]


def test_what_enrol_says(shell):
    code, out, err = shell.enrol()
    shell.record(["enrol", "payroll"], code, out, err)
    assert (code, out) == (0, "")
    golden.check("sentences/client/enrol", shell.said())


def test_enrol_json(shell):
    code, out, _ = shell.enrol("--json")
    (row,) = json.loads(out)
    assert code == 0
    assert list(row) == [*ROW, "result", "codes"]
    assert (row["result"], row["codes"], row["state"]) == ("enrolled", [], "valid")
    assert (row["not_after"], row["renew_from"]) == ("2028-03-01T12:00:00Z", "2028-01-01T12:00:00Z")


def test_status_json(shell):
    shell.enrol()
    code, out, _ = shell.run("status", "--store", shell.store, "--json")
    (row,) = json.loads(out)
    assert code == 0
    assert list(row) == ROW
    assert row["service"] == shell.double.url


def test_an_american_may_write_enroll():
    pairs = {"store": "d", "service": "u", "trust-services": "a", "trust-holders": "b", "environment": "TEST"}
    pairs |= {"customer-id": "c", "transfer-id": "t", "transfer-password-file": "-"}
    words = [word for name, value in pairs.items() for word in (f"--{name}", value)]
    assert main.build_parser().parse_args(["enroll", "x", *words]).customer_id == "c"


def test_the_password_may_come_on_standard_input(shell, monkeypatch):
    typed = io.BytesIO(double.PASSWORD.encode() + b"\r\n")
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=typed, isatty=lambda: False))
    assert shell.enrol(transfer_password_file="-")[0] == 0


def test_the_password_is_never_printed(shell):
    for behaviour in (double.lose, double.refuse(Failure("PKI004", "Wrong.")), double.say(503)):
        shell.double.script.append(behaviour)
        _, out, err = shell.enrol("--json")
        assert double.PASSWORD not in out + err


def test_a_refusal_in_json(shell):
    shell.double.script.append(double.refuse(Failure("PKI005", "The transfer IDs expired.")))
    code, out, err = shell.enrol("--json")
    (row,) = json.loads(out)
    assert (code, row["result"], row["codes"], row["state"]) == (3, "refused", ["PKI005"], "pending")
    assert row["serial"] is row["not_after"] is row["renew_from"] is None
    assert "PKI005: The transfer IDs expired." in err


def test_renew_not_due(shell):
    shell.enrol()
    code, out, _ = shell.run("renew", "payroll", "--store", shell.store, "--json")
    assert (code, json.loads(out)[0]["result"]) == (0, "not-due")
    golden.check("sentences/client/renew-not-due", shell.said())


def test_renew_by_the_clock_of_a_bench(shell):
    shell.enrol()
    shell.double.now = OPENS
    code, out, _ = shell.run("renew", "--all", "--store", shell.store, "--json", "--now", "2028-01-01T14:00:00+02:00")
    assert (code, json.loads(out)[0]["result"]) == (0, "renewed")
    golden.check("sentences/client/renew-by-the-clock-of-a-bench", shell.said())


def test_renew_force_shows_the_service_refusal(shell):
    shell.enrol()
    shell.double.script.append(double.refuse(TOO_EARLY))
    code, out, err = shell.run("renew", "payroll", "--store", shell.store, "--force", "--json")
    assert (code, json.loads(out)[0]["codes"]) == (3, ["PKI034"])
    assert "PKI034: Too early" in err


def test_retrieve(shell):
    shell.double.script.extend([double.well, double.refuse(double.NOT_READY)])
    assert shell.enrol("--wait", "0")[0] == 4
    code, out, _ = shell.run("retrieve", "--all", "--store", shell.store, "--json")
    assert (code, json.loads(out)[0]["result"]) == (0, "enrolled")


def test_with_all_the_highest_code_wins(shell, monkeypatch):
    for number, name in enumerate(("a", "b", "c"), start=1):
        monkeypatch.setattr(double, "TRANSFER_ID", f"{number}" * 32)
        shell.enrol(name=name, transfer_id=f"{number}" * 32)
    shell.double.script.extend([double.lose, double.refuse(TOO_EARLY)])
    code, out, _ = shell.run("renew", "--all", "--force", "--store", shell.store, "--json")
    assert code == 6
    assert [row["result"] for row in json.loads(out)] == ["uncertain", "refused", "renewed"]


def test_with_all_each_line_says_which_name_it_is_about(shell):
    shell.enrol()
    shell.enrol(name="benefits")
    shell.double.now = OPENS
    shell.double.script.extend([double.refuse(TOO_EARLY)] * 2)
    code, _, err = shell.run("renew", "--all", "--store", shell.store)
    assert code == 3
    assert [line.partition(": ")[0] for line in err.splitlines()] == ["benefits", "payroll"]


def test_a_folder_that_is_no_store(shell):
    """The wrong folder was named, or its disk is not mounted.

    Nothing is written, and nothing is to be deleted.
    """
    other = shell.folder / "etc"
    (other / "ssh").mkdir(parents=True)
    (other / "ssh" / "config").write_text("theirs")
    assert shell.run("status", "--store", other)[0] == 0
    for command in ("renew", "retrieve"):
        assert shell.run(command, "--all", "--store", other)[0] == 0
        assert shell.run(command, "ssh", "--store", other)[0] == 2
    assert [path.name for path in other.rglob("*")] == ["ssh", "config"]
    golden.check("sentences/client/a-folder-that-is-no-store", shell.said())


def test_a_key_that_was_made_before_goes_on_whatever_key_says(shell):
    shell.double.script.append(double.lose)
    shell.enrol()
    code, _, err = shell.enrol(key="rsa-2048")
    assert (code, "--key rsa-2048" in err) == (0, True)
    kept = (shell.store / "payroll" / "settings.toml").read_text()
    assert 'key = "ec-p256"' in kept, "what is renewed is what is there"


def test_a_locked_store(shell):
    shell.enrol()
    with files.locked(shell.store / "payroll"):
        assert shell.run("renew", "payroll", "--store", shell.store)[0] == 5
    golden.check("sentences/client/a-locked-store", shell.said())


def test_a_damaged_store(shell):
    shell.enrol()
    (shell.store / "payroll" / "live" / "key.pem").write_bytes(b"")
    code, out, _ = shell.run("status", "--store", shell.store, "--json")
    assert (code, json.loads(out)[0]["state"]) == (5, "damaged")
    assert shell.run("renew", "--all", "--store", shell.store)[0] == 5
    assert shell.run("sign", shell.folder / "services.pem", "--store", shell.store, "--name", "payroll")[0] == 5


USAGE = {
    "http to another machine": {"service": "http://certificates.example/"},
    "no such file": {"trust_services": "missing.pem"},
    "a bundle that is none": {"trust_holders": __file__},
    "an instant without a zone": {"now": "2027-05-02T11:03:00"},
    "the clock of a bench in PRODUCTION": {"now": "2027-05-02T11:03:00Z", "environment": "PRODUCTION"},
    "patience below nothing": {"wait": "-1"},
    "patience beyond a day": {"wait": "86401"},
    "patience that is no number": {"wait": "nan"},
    "patience in words": {"wait": "long"},
    "a customer id that is too long": {"customer_id": "1" * 31},
    "no transfer id": {"transfer_id": ""},
    "a port beyond all ports": {"service": "https://127.0.0.1:99999/"},
}


def test_usage(shell):
    for changes in USAGE.values():
        assert shell.enrol(**changes)[:2] == (2, "")
    golden.check("sentences/client/usage", shell.said(HERE=__file__))
    assert shell.enrol(environment="QA")[:2] == (2, ""), "the words of argparse differ between versions of Python"
    assert shell.double.seen == []
    assert not shell.store.exists()


def test_an_empty_password_file(shell):
    (shell.folder / "password").write_text("\n")
    assert shell.enrol()[0] == 2
    (shell.folder / "password").write_bytes(b"\xff\xfe")
    assert shell.enrol()[0] == 2


def test_usage_of_the_others(shell):
    shell.enrol()
    for words in (
        ("renew", "--store", shell.store),
        ("renew", "payroll", "--all", "--store", shell.store),
        ("renew", "other", "--store", shell.store),
        ("status", "--store", "/nowhere"),
        ("renew", "--all", "--store", "/nowhere"),
        (),
    ):
        assert shell.run(*words)[0] == 2
    golden.check("sentences/client/usage-of-the-others", shell.said())
    assert shell.run("rewen")[0] == 2


@pytest.fixture
def two_worlds(shell, monkeypatch):
    """Return a store with a name in PRODUCTION between two in TEST."""
    for number, name in enumerate(("a", "b", "c"), start=1):
        monkeypatch.setattr(double, "TRANSFER_ID", f"{number}" * 32)
        shell.enrol(name=name, transfer_id=f"{number}" * 32)
    path = shell.store / "b" / "settings.toml"
    path.write_text(path.read_text().replace('"TEST"', '"PRODUCTION"'))
    shell.double.seen.clear()
    return shell


def test_production_keeps_its_clock_in_the_store_too(two_worlds):
    for words in (("renew", "b"), ("retrieve", "b", "--json"), ("sign", __file__, "--name", "b")):
        assert two_worlds.run(*words, "--store", two_worlds.store, "--now", "2027-05-02T11:03:00Z")[0] == 2
    assert two_worlds.double.seen == []
    golden.check("sentences/client/production-keeps-its-clock", two_worlds.said(HERE=__file__))


@pytest.mark.parametrize(("command", "result"), [("renew", "renewed"), ("retrieve", "not-due")])
def test_with_all_a_name_in_production_refuses_now_and_the_others_are_tried(command, result, two_worlds, monkeypatch):
    monkeypatch.setattr(common.clock, "utc_now", lambda: authority.NOW)
    two_worlds.double.now = OPENS
    words = ("--all", "--store", two_worlds.store, "--json", "--now", "2028-01-01T12:00:00Z")
    code, out, err = two_worlds.run(command, *words)
    assert (code, "PRODUCTION" in err) == (2, True)
    rows = [(row["name"], row["result"], row["state"]) for row in json.loads(out)]
    after = "valid" if command == "renew" else "renewal-open"
    assert rows == [("a", result, after), ("b", "failed", "valid"), ("c", result, after)]


def test_without_now_production_is_a_name_like_any_other(two_worlds):
    code, out, _ = two_worlds.run("renew", "--all", "--store", two_worlds.store, "--json")
    assert (code, [row["result"] for row in json.loads(out)]) == (0, ["not-due"] * 3)


def test_status_shows_production_by_the_machines_clock_and_says_so(two_worlds, monkeypatch):
    monkeypatch.setattr(common.clock, "utc_now", lambda: authority.NOW)
    words = ("status", "--store", two_worlds.store, "--json")
    code, out, err = two_worlds.run(*words, "--now", "2028-01-01T12:00:00Z")
    assert (code, [row["state"] for row in json.loads(out)]) == (0, ["renewal-open", "valid", "renewal-open"])
    assert "PRODUCTION" in err
    assert two_worlds.run(*words)[2] == ""


@pytest.mark.parametrize(("word", "language"), [("asennettu", "fi"), ("installerats", "sv"), ("installed", "en")])
def test_languages(word, language, shell):
    _, _, err = shell.enrol("--lang", language)
    assert word in err
    assert shell.double.seen[0].headers["Accept-Language"] == language


def test_languages_of_faults_before_anything_is_parsed(shell):
    assert "NIMI" in shell.run("renew", "--store", shell.folder, "--lang=fi")[2]
    assert console.language_of(["x", "--lang", "sv"]) is Language.SV


LOCALES = {
    "Finnish": ("fi_FI.UTF-8", Language.FI),
    "Swedish": ("sv_FI.UTF-8", Language.SV),
    "Swedish without more": ("sv", Language.SV),
    "Finnish on Windows": ("Finnish_Finland.1252", Language.FI),
    "Filipino": ("fil_PH.UTF-8", Language.EN),
    "German": ("de_DE.UTF-8", Language.EN),
    "C": ("C", Language.EN),
}


@pytest.mark.parametrize(("named", "language"), LOCALES.values(), ids=LOCALES)
def test_the_language_of_a_locale(named, language, monkeypatch):
    monkeypatch.setattr(console.locale, "setlocale", lambda _category, _wanted=None: named)
    assert console.language_of_locale() is language


WISHES = {
    "LC_ALL goes first": ({"LC_ALL": "fi_FI.UTF-8", "LC_MESSAGES": "sv_FI.UTF-8", "LANG": "de_DE"}, Language.FI),
    "then LC_MESSAGES": ({"LC_MESSAGES": "sv_FI.UTF-8", "LANG": "fi_FI.UTF-8"}, Language.SV),
    "then LANG": ({"LC_ALL": "", "LANG": "sv_SE"}, Language.SV),
    "none of ours": ({"LANG": "de_DE.UTF-8"}, Language.EN),
    "none at all": ({}, Language.EN),
}


@pytest.mark.parametrize(("environment", "language"), WISHES.values(), ids=WISHES)
def test_a_locale_that_is_not_installed_still_tells_the_language(environment, language, monkeypatch):
    def missing(*_):
        raise console.locale.Error

    monkeypatch.setattr(console.locale, "setlocale", missing)
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert console.language_of_locale() is language


def test_reasons_are_in_the_readers_language(shell, document):
    shell.enrol()
    sealed = shell.folder / "sealed.xml"
    shell.run("sign", document, "--store", shell.store, "--name", "payroll", "--out", sealed)
    sealed.write_bytes(sealed.read_bytes().replace(b"100", b"900"))
    assert verify(shell, sealed, "--lang", "fi")[0] == 3
    assert verify(shell, shell.folder / "missing.xml", "--lang=sv")[0] == 2
    golden.check("sentences/client/reasons-are-in-the-readers-language", shell.said())


def test_a_wrong_address_says_what_to_look_at(shell):
    shell.double.script.append(double.say(404))
    assert shell.enrol()[0] == 4
    assert shell.enrol(service="http://127.0.0.1:9/", name="other")[0] == 4
    golden.check("sentences/client/a-wrong-address", shell.said())
    assert shell.run("renew", "--all", "--store", shell.store)[0] == 0


def test_a_future_certificate_seals_nothing(shell, document):
    shell.enrol()
    words = ("--store", shell.store, "--name", "payroll", "--now", "2026-03-01T12:00:00Z")
    assert shell.run("sign", document, *words)[0] == 2
    golden.check("sentences/client/a-future-certificate-seals-nothing", shell.said())


def test_status_for_people(shell):
    shell.store.mkdir()
    assert shell.run("status", "--store", shell.store)[0] == 0
    shell.enrol()
    assert shell.run("status", "--store", shell.store, "--check")[0] == 0
    golden.check("sentences/client/status-for-people", shell.said())
    code, out, _ = shell.run("status", "--store", shell.store)
    assert (code, len(out.splitlines())) == (0, 2)
    assert out.splitlines()[1].startswith("payroll  0123456-7 Sinisiipi Oy  valid  2028-03-01 14:00 ")


def test_status_puts_what_needs_a_person_first_and_json_sorts_by_name(shell, monkeypatch):
    for number, name in enumerate(("a", "b", "c"), start=1):
        monkeypatch.setattr(double, "TRANSFER_ID", f"{number}" * 32)
        shell.enrol(name=name, transfer_id=f"{number}" * 32)
    (shell.store / "c" / "live" / "key.pem").unlink()
    note = {"revoked": (shell.store / "b" / "live").resolve().name, "serial": None, "transfer": None}
    (shell.store / "b" / "notes.json").write_text(json.dumps(note))
    code, out, _ = shell.run("status", "--store", shell.store)
    assert (code, [line.split()[0] for line in out.splitlines()[1:]]) == (5, ["c", "b", "a"])
    code, out, _ = shell.run("status", "--store", shell.store, "--check")
    assert (code, [line.split()[0] for line in out.splitlines()[1:]]) == (5, ["c", "b"])
    _, out, _ = shell.run("status", "--store", shell.store, "--json")
    assert [one["name"] for one in json.loads(out)] == ["a", "b", "c"]
    (shell.store / "c" / "settings.toml").unlink()
    shutil.rmtree(shell.store / "c")
    assert shell.run("status", "--store", shell.store, "--check", "--json")[0] == 3


def test_status_details(shell):
    shell.enrol()
    code, out, _ = shell.run("status", "--store", shell.store, "--json", "--details")
    (one,) = json.loads(out)
    assert (code, list(one)[: len(ROW)], one["todo"]) == (0, ROW, "nothing")
    serial = (shell.store / "payroll" / "live").resolve().name
    for words in (["--details"], ["payroll"], ["payroll", "payroll"]):
        code, out, _ = shell.run("status", *words, "--store", shell.store)
        lines = [line.split(maxsplit=1) for line in out.splitlines()]
        assert (code, lines[0], ["Files", f"{shell.store}/payroll/live"] in lines) == (0, ["payroll"], True)
        assert f"Serial number  {serial}" in out
    assert serial not in shell.run("status", "--store", shell.store)[1]


def test_status_of_a_name(shell, monkeypatch):
    for number, name in enumerate(("a", "b"), start=1):
        monkeypatch.setattr(double, "TRANSFER_ID", f"{number}" * 32)
        shell.enrol(name=name, transfer_id=f"{number}" * 32)
    (shell.store / "a" / "live" / "key.pem").unlink()
    code, out, _ = shell.run("status", "b", "--store", shell.store, "--json")
    assert (code, [row["name"] for row in json.loads(out)]) == (0, ["b"])
    assert shell.run("status", "b", "--store", shell.store, "--check")[0] == 0
    code, out, err = shell.run("status", "b", "c", "--store", shell.store)
    assert (code, out, str(shell.store) in err) == (2, "", True)
    assert shell.run("status", "../a", "--store", shell.store)[0] == 2
    assert shell.run("status", "b", "--store", shell.store, "--prometheus", "-")[0] == 2
    golden.check("sentences/client/status-of-a-name", shell.said())


def test_rows_for_programs_hold_nothing_that_steers_a_terminal(capsys):
    common.print_rows([{"a": "Åbo"}, {"a": "\x1b[2J\u202e"}])
    out = capsys.readouterr().out
    assert json.loads(out) == [{"a": "Åbo"}, {"a": "\x1b[2J\u202e"}]
    assert "Åbo" in out
    assert all(line.isprintable() for line in out.splitlines())


@pytest.fixture
def document(shell):
    path = shell.folder / "report.xml"
    path.write_bytes(b"<report><pay>100</pay></report>")
    return path


def verify(shell, path, *more, role="holders"):
    return shell.run("verify", path, "--trust-holders", shell.folder / f"{role}.pem", "--json", *more)


def test_sign_and_verify(shell, document):
    shell.enrol()
    sealed, covered = shell.folder / "sealed.xml", shell.folder / "covered.xml"
    code, out, err = shell.run("sign", document, "--store", shell.store, "--name", "payroll", "--out", sealed)
    assert (code, out) == (0, "")
    assert "is sealed by Sinisiipi Oy (0123456-7)" in err
    code, out, err = verify(shell, sealed, "--out", covered)
    verdict = json.loads(out)
    assert code == 0
    assert verdict == {
        "verdict": "accepted",
        "reason": None,
        "customer_id": "0123456-7",
        "name": "Sinisiipi Oy",
        "serial": (shell.store / "payroll" / "live").resolve().name,
        "not_after": "2028-03-01T12:00:00Z",
    }
    assert covered.read_bytes() == document.read_bytes()


def test_sign_for_programs(shell, document):
    shell.enrol()
    words = ("sign", document, "--store", shell.store, "--name", "payroll", "--json", "--lang", "en")
    sealed = shell.folder / "sealed.xml"
    code, out, _ = shell.run(*words, "--out", sealed)
    assert (code, json.loads(out)) == (
        0,
        {
            "name": "payroll",
            "customer_id": "0123456-7",
            "customer_name": "Sinisiipi Oy",
            "serial": (shell.store / "payroll" / "live").resolve().name,
            "recipe": "exclusive",
            "path": str(sealed),
        },
    )
    assert verify(shell, sealed)[0] == 0
    code, out, err = shell.run(*words)
    assert (code, json.loads(out)["error"]["code"], "--out" in err) == (2, "usage", True)


def test_verify_refuses(shell, document):
    shell.enrol()
    sealed, covered = shell.folder / "sealed.xml", shell.folder / "covered.xml"
    shell.run("sign", document, "--store", shell.store, "--name", "payroll", "--out", sealed, "--recipe", "enveloped")
    assert verify(shell, sealed)[0] == 0
    sealed.write_bytes(sealed.read_bytes().replace(b"100", b"900"))
    code, out, _ = verify(shell, sealed, "--out", covered)
    assert (code, json.loads(out)["reason"]) == (3, "signature-invalid")
    assert json.loads(verify(shell, document)[1])["reason"] == "signature-missing"
    assert not covered.exists()


def test_verify_refuses_what_is_malformed_with_all_members_and_no_word_of_a_library(shell):
    key = authority.holder_key(4)
    sealed = shell.folder / "sealed.xml"
    sealed.write_bytes(sealed_with(key, malformed(key, key, MALFORMED["a negative serial"])))
    words = ["verify", str(sealed), "--trust-holders", str(shell.folder / "holders.pem"), "--json", "--lang", "en"]
    ended = subprocess.run([sys.executable, "-m", "sinetti", *words], capture_output=True, text=True, check=False)
    members = dict.fromkeys(("customer_id", "name", "serial", "not_after"))
    assert ended.returncode == 3
    assert json.loads(ended.stdout) == {"verdict": "refused", "reason": "untrusted"} | members
    assert re.fullmatch(r".*--trust-holders\.\n", ended.stderr)


def test_verify_at_another_instant(shell, document):
    shell.enrol()
    sealed = shell.folder / "sealed.xml"
    shell.run("sign", document, "--store", shell.store, "--name", "payroll", "--out", sealed)
    code, out, _ = verify(shell, sealed, "--now", "2028-03-01T12:00:01Z")
    assert (code, json.loads(out)["reason"]) == (3, "expired")
    assert json.loads(verify(shell, sealed, "--now", "2001-01-01T00:00:00Z")[1])["reason"] == "not-yet-valid"
    assert json.loads(verify(shell, sealed, role="services")[1])["reason"] == "untrusted"


def test_what_cannot_be_read_or_written(shell, document):
    shell.enrol()
    assert verify(shell, shell.folder / "missing.xml")[0] == 2
    assert verify(shell, shell.folder / "holders.pem")[0] == 2
    assert shell.run("verify", document, "--trust-holders", document)[0] == 2
    sign = ("--store", shell.store, "--name", "payroll")
    assert shell.run("sign", shell.folder / "holders.pem", *sign)[0] == 2
    assert shell.run("sign", document, *sign, "--out", shell.folder / "no" / "where.xml")[0] == 2
    golden.check("sentences/client/what-cannot-be-read-or-written", shell.said())


IN_THE_STORE = {
    "the private key in use": lambda store, _elsewhere: store / "payroll" / "live" / "key.pem",
    "a new file of the name": lambda store, _elsewhere: store / "payroll" / "sealed.xml",
    "a way round": lambda store, elsewhere: elsewhere / ".." / store.name / "sealed.xml",
    "a link from elsewhere": lambda store, elsewhere: linked(
        elsewhere / "out.xml", store / "payroll" / "live" / "key.pem"
    ),
    "a name that is a link to elsewhere": lambda store, elsewhere: (
        moved(store / "payroll", elsewhere) / "live" / "key.pem"
    ),
}


def linked(path, to):
    path.symlink_to(to)
    return path


def moved(name, elsewhere):
    name.rename(elsewhere / "kept")
    name.symlink_to(elsewhere / "kept")
    return name


@pytest.mark.parametrize("place", IN_THE_STORE.values(), ids=IN_THE_STORE)
def test_a_sealed_document_never_goes_into_the_store(place, shell, document):
    shell.enrol()
    elsewhere = shell.folder / "elsewhere"
    elsewhere.mkdir()
    out = place(shell.store, elsewhere)
    before = {path: path.read_bytes() for path in shell.store.rglob("*") if path.is_file()}
    code, printed, err = shell.run("sign", document, "--store", shell.store, "--name", "payroll", "--out", out)
    assert (code, printed) == (2, "")
    assert f"{out} is inside the store {shell.store}" in err
    assert {path: path.read_bytes() for path in shell.store.rglob("*") if path.is_file()} == before


def test_a_loop_of_links_is_no_place_for_a_sealed_document(shell, document):
    shell.enrol()
    loop = linked(shell.folder / "loop", shell.folder / "loop")
    code, _, err = shell.run("sign", document, "--store", shell.store, "--name", "payroll", "--out", loop)
    assert code == 2
    assert str(loop) in err


def test_a_sealed_document_goes_to_standard_output(shell, document, monkeypatch):
    shell.enrol()
    out = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=out))
    assert main.main(["sign", str(document), "--store", str(shell.store), "--name", "payroll"]) == 0
    assert b"<ds:Signature" in out.getvalue()


def test_without_the_extra_server_commands_name_it(shell, monkeypatch):
    monkeypatch.setattr(main.importlib.util, "find_spec", lambda _name: None)
    for command in ("authority", "testbench", "demo-fleet"):
        code, out, err = shell.run(command, "serve")
        assert (code, out, "sinetti[authority]" in err) == (2, "", True)
    golden.check("sentences/client/without-the-extra-server", shell.said())


def test_the_client_takes_no_server_room_along():
    program = (
        "import sys, sinetti.cli.main as entry; entry.build_parser();"
        "server = ('django', 'sinetti.ca', 'sinetti.database', 'sinetti.services', 'sinetti.api');"
        "print([name for name in sys.modules if name.startswith((*server, 'sinetti.testbench'))])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout == b"[]\n"


@pytest.mark.parametrize("command", ["enrol", "retrieve", "renew", "status", "sign", "verify"])
def test_help_has_an_example(command, shell):
    code, out, _ = shell.run(command, "--help")
    assert code == 0
    assert f"  sinetti {command} " in out
    assert "example" in out


def test_help_lists_every_command_and_exit_code(shell):
    code, out, _ = shell.run("--help")
    assert code == 0
    commands = "enrol renew status sign verify authority testbench"
    assert all(f"    {one}" in out for one in commands.split())
    assert "130" in out
    assert shell.run("--version")[1].startswith("sinetti ")


def test_no_stack_trace(shell, monkeypatch):
    faults = {ExitCode.FAULT: ZeroDivisionError("division by zero"), ExitCode.INTERRUPTED: KeyboardInterrupt()}
    for expected, fault in faults.items():
        monkeypatch.setattr(status, "run", Mock(side_effect=fault))
        code, _, err = shell.run("status", "--store", shell.folder)
        assert (code, "Traceback" in err) == (expected, False)
    golden.check("sentences/client/no-stack-trace", shell.said())


def test_debug_shows_where(shell, monkeypatch):
    def fail(_parsed):
        raise ZeroDivisionError

    monkeypatch.setattr(status, "run", fail)
    with pytest.raises(ZeroDivisionError):
        shell.run("status", "--store", shell.folder, "--debug")


def test_interrupted_before_there_is_a_command_to_interrupt(monkeypatch, capsys):
    """Ctrl-C arrives while Python still imports the modules of the command."""

    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(main, "main", interrupted)
    assert start.main() == ExitCode.INTERRUPTED
    assert capsys.readouterr().err.startswith("Interrupted")


@pytest.mark.parametrize(
    ("words", "loaded"),
    [
        (["status"], {"sinetti.cli.client.status"}),
        (["enroll"], {"sinetti.cli.client.enrol"}),
        (["gateway", "check"], {"sinetti.cli.gateway.group", "sinetti.cli.gateway.check"}),
        (["authority", "status"], {"sinetti.cli.authority.group", "sinetti.cli.authority.status"}),
        (["authority", "restore"], {"sinetti.cli.authority.group", "sinetti.cli.authority.backup"}),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, list) else "",
)
def test_only_the_command_that_is_wanted_is_loaded(words, loaded):
    program = (
        "import sys, sinetti.cli.main as entry; before = set(sys.modules);"
        f"entry.build_parser(*{words});"
        "print(*sorted(name for name in set(sys.modules) - before if hasattr(sys.modules[name], 'register')"
        " and name.startswith('sinetti.cli')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == loaded


@pytest.mark.parametrize(
    ("words", "others"),
    [
        (["--help"], ["enrol", "receipt", "gateway", "authority", "testbench"]),
        (["statu"], ["enrol", "receipt", "gateway", "authority", "testbench"]),
        (["gateway", "--help"], ["check", "ssh-keys"]),
        (["gateway", "chek"], ["check", "ssh-keys"]),
        (["-h", "status"], ["enrol", "receipt", "gateway", "authority", "testbench"]),
    ],
    ids=" ".join,
)
def test_where_no_command_is_named_all_are(words, others, shell):
    _, out, err = shell.run(*words)
    assert all(name in out + err for name in others)


@pytest.mark.long
@pytest.mark.parametrize("encoding", ["ascii", "iso-8859-1"])
def test_a_locale_that_lacks_letters_and_dashes(shell, encoding):
    """This happens on an old server, and where Windows writes to a file.

    Programs lose no character of their JSON.
    """
    shell.enrol()

    def said(*words, encoding=encoding):
        command = program(*words, "--lang", "fi")
        environment = surroundings({"PYTHONIOENCODING": encoding})
        done = subprocess.run(command, capture_output=True, timeout=120, check=False, env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode(encoding)

    for command in ("status", "--store", shell.store), ("log", "payroll", "--store", shell.store):
        said(*command)
        assert json.loads(said(*command, "--json")) == json.loads(said(*command, "--json", encoding="utf-8"))
    said("run", "--help")


@pytest.mark.parametrize("place", ["payroll/live/key.pem", "payroll/new.prom", ".run.lock"])
def test_metrics_are_never_written_over_a_key(shell, place):
    shell.enrol()
    key = (shell.store / "payroll" / "live" / "key.pem").read_bytes()
    code, _, _ = shell.run("status", "--store", shell.store, "--prometheus", shell.store / place)
    assert (code, (shell.store / "payroll" / "live" / "key.pem").read_bytes()) == (2, key)
    (shell.folder / "sinetti.toml").write_text(
        f'store = "{shell.store}"\n[agent]\nprometheus = "{shell.store}/{place}"\n'
    )
    code, _, _ = shell.run("run", "--config", shell.folder / "sinetti.toml")
    assert (code, (shell.store / "payroll" / "live" / "key.pem").read_bytes()) == (2, key)
    for there in (shell.folder / "x.prom", shell.store / "x.prom"):
        assert shell.run("status", "--store", shell.store, "--prometheus", there)[0] == 0
        assert there.read_text().startswith("# HELP")


def test_nor_are_they_where_a_name_is_a_link_to_another_place(shell):
    shell.enrol()
    elsewhere = shell.folder / "elsewhere"
    (shell.store / "payroll").rename(elsewhere)
    (shell.store / "payroll").symlink_to(elsewhere)
    key = elsewhere / "live" / "key.pem"
    before = key.read_bytes()
    for place in (key, shell.store / "payroll" / "live" / "key.pem"):
        code, _, _ = shell.run("status", "--store", shell.store, "--prometheus", place)
        assert (code, key.read_bytes()) == (2, before)
    golden.check("sentences/client/metrics-in-the-store", shell.said())


OF_ANOTHER = {
    "status": ("status",),
    "doctor": ("doctor",),
    "log": ("log", "payroll"),
    "run": ("run",),
    "what run would do": ("run", "--dry-run"),
    "renew": ("renew", "--all"),
    "export": ("export", "payroll", "--format", "pem", "--out", "copy.pem"),
}


@pytest.mark.parametrize("named", ["--store", "--config"])
@pytest.mark.parametrize("command", OF_ANOTHER.values(), ids=OF_ANOTHER)
def test_another_users_store_is_told_as_such(shell, command, named):
    """The agent's own store is so, below a folder of 0700 that systemd makes.

    It is not a error in the program.
    """
    shell.enrol()
    config = shell.folder / "sinetti.toml"
    config.write_text(f'store = "{shell.store.parent}/closed/store"\n')
    closed = shell.store.parent / "closed"
    closed.mkdir()
    shell.store.rename(closed / "store")
    closed.chmod(0)
    try:
        where = config if named == "--config" else closed / "store"
        done = ran(*command, named, where, "--lang", "en", bound=True)
    finally:
        closed.chmod(0o700)
    assert done.returncode == 5, done.stderr
    assert str(closed) in done.stderr + done.stdout


def test_metrics_in_a_file_that_another_user_made_for_them(shell, monkeypatch):
    """Root makes such a file in the exporter's folder, for a group.

    The file can be written, but its rights are not ours to set.
    """
    shell.enrol()
    place = shell.folder / "sinetti.prom"
    place.write_text("")

    def not_ours(path, _mode):
        raise PermissionError(1, "Operation not permitted", str(path))

    monkeypatch.setattr(status.Path, "chmod", not_ours)
    assert shell.run("status", "--store", shell.store, "--prometheus", place)[0] == 0
    assert place.read_text().startswith("# HELP")
