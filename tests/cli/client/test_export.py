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
from tests.support import authority, soft_token

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
    code, printed, message = export(shell, out, "pem")
    assert (code, printed) == (0, "")
    assert "without its key" in message
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
    code, _, message = export(shell, out, "pem", "--force", "--with-key", "--password-file", secret)
    assert code == 0
    assert "Anyone with this file has the key" in message
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
    "a key in DER": (("der", "--with-key"), "A DER file has room for one item"),
    "PKCS#12 without a password": (("pkcs12", "--with-key"), "Use --password-file FILE. A pkcs12 file"),
    "a password for nothing": (("pem", "--password-file", "SECRET"), "--password-file has no effect here"),
    "an empty password": (("pkcs12", "--password-file", "EMPTY"), "contains no password"),
    "no file with a password": (("pkcs12", "--password-file", "NONE"), "cannot be read: it does not exist"),
    "a password in Latin-1": (("pkcs12", "--password-file", "LATIN"), "one line of UTF-8"),
    "a password that is too long": (("pem", "--with-key", "--password-file", "LONG"), "at most 1023 bytes"),
    "JKS without a password": (("jks", "--with-key"), "Use --password-file FILE. A jks file"),
    "JKS without the key": (("jks", "--password-file", "SECRET"), "add --with-key"),
    "JKS and a short password": (("jks", "--with-key", "--password-file", "SHORT"), "at least 6 characters"),
    "an unknown format": (("p7b", "--with-key"), "invalid choice: 'p7b'"),
    "both": (("pem", "--with-key", "--without-key"), "not allowed with"),
}


@pytest.mark.parametrize(("arguments", "why"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused_and_nothing_is_written(shell, out, secret, arguments, why):
    shell.enrol()
    (shell.folder / "empty").write_text("\n")
    (shell.folder / "latin").write_bytes(b"p\xe4ss\n")
    (shell.folder / "long").write_bytes(b"x" * 1024)
    (shell.folder / "short").write_bytes(b"12345\n")
    for name in ("empty", "latin", "long", "short"):
        (shell.folder / name).chmod(0o600)
    places = {
        "LATIN": shell.folder / "latin",
        "SHORT": shell.folder / "short",
        "LONG": shell.folder / "long",
        "SECRET": secret,
        "EMPTY": shell.folder / "empty",
        "NONE": shell.folder / "none",
    }
    code, _, message = export(shell, out, *(places.get(one, one) for one in arguments))
    assert code == 2
    assert why in message
    assert not out.exists()
    assert not exported(shell)


def test_names_that_are_not_there_or_have_no_certificate(shell, out):
    shell.enrol(transfer_id="9" * 32)
    assert "has no name other" in export(shell, out, "pem", name="other")[2]
    assert "has no certificate" in export(shell, out, "pem")[2]
    assert "has no name ../x" in export(shell, out, "pem", name="../x")[2]


def test_nothing_is_written_into_the_store(shell, secret):
    shell.enrol()
    before = live(shell, "key.pem")
    target = shell.store / "payroll" / "live" / "key.pem"
    code, _, message = export(shell, target, "pem")
    assert (code, "which contains keys" in message) == (2, True)
    assert live(shell, "key.pem") == before


def test_a_place_that_cannot_be_written_is_told(shell, out, tmp_path):
    shell.enrol()
    assert "the folder does not exist" in export(shell, tmp_path / "none" / "copy", "pem")[2]
    out.mkdir()
    code, _, message = export(shell, out, "pem")
    assert (code, "cannot be written" in message) == (2, True)


def test_no_way_to_an_open_file_is_replaced(shell):
    shell.enrol()
    assert export(shell, "/dev/null", "pem", "--with-key")[0] == 2
    assert os.path.exists("/dev/null")  # noqa: PTH110 - as a shell would ask


def test_a_file_that_was_there_is_replaced_with_its_rights_only_if_forced(shell, out):
    shell.enrol()
    out.write_text("before")
    out.chmod(0o644)
    code, _, message = export(shell, out, "pem", "--with-key")
    assert (code, out.read_text(), exported(shell)) == (2, "before", [])
    assert "already exists and was not changed. To replace it, give --force." in message
    assert export(shell, out, "pem", "--with-key", "--force")[0] == 0
    assert out.stat().st_mode & 0o777 == 0o600


def test_a_file_that_appears_meanwhile_is_not_replaced(shell, out, monkeypatch):
    shell.enrol()
    monkeypatch.setattr(output.SYSTEM, "sync_file", lambda _handle: out.write_text("another's"))
    code, _, message = export(shell, out, "pem", "--with-key")
    assert (code, "already exists" in message, out.read_text()) == (2, True, "another's")
    assert not [one for one in out.parent.iterdir() if one.name.startswith(".")]


def test_a_copy_goes_to_standard_output_but_no_key_to_a_terminal(shell, monkeypatch):
    shell.enrol()
    code, printed, _ = export(shell, "-", "pem", "--with-key")
    whole = b"".join(live(shell, name) for name in ("key.pem", "certificate.pem", "chain.pem"))
    assert (code, printed) == (0, whole.decode())
    assert "Standard output cannot take both" in export(shell, "-", "pem", "--json")[2]
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda _self: True)
    code, printed, message = export(shell, "-", "pem", "--with-key")
    assert (code, printed, "never printed on a terminal" in message) == (2, "", True)
    assert export(shell, "-", "pem")[0] == 0
    assert len(exported(shell)) == 2


def test_a_full_disk_leaves_what_was_there(shell, out, monkeypatch):
    shell.enrol()
    out.write_text("before")
    monkeypatch.setattr(output.SYSTEM, "sync_file", lambda _handle: (_ for _ in ()).throw(OSError(28, "full")))
    monkeypatch.setattr(event_log, "append", lambda *_args, **_facts: None)
    code, _, message = export(shell, out, "pem", "--with-key", "--force")
    assert (code, "the disk is full" in message) == (2, True)
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
    code, _, message = export(shell, out, "pem", "--with-key")
    assert (code, "stored encrypted" in message) == (2, True)
    assert export(shell, out, "pem", "--with-key", "--password-file", secret)[0] == 0
    assert fits(encoding.load_private_key(out.read_bytes(), PASSWORD), shell)


@pytest.mark.skipif(soft_token.module() is None, reason="SoftHSM is not installed (softhsm2)")
def test_a_key_in_a_token_stays_there(shell, out, tmp_path):
    soft_token.folder()
    shell.enrol()
    kept_as(shell, OutputOptions(token=Token(soft_token.module(), soft_token.LABEL, soft_token.pin_file(tmp_path))))
    code, _, message = export(shell, out, "pem", "--with-key")
    assert (code, "is in a token and cannot leave it" in message) == (2, True)
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
    assert "contains no PIN" in message
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
