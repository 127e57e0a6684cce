"""`sinetti authority signer`, `keys separate` and `serve` as programs."""

import json
import re
import signal
import subprocess
from base64 import b64encode
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.error import HTTPError

import pytest

from sinetti.authority.bootstrap import open_authority
from sinetti.authority.data_directory import DirectoryKind
from sinetti.authority.signer.client import SignerClient
from sinetti.authority.signer.remote_keys import sign_one
from sinetti.authority.signer.tasks import SigningTask, TaskKind
from sinetti.ca.issuance import build_tbs, new_serial
from sinetti.ca.issuance_request import LeafProfile, LeafRequest
from sinetti.domain.values import Channel, ValidityPeriod
from sinetti.infra.clock import utc_now
from sinetti.journal.writer import JournalEntry
from sinetti.pki.encoding import certificate_der, load_certificate, load_private_key, serial_hex
from tests.support import golden
from tests.support.authority import holder_certificate, holder_key
from tests.support.officers import approve, does_approved, founders, give, key_of, proposed
from tests.support.programs import STOPS_WITHIN, Holder, new_key, program
from tests.support.serving import serving, until
from tests.support.signing import reservation_of, reserved


@pytest.fixture
def operator(sqlite_operator):
    """Return an operator on SQLite, because the database plays no part here."""
    return sqlite_operator


@pytest.fixture
def place(tmp_path):
    return tmp_path / "signer"


def separate(place, *more):
    return ("keys", "separate", "--signer-dir", place, "--socket", place.with_suffix(".sock"), *more)


def holder(operator, address):
    return Holder(address, operator.root / "trust" / "services.pem", now=utc_now())


@contextmanager
def signing(place):
    """Run the signer by itself, as its systemd unit does."""
    command = program("authority", "signer", "--signer-dir", place, "--socket", place.with_suffix(".sock"))
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            line = process.stderr.readline()
            assert "Ready" in line, line
            yield process
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=STOPS_WITHIN)
            assert process.returncode == 0, err
        finally:
            process.kill()


def secrets_of(place):
    """Return the private numbers of the keys in a signer's folder, as programs have them in memory."""
    phrase = (place / "secrets" / "passphrase").read_bytes().strip()
    found = {}
    for path in place.glob("keys/*.pem"):
        if path.name.startswith("log-"):
            continue
        number = load_private_key(path.read_bytes(), phrase).private_numbers().private_value
        octets = number.to_bytes((number.bit_length() + 7) // 8, "big")
        # OpenSSL has the limbs of a number in the machine's order.
        found[path.stem] = (octets, octets[::-1])
    return found, phrase


def memory(pid):
    """Return the octets that a core dump of a process would have."""
    parts = []
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as file:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            begin, end, rights = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", line).groups()
            if "r" not in rights or line.endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
                continue
            try:
                file.seek(int(begin, 16))
                parts.append(file.read(int(end, 16) - int(begin, 16)))
            except OSError:
                continue
    return b"".join(parts)


@pytest.mark.long
def test_an_authority_and_its_signer_as_programs(operator, place):
    operator.found()
    assert {one["store"] for one in json.loads(operator.does("keys", "list", "--json"))} == {"file"}
    operator.does(*separate(place))
    operator.add()
    ids = operator.order()
    listed = json.loads(operator.does("keys", "list", "--json"))
    assert {one["store"] for one in listed} == {"signer"}
    code, _, err = operator.run("keys", "check")
    assert (code, err) == (5, "")
    with signing(place) as signer, serving(operator.root, "--workers", "2") as served:
        client, key = holder(operator, served.soap), new_key()
        certificate = client.enrolled(ids, key)
        operator.does("keys", "check")
        # A core dump of every process but the signer.
        found, phrase = secrets_of(place)
        assert len(found) > 4
        own = memory(signer.pid)
        assert any(octets in own for pair in found.values() for octets in pair), "the search finds no key at all"
        for pid in (served.process.pid, *served.children()):
            dump = memory(pid)
            assert not [name for name, pair in found.items() if any(octets in dump for octets in pair)]
            assert phrase not in dump
        # The signer stops and starts again; the service goes on.
        signer.send_signal(signal.SIGTERM)
        signer.wait(STOPS_WITHIN)
        again = operator.order()
        key = new_key()
        with pytest.raises(HTTPError, match="Internal Server Error"):  # no key is there to sign an answer
            client.new(again, key)
        with signing(place):
            assert client.enrolled(again, key).serial_number != certificate.serial_number
            operator.does("revoke", f"{certificate.serial_number:x}", "--reason", "superseded")
            operator.does("audit", "verify")


@pytest.mark.long
def test_serve_starts_a_signer_for_rehearsal(operator, place):
    operator.found()
    operator.does(*separate(place))
    operator.add()
    ids = operator.order()
    with serving(operator.root, "--signer-dir", place) as served:
        holder(operator, served.soap).enrolled(ids, new_key())
        served.stop()
    assert not place.with_suffix(".sock").exists()


def test_refusals(operator, place, tmp_path):
    operator.found()
    sentence = operator.refused(2, "serve", "--signer-dir", place)
    assert "run sinetti authority keys separate first" in sentence
    operator.refused(2, *separate(place, "--signer-user", "nemo-x"))
    operator.refused(2, *separate(place, "--orders-per-day", "0"))
    assert not place.exists()
    sentence = operator.refused(2, None, "signer", "--signer-dir", place, "--socket", tmp_path / "socket")
    assert "make one with sinetti authority keys separate" in sentence
    operator.does(*separate(place))
    busy = tmp_path / ("x" * 120)
    operator.refused(2, None, "signer", "--signer-dir", place, "--socket", busy)
    golden.check("sentences/signer/refusals", operator.said())


def test_production_needs_a_pass_phrase_elsewhere_and_two_people(operator, place, tmp_path):
    (tmp_path / "etc").mkdir()
    online = ("--passphrase-file", tmp_path / "etc" / "passphrase")
    vault = ("--offline-dir", tmp_path / "vault", "--offline-passphrase-file", tmp_path / "etc" / "vault")
    operator.found(*online, *vault, environment="PRODUCTION")
    sentence = operator.refused(2, *separate(place, *online))
    assert "--signer-passphrase-file is missing" in sentence
    same = ("--signer-passphrase-file", tmp_path / "etc" / "passphrase")
    operator.refused(2, *separate(place, *online, *same))
    inside = ("--signer-passphrase-file", operator.root / "signer")
    operator.refused(2, *separate(place, *online, *inside))
    own = ("--signer-passphrase-file", tmp_path / "etc" / "signer")
    proposal = proposed(operator, *separate(place, *online, *own), "--officer", "anna")
    approve(operator, proposal, tmp_path)
    other = (*separate(place, *online, *own, "--signer-user", "root"), "--approval", proposal)
    operator.refused(2, *other)
    misplaced = (*separate(operator.root / "signer", *online, *own), "--officer", "anna")
    operator.refused(2, *misplaced)
    assert not (tmp_path / "etc" / "signer").exists()
    operator.does(*separate(place, *online, *own), "--approval", proposal)
    assert not (place / "secrets" / "passphrase").exists()
    assert {one["store"] for one in json.loads(operator.does("keys", "list", "--json"))} == {"file", "signer"}
    assert place.stat().st_mode & 0o077 == 0
    golden.check("sentences/signer/production-needs-a-pass-phrase-elsewhere-and-two-people", operator.said())


@pytest.mark.long
def test_the_log_s_key_is_changed_with_an_approval_that_the_signer_verifies(operator, place, tmp_path):
    (tmp_path / "etc").mkdir()
    online = ("--passphrase-file", tmp_path / "etc" / "passphrase")
    vault = ("--offline-dir", tmp_path / "vault", "--offline-passphrase-file", tmp_path / "etc" / "vault")
    operator.found(*online, *vault, environment="PRODUCTION")
    own = ("--signer-passphrase-file", tmp_path / "etc" / "signer")
    does_approved(operator, tmp_path, *separate(place, *online, *own))
    command = program("authority", "signer", "--signer-dir", place, "--socket", place.with_suffix(".sock"))
    command += ["--passphrase-file", str(tmp_path / "etc" / "signer")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert "Ready" in process.stderr.readline()
            with serving(operator.root, *map(str, online)) as served:
                until(lambda: "log" in operator.does("audit", "verify"))
                served.stop()
            does_approved(operator, tmp_path, "audit", "rotate-key", *online)
            assert operator.run("audit", "verify")[0] == 0
        finally:
            process.terminate()
            process.wait()


@pytest.mark.long
def test_officers_of_the_signer_are_compared_until_they_are_those_in_force(operator, place, tmp_path):
    """A removed officer counts at the signer until its policy is corrected, and each command says so."""

    def differences():
        rows = json.loads(operator.run("check", "--json")[1])
        found = [one for one in rows if one["what"] == "separate signer"]
        assert all(one["severity"] == "warning" and "restart the signer" in one["fix"] for one in found)
        return [one["why"] for one in found]

    def change(*words):
        proposal = proposed(operator, "officer", *words, "--officer", "anna")
        assert give(operator, proposal, "anna", tmp_path)[0] == 3
        return give(operator, proposal, "ben", tmp_path)[2]

    operator.found(*founders())
    does_approved(operator, tmp_path, *separate(place))
    policy, (dora, carl) = place / "signer.toml", (key_of(name).public for name in ("dora", "carl"))
    adding = ("add", "dora", "--public-key", dora, "--role", "approver")
    with signing(place):
        assert differences() == []
        code, _, err = operator.run("officer", *adding, "--officer", "anna")
        assert (code, "correct signer.toml" in err) == (3, True)
        lacks, has = (
            f"signer.toml {one}: [[officers]]" for one in ("lacks what is in force", "has what is not in force")
        )
        assert f"{lacks} dora, approver, SHA256:" in change(*adding)
        said = change("remove", "carl")
        assert f"{has} carl, approver, SHA256:" in said
        assert "To finish, correct signer.toml in the signer's folder, and restart the signer" in said
        assert [one.partition(", ")[0] for one in differences()] == [f"{lacks} dora", f"{has} carl"]
    lines = [" ".join(one.read_text().split()[:2]) for one in (carl, dora)]
    text = policy.read_text().replace('"carl"', '"dora"').replace(*lines)
    policy.write_text(text)
    with signing(place):
        assert differences() == []
    before, _, after = text.partition("officer_keys")
    policy.write_text(f"{before}\n[[authorities]]{after.partition('[[authorities]]')[2]}")
    with signing(place):
        rules = ['officer_keys = "any"', *(f"[approvals] {act} = 2" for act in ("ca", "ceremony", "secrets"))]
        assert differences() == [f"signer.toml lacks what is in force: {one}" for one in rules]
    eva = ("add", "eva", "--public-key", key_of("eva").public, "--role", "auditor")
    said = change(*eva)
    assert "does not answer" in said, "the signer is away, and the act is done all the same"
    assert "To finish, correct signer.toml" in said
    assert "Approved, and done." in said


def stolen(operator, place):
    """Have the signer sign a certificate of an organisation that is not in the register, and return its serial."""
    authority = open_authority(operator.root, DirectoryKind.AUTHORITY)
    try:
        issuer = authority.ctx.issuers[authority.ctx.issuing[Channel.WS]]
    finally:
        authority.ctx.db.close()
    now = utc_now()
    span = ValidityPeriod(now, now + timedelta(days=90))
    plan = LeafRequest("7654321-0", "Stranger Oy", "FI", "0F" * 16, new_key().public_key(), new_serial(), span)
    tbs = build_tbs(plan, issuer, LeafProfile.HOLDER)
    proof = reserved(reservation_of(tbs))
    client = SignerClient(place.with_suffix(".sock"))
    sign_one(client, SigningTask(TaskKind.CERTIFICATE, issuer.key_name, tbs, proof))
    client.close()
    return plan.serial


def test_a_certificate_that_only_the_signer_knows_is_named_and_revoked(operator, place):
    operator.found()
    operator.does(*separate(place))
    with signing(place):
        serial = stolen(operator, place)
        code, out, _ = operator.run("audit", "verify")
        assert (code, serial in out) == (3, True)
        found = json.loads(operator.run("audit", "verify", "--json")[1])
        assert [(one["kind"], one["about"]) for one in found["signer"]] == [("unregistered", serial)]
        code, out, _ = operator.run("watch")
        assert (code, f"unregistered: the signer signed {serial} of " in out) == (3, True)
        code, out, _ = operator.run("check", "--json")
        assert any(one["what"] == "unregistered" and serial in one["why"] for one in json.loads(out))
        row = json.loads(operator.does("revoke", serial, "--reason", "keyCompromise", "--json"))
        assert (row[0]["serial"], row[0]["state"], row[0]["reason"]) == (serial, "revoked", "keyCompromise")
        code, _, err = operator.run("revoke", serial, "--reason", "keyCompromise")
        assert (code, "already been revoked" in err) == (2, True)
        code, _, err = operator.run("revoke", "4a" * 19, "--reason", "keyCompromise")
        assert (code, "no certificate has this serial number" in err) == (2, True)


def test_a_certificate_that_only_a_journal_knows_is_revoked(operator, place):
    """Its line was copied by hand; the register was restored, and cannot be reconciled."""
    operator.found()
    operator.does(*separate(place))
    with signing(place):
        authority = open_authority(operator.root, DirectoryKind.AUTHORITY)
        issuer = authority.ctx.issuers[authority.ctx.issuing[Channel.WS]]
        der = certificate_der(holder_certificate(holder_key(1)))
        serial = serial_hex(load_certificate(der).serial_number)
        at = "2026-03-02T12:00:00Z"
        facts = {"serial": serial, "sha256": "ab" * 32, "authority": issuer.file_name, "key": "cd" * 32, "entry": None}
        facts |= dict.fromkeys(("not_before", "not_after", "renewable_from", "recorded_at"), at)
        facts |= {"retrieval_id": "ef" * 16, "crl_shard": 1, "predecessor": None, "order": None}
        holding = {"holding_id": "01" * 16, "subject_serial": "0F" * 16, "channel": "WS", "customer_id": "0123456-7"}
        authority.journal.open()
        authority.journal.append([JournalEntry("issued", facts | {"holding": holding, "der": b64encode(der).decode()})])
        authority.journal.close()
        authority.ctx.db.close()
        assert serial in operator.does("revoke", serial, "--reason", "superseded")
