"""Commands of the client: options, JSON, exit codes and messages."""

import io
import json
import shutil
import subprocess
import sys
from datetime import timedelta
from types import SimpleNamespace

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
from tests.support import authority
from tests.support.programs import program, ran, surroundings

END = authority.NOW + timedelta(days=730)
OPENS = END - timedelta(days=60)
TOO_EARLY = Failure("PKI034", "Too early: renewal opens later.")
ROW = ["name", "customer_id", "serial", "not_after", "state", "renew_from", "service", "reason", "advice"]


def test_enrol_says_what_happened_and_what_comes_next(shell):
    code, out, err = shell.enrol()
    assert (code, out) == (0, "")
    assert "is installed" in err
    assert "It can be renewed from 1 January 2028 at 14:00 (Finnish time)" in err


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
    assert "The service answered PKI005: The transfer IDs expired." in err


def test_renew_not_due(shell):
    shell.enrol()
    code, out, err = shell.run("renew", "payroll", "--store", shell.store, "--json")
    assert (code, json.loads(out)[0]["result"]) == (0, "not-due")
    assert "The certificate can be renewed from 1 January 2028 at 14:00 (Finnish time)" in err


def test_renew_by_the_clock_of_a_bench(shell):
    shell.enrol()
    shell.double.now = OPENS
    code, out, err = shell.run("renew", "--all", "--store", shell.store, "--json", "--now", "2028-01-01T14:00:00+02:00")
    assert (code, json.loads(out)[0]["result"]) == (0, "renewed")
    assert err.startswith("Warning: --now 1 January 2028 at 14:00 (Finnish time)")


def test_renew_force_shows_the_service_refusal(shell):
    shell.enrol()
    shell.double.script.append(double.refuse(TOO_EARLY))
    code, out, err = shell.run("renew", "payroll", "--store", shell.store, "--force", "--json")
    assert (code, json.loads(out)[0]["codes"]) == (3, ["PKI034"])
    assert "The service answered PKI034: Too early" in err


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


@pytest.mark.parametrize("command", ["renew", "retrieve", "status"])
def test_a_folder_that_is_no_store(command, shell):
    """The wrong folder was named, or its disk is not mounted.

    Nothing is written, and nothing is to be deleted.
    """
    other = shell.folder / "etc"
    (other / "ssh").mkdir(parents=True)
    (other / "ssh" / "config").write_text("theirs")
    everything = () if command == "status" else ("--all",)
    code, out, err = shell.run(command, *everything, "--store", other)
    assert (code, out + err) == (0, "The store is empty.\n")
    assert [path.name for path in other.rglob("*")] == ["ssh", "config"]
    if everything:
        code, _, err = shell.run(command, "ssh", "--store", other)
        assert (code, f"{other} has no name ssh." in err) == (2, True)


def test_a_key_that_was_made_before_goes_on_whatever_key_says(shell):
    shell.double.script.append(double.lose)
    shell.enrol()
    code, _, err = shell.enrol(key="rsa-2048")
    assert code == 0
    assert "--key rsa-2048 was not used" in err
    kept = (shell.store / "payroll" / "settings.toml").read_text()
    assert 'key = "ec-p256"' in kept, "what is renewed is what is there"


def test_a_locked_store(shell):
    shell.enrol()
    with files.locked(shell.store / "payroll"):
        code, _, err = shell.run("renew", "payroll", "--store", shell.store)
    assert code == 5
    assert "another command is using this name" in err


def test_a_damaged_store(shell):
    shell.enrol()
    (shell.store / "payroll" / "live" / "key.pem").write_bytes(b"")
    code, out, _ = shell.run("status", "--store", shell.store, "--json")
    assert (code, json.loads(out)[0]["state"]) == (5, "damaged")
    assert shell.run("renew", "--all", "--store", shell.store)[0] == 5
    assert shell.run("sign", shell.folder / "services.pem", "--store", shell.store, "--name", "payroll")[0] == 5


USAGE = {
    "http to another machine": (
        {"service": "http://certificates.example/"},
        "http:// works only for this machine itself",
    ),
    "no such file": ({"trust_services": "missing.pem"}, "missing.pem cannot be read"),
    "a bundle that is none": ({"trust_holders": __file__}, "contains no PEM certificate"),
    "an instant without a zone": ({"now": "2027-05-02T11:03:00"}, "is not a time"),
    "the clock of a bench in PRODUCTION": (
        {"now": "2027-05-02T11:03:00Z", "environment": "PRODUCTION"},
        "cannot be used in PRODUCTION",
    ),
    "an environment that is none": ({"environment": "QA"}, "invalid choice: 'QA'"),
    "patience below nothing": ({"wait": "-1"}, "argument --wait: “-1” is not a number of seconds from 0 to 86400"),
    "patience beyond a day": ({"wait": "86401"}, "argument --wait: “86401” is not a number of seconds"),
    "patience that is no number": ({"wait": "nan"}, "argument --wait: “nan” is not a number of seconds"),
    "patience in words": ({"wait": "long"}, "argument --wait: “long” is not a number of seconds"),
    "a customer id that is too long": ({"customer_id": "1" * 31}, "--customer-id: the value is empty, too long"),
    "no transfer id": ({"transfer_id": ""}, "--transfer-id: the value is empty, too long"),
    "a port beyond all ports": ({"service": "https://127.0.0.1:99999/"}, "its host name or port is not valid"),
}


@pytest.mark.parametrize(("changes", "text"), USAGE.values(), ids=USAGE)
def test_usage(changes, text, shell):
    code, out, err = shell.enrol(**changes)
    assert (code, out) == (2, "")
    assert text in err
    assert shell.double.seen == []
    assert not shell.store.exists()


def test_an_empty_password_file(shell):
    (shell.folder / "password").write_text("\n")
    assert shell.enrol()[0] == 2
    (shell.folder / "password").write_bytes(b"\xff\xfe")
    assert shell.enrol()[0] == 2


WORDS = {
    "neither a name nor --all": (["renew", "--store", "S"], "Give a NAME or --all."),
    "both": (["renew", "payroll", "--all", "--store", "S"], "Give a NAME or --all."),
    "a name that is not there": (["renew", "other", "--store", "S"], "has no name other"),
    "a store that is not there": (["status", "--store", "/nowhere"], "There is no store in /nowhere"),
    "all of a store that is not there": (["renew", "--all", "--store", "/nowhere"], "There is no store in /nowhere"),
    "no command": ([], "the following arguments are required: COMMAND"),
    "an unknown command": (["rewen"], "invalid choice"),
}


@pytest.mark.parametrize(("words", "text"), WORDS.values(), ids=WORDS)
def test_usage_of_the_others(words, text, shell):
    shell.enrol()
    code, _, err = shell.run(*(shell.store if word == "S" else word for word in words))
    assert code == 2
    assert text in err


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


ONE_IN_PRODUCTION = {
    "renew": ["renew", "b"],
    "retrieve": ["retrieve", "b", "--json"],
    "sign": ["sign", __file__, "--name", "b"],
}


@pytest.mark.parametrize("words", ONE_IN_PRODUCTION.values(), ids=ONE_IN_PRODUCTION)
def test_production_keeps_its_clock_in_the_store_too(words, two_worlds):
    code, _, err = two_worlds.run(*words, "--store", two_worlds.store, "--now", "2027-05-02T11:03:00Z")
    assert code == 2
    assert err.startswith("b: --now is only for test benches and cannot be used in PRODUCTION.")
    assert two_worlds.double.seen == []


@pytest.mark.parametrize(("command", "result"), [("renew", "renewed"), ("retrieve", "not-due")])
def test_with_all_a_name_in_production_refuses_now_and_the_others_are_tried(command, result, two_worlds, monkeypatch):
    monkeypatch.setattr(common.clock, "utc_now", lambda: authority.NOW)
    two_worlds.double.now = OPENS
    words = ("--all", "--store", two_worlds.store, "--json", "--now", "2028-01-01T12:00:00Z")
    code, out, err = two_worlds.run(command, *words)
    assert code == 2
    rows = [(row["name"], row["result"], row["state"]) for row in json.loads(out)]
    after = "valid" if command == "renew" else "renewal-open"
    assert rows == [("a", result, after), ("b", "failed", "valid"), ("c", result, after)]
    assert "b: --now is only for test benches and cannot be used in PRODUCTION." in err


def test_without_now_production_is_a_name_like_any_other(two_worlds):
    code, out, _ = two_worlds.run("renew", "--all", "--store", two_worlds.store, "--json")
    assert (code, [row["result"] for row in json.loads(out)]) == (0, ["not-due"] * 3)


def test_status_shows_production_by_the_machines_clock_and_says_so(two_worlds, monkeypatch):
    monkeypatch.setattr(common.clock, "utc_now", lambda: authority.NOW)
    words = ("status", "--store", two_worlds.store, "--json")
    code, out, err = two_worlds.run(*words, "--now", "2028-01-01T12:00:00Z")
    assert (code, [row["state"] for row in json.loads(out)]) == (0, ["renewal-open", "valid", "renewal-open"])
    assert "belong to PRODUCTION and use this computer's clock: b." in err
    assert two_worlds.run(*words)[2] == ""


LANGUAGES = {
    "fi": ("is installed", "on asennettu", "fi"),
    "sv": ("is installed", "har installerats", "sv"),
    "en": ("asennettu", "is installed", "en"),
}


@pytest.mark.parametrize(("absent", "present", "language"), LANGUAGES.values(), ids=LANGUAGES)
def test_languages(absent, present, language, shell):
    _, _, err = shell.enrol("--lang", language)
    assert present in err
    assert absent not in err
    assert shell.double.seen[0].headers["Accept-Language"] == language


def test_languages_of_faults_before_anything_is_parsed(shell):
    assert "Anna NIMI tai --all." in shell.run("renew", "--store", shell.folder, "--lang=fi")[2]
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
    assert "(tiiviste ei täsmää)" in verify(shell, sealed, "--lang", "fi")[2]
    assert "missing.xml kan inte läsas: den finns inte." in verify(shell, shell.folder / "missing.xml", "--lang=sv")[2]


def test_a_wrong_address_says_what_to_look_at(shell):
    shell.double.script.append(double.say(404))
    code, _, err = shell.enrol()
    assert code == 4
    assert "Check the address (--service, or sinetti.toml). It ends with /2017/10/CertificateServices" in err
    assert "Check the address" in shell.enrol(service="http://127.0.0.1:9/", name="other")[2]
    assert shell.run("renew", "--all", "--store", shell.store)[0] == 0


def test_a_future_certificate_seals_nothing(shell, document):
    shell.enrol()
    code, _, err = shell.run(
        "sign", document, "--store", shell.store, "--name", "payroll", "--now", "2026-03-01T12:00:00Z"
    )
    assert code == 2
    assert "valid only from 2 March 2026 at 14:00" in err


def test_status_for_people(shell):
    shell.store.mkdir()
    assert shell.run("status", "--store", shell.store)[1] == "The store is empty.\n"
    shell.enrol()
    code, out, _ = shell.run("status", "--store", shell.store)
    assert code == 0
    head, line = out.splitlines()
    assert head.split("  ")[0] == "Name"
    assert line.startswith("payroll  0123456-7 Sinisiipi Oy  valid  2028-03-01 14:00 ")


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


def test_status_check_with_nothing_to_do(shell):
    shell.enrol()
    assert shell.run("status", "--store", shell.store, "--check") == (0, "No action needed.\n", "")


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
    assert (code, out, err.startswith(f"{shell.store} has no name c.")) == (2, "", True)
    assert shell.run("status", "../a", "--store", shell.store)[0] == 2
    code, _, err = shell.run("status", "b", "--store", shell.store, "--prometheus", "-")
    assert (code, "Leave out NAME." in err) == (2, True)


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
    assert "The seal is valid." in err
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
    assert (code, json.loads(out)["error"]["code"], err.endswith("Use --out as well.\n")) == (2, "usage", True)


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
    assert ended.stderr == ("Refused: the signer's certificate was not issued by a CA in --trust-holders.\n")


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
    code, _, err = shell.run("sign", document, *sign, "--out", shell.folder / "no" / "where.xml")
    assert (code, "the folder does not exist" in err) == (2, True)


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
    assert f"{out} is inside the store {shell.store}, which contains keys. Nothing was written" in err
    assert {path: path.read_bytes() for path in shell.store.rglob("*") if path.is_file()} == before


def test_a_loop_of_links_is_no_place_for_a_sealed_document(shell, document):
    shell.enrol()
    loop = linked(shell.folder / "loop", shell.folder / "loop")
    code, _, err = shell.run("sign", document, "--store", shell.store, "--name", "payroll", "--out", loop)
    assert code == 2
    assert f"{loop} cannot be written" in err


def test_a_sealed_document_goes_to_standard_output(shell, document, monkeypatch):
    shell.enrol()
    out = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=out))
    assert main.main(["sign", str(document), "--store", str(shell.store), "--name", "payroll"]) == 0
    assert b"<ds:Signature" in out.getvalue()


@pytest.mark.parametrize("command", ["authority", "testbench", "demo-fleet"])
def test_without_the_extra_server_commands_name_it(command, shell, monkeypatch):
    monkeypatch.setattr(main.importlib.util, "find_spec", lambda _name: None)
    code, out, err = shell.run(command, "serve")
    assert (code, out) == (2, "")
    assert err == (
        f"“sinetti {command}” needs the extra sinetti[authority]: install the Debian package sinetti-authority, or "
        "run pip install '.[authority]' in a clone of this repository\n"
    )


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
    assert "130 interrupted" in out
    assert shell.run("--version")[1].startswith("sinetti ")


FAULTS = {
    "a fault of ours": (ZeroDivisionError("division by zero"), ExitCode.FAULT, "This is an error in the program"),
    "an interruption": (KeyboardInterrupt(), ExitCode.INTERRUPTED, "Interrupted. Run the same command again"),
}


@pytest.mark.parametrize(("error", "expected", "text"), FAULTS.values(), ids=FAULTS)
def test_no_stack_trace(error, expected, text, shell, monkeypatch):
    def fail(_parsed):
        raise error

    monkeypatch.setattr(status, "run", fail)
    code, _, err = shell.run("status", "--store", shell.folder)
    assert code == expected
    assert text in err
    assert "Traceback" not in err


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
    assert capsys.readouterr().err == "Interrupted. Run the same command again.\n"


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
    code, _, err = shell.run("status", "--store", shell.store, "--prometheus", shell.store / place)
    assert (code, (shell.store / "payroll" / "live" / "key.pem").read_bytes()) == (2, key)
    assert "No metrics were written" in err
    (shell.folder / "sinetti.toml").write_text(
        f'store = "{shell.store}"\n[agent]\nprometheus = "{shell.store}/{place}"\n'
    )
    code, _, err = shell.run("run", "--config", shell.folder / "sinetti.toml")
    assert (code, (shell.store / "payroll" / "live" / "key.pem").read_bytes()) == (2, key)
    assert "No metrics were written" in err
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
        code, _, err = shell.run("status", "--store", shell.store, "--prometheus", place)
        assert (code, key.read_bytes()) == (2, before)
        assert "No metrics were written" in err


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
    assert "error in the program" not in done.stderr
    assert "permission denied" in done.stderr or "the owner of the store" in done.stdout


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
