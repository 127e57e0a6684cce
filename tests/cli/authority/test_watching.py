"""`authority revoke-many`, `watch` and `gateway`, and the usage in `status`."""

import json
import shutil
import threading
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sinetti.api.publication import PublicationEndpoint
from sinetti.authority.bootstrap import open_authority
from sinetti.authority.data_directory import DirectoryKind
from sinetti.cli.authority import serial_selection, watch
from sinetti.cli.main import main
from sinetti.database import models
from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.domain.usage import Observation
from sinetti.domain.values import KeyType
from sinetti.gateway.usage_reporter import ReportTarget, UsageReporter
from sinetti.infra.clock import utc_now
from sinetti.infra.environment import login_uid
from sinetti.infra.file_permissions import user_name
from sinetti.pki.encoding import dump_private_key, generate_key, sha256_hex
from sinetti.server.http import SOAP_PATH, Request
from sinetti.services.status.crl import publish_all
from sinetti.services.status.usage_reports import record_report
from sinetti.testbench.core.server_certificate import ServerFiles, make_server_certificate
from sinetti.wire.http_signatures.profile import load_signing_key
from sinetti.wire.json_api.usage_reports import PATH
from tests.support import golden
from tests.support.authority import CUSTOMER_ID
from tests.support.officers import approve, give, giving, key_of, octets_of, proposed
from tests.support.scene import REQUEST, Scene, enrolled
from tests.support.serving import SOON, serving

SUPERSEDED = ("--reason", "superseded")


@contextmanager
def opened(operator):
    """Open the authority of the operator as a scene that needs no clock of its own."""
    authority = open_authority(operator.root.absolute(), DirectoryKind.AUTHORITY)
    try:
        yield Scene(authority.ctx, None, None, None, None)
    finally:
        authority.journal.close()
        Database("default").close()


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    """Return the place of the stocked to be copied, and its certificates once it exists."""
    return tmp_path_factory.mktemp("stock") / "stocked", []


@pytest.fixture
def stocked(sqlite_operator, stock):
    """Return an operator with published CRLs, and two retrieved certificates."""
    (first, held), here = stock, sqlite_operator.root.parent
    if first.exists():
        shutil.copytree(first, here, dirs_exist_ok=True)
        return sqlite_operator, held
    sqlite_operator.found()
    sqlite_operator.add(CUSTOMER_ID)
    with opened(sqlite_operator) as scene:
        held += [enrolled(scene) for _ in range(2)]
        publish_all(scene.ctx, REQUEST)
    shutil.copytree(here, first)
    return sqlite_operator, held


def test_many_at_once_without_officers(stocked, tmp_path, monkeypatch):
    """TEST without officers: the user of the machine revokes any number."""
    operator, held = stocked
    monkeypatch.setattr("sinetti.domain.certificates.bulk_revocation.AT_ONCE", 1)
    mine = ("revoke-many", "--customer-id", CUSTOMER_ID, *SUPERSEDED)
    shown = json.loads(operator.does(*mine, "--dry-run", "--json"))
    names = ("result", "count", "along", "passed_over", "proposal")
    assert [shown[name] for name in names] == ["dry-run", 2, 0, 0, None]
    assert [one["serial"] for one in shown["certificates"]] == [one.serial for one in held]
    operator.says(0, *mine, "--dry-run")
    monkeypatch.setattr(serial_selection, "QUIET_FOR", 0.0)
    operator.says(0, *mine)
    operator.says(0, *mine)
    (tmp_path / "serials").write_text(f"# two\n\n{held[0].serial.upper()}\n")
    nothing = {"result": "nothing", "count": 0, "along": 0, "passed_over": 1, "proposal": None, "expires": None}
    one = operator.does("revoke-many", "--serials", tmp_path / "serials", *SUPERSEDED, "--json")
    assert json.loads(one) == {**nothing, "certificates": []}
    assert revokers() == {f"os-user:{user_name(login_uid())}"}
    operator.says(0, "revoke-many", "--resume")
    golden.check("sentences/watching/many-at-once-without-officers", operator.said())


def revokers():
    """Return the actors of revocations, and close the connection."""
    actors = models.AuditEvent.objects.using("default").filter(action="certificate-revoked")
    found = set(actors.values_list("actor", flat=True))
    Database("default").close()
    return found


@pytest.fixture
def guarded(stocked, monkeypatch):
    """Return the stocked with two officers, where more than one certificate takes two."""
    operator, held = stocked
    for name in ("anna", "ben"):
        operator.does("officer", "add", name, "--public-key", key_of(name).public, "--role", "approver")
    monkeypatch.setattr("sinetti.domain.certificates.bulk_revocation.AT_ONCE", 1)
    monkeypatch.setattr("sinetti.cli.authority.revoke.AT_ONCE", 1)
    return operator, held


def test_many_take_two_officers(guarded, tmp_path):
    operator, held = guarded
    mine = ("revoke-many", "--customer-id", CUSTOMER_ID, *SUPERSEDED)
    operator.says(0, *mine, "--dry-run")
    operator.says(2, *mine)
    code, out, err = operator.run(*mine, "--officer", "anna", "--json")
    shown = json.loads(out)
    assert (code, shown["result"], shown["act"]) == (3, "proposed", "bulk-revocation")
    assert err.splitlines()[:2] == operator.does(*mine, "--dry-run").splitlines()[:2]
    assert json.loads(operator.does("status", "--json"))["open_proposals"] == 1
    given = json.loads(octets_of(operator, shown["proposal"], tmp_path))
    assert [row["serial"] for row in given["parameters"]["certificates"]] == [one.serial for one in held]
    first = given["parameters"]["certificates"][0]
    assert set(first) == {
        *("organisation", "customer_id", "description", "ends", "authority", "serves", "last_seen", "serial")
    }
    assert given["context"] | {"letters": 0} == {
        "customer_id": CUSTOMER_ID,
        "count": 2,
        "organisations": 1,
        "along": 0,
        "passed_over": 0,
        "letters": 0,
    }
    approve(operator, shown["proposal"], tmp_path)
    operator.says(0, *mine)
    assert revokers() == {"officer:anna"}
    golden.check("sentences/watching/many-take-two-officers", operator.said())


def test_what_was_approved_is_what_is_revoked(guarded, tmp_path):
    operator, held = guarded
    mine = ("revoke-many", "--customer-id", CUSTOMER_ID, *SUPERSEDED)
    proposal = proposed(operator, *mine, "--officer", "anna")
    give(operator, proposal, "anna", tmp_path)
    signature = key_of("ben").sign(octets_of(operator, proposal, tmp_path))
    operator.does("revoke", held[0].serial, *SUPERSEDED)
    operator.refused(2, *giving(operator, proposal, "ben", tmp_path, signature))
    assert revokers() == {f"os-user:{user_name(login_uid())}"}
    golden.check("sentences/watching/what-was-approved-is-what-is-revoked", operator.said())


def test_small_runs_of_a_user_count_together(guarded, tmp_path):
    operator, held = guarded
    one = tmp_path / "one"
    one.write_text(held[0].serial)
    operator.does("revoke-many", *SUPERSEDED, "--serials", one)
    mine = ("revoke-many", "--customer-id", CUSTOMER_ID, *SUPERSEDED)
    operator.says(0, *mine, "--dry-run")
    operator.says(2, *mine)
    operator.says(2, "revoke", held[1].serial, *SUPERSEDED)
    golden.check("sentences/watching/small-runs-of-a-user-count-together", operator.said())


def test_single_revocations_of_a_user_count(guarded, tmp_path):
    operator, held = guarded
    operator.does("revoke", held[0].serial, *SUPERSEDED)
    for _ in range(2):
        assert operator.run("revoke", held[1].serial, *SUPERSEDED)[0] == 2
    operator.says(2, "revoke", held[0].serial, *SUPERSEDED)
    operator.says(0, "revoke-many", "--customer-id", CUSTOMER_ID, *SUPERSEDED, "--dry-run")
    assert 'open_proposals": 0' in operator.does("status", "--json")
    golden.check("sentences/watching/single-revocations-of-a-user-count", operator.said())


def test_an_approved_run_that_was_interrupted_is_continued(guarded, tmp_path, monkeypatch):
    operator, held = guarded
    mine = ("revoke-many", "--customer-id", CUSTOMER_ID, *SUPERSEDED)
    proposal = proposed(operator, *mine, "--officer", "anna")
    give(operator, proposal, "anna", tmp_path)
    with monkeypatch.context() as once:
        once.setattr("sinetti.services.approvals.executors.bulk_revoke.resume", interrupted)
        assert give(operator, proposal, "ben", tmp_path)[0] == 130
    assert "revoke-many --resume" in operator.run("watch")[1]
    operator.refused(2, "revoke-many", "--resume", *SUPERSEDED)
    (row,) = json.loads(operator.does("revoke-many", "--resume", "--json"))
    assert (row["count"], row["reason"]) == (len(held), "superseded")
    assert revokers() == {"officer:anna"}
    golden.check("sentences/watching/an-approved-run-that-was-interrupted", operator.said())


def interrupted(*_rest):
    raise KeyboardInterrupt


def test_options_and_files_that_cannot_be_right(sqlite_operator, tmp_path):
    for words in (
        ("revoke-many", *SUPERSEDED, "--serials"),
        ("gateway", "add", "edge-1", "--key"),
        ("watch", "--tls-certificate"),
    ):
        sqlite_operator.refused(2, *words, tmp_path / "nothere")
    (tmp_path / "key.pem").write_bytes(dump_private_key(generate_key(KeyType.EC_P256), None))
    sqlite_operator.refused(2, "gateway", "add", "edge-1", "--key", tmp_path / "key.pem")
    (tmp_path / "bad").write_text("00ff\nno hex\n")
    (tmp_path / "empty").write_text("# nothing\n")
    for options in (
        ("--authority", "x"),
        (*SUPERSEDED, "--serials", tmp_path / "bad"),
        (*SUPERSEDED, "--serials", tmp_path / "empty"),
        (*SUPERSEDED, "--issued-between", "2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        (*SUPERSEDED, "--authority", "x", "--invalid-since", "2999-01-01T00:00:00Z"),
    ):
        sqlite_operator.refused(2, "revoke-many", *options)
    golden.check("sentences/watching/options-and-files-that-cannot-be-right", sqlite_operator.said())


@contextmanager
def status_served(door):
    """Serve a status endpoint over HTTP."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.answer(door(Request("GET", self.path, "", {}, REQUEST, b"")))

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            kind = {"content-type": self.headers["content-type"]}
            self.answer(door(Request("POST", self.path, "", kind, REQUEST, body)))

        def answer(self, reply):
            self.send_response(reply.status)
            self.send_header("content-length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *_words):
            """Log nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_watch_before_anything_was_served(sqlite_operator):
    sqlite_operator.found()
    sqlite_operator.says(0, "watch")
    golden.check("sentences/watching/before-anything-was-served", sqlite_operator.said())


def test_watch(stocked, tmp_path, monkeypatch):
    operator, held = stocked
    monkeypatch.setattr(watch, "LOOKED_AGAIN_AFTER", 0.0)
    operator.says(0, "watch")
    assert json.loads(operator.does("watch", "--json")) == []
    rows = models.Certificate.objects.using("default").filter(serial=held[0].serial)
    audit, subject = AuditContext("operator", utc_now(), "0" * 32), f"certificate:{held[0].serial}"
    rows.update(revoked_at=audit.at, revocation_reason="superseded")
    audit_log.note(Database("default"), audit, "certificate-revoked", subject, reason="superseded")
    Database("default").close()
    code, out, _ = operator.run("watch", "--json")
    assert (code, [one["kind"] for one in json.loads(out)]) == (3, ["list-lacks"] * 2)
    operator.says(3, "watch")
    with opened(operator) as scene, status_served(PublicationEndpoint(scene.ctx)) as address:
        operator.does("watch", "--status-url", f"{address}/")  # who serves signed it anew
    operator.says(3, "watch", "--status-url", address)
    with status_served(PublicationEndpoint(scene.ctx)) as address:
        lines = operator.says(3, "watch", "--status-url", f"{address}/else")[0].splitlines()
    assert len(lines) == len(set(lines))
    files = ServerFiles(tmp_path / "certificate.pem", tmp_path / "key.pem", tmp_path / "anchor.pem")
    make_server_certificate(files)
    operator.does("watch", "--tls-certificate", files.certificate)
    operator.noted("watch", "--tls-certificate", files.key)
    for bad in ("ftp://pki.example", "pki.example", "http://[", "http://pki.example?x"):
        operator.refused(2, "watch", "--status-url", bad)
    golden.check("sentences/watching/watch", operator.said())


@pytest.mark.long
def test_watch_after_an_old_backup_was_restored(stocked, tmp_path):
    """CRLs are in the database and come back with it.

    Only the journals, and the CRLs beside them, reveal the older state.
    """
    operator, held = stocked
    Database("default").close()
    operator.does("backup", "--out", tmp_path / "night")
    operator.does("revoke", held[0].serial, *SUPERSEDED)
    with opened(operator) as scene:
        late = enrolled(scene)
    operator.does("watch")
    Database("default").close()
    for old in operator.root.glob("register.sqlite3*"):
        old.unlink()
    operator.does("restore", "--from", tmp_path / "night")
    before = {path: path.read_bytes() for path in (tmp_path / "authority-journal").iterdir()}
    operator.says(3, "watch")
    assert {path: path.read_bytes() for path in (tmp_path / "authority-journal").iterdir()} == before
    assert f"change-contact {late.serial} --dir {operator.root}" in operator.says(0, "reconcile")[0]
    assert operator.run("watch")[0] == 3, "its list is signed when the service starts"
    with opened(operator) as scene:
        publish_all(scene.ctx, REQUEST)
    operator.says(3, "watch")
    operator.refused(2, "reconcile", "--settle", "none")
    (holding,) = json.loads(operator.does("reconcile", "--json"))["without_people"]
    assert (holding["serial"], holding["has_contact"], holding["has_roles"]) == (late.serial, False, True)
    operator.does("reconcile", "--settle", holding["holding_id"])
    operator.does("watch")
    shutil.move(tmp_path / "authority-journal", tmp_path / "elsewhere")
    operator.refused(5, "watch")
    golden.check("sentences/watching/watch-after-an-old-backup-was-restored", operator.said())


def test_gateways_and_use_and_one_revocation_by_a_user(stocked, tmp_path):
    operator, held = stocked
    mine = ("status", "--customer-id", CUSTOMER_ID)
    key = ed25519.Ed25519PrivateKey.generate().public_key()
    (tmp_path / "edge.pem").write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    other = ec.generate_private_key(ec.SECP384R1()).public_key()
    (tmp_path / "other.pem").write_bytes(other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    operator.says(0, "gateway", "list")
    assert {one["use"] for one in json.loads(operator.does(*mine, "--json"))} == {"not-known"}
    assert operator.does(*mine).count("not known") == 2
    operator.refused(2, "gateway", "add", "edge-1", "--key", tmp_path / "other.pem")
    operator.does("gateway", "add", "edge-1", "--key", tmp_path / "edge.pem")
    operator.refused(2, "gateway", "add", "edge-1", "--key", tmp_path / "edge.pem")
    seen = utc_now() - timedelta(hours=1)
    with opened(operator) as scene:
        record_report("edge-1", [Observation(sha256_hex(held[0].der), seen)], scene.ctx)
    rows = {one["serial"]: one for one in json.loads(operator.does(*mine, "--json"))}
    at = f"{seen:%Y-%m-%dT%H:%M:%SZ}"
    assert [rows[held[0].serial][name] for name in ("use", "last_seen", "looked_since")] == ["seen", at, None]
    assert [rows[held[1].serial][name] for name in ("use", "last_seen")] == ["not-seen", None]
    since = rows[held[1].serial]["looked_since"]
    table = operator.does(*mine)
    assert f"seen {at}" in table
    assert f"not seen since {since}" in table
    (row,) = json.loads(operator.does("gateway", "list", "--json"))
    assert [row["name"], row["withdrawn"], row["last_report"]] == ["edge-1", None, row["first_report"]]
    assert "edge-1" in operator.does("gateway", "list")
    operator.does("gateway", "withdraw", "edge-1")
    (tmp_path / "laid-out.pem").write_text("It was:\n" + (tmp_path / "edge.pem").read_text())
    operator.refused(2, "gateway", "add", "edge-3", "--key", tmp_path / "laid-out.pem")
    operator.refused(2, "gateway", "withdraw", "edge-1")
    assert operator.does(*mine).count("not known") == 1, "what was seen stays"
    one_revoked_by_a_user(operator, [one.serial for one in held])
    golden.check("sentences/watching/gateways-and-use-and-one-revocation-by-a-user", operator.said())


def one_revoked_by_a_user(operator, serials):
    """Revoke one certificate as the user of the machine."""
    operator.does("revoke", serials[0], *SUPERSEDED)
    row = models.AuditEvent.objects.using("default").get(action="certificate-revoked")
    assert row.actor == f"os-user:{user_name(login_uid())}"
    Database("default").close()


def test_what_a_gateway_tells_is_taken_by_what_is_served(stocked, tmp_path):
    """Both sides, of the gateway and of the authority, talk over HTTP as two programs."""
    operator, held = stocked
    kept = tmp_path / "gateway-key.pem"
    assert main(["gateway", "key", "--out", str(kept)]) == 0
    (tmp_path / "public.pem").write_text(operator.capsys.readouterr().out)
    operator.does("gateway", "add", "edge-1", "--key", tmp_path / "public.pem")
    key, seen_at = load_signing_key(kept.read_bytes()), utc_now()
    with serving(operator.root, "--workers", 1) as served:
        telling = UsageReporter(ReportTarget(f"{served.soap.removesuffix(SOAP_PATH)}{PATH}", "edge-1", key))
        telling.start()
        telling.seen(held[0].der, seen_at)
        telling.stop(within=SOON)
        assert telling.waiting == 0
    rows = json.loads(operator.does("status", "--customer-id", CUSTOMER_ID, "--json"))
    use = {row["serial"]: (row["use"], row["last_seen"]) for row in rows}
    assert use[held[0].serial] == ("seen", f"{seen_at:%Y-%m-%dT%H:%M:%SZ}")
    assert use[held[1].serial] == ("not-seen", None)
