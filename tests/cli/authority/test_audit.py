"""`authority audit` and `log verify`, from a served authority to a stranger's check of an exported file."""

import json
import sqlite3
import time
from urllib.request import urlopen

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from sinetti.cli.main import main
from sinetti.infra.clock import monotonic_seconds
from sinetti.wire.transparency.notes import NoteSigner, SignedNote, VerifierKey
from tests.cli.authority.test_serve import ANY, serving
from tests.support import golden
from tests.support.serving import SOON, until

CHANGED_CA = "DataProvidersSFTPTestIssuingCAv1"


def fetch(status: str, path: str) -> bytes:
    """Return what the status address serves, once it is there."""
    deadline = monotonic_seconds() + SOON
    while True:
        try:
            with urlopen(f"{status}{path}", timeout=60) as reply:  # noqa: S310 - loopback
                return reply.read()
        except OSError:
            assert monotonic_seconds() < deadline, f"{path} is not served"
            time.sleep(0.1)


@pytest.fixture
def served(sqlite_operator, tmp_path):
    """Return an operator whose authority was served, with a checkpoint and the key that were fetched meanwhile."""
    sqlite_operator.found()
    sqlite_operator.add()
    kept = tmp_path / "kept"
    with serving(sqlite_operator, *ANY) as (_, status):
        kept.write_bytes(fetch(status, "/log/checkpoint"))
        key = fetch(status, "/log/key").decode().strip()
    return sqlite_operator, kept, key


def log_verify(operator, *words):
    code = main(["log", "verify", *(str(word) for word in words)])
    caught = operator.capsys.readouterr()
    return code, caught.out, caught.err


def test_from_the_service_to_a_stranger(served, tmp_path):
    operator, kept, key = served
    assert key.startswith("pki.example/log+")
    assert key == next((operator.root / "keys").glob("log-*.vkey")).read_text().strip()
    assert "The log is intact" in operator.does("audit", "verify", "--checkpoint", kept)
    report = json.loads(operator.does("audit", "verify", "--json"))
    assert report == {
        "intact": True, "entries": report["entries"], "lost": 0, "pending": report["pending"], "first_wrong": None,
        "signer": [], "differences": [],
    }  # fmt: skip
    file = tmp_path / "log.jsonl"
    operator.does("audit", "export", "--out", file)
    assert file.stat().st_mode & 0o777 == 0o600
    code, out, err = log_verify(operator, file, "--key", key, "--checkpoint", kept, "--json")
    assert code == 0, err
    found = json.loads(out)
    assert (found["verified"], found["origin"], found["from"], found["to"]) == (
        True, "pki.example/log", 0, report["entries"]
    )  # fmt: skip
    assert found["kinds"]["log"] >= 1
    code, out, _ = log_verify(operator, file, "--key", key, "--lang", "en")
    assert code == 0
    assert "are in the log of pki.example/log as it was signed." in " ".join(out.split())


@pytest.mark.long
def test_ranges(served, tmp_path):
    operator, _, key = served
    size = json.loads(operator.does("audit", "verify", "--json"))["entries"]
    for number, words in enumerate(([], ["--from", 1], ["--to", size - 1], ["--from", "2020-01-01T00:00:00Z"])):
        file = tmp_path / f"{number}.jsonl"
        operator.does("audit", "export", "--out", file, *words)
        assert log_verify(operator, file, "--key", key)[0] == 0
    operator.refused(2, "audit", "export", "--out", tmp_path / "0.jsonl")
    operator.refused(2, "audit", "export", "--out", tmp_path / "none" / "0.jsonl")
    for words in (["--from", size + 1], ["--to", "yesterday"], ["--from", 2, "--to", 1]):
        operator.refused(2, "audit", "export", "--out", tmp_path / "refused", *words)
    assert not [path for path in tmp_path.iterdir() if "refused" in path.name]
    golden.check("sentences/audit/ranges", operator.said())


@pytest.mark.long
def test_a_changed_row_is_named(served, tmp_path):
    operator, _, key = served
    register = sqlite3.connect(operator.root / "register.sqlite3")
    with register:
        register.execute("DROP TRIGGER audit_no_update")
        register.execute("UPDATE sinetti_auditevent SET actor = 'user:other' WHERE action = 'organisation-added'")
        query = 'SELECT e."index" FROM sinetti_logentry e JOIN sinetti_auditevent a USING (sequence) WHERE action = ?'
        ((index,),) = register.execute(query, ["organisation-added"]).fetchall()
    register.close()
    code, out, _ = operator.run("audit", "verify", "--json")
    assert code == 3
    assert json.loads(out)["first_wrong"]["entry"] == index
    file = tmp_path / "log.jsonl"
    operator.does("audit", "export", "--out", file)
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join([*lines[: index + 1], *lines[index + 2 :]]))
    code, out, err = log_verify(operator, file, "--key", key, "--json", "--lang", "en")
    assert code == 3
    assert f"entry {index}: " in err
    assert json.loads(out)["why"].startswith(f"entry {index}: ")


@pytest.mark.long
def test_what_cannot_be_checked(served, tmp_path):
    operator, _, key = served
    file = tmp_path / "file"
    file.write_text("nothing\n")
    assert log_verify(operator, file, "--key", key)[0] == 2
    assert log_verify(operator, file, "--key", "no key")[0] == 2
    assert log_verify(operator, tmp_path / "missing", "--key", key)[0] == 2
    operator.refused(2, "audit", "verify", "--checkpoint", file)
    golden.check("sentences/audit/what-cannot-be-checked", operator.said())


@pytest.mark.long
def test_a_damaged_memory_of_the_watch_is_named_and_stays(served):
    operator, _, _ = served
    operator.does("audit", "verify")
    path = operator.root / "log-seen.json"
    path.write_text("{")
    for _ in range(2):
        code, out, _ = operator.run("audit", "verify", "--json")
        assert (code, json.loads(out)["first_wrong"]["about"]) == (3, "log-seen.json")
    assert path.read_text() == "{"
    path.unlink()
    operator.does("audit", "verify")
    assert path.exists()


@pytest.mark.long
def test_the_key_is_changed(served, tmp_path):
    operator, kept, key = served
    said = operator.does("audit", "rotate-key")
    new = said.split()[0]
    assert key in said
    with serving(operator, *ANY) as (_, status):
        keys = {VerifierKey.parse(one) for one in (key, new)}
        until(lambda: set(SignedNote.parse(fetch(status, "/log/checkpoint")).signers(keys)) == keys)
        assert fetch(status, "/log/key").decode().strip() == new != key
    assert "The log is intact" in operator.does("audit", "verify", "--checkpoint", kept)
    file = tmp_path / "log.jsonl"
    operator.does("audit", "export", "--out", file)
    for one in (key, new):
        assert log_verify(operator, file, "--key", one)[0] == 0


@pytest.mark.long
def test_the_key_that_signs_is_changed_not_the_first_file(served):
    operator, kept, key = served
    keys = operator.root / "keys"
    (own,) = keys.glob("log-*.pem")
    other = NoteSigner("other.example/log", Ed25519PrivateKey.generate())
    how = BestAvailableEncryption((operator.root / "secrets" / "passphrase").read_bytes().strip())
    (keys / "log-00000000.pem").write_bytes(other.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how))
    (keys / "log-00000000.vkey").write_text(f"{other.verifier}\n")
    said = operator.does("audit", "rotate-key")
    assert said.startswith("pki.example/log+")
    assert f"{key} signs too" in said
    assert "The log is intact" in operator.does("audit", "verify", "--checkpoint", kept)
    own.unlink()
    own.with_suffix(".vkey").unlink()
    for path in keys.glob("log-*"):
        if path.stem != "log-00000000":
            path.unlink()
    operator.refused(5, "audit", "rotate-key")
    golden.check("sentences/audit/the-key-that-signs-is-changed-not-the-first-file", operator.said())


@pytest.mark.parametrize("name", ["verify", "witness", "proof"])
def test_no_certificate_is_named_after_a_command(capsys, tmp_path, name):
    words = ["retrieve", name, "--store", str(tmp_path), "--lang", "en"]
    assert main(words) == 2
    assert f"“{name}” cannot be a name" in capsys.readouterr().err


def test_no_key_is_made_before_the_log_has_begun(sqlite_operator):
    sqlite_operator.found()
    keys = sorted(path.name for path in (sqlite_operator.root / "keys").iterdir())
    sqlite_operator.refused(5, "audit", "rotate-key")
    assert sorted(path.name for path in (sqlite_operator.root / "keys").iterdir()) == keys
    golden.check("sentences/audit/no-key-is-made-before-the-log-has-begun", sqlite_operator.said())


def test_a_row_that_differs_is_named_until_it_is_accepted(sqlite_operator):
    sqlite_operator.found()
    with sqlite3.connect(sqlite_operator.root / "register.sqlite3") as register:
        register.execute("UPDATE sinetti_certificateauthority SET state = 'publishing' WHERE name = ?", [CHANGED_CA])
    register.close()
    about = f"authority:{CHANGED_CA}"
    code, out, _ = sqlite_operator.run("audit", "verify", "--json")
    (difference,) = json.loads(out)["differences"]
    assert (code, difference["about"], difference["accepted"]) == (3, about, False)
    assert "state" in difference["what"]
    for command, expected in (("watch", 3), ("check", 5)):
        code, out, _ = sqlite_operator.run(command, "--json")
        assert code == expected
        assert about in out, command
        assert "no CA issues for SFTP" in out, command
    sqlite_operator.refused(2, "audit", "accept", "officer:anna")
    assert sqlite_operator.does("audit", "accept", about).startswith("Accepted. ")
    said = " ".join(sqlite_operator.does("audit", "verify").split())
    assert f"{about}: its row, as officers accepted." in said
    assert about not in sqlite_operator.run("watch", "--json")[1]
    golden.check("sentences/audit/a-row-that-differs-is-named-until-it-is-accepted", sqlite_operator.said())
