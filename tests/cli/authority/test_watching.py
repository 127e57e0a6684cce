"""`authority revoke-many`, `watch` and `gateway`, and the usage in `status`."""

import io
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
from sinetti.database.connection import Database
from sinetti.domain.usage import Observation
from sinetti.domain.values import KeyType
from sinetti.gateway.usage_reporter import ReportTarget, UsageReporter
from sinetti.infra.clock import utc_now
from sinetti.pki.encoding import dump_private_key, generate_key, sha256_hex
from sinetti.server.http import SOAP_PATH, Request
from sinetti.services.status.crl import publish_all
from sinetti.services.status.usage_reports import record_report
from sinetti.testbench.core.server_certificate import ServerFiles, make_server_certificate
from sinetti.wire.http_signatures.profile import load_signing_key
from sinetti.wire.json_api.usage_reports import PATH
from tests.support.authority import CUSTOMER_ID
from tests.support.service_context import REQUEST, Desk, enrolled
from tests.support.serving import SOON, serving

SUPERSEDED = ("--reason", "superseded")


@contextmanager
def opened(operator):
    """Open the authority of the operator as a desk that needs no clock of its own."""
    authority = open_authority(operator.root.absolute(), DirectoryKind.AUTHORITY)
    try:
        yield Desk(authority.ctx, None, None, None, None)
    finally:
        authority.journal.close()
        Database("default").close()


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    """Return the place of the shop to be copied, and its certificates once it exists."""
    return tmp_path_factory.mktemp("stock") / "shop", []


@pytest.fixture
def shop(sqlite_operator, stock):
    """Return an operator with published CRLs, and two retrieved certificates."""
    (first, held), here = stock, sqlite_operator.root.parent
    if first.exists():
        shutil.copytree(first, here, dirs_exist_ok=True)
        return sqlite_operator, held
    sqlite_operator.found()
    sqlite_operator.add(CUSTOMER_ID)
    with opened(sqlite_operator) as desk:
        held += [enrolled(desk) for _ in range(2)]
        publish_all(desk.ctx, REQUEST)
    shutil.copytree(here, first)
    return sqlite_operator, held


def test_many_by_one_officer_and_by_two(shop, tmp_path, monkeypatch):
    operator, held = shop
    serials = [one.serial for one in held]
    mine = ("revoke-many", "--customer-id", CUSTOMER_ID, *SUPERSEDED, "--officer", "a17")
    shown = json.loads(operator.does(*mine, "--dry-run", "--json"))
    assert [shown[name] for name in ("result", "count", "along", "passed_over", "proposal")] == [
        "dry-run",
        2,
        0,
        0,
        None,
    ]
    assert [one["serial"] for one in shown["certificates"]] == serials
    would = "2 certificates would be revoked. Nothing was changed (--dry-run)."
    assert operator.does(*mine, "--dry-run").splitlines()[-1] == would
    monkeypatch.setattr("sinetti.domain.certificates.bulk_revocation.AT_ONCE", 1)
    seconded = operator.does(*mine, "--dry-run").splitlines()[-1]
    assert seconded == f"{would} They are more than 10, so a second officer must approve."
    code, out, err = operator.run(*mine, "--json")
    proposal = json.loads(out)
    assert (code, proposal["result"]) == (3, "proposed")
    assert f"--approve {proposal['proposal']} --officer OTHER" in err
    approving = ("revoke-many", "--approve", proposal["proposal"], "--officer")
    assert "another officer" in operator.refused(2, *approving, "A17", "--yes")
    code, out, err = operator.run(*approving, "b2")
    assert (code, out) == (2, "")
    assert err.splitlines()[:2] == operator.does(*mine, "--dry-run").splitlines()[:2]
    assert "standard input is not a terminal" in err
    assert json.loads(operator.does(*approving, "b2", "--dry-run", "--json"))["proposal"] == proposal["proposal"]
    answers = iter(("no\n", "y\n"))
    monkeypatch.setattr("sys.stdin", type("Terminal", (io.StringIO,), {"isatty": lambda _self: True})())
    monkeypatch.setattr("sys.stdin.readline", lambda: next(answers))
    assert "nothing was revoked" in operator.run(*approving, "b2")[2]
    monkeypatch.setattr(serial_selection, "QUIET_FOR", 0.0)
    code, out, err = operator.run(*approving, "b2")
    assert (code, out) == (0, "Revoked: 2 certificates.\n")
    assert "2 of 2 revoked" in err
    assert "carried out" in operator.refused(2, *approving, "b2", "--yes")
    code, out, err = operator.run(*mine)
    assert (code, out, err) == (
        0,
        "0 certificates; 2 skipped (already revoked or expired).\n",
        "There are no certificates to revoke.\n",
    )
    (tmp_path / "serials").write_text(f"# two\n\n{serials[0].upper()}\n")
    assert json.loads(
        operator.does("revoke-many", "--serials", tmp_path / "serials", *SUPERSEDED, "--officer", "c", "--json")
    ) == {
        "result": "nothing",
        "count": 0,
        "along": 0,
        "passed_over": 1,
        "proposal": None,
        "expires": None,
        "certificates": [],
    }
    actors = (
        models.AuditEvent.objects.using("default").filter(action="certificate-revoked").values_list("actor", flat=True)
    )
    assert set(actors) == {"officer:b2"}
    Database("default").close()


def test_proposals_are_found_and_taken_back(shop, tmp_path, monkeypatch):
    operator, held = shop
    one, both = tmp_path / "one", tmp_path / "both"
    one.write_text(held[0].serial)
    both.write_text("\n".join(row.serial for row in held))
    mine = ("revoke-many", *SUPERSEDED, "--officer", "a17", "--serials")
    assert operator.does("revoke-many", "--list") == "There are no proposals.\n"
    monkeypatch.setattr("sinetti.domain.certificates.bulk_revocation.AT_ONCE", 1)
    first, again = (json.loads(operator.run(*mine, both, "--json")[1]) for _ in range(2))
    assert first["proposal"] == again["proposal"]
    (row,) = json.loads(operator.does("revoke-many", "--list", "--json"))
    assert row == {
        "proposal": first["proposal"],
        "officer": "a17",
        "reason": "superseded",
        "count": 2,
        "expires": first["expires"],
    }
    code, out, err = operator.run("revoke-many", "--list")
    listed = [line.split()[:4] for line in out.splitlines()]
    assert listed == [["proposal", "officer", "reason", "count"], [first["proposal"], "a17", "superseded", "2"]]
    assert (code, f"--dir {operator.root} --approve" in err) == (0, True)
    assert json.loads(operator.does("status", "--json"))["open_proposals"] == 1
    assert "open proposals" in operator.does("status")
    taking = ("revoke-many", "--withdraw", first["proposal"], "--officer")
    unknown = operator.refused(2, "revoke-many", "--withdraw", "x", "--officer", "a17")
    assert "sinetti authority revoke-many --list" in unknown
    assert "only its proposer can withdraw it" in operator.refused(2, *taking, "b2")
    assert operator.does(*taking, "a17") == "Proposal withdrawn. Not revoked: 2 certificates.\n"
    assert json.loads(operator.does("revoke-many", "--list", "--json")) == []
    assert operator.does(*mine, one).splitlines()[-1] == "Revoked: 1 certificate."
    told = operator.does(*mine, both, "--dry-run").splitlines()[-1]
    assert told == (
        "1 certificate would be revoked; 1 skipped (already revoked or expired). Nothing was changed (--dry-run). "
        "With the 1 that a17 revoked in the last 24 hours, they are more than 10, so a second officer must approve."
    )


FILES = {
    "serials": ("revoke-many", "--officer", "a17", *SUPERSEDED, "--serials"),
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
    base = ("revoke-many", "--officer", "a17")
    cases = {
        "--reason is missing": (*base, "--authority", "x"),
        "--yes needs": (*base, "--yes", *SUPERSEDED),
        "--officer is missing": ("revoke-many", *SUPERSEDED, "--authority", "x"),
        "--list uses the proposal": (*base, "--list"),
        "selection and --invalid-since, --dry-run": (*base, "--withdraw", "x", "--dry-run"),
        "leave out the reason": (*base, "--approve", "x", *SUPERSEDED),
        "reason, the selection and --invalid-since": (*base, "--approve", "x", "--authority", "x"),
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


def test_watch(shop, tmp_path, monkeypatch):
    operator, held = shop
    monkeypatch.setattr(watch, "LOOKED_AGAIN_AFTER", 0.0)
    assert operator.does("watch").startswith("No problems found. ")
    assert json.loads(operator.does("watch", "--json")) == []
    rows = models.Certificate.objects.using("default").filter(serial=held[0].serial)
    rows.update(revoked_at=utc_now(), revocation_reason="superseded")
    Database("default").close()
    code, out, _ = operator.run("watch", "--json")
    assert (code, [one["kind"] for one in json.loads(out)]) == (3, ["list-lacks"] * 2)
    line, _ = operator.run("watch")[1].splitlines()
    assert line.startswith("list-lacks: the revocation list DataProvidersTestIssuingCAv1 lacks ")
    with opened(operator) as desk, status_served(PublicationEndpoint(desk.ctx)) as address:
        assert operator.does("watch", "--status-url", f"{address}/").startswith("No problems found"), (
            "who serves signed it anew"
        )
    away = f"not-served: {address} does not answer (Connection refused): check that the service is running\n"
    assert operator.run("watch", "--status-url", address)[:2] == (3, away)
    with status_served(PublicationEndpoint(desk.ctx)) as address:
        lines = operator.run("watch", "--status-url", f"{address}/else")[1].splitlines()
    assert len(lines) == len(set(lines))
    assert {line.partition(":")[0] for line in lines} == {"list-missing", "not-served"}
    assert all(" answers with HTTP status 40" in line for line in lines)
    files = ServerFiles(tmp_path / "certificate.pem", tmp_path / "key.pem", tmp_path / "anchor.pem")
    make_server_certificate(files)
    operator.does("watch", "--tls-certificate", files.certificate)
    assert "not an X.509 certificate" in operator.run("watch", "--tls-certificate", files.key)[1]
    for bad in ("ftp://pki.example", "pki.example", "http://[", "http://pki.example?x"):
        assert "--status-url" in operator.refused(2, "watch", "--status-url", bad)


@pytest.mark.long
def test_watch_after_an_old_backup_was_restored(shop, tmp_path):
    """CRLs are in the database and come back with it.

    Only the journals, and the CRLs beside them, reveal the older state.
    """
    operator, held = shop
    Database("default").close()
    operator.does("backup", "--out", tmp_path / "night")
    operator.does("revoke", held[0].serial, *SUPERSEDED)
    assert operator.does("watch").startswith("No problems found")
    Database("default").close()
    for old in operator.root.glob("register.sqlite3*"):
        old.unlink()
    operator.does("restore", "--from", tmp_path / "night")
    before = {path: path.read_bytes() for path in (tmp_path / "authority-journal").iterdir()}
    code, out, _ = operator.run("watch")
    ahead = "the journals contain facts that the database lacks (1 certificate, 1 list), as after restoring a backup"
    assert (code, out) == (3, f"journal-ahead: {ahead}: run sinetti authority reconcile --dir {operator.root}\n")
    assert {path: path.read_bytes() for path in (tmp_path / "authority-journal").iterdir()} == before
    operator.does("reconcile")
    assert operator.run("watch")[0] == 3, "its list is signed when the service starts"
    with opened(operator) as desk:
        publish_all(desk.ctx, REQUEST)
    assert operator.does("watch").startswith("No problems found")
    shutil.move(tmp_path / "authority-journal", tmp_path / "elsewhere")
    assert "no journal of this authority" in operator.refused(5, "watch")


def test_gateways_and_use_and_one_revocation_by_an_officer(shop, tmp_path):
    operator, held = shop
    mine = ("status", "--customer-id", CUSTOMER_ID)
    key = ed25519.Ed25519PrivateKey.generate().public_key()
    (tmp_path / "edge.pem").write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    other = ec.generate_private_key(ec.SECP384R1()).public_key()
    (tmp_path / "other.pem").write_bytes(other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert "There are no gateways" in operator.does("gateway", "list")
    assert {one["use"] for one in json.loads(operator.does(*mine, "--json"))} == {"not-known"}
    assert operator.does(*mine).count("not known") == 2
    assert "--key" in operator.refused(2, "gateway", "add", "edge-1", "--key", tmp_path / "other.pem")
    operator.does("gateway", "add", "edge-1", "--key", tmp_path / "edge.pem")
    taken = operator.refused(2, "gateway", "add", "edge-1", "--key", tmp_path / "edge.pem")
    assert "the name edge-1 is or was in use: choose another one" in taken
    seen = utc_now() - timedelta(hours=1)
    with opened(operator) as desk:
        record_report("edge-1", [Observation(sha256_hex(held[0].der), seen)], desk.ctx)
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
    assert "no gateway in use" in operator.refused(2, "gateway", "withdraw", "edge-1")
    assert operator.does(*mine).count("not known") == 1, "what was seen stays"
    one_revoked_by_an_officer(operator, [one.serial for one in held])


def one_revoked_by_an_officer(operator, serials):
    """Revoke one certificate, and request another under an id that is no officer's."""
    operator.does("revoke", serials[0], *SUPERSEDED, "--officer", "a17")
    row = models.AuditEvent.objects.using("default").get(action="certificate-revoked")
    assert row.actor == "officer:a17"
    Database("default").close()
    assert "officer's id" in operator.refused(2, "revoke", serials[1], *SUPERSEDED, "--officer", "Anna A")


def test_what_a_gateway_tells_is_taken_by_what_is_served(shop, tmp_path):
    """Both sides, of the gateway and of the authority, talk over HTTP as two programs."""
    operator, held = shop
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
