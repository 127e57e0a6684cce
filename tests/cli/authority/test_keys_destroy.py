"""`sinetti authority keys destroy`: keys of ended CAs in files, tokens and the signer, with a protocol."""

import hashlib
import json

import pytest

from sinetti.authority import key_destruction
from sinetti.authority.signer.client import SignerClient
from sinetti.authority.signer.protocol import SignerOperation
from sinetti.database import models
from sinetti.pki.signers import SignatureRefused
from tests.cli.authority.test_signer import separate, signing
from tests.cli.authority.test_tokens import with_token
from tests.support import golden, soft_token
from tests.support.officers import approve, does_approved, founders, proposed
from tests.support.soft_token import soft_tokens

__all__ = ["soft_tokens"]

WS, SFTP = "DataProvidersTestIssuingCAv1", "DataProvidersSFTPTestIssuingCAv1"
ROOT = "SinettiRootTestCAv1"


@pytest.fixture
def operator(sqlite_operator):
    """Return an operator on SQLite, because the database plays no part here."""
    return sqlite_operator


@pytest.fixture
def protocol(tmp_path):
    return tmp_path / "destruction.json"


def ended(operator, *names, state="retired"):
    operator.does("status")  # opens this register
    models.CertificateAuthority.objects.filter(name__in=names).update(state=state)


def destroy(protocol, *names):
    return ("keys", "destroy", *names, "--protocol", protocol)


def rows(protocol):
    return {one["name"]: one for one in json.loads(protocol.read_bytes())["keys"]}


def actions():
    return list(
        models.AuditEvent.objects.filter(action__startswith="key-")
        .order_by("sequence")
        .values_list("action", flat=True)
    )


def test_a_key_in_a_file(operator, protocol):
    operator.found()
    files = {name: operator.root / "keys" / f"{name}.pem" for name in (WS, SFTP)}
    before = files[WS].stat()
    sentence = operator.refused(3, *destroy(protocol, WS))
    assert f"{WS} is issuing: retire or revoke it first" in sentence
    assert not protocol.exists()
    ended(operator, WS)
    ended(operator, SFTP, state="revoked")
    said = operator.run(*destroy(protocol, WS, SFTP))
    assert said[0] == 0
    assert f"Destroyed: {WS}, {SFTP}." in said[2]
    assert not any(path.exists() for path in files.values())
    written = rows(protocol)[WS]
    assert (written["role"], written["store"], written["key"]) == ("issuing", "file", "ec-p256")
    assert written["certificate_sha256"] == models.CertificateAuthority.objects.get(name=WS).sha256
    assert all(one["destroyed_at"] for one in rows(protocol).values())
    assert (protocol.stat().st_mode & 0o777, before.st_size > 0) == (0o600, True)
    assert actions() == ["key-destruction-begun", "key-destroyed"]
    recorded = bytes(models.AuditEvent.objects.get(action="key-destroyed").octets)
    assert hashlib.sha256(protocol.read_bytes()).hexdigest().encode() in recorded


def test_it_is_done_once(operator, protocol):
    operator.found()
    ended(operator, WS)
    operator.does(*destroy(protocol, WS))
    first = protocol.read_bytes()
    operator.does(*destroy(protocol, WS))
    assert protocol.read_bytes() == first
    operator.refused(3, *destroy(protocol.with_name("second.json"), WS))
    golden.check("sentences/keys-destroy/it-is-done-once", operator.said())


def test_a_killed_command_continues(operator, protocol, monkeypatch):
    """The first key is destroyed, and the process ends before its instant is written."""
    operator.found()
    ended(operator, WS, SFTP)
    kept = key_destruction.write_atomic

    def killed(*_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(key_destruction, "write_atomic", killed)
    assert operator.run(*destroy(protocol, WS, SFTP))[0] == 130
    assert not (operator.root / "keys" / f"{WS}.pem").exists()
    assert (operator.root / "keys" / f"{SFTP}.pem").exists()
    monkeypatch.setattr(key_destruction, "write_atomic", kept)
    digest = rows(protocol)[WS]["public_key_sha256"]
    operator.refused(3, *destroy(protocol, SFTP))
    operator.does(*destroy(protocol, WS, SFTP))
    assert not (operator.root / "keys" / f"{SFTP}.pem").exists()
    assert rows(protocol)[WS]["public_key_sha256"] == digest
    assert all(one["destroyed_at"] for one in rows(protocol).values())
    golden.check("sentences/keys-destroy/a-killed-command-continues", operator.said())


def test_files_and_names_that_cannot_be_right(operator, protocol):
    operator.found()
    ended(operator, WS)
    operator.refused(2, *destroy(protocol, "Other"))
    operator.refused(3, *destroy(protocol, WS, WS))
    inside = destroy(operator.root / "destruction.json", WS)
    operator.refused(3, *inside)
    for octets in (b"something else", b'{"format": "sinetti-key-destruction@v1"}', b"[]"):
        protocol.write_bytes(octets)
        operator.refused(3, *destroy(protocol, WS))
        assert protocol.read_bytes() == octets
    assert (operator.root / "keys" / f"{WS}.pem").exists()
    golden.check("sentences/keys-destroy/files-and-names-that-cannot-be-right", operator.said())


def test_leaves_and_the_log_go_with_their_cas(operator, protocol):
    operator.found()
    leaves = {one["role"]: one["name"] for one in json.loads(operator.does("keys", "list", "--json"))}
    operator.refused(3, *destroy(protocol, leaves["response-signer"]))
    ended(operator, "ServicesTestIssuingCAv1")
    operator.does(*destroy(protocol, leaves["response-signer"]))
    assert not (operator.root / "keys" / f"{leaves['response-signer']}.pem").exists()
    if "log" in leaves:
        operator.refused(3, *destroy(protocol.with_name("log.json"), leaves["log"]))
    golden.check("sentences/keys-destroy/leaves-and-the-log-go-with-their-cas", operator.said())


@pytest.mark.long
def test_a_key_that_is_offline(operator, protocol, tmp_path):
    vault = tmp_path / "vault"
    operator.found("--offline-dir", vault, "--offline-passphrase-file", tmp_path / "phrase")
    ended(operator, ROOT)
    operator.refused(3, *destroy(protocol, ROOT))
    operator.does(*destroy(protocol, ROOT), "--offline-dir", vault)
    assert not (vault / f"{ROOT}.pem").exists()
    assert rows(protocol)[ROOT]["store"] == "offline"
    golden.check("sentences/keys-destroy/a-key-that-is-offline", operator.said())


@pytest.mark.long
def test_two_officers_destroy(operator, protocol, tmp_path):
    operator.found(*founders())
    ended(operator, WS, SFTP)
    operator.refused(2, *destroy(protocol, WS))
    proposal = proposed(operator, *destroy(protocol, WS), "--officer", "anna")
    approve(operator, proposal, tmp_path)
    operator.refused(2, *destroy(protocol, SFTP), "--approval", proposal)
    assert (operator.root / "keys" / f"{WS}.pem").exists()
    operator.does(*destroy(protocol, WS), "--approval", proposal)
    assert not (operator.root / "keys" / f"{WS}.pem").exists()
    golden.check("sentences/keys-destroy/two-officers-destroy", operator.said())


@soft_token.NEEDED
@pytest.mark.long
def test_a_key_in_a_token(operator, protocol, soft_tokens):
    place = soft_tokens.add("ca")
    operator.found(*with_token(place))
    ended(operator, WS)
    before = {one["name"]: one["uri"] for one in json.loads(operator.does("keys", "list", "--json"))}
    operator.does(*destroy(protocol, WS))
    assert rows(protocol)[WS]["uri"] == before[WS]
    assert not (operator.root / "keys" / f"{WS}.uri").exists()
    assert not [one for one in soft_tokens.keys("ca") if WS in one]
    assert [one for one in soft_tokens.keys("ca") if SFTP in one]


@pytest.mark.long
def test_the_signer_destroys_for_its_officers_alone(operator, protocol, tmp_path):
    """A process that was taken over sends no proposal, one of another act, or one of another key."""
    place = tmp_path / "signer"
    operator.found(*founders())
    does_approved(operator, tmp_path, *separate(place))
    ended(operator, WS, SFTP)
    other = proposed(operator, *destroy(protocol, SFTP), "--officer", "anna")
    approve(operator, other, tmp_path)
    proposal = models.ActProposal.objects.get(pk=other)
    signatures = [bytes(one.signature) for one in models.ActSignature.objects.filter(proposal_id=other)]
    with signing(place):
        client = SignerClient(place.with_suffix(".sock"))
        for approval in ((), (bytes(proposal.octets), *signatures)):
            with pytest.raises(SignatureRefused, match="is not approved"):
                client.call(SignerOperation.DESTROY, WS.encode(), *approval)
        client.close()
        assert (place / "keys" / f"{WS}.pem").exists()
        does_approved(operator, tmp_path, *destroy(protocol.with_name("ws.json"), WS))
        assert rows(protocol.with_name("ws.json"))[WS]["store"] == "signer"
        assert not (place / "keys" / f"{WS}.pem").exists()
        assert (place / "keys" / f"{SFTP}.pem").exists()
    with signing(place):
        pass  # it starts without the key
