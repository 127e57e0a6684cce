"""`sinetti inspect`: the content of every kind of file, and a sentence for what cannot be read."""

import base64
import json
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    pkcs7,
    pkcs12,
)

from sinetti.client.documents import inspection
from sinetti.domain.values import KeyType
from sinetti.infra import standard_input
from sinetti.pki import csr, encoding
from sinetti.wire.soap import operations as soap_operations
from sinetti.wire.soap.operations import Operation
from sinetti.wire.xmldsig.signature import SignatureProfile
from tests.client.double import bundle, services_seal
from tests.client.store.test_java_keystores import entry
from tests.client.store.test_java_keystores import store as java_store
from tests.support import authority, golden

VECTORS = Path(__file__).resolve().parents[2] / "vectors"
NOW = authority.NOW
PASSWORD = b"battery staple"
KEY = authority.holder_key(61)
LEAF = authority.holder_certificate(KEY)
ISSUING = authority.issuer().certificate
ROOT = authority.authority().entries[authority.authority().hierarchy.authorities[0].file_name][1]
SIGNER = authority.response_signer()[1]
SERVICES = authority.services_issuer().certificate
MEMBERS = ["kind", "subject", "issuer", "serial", "sha256", "key", "not_before", "not_after", "days_left", "chain"]


def der(one):
    return one.public_bytes(Encoding.DER)


def pem(*certificates):
    return bundle(*certificates).encode()


def private(key, form=Encoding.PEM, password=None):
    how = NoEncryption() if password is None else BestAvailableEncryption(password)
    return key.private_bytes(form, PrivateFormat.PKCS8, how)


def packed(password=PASSWORD, *, key=KEY, legacy=False):
    if password is None:
        return pkcs12.serialize_key_and_certificates(b"payroll", key, LEAF, [ISSUING], NoEncryption())
    return encoding.dump("payroll", key, (LEAF, ISSUING), password, legacy=legacy)


def revocation_list():
    builder = x509.CertificateRevocationListBuilder().issuer_name(ISSUING.subject)
    builder = builder.last_update(NOW).next_update(NOW + timedelta(days=7)).add_extension(x509.CRLNumber(12), False)
    revoked = x509.RevokedCertificateBuilder().serial_number(5).revocation_date(NOW).build()
    return builder.add_revoked_certificate(revoked).sign(KEY, hashes.SHA256())


CRL = revocation_list()
REQUEST = csr.build_request(KEY, authority.CUSTOMER_ID, authority.CUSTOMER_NAME)
ANSWER = soap_operations.render_response(
    Operation.NEW, soap_operations.Failure("PKI004", "no"), services_seal(), SignatureProfile.EXCLUSIVE
)
SIGNED_BY = x509.load_der_x509_certificate(services_seal().certificate)

SHOWN = {
    "PEM": (pem(LEAF), "certificate", LEAF, []),
    "PEM with a chain": (pem(LEAF, ISSUING, ROOT), "certificate", LEAF, [ISSUING, ROOT]),
    "PEM with text and a key": (b"Bag Attributes\n" + private(KEY) + pem(LEAF), "certificate", LEAF, []),
    "PEM after a byte order mark": (b"\xef\xbb\xbf" + pem(LEAF), "certificate", LEAF, []),
    "PEM in UTF-16": (pem(LEAF).decode().encode("utf-16"), "certificate", LEAF, []),
    "DER": (der(LEAF), "certificate", LEAF, []),
    "base64 of DER": (base64.encodebytes(der(LEAF)), "certificate", LEAF, []),
    "PKCS#7": (pkcs7.serialize_certificates([ISSUING, LEAF], Encoding.DER), "certificate", LEAF, [ISSUING]),
    "PKCS#7 in PEM": (pkcs7.serialize_certificates([ISSUING, LEAF], Encoding.PEM), "certificate", LEAF, [ISSUING]),
    "PKCS#12": (packed(), "pkcs12", LEAF, [ISSUING]),
    "PKCS#12, the older form": (packed(legacy=True), "pkcs12", LEAF, [ISSUING]),
    "a Java key store": (java_store(entry(2, "ca", ROOT), entry(1, "k", LEAF, ISSUING)), "jks", LEAF, [ISSUING, ROOT]),
    "a trust store of Java": (java_store(entry(2, "ca", ROOT)), "jks", ROOT, []),
    "an answer": (ANSWER, "message", SIGNED_BY, []),
}


@pytest.fixture
def inspected(shell):
    """Write a file and inspect it; return the exit code and both outputs."""
    secret = shell.folder / "secret"
    secret.write_bytes(PASSWORD + b"\n")
    secret.chmod(0o600)

    def run(octets, *more, password=False):
        path = shell.folder / "file"
        path.write_bytes(octets)
        return shell.run("inspect", path, *(("--password-file", secret) if password else ()), "--lang", "en", *more)

    return run


@pytest.mark.parametrize(("octets", "kind", "leaf", "others"), SHOWN.values(), ids=SHOWN)
def test_certificates_in_every_form(inspected, octets, kind, leaf, others):
    code, out, _ = inspected(octets, "--json", password=kind == "pkcs12")
    found = json.loads(out)
    assert (code, list(found), found["kind"]) == (0, MEMBERS, kind)
    assert found["sha256"] == encoding.sha256_hex(der(leaf))
    assert found["serial"] == encoding.serial_hex(leaf.serial_number)
    assert found["subject"].endswith(leaf.subject.rfc4514_string().rpartition(",")[2])
    assert found["not_after"] == leaf.not_valid_after_utc.isoformat().replace("+00:00", "Z")
    assert [one["sha256"] for one in found["chain"]] == [encoding.sha256_hex(der(one)) for one in others]
    assert all(list(one) == MEMBERS[1:-1] for one in found["chain"])


def test_the_members_of_a_certificate(inspected):
    assert json.loads(inspected(der(LEAF), "--json")[1]) == {
        "kind": "certificate",
        "subject": f"C=FI,O=Sinisiipi Oy,serialNumber={authority.LINEAGE},CN=0123456-7",
        "issuer": ISSUING.subject.rfc4514_string(),
        "serial": encoding.serial_hex(LEAF.serial_number),
        "sha256": encoding.sha256_hex(der(LEAF)),
        "key": "ec-p256",
        "not_before": "2026-03-02T12:00:00Z",
        "not_after": "2028-03-01T12:00:00Z",
        "days_left": 730,
        "chain": [],
    }


def test_a_request(inspected):
    expected = dict.fromkeys(MEMBERS) | {"kind": "csr", "key": "ec-p256", "chain": []}
    expected |= {"subject": "C=FI,O=Sinisiipi Oy,CN=0123456-7", "sha256": encoding.sha256_hex(REQUEST)}
    in_pem = x509.load_der_x509_csr(REQUEST).public_bytes(Encoding.PEM)
    for octets in (REQUEST, in_pem, in_pem.replace(b"BEGIN CERT", b"BEGIN NEW CERT").replace(b"END C", b"END NEW C")):
        assert json.loads(inspected(octets, "--json")[1]) == expected


def test_a_revocation_list_has_the_dates_of_this_and_the_next_update(inspected, shell):
    expected = dict.fromkeys(MEMBERS) | {"kind": "crl", "chain": [], "days_left": 7}
    expected |= {"issuer": ISSUING.subject.rfc4514_string(), "sha256": encoding.sha256_hex(der(CRL))}
    expected |= {"not_before": "2026-03-02T12:00:00Z", "not_after": "2026-03-09T12:00:00Z"}
    for octets in (der(CRL), CRL.public_bytes(Encoding.PEM)):
        assert json.loads(inspected(octets, "--json")[1]) == expected
    assert inspected(der(CRL))[0] == 0
    golden.check("sentences/client-inspect/a-revocation-list", shell.said())


MESSAGES = {
    "requests/renew-p256-inclusive.xml": "RenewCertificateRequest",
    "deliveries/delivery.xml": "report",
    "deliveries/receipt.xml": "receipt",
}


@pytest.mark.parametrize(("name", "element"), MESSAGES.items(), ids=MESSAGES)
def test_a_signed_message_shows_whose_certificate_signed_it(inspected, name, element):
    octets = (VECTORS / name).read_bytes()
    shown = base64.b64decode(octets.partition(b"X509Certificate>")[2].partition(b"</")[0])
    assert json.loads(inspected(octets, "--json")[1])["sha256"] == encoding.sha256_hex(shown)
    assert element in inspected(octets)[1].split()


def test_a_message_without_a_signature(inspected):
    code, out, _ = inspected(b"<a xmlns='urn:x'/>", "--json")
    assert (code, json.loads(out)) == (0, dict.fromkeys(MEMBERS) | {"kind": "message", "chain": []})


def test_a_signature_is_not_checked_and_says_so(inspected, shell):
    assert inspected(b"<a xmlns='urn:x'/>")[0] == 0
    assert inspected(ANSWER.replace(b"PKI004", b"PKI005"))[0] == 0
    golden.check("sentences/client-inspect/a-signature-is-not-checked", shell.said())


PURPOSES = {
    "a holder, with its issuer": pem(LEAF, ISSUING),
    "a holder alone": pem(LEAF),
    "the issuing CA": pem(ISSUING),
    "a signer of answers": pem(SIGNER, SERVICES),
    "its CA": pem(SERVICES),
    "the root": pem(ROOT),
}


def test_certificates_for_people(inspected, shell):
    for name, octets in PURPOSES.items():
        shell.outputs.append(f"# {name}")
        assert inspected(octets)[0] == 0, name
    words = ("--now", (NOW + timedelta(days=741, hours=1)).isoformat())
    assert inspected(pem(LEAF), *words)[0] == 0, "an expired one is shown and no error"
    assert json.loads(inspected(pem(LEAF), *words, "--json")[1])["days_left"] == -12
    assert inspected(pem(LEAF), "--now", (NOW - timedelta(days=1)).isoformat())[0] == 0
    out = inspected(private(KEY) + pem(LEAF))[1]
    assert "PRIVATE" not in out, "a key beside a certificate is not shown"
    assert inspected(packed(), password=True)[0] == 0
    golden.check("sentences/client-inspect/certificates", shell.said())


KEYS = {
    "a key in PEM": (private(KEY), "ec-p256"),
    "an RSA key": (private(authority.holder_key(1, KeyType.RSA_2048)), "rsa-2048"),
    "a key in DER": (private(KEY, Encoding.DER), "ec-p256"),
    "an encrypted key": (private(KEY, Encoding.PEM, PASSWORD), "encrypted"),
    "an encrypted key in DER": (private(KEY, Encoding.DER, PASSWORD), "encrypted"),
    "a key of another type": (private(ed25519.Ed25519PrivateKey.generate()), "ed25519"),
}


@pytest.mark.parametrize(("octets", "kind"), KEYS.values(), ids=KEYS)
def test_a_private_key_alone_is_named_and_not_shown(inspected, octets, kind):
    code, out, err = inspected(octets)
    assert (code, out) == (2, "")
    assert f"({kind})" in err


UNREADABLE = {
    "nothing": b"",
    "blanks": b" \n",
    "text": b"hello",
    "random octets": bytes(range(256)),
    "a public key": KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    "a private key": private(KEY),
    "a broken certificate": pem(LEAF).replace(b"MII", b"AAA"),
    "a broken request": b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
    "half of a DER": der(LEAF)[:200],
    "broken XML": b"<a",
    "an entity": b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>",
    "a page": b"<html><br></html>",
    "a damaged Java key store": b"\xfe\xed\xfe\xed" + bytes(40),
    "a signature with another certificate": ANSWER.replace(b"<ds:X509Certificate>", b"<ds:X509Certificate>AAAA"),
    "a key that OpenSSL refuses": bytes.fromhex("302d020100300506032b65700421041f") + bytes(31),
}


def test_unreadable_files(inspected, shell, monkeypatch):
    for name, octets in UNREADABLE.items():
        shell.outputs.append(f"# {name}")
        code, out, _ = inspected(octets, "--json")
        assert (code, json.loads(out)["error"]["code"]) == (2, "usage"), name
    monkeypatch.setattr(inspection, "LARGEST", 10)
    assert inspected(pem(LEAF))[0] == 2, "too long"
    golden.check("sentences/client-inspect/unreadable-files", shell.said())


def test_passwords(inspected, shell):
    assert inspected(packed())[0] == 2
    assert inspected(packed(b"another"), password=True)[0] == 2
    damaged = java_store(entry(2, "ca", ROOT), password=b"another")
    assert inspected(damaged, password=True)[0] == 2
    golden.check("sentences/client-inspect/passwords", shell.said())
    assert inspected(packed(None))[0] == 0
    assert inspected(damaged)[0] == 0


def test_a_password_is_asked_for_on_a_terminal(inspected, monkeypatch):
    asked = []
    monkeypatch.setattr(standard_input.sys, "stdin", type("Terminal", (), {"isatty": lambda _self: True})())
    monkeypatch.setattr(standard_input.getpass, "getpass", lambda prompt: asked.append(prompt) or PASSWORD.decode())
    assert inspected(packed())[0] == 0
    assert asked == ["Password: "]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
@pytest.mark.parametrize("bare", [True, False], ids=["an empty password", "no encryption"])
def test_openssl_without_a_password(inspected, shell, bare):
    (shell.folder / "all.pem").write_bytes(private(KEY) + pem(LEAF))
    more = () if bare else ("-nomac", "-keypbe", "NONE", "-certpbe", "NONE")
    command = ("openssl", "pkcs12", "-export", "-in", "all.pem", "-out", "out.p12", "-passout", "pass:", *more)
    subprocess.run(command, cwd=shell.folder, check=True, capture_output=True)
    assert inspected((shell.folder / "out.p12").read_bytes())[0] == 0
