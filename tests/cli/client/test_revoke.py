"""`sinetti revoke` on a bench from end to end, and messages about other answers."""

import io
import json
import re
import sys

import pytest

from sinetti.client.messages import messages
from sinetti.client.messages.messages import make_message
from sinetti.client.requests import revoke as requests_revoke
from sinetti.client.requests import transport
from sinetti.client.store import event_log, generations
from sinetti.client.store.event_log import EventType
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.wire.json_api import revocations
from tests.cli.conftest import Shell
from tests.support import golden
from tests.support.programs import CUSTOMER, running
from tests.support.small_server import small_server

SERVICE_SAYS = "https://tunnistus.example/"


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    with running(tmp_path_factory.mktemp("revoking") / "bench", "--http", "--now", "2027-01-11T08:00:00Z") as one:
        yield one


@pytest.fixture
def shell(tmp_path, capsys):
    return Shell(None, tmp_path, capsys)


@pytest.fixture
def run(shell):
    return shell.run


@pytest.fixture
def store(bench, tmp_path, run):
    """Return a store with one name that the bench has enrolled."""
    ids, trust = bench.order(), bench.ready["trust"]
    (tmp_path / "password").write_text(ids["transfer_password"])
    (tmp_path / "password").chmod(0o600)
    words = {
        "store": tmp_path / "store",
        "service": bench.ready["soap_url"],
        "trust-services": trust["services"],
        "trust-holders": trust["holders"],
        "environment": "TEST",
        "customer-id": CUSTOMER["customer_id"],
        "transfer-id": ids["transfer_id"],
        "transfer-password-file": tmp_path / "password",
        "key": "ec-p256",
        "now": "2027-01-11T08:00:00Z",
    }
    code, _, err = run("enrol", "payroll", *(word for name, value in words.items() for word in (f"--{name}", value)))
    assert code == 0, err
    return tmp_path / "store"


def revoke(run, store, *more, reason="superseded"):
    words = ("revoke", "payroll", "--store", store, "--reason", reason, "--now", "2027-01-11T08:00:00Z", "--lang", "en")
    return run(*words, *more)


def serial_of(store):
    return (store / "payroll" / "live").resolve().name


def row_of(bench, store):
    (row,) = [one for one in bench.rows() if one["serial"] == serial_of(store)]
    return row


def test_a_certificate_is_revoked_by_its_own_key(bench, store, run, shell):
    code, out, _ = revoke(run, store, "--yes", "--json")
    assert (code, json.loads(out)) == (
        0,
        {
            "name": "payroll",
            "serial": serial_of(store),
            "result": "revoked",
            "revoked_at": "2027-01-11T08:00:00Z",
            "reason": None,
        },
    )
    assert revoke(run, store, "--json")[0] == 0
    golden.check("sentences/client-revoke/revoked", shell.said())
    assert (row_of(bench, store)["state"], row_of(bench, store)["reason"]) == ("revoked", "superseded")
    assert [one.event for one in event_log.read(store / "payroll")] == [EventType.ENROLLED, EventType.REVOKED]
    code, out, _ = run("status", "--store", store, "--json")
    assert (code, json.loads(out)[0]["state"]) == (0, "revoked")


def test_doing_it_again_says_that_it_is_revoked(store, run):
    assert revoke(run, store, "--yes")[0] == 0
    code, out, _ = revoke(run, store, "--json")
    assert (code, json.loads(out)["result"]) == (0, "revoked-before")


def test_a_name_is_removed_once_its_certificate_is_revoked(bench, store, run, shell):
    serial = serial_of(store)
    words = ("remove", "payroll", "--store", store, "--now", "2027-01-11T08:00:00Z", "--lang", "en")
    code, out, _ = run(*words, "--revoke", "--yes", "--json")
    assert (code, json.loads(out)["revocation"], (store / "payroll").exists()) == (0, "revoked", False)
    golden.check("sentences/client-revoke/removed", shell.said())
    (row,) = [one for one in bench.rows() if one["serial"] == serial]
    assert (row["state"], row["reason"]) == ("revoked", "cessationOfOperation")


def forget(store):
    (store / "payroll" / "notes.json").unlink()
    known = generations.NameState()
    generations.remember(store / "payroll", known)


def test_where_the_answer_was_lost_it_is_asked_again(store, run, shell):
    assert revoke(run, store, "--yes")[0] == 0
    forget(store)
    code, out, _ = revoke(run, store, "--yes", "--json")
    assert (code, json.loads(out)["result"]) == (0, "revoked")
    forget(store)
    code, out, _ = revoke(run, store, "--yes", "--json", reason="keyCompromise")
    assert (code, json.loads(out)["result"], json.loads(out)["reason"]) == (0, "revoked-before", "already")
    assert revoke(run, store, "--yes")[0] == 0
    golden.check("sentences/client-revoke/the-answer-was-lost", shell.said())


class Typed(io.StringIO):
    def isatty(self):
        return True


def test_it_says_what_stops_and_has_the_name_typed(bench, store, run, shell, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Typed("wages\n"))
    assert revoke(run, store, reason="keyCompromise")[0] == 2
    assert row_of(bench, store)["state"] == "fetched"
    monkeypatch.setattr(sys, "stdin", Typed("payroll\n"))
    assert revoke(run, store)[0] == 0
    assert row_of(bench, store)["state"] == "revoked"
    golden.check("sentences/client-revoke/the-name-is-typed", shell.said())


def test_where_nobody_can_be_asked_nothing_is_revoked(bench, store, run, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("payroll\n"))
    code, _, err = revoke(run, store)
    assert (code, "--yes" in err) == (2, True)
    monkeypatch.setattr(sys, "stdin", None)
    assert revoke(run, store)[0] == 2
    assert row_of(bench, store)["state"] == "fetched"


def problem(status, reason, **more):
    body = json.dumps({"reason": reason, "detail": "Detail.", **more}).encode()
    return status, {"content-type": "application/problem+json"}, body


def answered(**members):
    return 200, {"content-type": "application/json"}, json.dumps(members).encode()


OTHER = "00" * 10
ANSWERS = {
    "a service without this door": (3, (404, {"content-type": "text/plain"}, b"There is nothing here.")),
    "one that takes no POST there": (3, (405, {"content-type": "text/html"}, b"<h1>No</h1>")),
    "a clock that is wrong": (
        3,
        problem(401, "signature-invalid", text={"en": "Set the clock right.", "fi": "Kello."}),
    ),
    "a refusal without our language": (3, problem(403, "other-certificate", text=[])),
    "one that has ended": (3, problem(409, "expired")),
    "too many calls": (4, (429, {}, b"")),
    "away": (4, problem(503, "unavailable")),
    "a fault": (4, (500, {}, b"")),
    "a redirection": (4, (302, {"location": SERVICE_SAYS}, b"")),
    "no JSON": (4, (200, {"content-type": "application/json"}, b"{")),
    "a problem that is none": (4, (400, {"content-type": "application/problem+json"}, b"[1]")),
    "a problem cut short": (3, (404, {"content-type": "application/problem+json"}, b'{"reason')),
    "another certificate": (4, answered(serial=OTHER, revoked_at="2027-01-11T08:00:00Z", reason="superseded")),
}


def test_answers_of_other_kinds(store, run, shell):
    path = store / "payroll" / "settings.toml"
    for name, (code, answer) in ANSWERS.items():
        shell.outputs.append(f"# {name}")
        with small_server(lambda _question, answer=answer: answer) as small:
            path.write_text(re.sub(r"http://127[^\"]+", f"{small.url}/2017/10/CertificateServices", path.read_text()))
            found, out, _ = revoke(run, store, "--yes", "--json")
        assert (found, json.loads(out)["result"]) == (code, "refused" if code == 3 else "failed"), name
        assert [(one.method, one.path) for one in small.asked] == [("POST", revocations.PATH)]
    path.write_text(re.sub(r"http://127[^\"]+", "http://127.0.0.1:9/", path.read_text()))
    code, out, _ = revoke(run, store, "--yes", "--json")
    assert (code, json.loads(out)["result"]) == (4, "failed"), "a service that is not reached"
    assert generations.notes(store / "payroll").revoked is None
    assert [one.event for one in event_log.read(store / "payroll")] == [EventType.ENROLLED]
    golden.check("sentences/client-revoke/answers-of-other-kinds", shell.said())


def test_where_there_is_nothing_to_revoke(store, run, shell):
    (store / "pensions" / "pending").mkdir(parents=True)
    (store / "payroll" / "live" / "key.pem").write_bytes(b"")
    for name, code in {"wages": 2, "pensions": 2, "payroll": 5}.items():
        assert run("revoke", name, "--store", store, "--reason", "superseded", "--yes", "--lang", "en")[0] == code
    golden.check("sentences/client-revoke/nothing-to-revoke", shell.said())


def test_reasons_are_those_that_holders_may_give():
    assert RevocationReason.CA_COMPROMISE not in requests_revoke.REASONS
    assert RevocationReason.PRIVILEGE_WITHDRAWN not in requests_revoke.REASONS
    assert RevocationReason.KEY_COMPROMISE in requests_revoke.REASONS


def test_what_has_to_be_corrected_is_not_only_tried_again(run, store, monkeypatch):
    def refused(_request):
        message = make_message(messages.TLS_NOT_TRUSTED, host="pki.example", why="self-signed")
        raise transport.ServiceError(transport.ServiceErrorKind.NOT_REACHED, message)

    monkeypatch.setattr(transport, "send_request", refused)
    code, _, err = revoke(run, store, "--yes")
    assert (code, err.splitlines()[-1]) == (4, messages.CORRECT_NOTHING_DONE)
