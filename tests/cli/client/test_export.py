"""`sinetti export`: an atomic copy of a certificate, with the key only on request."""

import json
import os
import sys
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12

from sinetti.cli.core import output
from sinetti.client.model import OutputOptions, Token
from sinetti.client.store import event_log, settings
from sinetti.client.store.event_log import EventType
from sinetti.pki import encoding, key_policy
from tests.support import authority, golden, soft_token

PASSWORD = b"battery staple"
OPENS = authority.NOW + timedelta(days=670)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "copy"


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret"
    path.write_bytes(PASSWORD + b"\n")
    path.chmod(0o600)
    return path


def export(shell, out, form, *more, name="payroll"):
    return shell.run("export", name, "--store", shell.store, "--format", form, "--out", out, *more)


def live(shell, name):
    return (shell.store / "payroll" / "live" / name).read_bytes()


def fits(key, shell):
    certificate = encoding.load_certificate(live(shell, "certificate.pem"))
    return key_policy.key_id(key.public_key()) == key_policy.key_id(certificate.public_key())


def exported(shell):
    return [one.facts for one in event_log.read(shell.store / "payroll") if one.event is EventType.EXPORTED]


def test_programs_are_told_what_was_written(shell, out):
    shell.enrol()
    code, printed, _ = export(shell, out, "pem", "--with-key", "--json")
    serial = (shell.store / "payroll" / "live").resolve().name
    expected = {"name": "payroll", "serial": serial, "format": "pem", "with_key": True, "path": str(out)}
    assert (code, json.loads(printed)) == (0, expected)


def test_pem_without_key_is_the_certificate_and_those_above_it(shell, out):
    shell.enrol()
    code, printed, _ = export(shell, out, "pem")
    assert (code, printed) == (0, "")
    assert out.read_bytes() == live(shell, "certificate.pem") + live(shell, "chain.pem")
    assert out.stat().st_mode & 0o777 == 0o600
    (facts,) = exported(shell)
    assert facts == {
        "serial": (shell.store / "payroll" / "live").resolve().name,
        "format": "pem",
        "with_key": "no",
        "path": str(out),
    }


def test_pem_with_key_begins_with_it(shell, out, secret):
    shell.enrol()
    assert export(shell, out, "pem", "--with-key")[0] == 0
    assert out.read_bytes() == live(shell, "key.pem") + live(shell, "certificate.pem") + live(shell, "chain.pem")
    assert export(shell, out, "pem", "--force", "--with-key", "--password-file", secret)[0] == 0
    golden.check("sentences/client-export/pem-with-key", shell.said())
    octets = out.read_bytes()
    assert b"BEGIN PRIVATE KEY" not in octets
    assert fits(encoding.load_private_key(octets, PASSWORD), shell)
    assert [one["with_key"] for one in exported(shell)] == ["yes", "yes"]
    assert PASSWORD.decode() not in (shell.store / "payroll" / "log.jsonl").read_text()


def test_der_is_the_certificate(shell, out):
    shell.enrol()
    assert export(shell, out, "der", "--without-key")[0] == 0
    assert encoding.certificate_pem(out.read_bytes()) == live(shell, "certificate.pem")


@pytest.mark.parametrize("form", ["pkcs12", "pkcs12-legacy"])
def test_pkcs12_is_opened_by_its_password(shell, out, secret, form):
    shell.enrol()
    assert export(shell, out, form, "--with-key", "--password-file", secret)[0] == 0
    found = pkcs12.load_pkcs12(out.read_bytes(), PASSWORD)
    assert fits(found.key, shell)
    assert found.cert.friendly_name == b"payroll"
    assert len(found.additional_certs) == live(shell, "chain.pem").count(b"BEGIN CERTIFICATE")
    assert export(shell, out, form, "--force", "--password-file", secret)[0] == 0
    bare = pkcs12.load_pkcs12(out.read_bytes(), PASSWORD)
    assert bare.key is None
    assert encoding.load_certificate(live(shell, "certificate.pem")) in [
        one.certificate for one in bare.additional_certs
    ]


def test_an_earlier_certificate_is_exported_by_its_serial(shell, out):
    shell.enrol()
    before, serial = live(shell, "certificate.pem"), (shell.store / "payroll" / "live").resolve().name
    shell.double.now = OPENS
    assert shell.run("renew", "payroll", "--store", shell.store)[0] == 0
    colons = ":".join(serial[n : n + 2] for n in range(0, len(serial), 2)).upper()
    assert export(shell, out, "pem", "--serial", colons)[0] == 0
    assert out.read_bytes().startswith(before)
    code, _, message = export(shell, out, "pem", "--serial", "ffff")
    assert code == 2
    assert serial in message


REFUSED = {
    "a key in DER": ("der", "--with-key"),
    "PKCS#12 without a password": ("pkcs12", "--with-key"),
    "a password for nothing": ("pem", "--password-file", "secret"),
    "an empty password": ("pkcs12", "--password-file", "empty"),
    "no file with a password": ("pkcs12", "--password-file", "none"),
    "a password in Latin-1": ("pkcs12", "--password-file", "latin"),
    "a password that is too long": ("pem", "--with-key", "--password-file", "long"),
    "JKS without a password": ("jks", "--with-key"),
    "JKS without the key": ("jks", "--password-file", "secret"),
    "JKS and a short password": ("jks", "--with-key", "--password-file", "short"),
    "both": ("pem", "--with-key", "--without-key"),
}


def test_what_cannot_be_is_refused_and_nothing_is_written(shell, out, secret, monkeypatch):
    monkeypatch.chdir(shell.folder)
    shell.enrol()
    octets = {"empty": b"\n", "latin": b"p\xe4ss\n", "long": b"x" * 1024, "short": b"12345\n"}
    for name, one in octets.items():
        (shell.folder / name).write_bytes(one)
        (shell.folder / name).chmod(0o600)
    for name, arguments in REFUSED.items():
        assert export(shell, out, *arguments)[0] == 2, name
    golden.check("sentences/client-export/refused", shell.said())
    assert export(shell, out, "p7b", "--with-key")[0] == 2, "an unknown format"
    assert not out.exists()
    assert not exported(shell)


def test_names_that_are_not_there_or_have_no_certificate(shell, out):
    shell.enrol(transfer_id="9" * 32)
    shell.outputs.clear()
    for name in ("other", "payroll", "../x"):
        assert export(shell, out, "pem", name=name)[0] == 2
    golden.check("sentences/client-export/names-that-are-not-there", shell.said())


def test_nothing_is_written_into_the_store(shell, secret):
    shell.enrol()
    before = live(shell, "key.pem")
    target = shell.store / "payroll" / "live" / "key.pem"
    code, _, message = export(shell, target, "pem")
    assert (code, str(target) in message) == (2, True)
    assert live(shell, "key.pem") == before


def test_a_place_that_cannot_be_written_is_told(shell, out, tmp_path):
    shell.enrol()
    assert export(shell, tmp_path / "none" / "copy", "pem")[0] == 2
    out.mkdir()
    assert export(shell, out, "pem")[0] == 2
    golden.check("sentences/client-export/a-place-that-cannot-be-written", shell.said())


def test_no_way_to_an_open_file_is_replaced(shell):
    shell.enrol()
    assert export(shell, "/dev/null", "pem", "--with-key")[0] == 2
    assert os.path.exists("/dev/null")  # noqa: PTH110 - as a shell would ask


def test_a_file_that_was_there_is_replaced_with_its_rights_only_if_forced(shell, out):
    shell.enrol()
    out.write_text("before")
    out.chmod(0o644)
    code, _, message = export(shell, out, "pem", "--with-key")
    assert (code, out.read_text(), exported(shell), "--force" in message) == (2, "before", [], True)
    assert export(shell, out, "pem", "--with-key", "--force")[0] == 0
    assert out.stat().st_mode & 0o777 == 0o600


def test_a_file_that_appears_meanwhile_is_not_replaced(shell, out, monkeypatch):
    shell.enrol()
    monkeypatch.setattr(output.SYSTEM, "sync_file", lambda _handle: out.write_text("another's"))
    code, _, message = export(shell, out, "pem", "--with-key")
    assert (code, "--force" in message, out.read_text()) == (2, True, "another's")
    assert not [one for one in out.parent.iterdir() if one.name.startswith(".")]


def test_a_copy_goes_to_standard_output_but_no_key_to_a_terminal(shell, monkeypatch):
    shell.enrol()
    code, printed, _ = export(shell, "-", "pem", "--with-key")
    whole = b"".join(live(shell, name) for name in ("key.pem", "certificate.pem", "chain.pem"))
    assert (code, printed) == (0, whole.decode())
    shell.outputs.clear()
    assert export(shell, "-", "pem", "--json")[0] == 2
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda _self: True)
    assert export(shell, "-", "pem", "--with-key")[:2] == (2, "")
    golden.check("sentences/client-export/standard-output", shell.said())
    assert export(shell, "-", "pem")[0] == 0
    assert len(exported(shell)) == 2


def test_a_full_disk_leaves_what_was_there(shell, out, monkeypatch):
    shell.enrol()
    out.write_text("before")
    monkeypatch.setattr(output.SYSTEM, "sync_file", lambda _handle: (_ for _ in ()).throw(OSError(28, "full")))
    monkeypatch.setattr(event_log, "append", lambda *_args, **_facts: None)
    assert export(shell, out, "pem", "--with-key", "--force")[0] == 2
    golden.check("sentences/client-export/a-full-disk", shell.said())
    assert out.read_text() == "before"
    assert not [one for one in out.parent.iterdir() if one.name.startswith(".")]


def test_no_key_leaves_unnoted(shell, out, monkeypatch):
    shell.enrol()
    monkeypatch.setattr(event_log, "append", lambda *_a, **_k: (_ for _ in ()).throw(OSError(30, "read-only")))
    assert export(shell, out, "pem", "--with-key")[0] == 5
    assert not out.exists()


def kept_as(shell, wanted):
    folder = shell.store / "payroll"
    settings.store(folder, replace(settings.load(folder), files=wanted))
    shell.double.now = OPENS
    assert shell.run("renew", "payroll", "--store", shell.store)[0] == 0


def test_a_key_that_is_kept_encrypted_does_not_go_out_in_clear(shell, out, secret):
    shell.enrol()
    kept_as(shell, OutputOptions(key_password_file=secret))
    assert export(shell, out, "pem", "--with-key")[0] == 2
    golden.check("sentences/client-export/a-key-that-is-kept-encrypted", shell.said())
    assert export(shell, out, "pem", "--with-key", "--password-file", secret)[0] == 0
    assert fits(encoding.load_private_key(out.read_bytes(), PASSWORD), shell)


@pytest.mark.skipif(soft_token.module() is None, reason="SoftHSM is not installed (softhsm2)")
def test_a_key_in_a_token_stays_there(shell, out, tmp_path):
    soft_token.folder()
    shell.enrol()
    kept_as(shell, OutputOptions(token=Token(soft_token.module(), soft_token.LABEL, soft_token.pin_file(tmp_path))))
    code, _, message = export(shell, out, "pem", "--with-key")
    assert (code, "token" in message) == (2, True)
    assert export(shell, out, "pem")[0] == 0
    document, sealed = tmp_path / "report.xml", tmp_path / "sealed.xml"
    document.write_text("<report/>")
    sign = ("sign", document, "--store", shell.store, "--name", "payroll", "--out", sealed)
    assert shell.run(*sign)[0] == 0
    verdict = shell.run("verify", sealed, "--trust-holders", shell.folder / "holders.pem", "--json")
    assert json.loads(verdict[1])["verdict"] == "accepted"

    soft_token.forget_sessions()
    settings.load(shell.store / "payroll").files.token.pin_file.write_text("")
    code, _, message = shell.run(*sign)
    assert code == 5
    assert "PIN" in message
    soft_token.forget_sessions()


def test_a_broken_chain_is_damage(shell, out):
    shell.enrol()
    serial = (shell.store / "payroll" / "live").resolve().name
    (shell.store / "payroll" / "live" / "chain.pem").write_text("nothing")
    assert export(shell, out, "pem", "--serial", serial)[0] == 5


@pytest.mark.skipif(os.name != "posix", reason="names are Unicode elsewhere")
def test_a_file_whose_name_is_no_utf_8(shell, out):
    shell.enrol()
    odd = out.with_name(os.fsdecode(b"copy-\xe4.pem"))
    code, printed, err = export(shell, odd, "pem", "--json")
    assert (code, odd.exists()) == (0, True), err
    assert json.loads(printed)["path"] == str(odd)
    assert exported(shell)[0]["path"] == str(odd)
    assert shell.run("log", "payroll", "--store", shell.store)[0] == 0
