"""`sinetti log`, and the records of commands run by hand."""

import json
import re
from dataclasses import fields
from datetime import timedelta

import pytest

from sinetti.client import results
from sinetti.client.reporting import log_format
from sinetti.client.store import event_log
from sinetti.client.store.event_log import EventType, LogEvent
from sinetti.client.store.settings import NameSettings
from sinetti.domain.values import Language
from sinetti.wire.soap.operations import Failure
from tests.cli.test_client import OPENS
from tests.client import double
from tests.support import authority


def events(shell, name="payroll"):
    return [one.event for one in event_log.read(shell.store / name)]


def shown(shell, *more):
    return shell.run("log", "payroll", "--store", shell.store, *more)


def test_what_was_done_by_hand_is_written_down(shell):
    shell.enrol()
    shell.double.now = OPENS
    shell.double.script.append(double.refuse(Failure("PKI034", "Too early.")))
    assert shell.run("renew", "payroll", "--store", shell.store)[0] == 3
    assert shell.run("renew", "--all", "--store", shell.store)[0] == 0
    assert events(shell) == [EventType.ENROLLED, EventType.REFUSED, EventType.RENEWED]
    code, out, err = shown(shell)
    serial = (shell.store / "payroll" / "live").resolve().name
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert lines[0].startswith("2026-03-02 14:00  Certificate retrieved and installed  serial number ")
    assert lines[0].endswith("; valid until 1 March 2028 at 14:00")
    at, event, facts = re.split(" {2,}", lines[1])
    assert (at, event) == ("2028-01-01 14:00", "Request refused by the service")
    assert facts == "The service answered PKI034: Too early.; error code PKI034"
    assert lines[2].startswith(f"2028-01-01 14:00  Certificate renewed and installed    serial number {serial}")


WAYS = {
    "lost": (double.lose, EventType.UNCERTAIN, "renew: the outcome of the request is unknown."),
    "put off": (
        double.refuse(Failure("PKI090", "Later.")),
        EventType.PENDING,
        "renew: the service asked to receive the same request later.",
    ),
    "not trusted": (
        double.signed_by_a_holder,
        EventType.FAILED,
        "renew: the outcome of the request is unknown.",
    ),
}


@pytest.mark.parametrize(("behaviour", "event", "cell"), WAYS.values(), ids=WAYS)
def test_what_is_under_way_stands_last(behaviour, event, cell, shell):
    shell.enrol()
    shell.double.now = OPENS
    shell.double.script.append(behaviour)
    shell.run("renew", "payroll", "--store", shell.store)
    assert events(shell)[-1] is event
    assert shown(shell)[1].splitlines()[-1].startswith(cell)


def test_where_nothing_was_due_nothing_happened(shell):
    shell.enrol()
    shell.run("renew", "payroll", "--store", shell.store)
    shell.run("retrieve", "--all", "--store", shell.store)
    assert shell.enrol()[0] == 0, "the same transfer IDs once more"
    assert events(shell) == [EventType.ENROLLED]


def test_nothing_is_written_into_a_damaged_store_or_a_locked_one(shell):
    shell.enrol()
    (shell.store / "payroll" / "live" / "key.pem").write_bytes(b"")
    assert shell.run("renew", "payroll", "--store", shell.store)[0] == 5
    assert events(shell) == [EventType.ENROLLED]
    code, out, err = shown(shell)
    assert (code, len(out.splitlines()), "store is damaged" in err) == (5, 1, True)


def test_json(shell):
    shell.enrol()
    shell.double.now = OPENS
    shell.double.script.append(double.lose)
    shell.run("renew", "payroll", "--store", shell.store)
    code, out, _ = shown(shell, "--json")
    found = json.loads(out)
    assert (code, list(found), found["name"]) == (0, ["name", "events", "open"], "payroll")
    first, last = found["events"]
    assert (first["at"], first["event"], sorted(first["facts"])) == (
        "2026-03-02T12:00:00Z",
        "enrolled",
        ["serial", "until"],
    )
    assert (last["event"], list(last["facts"])) == ("uncertain", ["why"])
    assert found["open"] == [{"kind": "renew", "state": "uncertain", "codes": []}]


SINCE = {
    "an instant": ("2028-01-01T11:00:00Z", 1),
    "days": ("1d", 1),
    "hours": ("1h", 1),
    "all of it": ("999999d", 2),
}


@pytest.mark.parametrize(("since", "count"), SINCE.values(), ids=SINCE)
def test_since(since, count, shell):
    shell.enrol()
    shell.double.now = OPENS
    shell.run("renew", "payroll", "--store", shell.store)
    if since == "999999d":
        assert shown(shell, "--since", since)[0] == 2, "before there were years"
        since = "9999d"
    assert len(shown(shell, "--since", since)[1].splitlines()) == count


def test_a_name_without_a_log(shell):
    shell.enrol()
    (shell.store / "payroll" / "log.jsonl").unlink()
    assert shown(shell) == (0, "The log has no entries for payroll.\n", "")
    assert shown(shell, "--lang", "fi")[1] == "Lokissa ei ole merkintöjä nimestä payroll.\n"


def test_a_name_that_is_not_there(shell):
    shell.enrol()
    code, _, err = shell.run("log", "wages", "--store", shell.store)
    assert (code, err.endswith(" has no name wages. Run “sinetti status” to list the names.\n")) == (2, True)
    assert shown(shell, "--since", "yesterday")[0] == 2


@pytest.mark.parametrize("event", EventType)
@pytest.mark.parametrize("language", Language)
def test_every_event_has_words(event, language):
    one = LogEvent(authority.NOW, event, {"why": "so\x1b[2J", "stage": "deploy", "other": "x", "until": "soon"})
    line = " ".join(log_format.cells(one, language))
    assert line.isprintable()
    assert "other: x" in line
    assert log_format.HAPPENED[event] in line or language is not Language.EN


def test_a_log_that_cannot_be_written_keeps_nobody_from_anything(tmp_path):
    done = results.CommandResult("x", results.Result.RENEWED, results.ExitCode.DONE, ())
    event_log.append_outcome(tmp_path / "nowhere", authority.NOW, done)
    assert not (tmp_path / "nowhere").exists()


def test_a_full_part_is_put_aside(tmp_path):
    for number in range(3):
        (tmp_path / event_log.FILE).write_bytes(b"x" * (event_log.LARGEST + 1))
        event_log.append(tmp_path, authority.NOW + timedelta(days=number), EventType.RENEWED)
    assert [one.at for one in event_log.read(tmp_path)] == [authority.NOW + timedelta(days=2)]


WORDED = {
    "a program that ended": (
        {"stage": "deploy", "result": "exit code 1", "program": "/bin/x"},
        "stage deploy; it exited with code 1; program: /bin/x",
        "vaihe deploy; se päättyi paluukoodilla 1; ohjelma: /bin/x",
        "steg deploy; det avslutades med slutkoden 1; program: /bin/x",
    ),
    "by a signal": (
        {"result": "signal SIGTERM"},
        "it was stopped by signal SIGTERM",
        "sen pysäytti signaali SIGTERM",
        "det stoppades av signalen SIGTERM",
    ),
    "by its time": (
        {"result": "killed after 60 s"},
        "it did not finish within 60 s and was stopped",
        "se ei valmistunut 60 sekunnissa ja pysäytettiin",
        "det blev inte klart inom 60 s och stoppades",
    ),
    "not begun": (
        {"result": "could not be started: [Errno 2] x"},
        "could not be started: it does not exist",
        "käynnistys epäonnistui: sitä ei ole",
        "kunde inte startas: den finns inte",
    ),
    "in words of a later version": ({"result": "a\x1bb"}, "a b", "a b", "a b"),
    "revoked": (
        {"reason": "superseded"},
        "reason: another certificate has replaced it",
        "syy: toinen varmenne on korvannut sen",
        "orsak: ett annat certifikat har ersatt det",
    ),
    "a reason that is unknown": ({"reason": "moonlight"}, "reason: moonlight", "syy: moonlight", "orsak: moonlight"),
    "a replacement": (
        {"why": "refused-for-good"},
        "the service refused it permanently",
        "palvelu hylkäsi uusimisen pysyvästi",
        "tjänsten avslog förnyandet permanent",
    ),
    "exported": (
        {"format": "pkcs12", "with_key": "yes", "path": "/p"},
        "format pkcs12; with the private key; file: /p",
        "muoto pkcs12; yksityisen avaimen kanssa; tiedosto: /p",
        "format pkcs12; med den privata nyckeln; fil: /p",
    ),
    "a hint": (
        {"start": "2028-01-05T10:00:00Z", "end": "2028-01-06T10:00:00Z", "explanation": ""},
        "from 5 January 2028 at 12:00; to 6 January 2028 at 12:00",
        "5.1.2028 klo 12.00 alkaen; 6.1.2028 klo 12.00 asti",
        "från 5.1.2028 kl. 12.00; till 6.1.2028 kl. 12.00",
    ),
    "settings": (
        {"changed": "service, tls_ca, moonlight"},
        "changed: service address, CA of the TLS connection, moonlight",
        "muutettu: palvelun osoite, TLS-yhteyden varmentaja, moonlight",
        "ändrat: tjänstens adress, TLS-anslutningens utfärdare, moonlight",
    ),
}


@pytest.mark.parametrize(("facts", "en", "fi", "sv"), WORDED.values(), ids=WORDED)
def test_facts_are_told_in_words_of_the_readers_language(facts, en, fi, sv):
    one = LogEvent(OPENS, EventType.HOOK, facts)
    cell = [log_format.cells(one, language)[2] for language in (Language.EN, Language.FI, Language.SV)]
    assert cell == [en, fi, sv]


def test_every_setting_that_can_change_has_a_word():
    assert list(log_format.CHANGED) == [one.name for one in fields(NameSettings)]
