"""`sinetti remove`: questions, what is lost, revocation first, and what forgets the name."""

import io
import json
import os
import re
import sys
from datetime import timedelta

import pytest

from sinetti.client.agent import runner
from sinetti.client.store import files, generations, key_checks
from sinetti.wire.json_api import revocations
from sinetti.wire.soap.operations import Failure
from tests.cli.test_client import END, OPENS
from tests.client import double
from tests.support import authority, golden
from tests.support.small_server import small_server


class Typed(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def types(monkeypatch):
    """Let a person at a terminal type these lines."""

    def given(*lines):
        monkeypatch.setattr(sys, "stdin", Typed("".join(f"{one}\n" for one in lines)))

    return given


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))


def remove(shell, *words, name="payroll"):
    return shell.run("remove", name, "--store", shell.store, "--lang", "en", *words)


def left(shell):
    """Return what the store has besides the files of the agent that name nothing."""
    return sorted(one.name for one in shell.store.iterdir() if one.name not in {runner.FILE, key_checks.FILE})


def serial_of(shell):
    return (shell.store / "payroll" / "live").resolve().name


def test_a_valid_certificate_is_removed_after_two_answers(shell, types):
    shell.enrol()
    serial = serial_of(shell)
    types("payroll", "payroll")
    code, out, _ = remove(shell, "--json")
    assert (code, left(shell)) == (0, [])
    assert json.loads(out) == {"name": "payroll", "serial": serial, "removed": True, "revocation": None}
    golden.check("sentences/client-remove/a-valid-certificate", shell.said())
    assert len(shell.double.issued) == 1
    assert shell.run("log", "payroll", "--store", shell.store)[0] == 2
    assert shell.run("status", "--store", shell.store, "--json")[:2] == (0, "[]\n")
    assert shell.run("run", "--store", shell.store)[0] == 0


ANSWERS = {
    "another name": ("wages",),
    "nothing": ("",),
    "another name at the second question": ("payroll", "wages"),
    "the end of the input at the second question": ("payroll",),
}


def test_another_answer_removes_nothing(shell, types):
    shell.enrol()
    for name, answers in ANSWERS.items():
        types(*answers)
        assert (remove(shell)[0], left(shell)) == (2, ["payroll"]), name
    golden.check("sentences/client-remove/another-answer", shell.said())


def test_an_expired_certificate_needs_one_answer(shell, types):
    shell.enrol()
    shell.double.now = END + timedelta(days=3)
    types("payroll")
    code, _, err = remove(shell)
    assert (code, left(shell), "expired" in err) == (0, [], True)


def test_a_revoked_certificate_needs_one_answer_and_no_second_revocation(shell, types):
    shell.enrol()
    generations.remember(shell.store / "payroll", generations.NameState(revoked=serial_of(shell)))
    types("payroll")
    code, out, _ = remove(shell, "--revoke", "--json")
    assert (code, left(shell), json.loads(out)["revocation"]) == (0, [], None)


@pytest.mark.parametrize("stdin", [io.StringIO("payroll\npayroll\n"), None], ids=["a pipe", "none"])
def test_without_a_terminal_only_yes_removes(stdin, shell, monkeypatch):
    shell.enrol()
    monkeypatch.setattr(sys, "stdin", stdin)
    code, _, err = remove(shell)
    assert (code, left(shell), "--yes" in err) == (2, ["payroll"], True)
    assert remove(shell, "--yes")[0] == 0
    assert left(shell) == []


ENROLMENTS = {
    "refused: the transfer ID was mistyped": (double.refuse(Failure("PKI002", "Unknown.")), True),
    "no answer: it may have been used": (double.lose, False),
    "to be sent again later": (double.refuse(Failure("PKI090", "Later.")), False),
}


def test_an_enrolment_without_a_certificate(shell):
    for name, (behaviour, is_harmless) in ENROLMENTS.items():
        shell.outputs.append(f"# {name}")
        shell.double.script.append(behaviour)
        assert shell.enrol()[0] != 0, name
        assert (remove(shell)[0], left(shell)) == ((0, []) if is_harmless else (2, ["payroll"])), name
        assert remove(shell, "--yes")[0] == (2 if is_harmless else 0), name
        assert left(shell) == []
    golden.check("sentences/client-remove/an-enrolment-without-a-certificate", shell.said())


def test_a_renewal_under_way_and_receipts_are_named(shell):
    shell.enrol()
    shell.double.now = OPENS
    shell.double.script.append(double.lose)
    shell.run("renew", "payroll", "--store", shell.store)
    (shell.store / "payroll" / "deliveries").mkdir()
    shell.outputs.clear()
    assert remove(shell)[0] == 2
    golden.check("sentences/client-remove/a-renewal-under-way-and-receipts", shell.said())


def break_key(folder):
    (folder / "live" / "key.pem").unlink()


def break_link(folder):
    (folder / "live").unlink()


def break_settings(folder):
    (folder / "settings.toml").write_text("?")


def break_all(folder):
    for path in folder.rglob("*.pem"):
        path.write_bytes(b"")


DAMAGE = {"key": break_key, "link": break_link, "settings": break_settings, "everything": break_all}


@pytest.mark.parametrize("damage", DAMAGE, ids=DAMAGE)
def test_a_damaged_name_is_removed_as_any_other(damage, shell, types):
    shell.enrol()
    DAMAGE[damage](shell.store / "payroll")
    types("payroll")
    code, _, err = remove(shell)
    is_known = damage != "everything"
    assert (": damaged" in err, code) == (is_known, 2 if is_known else 0)
    if is_known:
        types("payroll", "payroll")
        assert remove(shell)[0] == 0
    assert left(shell) == []


NOT_THERE = {
    "no such name": "wages",
    "a path": "../store/payroll",
    "an absolute path": "/etc",
    "a dot": ".",
    "the agent's lock": ".run.lock",
    "control characters": "pay\x1b[31mroll",
    "an empty name": "",
    "nothing that this client made": "notes",
}


def test_unknown_names(shell):
    shell.enrol()
    (shell.store / "notes").mkdir()
    for name in NOT_THERE.values():
        code, _, err = remove(shell, "--yes", name=name)
        assert (code, left(shell), "\x1b" in err) == (2, ["notes", "payroll"], False), name
    shell.outputs = [one.replace("\x1b", "ESC") for one in shell.outputs]
    golden.check("sentences/client-remove/unknown-names", shell.said())


def test_a_name_with_odd_characters_and_one_that_is_a_link(shell):
    elsewhere = shell.folder / "elsewhere"
    shell.enrol(name="Ab.c-d_e")
    (shell.store / "Ab.c-d_e").rename(elsewhere)
    (shell.store / "Ab.c-d_e").symlink_to(elsewhere)
    assert remove(shell, "--yes", name="Ab.c-d_e")[0] == 0
    assert (left(shell), elsewhere.exists()) == ([], False)


LINKS = {
    "another name": lambda shell: shell.store / "payroll",
    "the folder of the store": lambda shell: shell.folder,
    "a folder with other files": lambda shell: shell.folder / "home",
}


@pytest.mark.parametrize("target", LINKS.values(), ids=LINKS)
def test_a_link_to_more_than_a_name_deletes_nothing(target, shell):
    shell.enrol()
    for entry in ("pending", "home/pending", "home/documents"):
        (shell.folder / entry).mkdir(parents=True)
    there = sorted(shell.folder.rglob("*"))
    (shell.store / "alias").symlink_to(target(shell))
    assert remove(shell, "--yes", name="alias")[0] == 5
    (shell.store / "alias").rename(shell.store / ".alias.gone")
    shell.run("run", "--store", shell.store)
    assert [one for one in there if not one.exists()] == []
    assert not os.path.lexists(shell.store / ".alias.gone")


def test_locks_of_a_run_and_of_another_command(shell):
    shell.enrol()
    with runner.exclusive_run(shell.store, authority.NOW):
        assert remove(shell, "--yes")[0] == 5
    shell.outputs.clear()  # the process of the run has been named
    with files.locked(shell.store / "payroll"):
        assert (remove(shell, "--yes")[0], left(shell)) == (5, ["payroll"])
    golden.check("sentences/client-remove/locks", shell.said())


def test_a_renewal_while_the_user_answers_stops_it(shell, monkeypatch):
    shell.enrol()

    class Slow(Typed):
        def readline(self, *_size):
            shell.double.now = OPENS
            shell.run("renew", "payroll", "--store", shell.store)
            return "payroll\n"

    monkeypatch.setattr(sys, "stdin", Slow())
    assert (remove(shell)[0], left(shell)) == (5, ["payroll"])
    shell.outputs = shell.outputs[-1:]
    golden.check("sentences/client-remove/a-renewal-while-the-user-answers", shell.said())


def revoked_answer(shell):
    body = {"serial": serial_of(shell), "revoked_at": "2027-01-11T08:00:00Z", "reason": "cessationOfOperation"}
    return 200, {"content-type": "application/json"}, json.dumps(body).encode()


def at_service(shell, url):
    path = shell.store / "payroll" / "settings.toml"
    path.write_text(path.read_text().replace(shell.double.url, f"{url}/2017/10/CertificateServices"))


def test_revoke_revokes_first(shell, types):
    shell.enrol()
    answer = revoked_answer(shell)
    types("payroll", "payroll")
    with small_server(lambda _question: answer) as small:
        at_service(shell, small.url)
        code, out, _ = remove(shell, "--revoke", "--json")
    assert (code, left(shell), json.loads(out)["revocation"]) == (0, [], "revoked")
    assert [one.path for one in small.asked] == [revocations.PATH]
    golden.check("sentences/client-remove/revoke-revokes-first", shell.said())


FAILURES = {
    "no such service": ((404, {}, b""), 3, "refused"),
    "a fault of the service": ((500, {}, b""), 4, "failed"),
}


def test_a_failed_revocation_leaves_everything(shell):
    shell.enrol()
    for answer, code, result in FAILURES.values():
        with small_server(lambda _question, answer=answer: answer) as small:
            path = shell.store / "payroll" / "settings.toml"
            path.write_text(re.sub(r"http://127[^\"]+", f"{small.url}/2017/10/CertificateServices", path.read_text()))
            found, out, _ = remove(shell, "--revoke", "--yes", "--json")
        assert (found, left(shell)) == (code, ["payroll"])
        assert json.loads(out) == {
            "name": "payroll", "serial": serial_of(shell), "removed": False, "revocation": result,
        }  # fmt: skip
    golden.check("sentences/client-remove/a-failed-revocation", shell.said())


def test_without_its_key_a_certificate_cannot_be_revoked(shell):
    shell.enrol()
    break_key(shell.store / "payroll")
    assert (remove(shell, "--revoke", "--yes")[0], left(shell)) == (5, ["payroll"])
    golden.check("sentences/client-remove/without-its-key", shell.said())


def test_metrics_forget_it_at_once_and_a_table_is_mentioned(shell):
    shell.enrol()
    shell.enrol(name="wages")
    place, config = shell.folder / "sinetti.prom", shell.folder / "sinetti.toml"
    table = f'[certificates.payroll]\ncustomer_id = "{authority.CUSTOMER_ID}"\n'
    config.write_text(f'store = "store"\n[agent]\nprometheus = "{place}"\n{table}')
    words = ("--config", config, "--lang", "en")
    assert shell.run("run", *words)[0] == 0
    ended = [line for line in place.read_text().splitlines() if line.startswith("sinetti_agent_last_run_seconds ")]
    shell.outputs.clear()
    code, _, _ = shell.run("remove", "payroll", *words, "--yes")
    text = place.read_text()
    assert (code, 'name="payroll"' in text, 'name="wages"' in text) == (0, True, True)
    assert 'name="payroll",customer_id="0123456-7",state="missing"' in text, "its table is still there"
    assert ended
    assert ended[0] in text
    assert shell.run("remove", "payroll", *words, "--yes")[0] == 2
    place.unlink()
    place.mkdir()
    assert (shell.run("remove", "wages", *words, "--yes")[0], left(shell)) == (2, [".logs", ".trust.json"])
    golden.check("sentences/client-remove/metrics-and-a-table", shell.said())
    assert not (shell.store / ".hints.json").exists()


def test_a_wrong_sinetti_toml_is_reported_before_anything_is_removed(shell):
    shell.enrol()
    (shell.folder / "sinetti.toml").write_text("?")
    assert shell.run("remove", "payroll", "--config", shell.folder / "sinetti.toml", "--yes")[0] == 2
    assert left(shell) == ["payroll"]
