"""`sinetti revoke` on a bench from end to end, and messages about other answers."""

import io
import json
import sys

import pytest

from sinetti.cli.main import main
from sinetti.client.messages import messages
from sinetti.client.messages.messages import make_message
from sinetti.client.requests import revoke as requests_revoke
from sinetti.client.requests import transport
from sinetti.client.store import event_log, generations
from sinetti.client.store.event_log import EventType
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.wire.json_api import revocations
from tests.support.programs import CUSTOMER, running
from tests.support.small_server import small_server

SERVICE_SAYS = "https://tunnistus.example/"


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    with running(tmp_path_factory.mktemp("revoking") / "bench", "--http", "--now", "2027-01-11T08:00:00Z") as one:
        yield one


@pytest.fixture
def run(capsys):
    def act(*words):
        code = main([str(one) for one in words])
        caught = capsys.readouterr()
        return code, caught.out, caught.err

    return act


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


def test_a_certificate_is_revoked_by_its_own_key(bench, store, run):
    code, out, err = revoke(run, store, "--yes", "--json")
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
    assert "was revoked on 11 January 2027 at 10:00 (Finnish time). Order a replacement" in err
    assert (row_of(bench, store)["state"], row_of(bench, store)["reason"]) == ("revoked", "superseded")
    assert [one.event for one in event_log.read(store / "payroll")] == [EventType.ENROLLED, EventType.REVOKED]
    code, out, _ = run("status", "--store", store, "--json")
    assert (code, json.loads(out)[0]["state"]) == (0, "revoked")


def test_doing_it_again_says_that_it_is_revoked(store, run):
    assert revoke(run, store, "--yes")[0] == 0
    code, out, err = revoke(run, store, "--json")
    assert (code, json.loads(out)["result"]) == (0, "revoked-before")
    assert err.endswith("is already revoked. Nothing was sent.\n")


def test_a_name_is_removed_once_its_certificate_is_revoked(bench, store, run):
    serial = serial_of(store)
    words = ("remove", "payroll", "--store", store, "--now", "2027-01-11T08:00:00Z", "--lang", "en")
    code, out, err = run(*words, "--revoke", "--yes", "--json")
    assert (code, json.loads(out)["revocation"], (store / "payroll").exists()) == (0, "revoked", False)
    assert err.splitlines()[1:] == [
        f"payroll: certificate {serial} is revoked.",
        f"payroll was removed from {store}, with its keys.",
    ]
    (row,) = [one for one in bench.rows() if one["serial"] == serial]
    assert (row["state"], row["reason"]) == ("revoked", "cessationOfOperation")


def forget(store):
    (store / "payroll" / "notes.json").unlink()
    known = generations.NameState()
    generations.remember(store / "payroll", known)


def test_where_the_answer_was_lost_it_is_asked_again(store, run):
    assert revoke(run, store, "--yes")[0] == 0
    forget(store)
    code, out, _ = revoke(run, store, "--yes", "--json")
    assert (code, json.loads(out)["result"]) == (0, "revoked")
    forget(store)
    code, out, err = revoke(run, store, "--yes", "--json", reason="keyCompromise")
    assert (code, json.loads(out)["result"], json.loads(out)["reason"]) == (0, "revoked-before", "already")
    assert "for another reason. It stays revoked." in err
    assert revoke(run, store, "--yes")[2].endswith("is already revoked. Nothing was sent.\n")


class Typed(io.StringIO):
    def isatty(self):
        return True


def test_it_says_what_stops_and_has_the_name_typed(bench, store, run, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Typed("wages\n"))
    code, _, err = revoke(run, store, reason="keyCompromise")
    assert code == 2
    assert f"payroll: certificate {serial_of(store)} of 0123456-7 will be revoked permanently in TEST at http://" in err
    assert "the certificates renewed from it are revoked too" in err
    assert "To revoke the certificate, type its name (payroll): The name does not match. Nothing was changed." in err
    assert row_of(bench, store)["state"] == "fetched"
    monkeypatch.setattr(sys, "stdin", Typed("payroll\n"))
    assert revoke(run, store)[0] == 0
    assert row_of(bench, store)["state"] == "revoked"


def test_where_nobody_can_be_asked_nothing_is_revoked(bench, store, run, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("payroll\n"))
    code, _, err = revoke(run, store)
    assert (code, err.splitlines()[-1][:26]) == (2, "There is no terminal to co")
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
    "a service without this door": (
        (404, {"content-type": "text/plain"}, b"There is nothing here."),
        (
            3,
            "refused",
            "This service does not accept revocations from programs. Revoke the certificate at any time in the ",
        ),
    ),
    "one that takes no POST there": (
        (405, {"content-type": "text/html"}, b"<h1>No</h1>"),
        (3, "refused", "This service does not accept revocations from programs."),
    ),
    "a clock that is wrong": (
        problem(401, "signature-invalid", text={"en": "Set the clock right.", "fi": "Kello."}),
        (3, "refused", "The service answered signature-invalid: Set the clock right.\nNothing was revoked."),
    ),
    "a refusal without our language": (
        problem(403, "other-certificate", text=[]),
        (3, "refused", "The service answered other-certificate: Detail.\nNothing was revoked."),
    ),
    "one that has ended": (
        problem(409, "expired"),
        (3, "refused", "The service answered expired: Detail.\nNothing was revoked."),
    ),
    "too many calls": ((429, {}, b""), (4, "failed", "The service answered with HTTP status 429")),
    "away": (problem(503, "unavailable"), (4, "failed", "The service answered with HTTP status 503")),
    "a fault": ((500, {}, b""), (4, "failed", "is not an answer to a revocation (HTTP status 500)")),
    "a redirection": ((302, {"location": SERVICE_SAYS}, b""), (4, "failed", "redirects to another address")),
    "no JSON": ((200, {"content-type": "application/json"}, b"{"), (4, "failed", "is not an answer to a revocation")),
    "a problem that is none": (
        (400, {"content-type": "application/problem+json"}, b"[1]"),
        (4, "failed", "is not an answer to a revocation (HTTP status 400)"),
    ),
    "a problem cut short": (
        (404, {"content-type": "application/problem+json"}, b'{"reason'),
        (3, "refused", "This service does not accept revocations from programs."),
    ),
    "another certificate": (
        answered(serial=OTHER, revoked_at="2027-01-11T08:00:00Z", reason="superseded"),
        (4, "failed", "is not an answer to a revocation (HTTP status 200)"),
    ),
}


@pytest.mark.parametrize(("answer", "ended"), ANSWERS.values(), ids=ANSWERS)
def test_answers_of_other_kinds(answer, ended, bench, store, run):
    code, result, told = ended
    with small_server(lambda _question: answer) as small:
        path = store / "payroll" / "settings.toml"
        path.write_text(path.read_text().replace(bench.ready["soap_url"], f"{small.url}/2017/10/CertificateServices"))
        found, out, err = revoke(run, store, "--yes", "--json")
    assert (found, json.loads(out)["result"]) == (code, result)
    assert told in err
    assert [(one.method, one.path) for one in small.asked] == [("POST", revocations.PATH)]
    assert generations.notes(store / "payroll").revoked is None
    assert [one.event for one in event_log.read(store / "payroll")] == [EventType.ENROLLED]


def test_a_service_that_is_not_reached(bench, store, run):
    path = store / "payroll" / "settings.toml"
    path.write_text(path.read_text().replace(bench.ready["soap_url"], "http://127.0.0.1:9/"))
    code, out, err = revoke(run, store, "--yes", "--json")
    assert (code, json.loads(out)["result"]) == (4, "failed")
    assert err.endswith("Nothing was sent. Run the same command again.\n")


NOT_THERE = {
    "no such name": (lambda _: None, "wages", 2, "has no name wages"),
    "no certificate": (
        lambda folder: (folder.parent / "wages" / "pending").mkdir(parents=True),
        "wages",
        2,
        "has no certificate",
    ),
    "a damaged set": (
        lambda folder: (folder / "live" / "key.pem").write_bytes(b""),
        "payroll",
        5,
        "The store is damaged",
    ),
}


@pytest.mark.parametrize("case", NOT_THERE.values(), ids=NOT_THERE)
def test_where_there_is_nothing_to_revoke(case, store, run):
    change, name, code, told = case
    change(store / "payroll")
    found, _, err = run("revoke", name, "--store", store, "--reason", "superseded", "--yes", "--lang", "en")
    assert found == code
    assert told in err


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
