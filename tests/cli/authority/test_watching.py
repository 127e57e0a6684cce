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
from tests.support.officers import approve, give, key_of, octets_of, proposed
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
    would = "2 certificates would be revoked. Nothing was changed (--dry-run)."
    assert operator.does(*mine, "--dry-run").splitlines()[-1] == would
    monkeypatch.setattr(serial_selection, "QUIET_FOR", 0.0)
    code, out, err = operator.run(*mine)
    assert (code, out.splitlines()[-1], "2 of 2 revoked" in err) == (0, "Revoked: 2 certificates.", True)
    none_left = (
        0,
        "0 certificates; 2 skipped (already revoked or expired).\n",
        "There are no certificates to revoke.\n",
    )
    assert operator.run(*mine) == none_left
    (tmp_path / "serials").write_text(f"# two\n\n{held[0].serial.upper()}\n")
    nothing = {"result": "nothing", "count": 0, "along": 0, "passed_over": 1, "proposal": None, "expires": None}
    one = operator.does("revoke-many", "--serials", tmp_path / "serials", *SUPERSEDED, "--json")
    assert json.loads(one) == {**nothing, "certificates": []}
    assert revokers() == {f"os-user:{user_name(login_uid())}"}
    assert operator.does("revoke-many", "--resume") == "No run was interrupted.\n"


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
    monkeypatch.setattr("sinetti.cli.authority.revoke_many.AT_ONCE", 1)
    return operator, held


def test_many_take_two_officers(guarded, tmp_path):
    operator, held = guarded
    mine = ("revoke-many", "--customer-id", CUSTOMER_ID, *SUPERSEDED)
    seconded = operator.does(*mine, "--dry-run").splitlines()[-1]
    assert seconded.endswith("They are more than 1, so two officers must approve.")
    code, _out, err = operator.run(*mine)
    assert (code, "--officer is missing" in err) == (2, True)
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
    assert operator.does(*mine).startswith("0 certificates; 2 skipped")
    assert revokers() == {"officer:anna"}


def test_what_was_approved_is_what_is_revoked(guarded, tmp_path):
    operator, held = guarded
    mine = ("revoke-many", "--customer-id", CUSTOMER_ID, *SUPERSEDED)
    proposal = proposed(operator, *mine, "--officer", "anna")
    give(operator, proposal, "anna", tmp_path)
    signature = key_of("ben").sign(octets_of(operator, proposal, tmp_path))
    operator.does("revoke", held[0].serial, *SUPERSEDED)
    code, _out, err = give(operator, proposal, "ben", tmp_path, signature)
    assert (code, "the selected certificates have changed" in err) == (2, True)
    assert revokers() == {f"os-user:{user_name(login_uid())}"}


def test_small_runs_of_a_user_count_together(guarded, tmp_path):
    operator, held = guarded
    one = tmp_path / "one"
    one.write_text(held[0].serial)
    operator.does("revoke-many", *SUPERSEDED, "--serials", one)
    mine = ("revoke-many", "--customer-id", CUSTOMER_ID, *SUPERSEDED)
    shown = operator.does(*mine, "--dry-run").splitlines()[-1]
    assert "They, with the 1 that were revoked by this user in the last 24 hours, are more than 1" in shown
    assert "--officer is missing" in operator.run(*mine)[2]
    code, _out, err = operator.run("revoke", held[1].serial, *SUPERSEDED)
    assert (code, "propose it to officers with sinetti authority revoke-many" in err) == (2, True)


def test_single_revocations_of_a_user_count(guarded, tmp_path):
    operator, held = guarded
    operator.does("revoke", held[0].serial, *SUPERSEDED)
    for code in (2, 2):
        assert operator.run("revoke", held[1].serial, *SUPERSEDED)[0] == code
    assert "already been revoked" in operator.run("revoke", held[0].serial, *SUPERSEDED)[2]
    mine = ("revoke-many", "--customer-id", CUSTOMER_ID, *SUPERSEDED)
    assert "They, with the 1 that were revoked by this user" in operator.does(*mine, "--dry-run").splitlines()[-1]
    assert 'open_proposals": 0' in operator.does("status", "--json")


def test_an_approved_run_that_was_interrupted_is_continued(guarded, tmp_path, monkeypatch):
    operator, held = guarded
    mine = ("revoke-many", "--customer-id", CUSTOMER_ID, *SUPERSEDED)
    proposal = proposed(operator, *mine, "--officer", "anna")
    give(operator, proposal, "anna", tmp_path)
    with monkeypatch.context() as once:
        once.setattr("sinetti.services.approvals.executors.bulk_revoke.resume", interrupted)
        assert give(operator, proposal, "ben", tmp_path)[0] == 130
    assert "revoke-many --resume" in operator.run("watch")[1]
    assert "leave out the reason" in operator.run("revoke-many", "--resume", *SUPERSEDED)[2]
    (row,) = json.loads(operator.does("revoke-many", "--resume", "--json"))
    assert (row["count"], row["reason"]) == (len(held), "superseded")
    assert revokers() == {"officer:anna"}


def interrupted(*_rest):
    raise KeyboardInterrupt


FILES = {
    "serials": ("revoke-many", *SUPERSEDED, "--serials"),
    "a gateway's key": ("gateway", "add", "edge-1", "--key"),
    "a certificate": ("watch", "--tls-certificate"),
}


@pytest.mark.parametrize("words", FILES.values(), ids=FILES)
def test_a_file_that_is_not_there(sqlite_operator, tmp_path, words):
    said = sqlite_operator.refused(2, *words, tmp_path / "nothere")
    assert f"{words[-1]}: {tmp_path / 'nothere'} cannot be read: No such file" in said


def test_a_gateway_s_private_key_is_none_to_be_given(sqlite_operator, tmp_path):
    (tmp_path / "key.pem").write_bytes(dump_private_key(generate_key(KeyType.EC_P256), None))
    said = sqlite_operator.refused(2, "gateway", "add", "edge-1", "--key", tmp_path / "key.pem")
    assert "is a private key: keep it secret" in said


def test_options_of_many(sqlite_operator, tmp_path):
    (tmp_path / "bad").write_text("00ff\nno hex\n")
    (tmp_path / "empty").write_text("# nothing\n")
    base = ("revoke-many",)
    cases = {
        "--reason is missing": (*base, "--authority", "x"),
        "line 2": (*base, *SUPERSEDED, "--serials", tmp_path / "bad"),
        "the file has no serial number": (*base, *SUPERSEDED, "--serials", tmp_path / "empty"),
        "must be before": (*base, *SUPERSEDED, "--issued-between", "2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        "must not be in the future": (
            *base,
            *SUPERSEDED,
            "--authority",
            "x",
            "--invalid-since",
            "2999-01-01T00:00:00Z",
        ),
    }
    for word, words in cases.items():
        assert word in sqlite_operator.refused(2, *words)


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
    assert sqlite_operator.does("watch") == (
        "No problems found. The first revocation lists are signed when sinetti authority serve starts.\n"
    )


def test_watch(stocked, tmp_path, monkeypatch):
    operator, held = stocked
    monkeypatch.setattr(watch, "LOOKED_AGAIN_AFTER", 0.0)
    assert operator.does("watch").startswith("No problems found. ")
    assert json.loads(operator.does("watch", "--json")) == []
    rows = models.Certificate.objects.using("default").filter(serial=held[0].serial)
    audit, subject = AuditContext("operator", utc_now(), "0" * 32), f"certificate:{held[0].serial}"
    rows.update(revoked_at=audit.at, revocation_reason="superseded")
    audit_log.note(Database("default"), audit, "certificate-revoked", subject, reason="superseded")
    Database("default").close()
    code, out, _ = operator.run("watch", "--json")
    assert (code, [one["kind"] for one in json.loads(out)]) == (3, ["list-lacks"] * 2)
    line, _ = operator.run("watch")[1].splitlines()
    assert line.startswith("list-lacks: the revocation list DataProvidersTestIssuingCAv1 lacks ")
    with opened(operator) as scene, status_served(PublicationEndpoint(scene.ctx)) as address:
        assert operator.does("watch", "--status-url", f"{address}/").startswith("No problems found"), (
            "who serves signed it anew"
        )
    away = f"not-served: {address} does not answer (Connection refused): check that the service is running\n"
    assert operator.run("watch", "--status-url", address)[:2] == (3, away)
    with status_served(PublicationEndpoint(scene.ctx)) as address:
        lines = operator.run("watch", "--status-url", f"{address}/else")[1].splitlines()
    assert len(lines) == len(set(lines))
    assert {line.partition(":")[0] for line in lines} == {"list-missing", "not-served"}
    assert all(" answers with HTTP status 40" in line for line in lines)
    files = ServerFiles(tmp_path / "certificate.pem", tmp_path / "key.pem", tmp_path / "anchor.pem")
    make_server_certificate(files)
    operator.does("watch", "--tls-certificate", files.certificate)
    assert "not an X.509 certificate" in operator.run("watch", "--tls-certificate", files.key)[1]
    for bad in ("ftp://pki.example", "pki.example", "http://[", "http://pki.example?x"):
        operator.refused(2, "watch", "--status-url", bad)
    golden.check("sentences/watching/watch", operator.said_so_far())


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
    assert operator.does("watch").startswith("No problems found")
    Database("default").close()
    for old in operator.root.glob("register.sqlite3*"):
        old.unlink()
    operator.does("restore", "--from", tmp_path / "night")
    before = {path: path.read_bytes() for path in (tmp_path / "authority-journal").iterdir()}
    code, out, _ = operator.run("watch")
    ahead = "the journals contain facts that the database lacks (2 certificates, 1 list), as after restoring a backup"
    assert (code, out) == (3, f"journal-ahead: {ahead}: run sinetti authority reconcile --dir {operator.root}\n")
    assert {path: path.read_bytes() for path in (tmp_path / "authority-journal").iterdir()} == before
    people = operator.does("reconcile")
    assert f"change-contact {late.serial} --dir {operator.root} --name NAME --email ADDRESS" in people
    assert operator.run("watch")[0] == 3, "its list is signed when the service starts"
    with opened(operator) as scene:
        publish_all(scene.ctx, REQUEST)
    code, out, _ = operator.run("watch")
    assert (code, out.partition(":")[0]) == (3, "people-missing")
    assert "1 holding restored from the journals without contact or roles" in out
    operator.refused(2, "reconcile", "--settle", "none")
    (holding,) = json.loads(operator.does("reconcile", "--json"))["without_people"]
    assert (holding["serial"], holding["has_contact"], holding["has_roles"]) == (late.serial, False, True)
    operator.does("reconcile", "--settle", holding["holding_id"])
    assert operator.does("watch").startswith("No problems found")
    shutil.move(tmp_path / "authority-journal", tmp_path / "elsewhere")
    operator.refused(5, "watch")
    golden.check("sentences/watching/watch-after-an-old-backup-was-restored", operator.said_so_far())


def test_gateways_and_use_and_one_revocation_by_a_user(stocked, tmp_path):
    operator, held = stocked
    mine = ("status", "--customer-id", CUSTOMER_ID)
    key = ed25519.Ed25519PrivateKey.generate().public_key()
    (tmp_path / "edge.pem").write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    other = ec.generate_private_key(ec.SECP384R1()).public_key()
    (tmp_path / "other.pem").write_bytes(other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert "There are no gateways" in operator.does("gateway", "list")
    assert {one["use"] for one in json.loads(operator.does(*mine, "--json"))} == {"not-known"}
    assert operator.does(*mine).count("not known") == 2
    operator.refused(2, "gateway", "add", "edge-1", "--key", tmp_path / "other.pem")
    operator.does("gateway", "add", "edge-1", "--key", tmp_path / "edge.pem")
    taken = operator.refused(2, "gateway", "add", "edge-1", "--key", tmp_path / "edge.pem")
    assert "the name edge-1 is or was in use: choose another one" in taken
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
    again = operator.refused(2, "gateway", "add", "edge-3", "--key", tmp_path / "laid-out.pem")
    assert (
        "this key belongs or belonged to the gateway edge-1: create a new one (sinetti gateway key --out FILE)" in again
    )
    operator.refused(2, "gateway", "withdraw", "edge-1")
    assert operator.does(*mine).count("not known") == 1, "what was seen stays"
    one_revoked_by_a_user(operator, [one.serial for one in held])
    golden.check("sentences/watching/gateways-and-use-and-one-revocation-by-a-user", operator.said_so_far())


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
