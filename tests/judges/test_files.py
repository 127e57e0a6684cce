"""Programs of others that open the formats of a set beside PEM.

The programs are openssl, Java's keytool and .NET on mono.
"""

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from sinetti.client.model import Format, OutputOptions
from sinetti.client.store import generations
from sinetti.domain.values import KeyType
from sinetti.pki import chain, encoding
from tests.client.double import anchors, issue
from tests.support import authority
from tests.support.postgres import skip_or_fail

PASSWORD = "correct-horse-battery"
KEY_PASSWORD = "staple"
KINDS = [KeyType.RSA_2048, KeyType.EC_P256]
PACKED = ("certificate.p12", "certificate-legacy.p12")


def asked(*command):
    """Run a judge; return its exit code, its output and its error output.

    Without the judge the test is skipped visibly.
    """
    if shutil.which(str(command[0])) is None:
        skip_or_fail(f"{command[0]} is not installed (scripts/packages judges says how)")
    done = subprocess.run([str(one) for one in command], capture_output=True, check=False, timeout=120)
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")


def well(*command):
    code, out, told = asked(*command)
    assert code == 0, told
    return out


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.value)
def live(request, tmp_path_factory):
    """Return a set in every format, with an encrypted key."""
    folder = tmp_path_factory.mktemp("files")
    for name, password in (("password", PASSWORD), ("key-password", KEY_PASSWORD)):
        (folder / name).write_text(password)
        (folder / name).chmod(0o600)
    wanted = OutputOptions(
        formats=frozenset(Format), password_file=folder / "password", key_password_file=folder / "key-password"
    )
    key = encoding.generate_key(request.param)
    certificate = encoding.load_certificate(issue(key.public_key(), authority.NOW))
    name = folder / "payroll"
    name.mkdir()
    kept = encoding.dump_private_key(key, KEY_PASSWORD.encode())
    generations.install(name, kept, certificate, chain.load_bundle(anchors("holders").encode()), wanted)
    return name / "live"


def public_half(pem):
    """Return the public half of a PEM key, as openssl writes it."""
    return subprocess.run(("openssl", "pkey", "-pubout"), input=pem, capture_output=True, check=True).stdout


def public_of(live):
    return well("openssl", "x509", "-in", live / "certificate.pem", "-noout", "-pubkey")


def test_openssl_reads_der(live):
    assert well("openssl", "x509", "-inform", "DER", "-in", live / "certificate.der", "-noout", "-pubkey") == public_of(
        live
    )
    key = ("openssl", "pkey", "-inform", "DER", "-in", live / "key.der", "-passin", f"pass:{KEY_PASSWORD}", "-pubout")
    assert well(*key) == public_of(live)
    above = well("openssl", "pkcs7", "-inform", "DER", "-in", live / "chain.p7b", "-print_certs")
    expected = (live / "chain.pem").read_text().count("BEGIN CERTIFICATE")
    assert above.count(b"BEGIN CERTIFICATE") == expected > 0


def test_openssl_opens_the_encrypted_key(live):
    key = ("openssl", "pkey", "-in", live / "key.pem", "-passin")
    assert well(*key, f"pass:{KEY_PASSWORD}", "-pubout") == public_of(live)
    assert asked(*key, "pass:wrong", "-noout")[0] != 0


@pytest.mark.parametrize(("name", "more"), [("certificate.p12", ()), ("certificate-legacy.p12", ("-legacy",))])
def test_openssl_opens_pkcs12(live, name, more):
    opened = ("openssl", "pkcs12", *more, "-in", live / name, "-passin", f"pass:{PASSWORD}", "-nodes")
    pem = well(*opened)
    assert public_half(pem) == public_of(live)
    assert pem.count(b"BEGIN CERTIFICATE") == 1 + (live / "chain.pem").read_text().count("BEGIN CERTIFICATE")
    assert asked("openssl", "pkcs12", *more, "-in", live / name, "-passin", "pass:wrong", "-nodes")[0] != 0


def test_openssl_names_the_algorithms_that_the_documents_name(live):
    info = ("openssl", "pkcs12", "-info", "-noout", "-passin", f"pass:{PASSWORD}", "-in")
    modern = asked(*info, live / "certificate.p12")[2]
    assert "AES-256-CBC" in modern
    assert "hmacWithSHA256" in modern
    assert "3DES" not in modern
    legacy = asked(*info, live / "certificate-legacy.p12", "-legacy")[2]
    assert "pbeWithSHA1And3-KeyTripleDES-CBC" in legacy
    assert "AES" not in legacy


@pytest.mark.parametrize("name", [*PACKED, "certificate.jks"])
def test_keytool_lists_key_stores(live, name):
    kind = "JKS" if name.endswith("jks") else "PKCS12"
    listed = well("keytool", "-list", "-v", "-keystore", live / name, "-storetype", kind, "-storepass", PASSWORD)
    text = listed.decode()
    assert "Alias name: payroll" in text
    assert "Entry type: PrivateKeyEntry" in text
    certificates = 1 + (live / "chain.pem").read_text().count("BEGIN CERTIFICATE")
    assert f"Certificate chain length: {certificates}" in text
    digest = hashlib.sha256((live / "certificate.der").read_bytes()).hexdigest().upper()
    assert ":".join(digest[n : n + 2] for n in range(0, 64, 2)) in text


@pytest.fixture(scope="module")
def dot_net(tmp_path_factory):
    """Return the compiled program of OpensPkcs12.cs."""
    program = tmp_path_factory.mktemp("mono") / "opens.exe"
    well("mcs", f"-out:{program}", Path(__file__).with_name("OpensPkcs12.cs"))
    return program


RSA_ALONE = pytest.mark.parametrize("live", [KeyType.RSA_2048], indirect=True)
"""Mark for tests with an RSA key alone.

Mono knows no EC keys in PKCS#12.
"""


@RSA_ALONE
def test_dot_net_opens_the_old_form_and_signs(live, dot_net):
    opened = well("mono", dot_net, live / "certificate-legacy.p12", PASSWORD)
    assert opened.decode().strip() == hashlib.sha1((live / "certificate.der").read_bytes()).hexdigest()  # noqa: S324


@RSA_ALONE
def test_mono_opens_no_modern_form(live, dot_net):
    """docs/holders/agent.md states this limit.

    Once this test fails, mono can open the form, and the sentence can be removed.
    """
    code, _, told = asked("mono", dot_net, live / "certificate.p12", PASSWORD)
    assert code != 0, told
