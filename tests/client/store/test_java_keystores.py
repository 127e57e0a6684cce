"""Java key stores: read without Java, written by keytool, and none without keytool."""

import hashlib
import shutil
import struct
import subprocess

import pytest

from sinetti.client.store import java_keystores, keystores
from sinetti.client.store.java_keystores import JavaEntry, JavaStoreError
from sinetti.pki import encoding, key_policy
from tests.support import authority

PASSWORD = "pässword 1".encode()
KEY = authority.holder_key()
CERTIFICATE = authority.holder_certificate(KEY)
ABOVE = authority.issuer().certificate

needs_keytool = pytest.mark.skipif(shutil.which("keytool") is None, reason="keytool is not installed")


def counted(octets, width=4):
    return len(octets).to_bytes(width, "big") + octets


def certificate(one, version):
    return (counted(b"X.509", 2) if version == 2 else b"") + counted(encoding.certificate_der(one))


def entry(kind, alias, *certificates, version=2):
    head = struct.pack(">I", kind) + counted(alias.encode(), 2) + bytes(8)
    if kind == 1:
        head += counted(b"protected key") + struct.pack(">I", len(certificates))
    return head + b"".join(certificate(one, version) for one in certificates)


def store(*entries, magic=b"\xfe\xed\xfe\xed", version=2, count=None, password=PASSWORD):
    octets = magic + struct.pack(">II", version, len(entries) if count is None else count) + b"".join(entries)
    digest = hashlib.sha1(password.decode().encode("utf-16-be") + b"Mighty Aphrodite" + octets, usedforsecurity=False)
    return octets + digest.digest()


OF_KEY = JavaEntry("payroll", (CERTIFICATE, ABOVE), has_key=True)
TRUSTED = JavaEntry("ca", (ABOVE,), has_key=False)

READ = {
    "a key with its chain": (store(entry(1, "payroll", CERTIFICATE, ABOVE)), (OF_KEY,)),
    "a trusted certificate": (store(entry(2, "ca", ABOVE)), (TRUSTED,)),
    "both": (store(entry(2, "ca", ABOVE), entry(1, "payroll", CERTIFICATE, ABOVE)), (TRUSTED, OF_KEY)),
    "JCEKS": (store(entry(2, "ca", ABOVE), magic=b"\xce\xce\xce\xce"), (TRUSTED,)),
    "version 1": (store(entry(2, "ca", ABOVE, version=1), version=1), (TRUSTED,)),
    "nothing": (store(), ()),
}


@pytest.mark.parametrize(("octets", "expected"), READ.values(), ids=READ)
def test_entries(octets, expected):
    assert java_keystores.parse_java(octets) == expected
    assert java_keystores.has_digest_of(octets, PASSWORD)
    assert not java_keystores.has_digest_of(octets, b"another")


def test_an_alias_controls_no_terminal():
    (found,) = java_keystores.parse_java(store(entry(2, "c\x1b[2Ja", ABOVE)))
    assert found.alias.isprintable()


WHOLE = store(entry(1, "payroll", CERTIFICATE, ABOVE))
DAMAGED = {
    "the head alone": WHOLE[:4],
    "less than a digest": WHOLE[:19],
    "more entries than there are": store(entry(2, "ca", ABOVE), count=2),
    "very many entries": store(count=2**32 - 1),
    "a length past the end": store(entry(2, "ca")[:-4] + b"\xff\xff\xff\xff"),
    **{f"cut at {at}": WHOLE[:at] for at in range(30, len(WHOLE) - 20, 97)},
}


@pytest.mark.parametrize("octets", DAMAGED.values(), ids=DAMAGED)
def test_damage_is_a_sentence(octets):
    with pytest.raises(ValueError, match="this Java key store is damaged"):
        java_keystores.parse_java(octets)


def test_a_secret_key_is_named():
    with pytest.raises(ValueError, match="contains a secret key"):
        java_keystores.parse_java(store(entry(3, "secret"), magic=b"\xce\xce\xce\xce"))


@needs_keytool
def test_keytool_writes_what_is_read_here_and_by_java(tmp_path, monkeypatch):
    run, seen = subprocess.run, []

    def spy(command, **more):
        seen.append((" ".join(command), more["env"]))
        return run(command, **more)

    monkeypatch.setattr(java_keystores.subprocess, "run", spy)
    made = java_keystores.make_jks("payroll", KEY, (CERTIFICATE, ABOVE), PASSWORD)
    assert java_keystores.parse_java(made) == (OF_KEY,)
    assert java_keystores.has_digest_of(made, PASSWORD)
    (tmp_path / "payroll.jks").write_bytes(made)
    found = keystores.from_java(tmp_path / "payroll.jks", None, PASSWORD)
    assert key_policy.key_id(found.key.public_key()) == key_policy.key_id(KEY.public_key())
    secret = PASSWORD.decode()
    assert len(seen) == 2
    assert not [command for command, env in seen if secret in command or secret in "".join(env.values())]


def with_keytool(folder, script):
    """Put a program named keytool into a folder."""
    (folder / "keytool").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "keytool").chmod(0o755)
    return str(folder)


BROKEN = {
    "none": (None, b"password", "Java 11 and newer reads PKCS#12"),
    "one that fails": ("echo no heap; exit 1", b"password", "keytool could not make a JKS file: no heap"),
    "one that writes nothing": ("exit 0", b"password", "keytool could not make a JKS file"),
    "a short password": ("exit 0", b"12345", "at least"),
}


@pytest.mark.parametrize(("script", "password", "why"), BROKEN.values(), ids=BROKEN)
def test_no_file_without_a_working_keytool(script, password, why, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path) if script is None else with_keytool(tmp_path, script))
    with pytest.raises(JavaStoreError) as caught:
        java_keystores.make_jks("payroll", KEY, (CERTIFICATE,), password)
    assert why in caught.value.message.text.format(why=caught.value.message.values.get("why"), least=6)
