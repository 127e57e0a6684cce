"""Keys and certificates written by openssl, keytool and cryptography.

The client only reads their files.
"""

import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from sinetti.client.messages import messages
from sinetti.client.results import UsageError
from sinetti.client.store import java_keystores, key_storage, keystores
from sinetti.domain.values import KeyType, Language
from sinetti.pki import encoding as pki_encoding
from tests.support import authority
from tests.support.described import described

PASSWORD = b"p\xc3\xa4ssword 1"
KINDS = (KeyType.EC_P256, KeyType.EC_P384, KeyType.RSA_2048)
FORMS = {
    "PKCS#8": (Encoding.PEM, PrivateFormat.PKCS8, None),
    "the older form": (Encoding.PEM, PrivateFormat.TraditionalOpenSSL, None),
    "PKCS#8, encrypted": (Encoding.PEM, PrivateFormat.PKCS8, PASSWORD),
    "the older form, encrypted": (Encoding.PEM, PrivateFormat.TraditionalOpenSSL, PASSWORD),
    "DER": (Encoding.DER, PrivateFormat.PKCS8, None),
    "DER, encrypted": (Encoding.DER, PrivateFormat.PKCS8, PASSWORD),
}


@pytest.fixture(params=KINDS[:1])
def pair(request):
    key = authority.holder_key(51, request.param)
    return key, authority.holder_certificate(key)


def pem(*certificates):
    return b"".join(one.public_bytes(Encoding.PEM) for one in certificates)


def refused(read, *arguments):
    with pytest.raises(UsageError) as caught:
        read(*arguments)
    return messages.render(caught.value.message, Language.EN)


def octets_of(key, form):
    encoding, layout, password = FORMS[form]
    return key.private_bytes(
        encoding, layout, NoEncryption() if password is None else BestAvailableEncryption(password)
    )


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("pair", KINDS, indirect=True)
def test_a_key_in_every_form(form, pair, tmp_path):
    key, certificate = pair
    (tmp_path / "key").write_bytes(octets_of(key, form))
    (tmp_path / "certificate").write_bytes(pem(certificate))
    got = keystores.of_files(tmp_path / "key", tmp_path / "certificate", None, FORMS[form][2])
    assert key_storage.key_id(got.key) == key_storage.key_id(key)
    assert (got.certificate, got.others) == (certificate, ())


def test_a_certificate_among_others_is_the_one_of_the_key_and_the_newest(pair, tmp_path):
    key, certificate = pair
    renewed = authority.holder_certificate(key, begins=authority.NOW.replace(year=2027))
    above = authority.issuer().certificate
    (tmp_path / "key").write_bytes(octets_of(key, "PKCS#8"))
    (tmp_path / "all.pem").write_bytes(pem(above, certificate, renewed))
    got = keystores.of_files(tmp_path / "key", tmp_path / "all.pem", None, None)
    assert (got.certificate, got.others) == (renewed, (above,))


def test_a_certificate_in_der_and_a_chain_beside_it(pair, tmp_path):
    key, certificate = pair
    (tmp_path / "key").write_bytes(octets_of(key, "PKCS#8"))
    (tmp_path / "own.cer").write_bytes(certificate.public_bytes(Encoding.DER))
    (tmp_path / "chain.pem").write_bytes(pem(authority.issuer().certificate))
    got = keystores.of_files(tmp_path / "key", tmp_path / "own.cer", tmp_path / "chain.pem", None)
    assert (got.certificate, got.others) == (certificate, (authority.issuer().certificate,))


WRONG = {
    "another's key": (
        lambda pair: octets_of(authority.holder_key(52), "PKCS#8"),
        None,
        "contains no certificate for this private key",
    ),
    "no pass-phrase": (
        lambda pair: octets_of(pair[0], "PKCS#8, encrypted"),
        None,
        "is encrypted. Write its passphrase",
    ),
    "none for the older form": (lambda pair: octets_of(pair[0], "the older form, encrypted"), None, "is encrypted."),
    "a wrong pass-phrase": (lambda pair: octets_of(pair[0], "PKCS#8, encrypted"), b"x", "the passphrase is wrong"),
    "a pass-phrase for a bare key": (lambda pair: octets_of(pair[0], "PKCS#8"), b"x", "so it needs no passphrase"),
    "DER without its pass-phrase": (lambda pair: octets_of(pair[0], "DER, encrypted"), None, "is encrypted. Write"),
    "DER and a wrong pass-phrase": (lambda pair: octets_of(pair[0], "DER, encrypted"), b"x", "the passphrase is wrong"),
    "a pass-phrase for bare DER": (lambda pair: octets_of(pair[0], "DER"), b"x", "so it needs no passphrase"),
    "no key": (lambda pair: pem(pair[1]), None, "this is not a private key in PEM"),
    "nothing": (lambda pair: b"", None, "this is not a private key in DER or PEM"),
    "a key of another kind": (
        lambda pair: ed25519.Ed25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ),
        None,
        "the key is neither RSA nor EC",
    ),
    "one in DER": (
        lambda pair: ed25519.Ed25519PrivateKey.generate().private_bytes(
            Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
        ),
        None,
        "the key is neither RSA nor EC",
    ),
}


@pytest.mark.parametrize(("octets", "password", "why"), WRONG.values(), ids=WRONG)
def test_wrong_keys(octets, password, why, pair, tmp_path):
    (tmp_path / "key").write_bytes(octets(pair))
    (tmp_path / "certificate").write_bytes(pem(pair[1]))
    assert why in refused(keystores.of_files, tmp_path / "key", tmp_path / "certificate", None, password)


def test_files_that_are_not_there_or_hold_something_else(pair, tmp_path):
    (tmp_path / "key").write_bytes(octets_of(pair[0], "PKCS#8"))
    (tmp_path / "other").write_bytes(b"hello")
    assert "it does not exist" in refused(keystores.of_files, tmp_path / "x", tmp_path / "y", None, None)
    assert "not an X.509 certificate in DER or PEM" in refused(
        keystores.of_files, tmp_path / "key", tmp_path / "other", None, None
    )


def openssl(*words):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


@pytest.fixture
def files(pair, tmp_path):
    (tmp_path / "key.pem").write_bytes(octets_of(pair[0], "PKCS#8"))
    (tmp_path / "certificate.pem").write_bytes(pem(pair[1]))
    (tmp_path / "chain.pem").write_bytes(pem(authority.issuer().certificate))
    return tmp_path


@pytest.mark.parametrize("more", [(), ("-legacy",)], ids=["modern", "legacy"])
def test_pkcs12_of_openssl(more, pair, files):
    out = files / "out.p12"
    words = ("-inkey", files / "key.pem", "-in", files / "certificate.pem", "-certfile", files / "chain.pem")
    openssl("pkcs12", "-export", *more, *words, "-out", out, "-passout", f"pass:{PASSWORD.decode()}")
    got = keystores.from_pkcs12(out, PASSWORD)
    assert key_storage.key_id(got.key) == key_storage.key_id(pair[0])
    assert (got.certificate, got.others) == (pair[1], (authority.issuer().certificate,))
    assert "The password of" in refused(keystores.from_pkcs12, out, b"x")
    assert "is protected with a password" in refused(keystores.from_pkcs12, out, None)
    assert "is not a PKCS#12 file" in refused(keystores.from_pkcs12, files / "key.pem", PASSWORD)


@pytest.mark.long
@pytest.mark.skipif(shutil.which("keytool") is None, reason="keytool is not installed")
def test_pkcs12_with_several_keys_is_refused_until_one_is_named(tmp_path):
    """OpenSSL gives the first of them, and the other would never be renewed.

    No message would have said so.
    """
    pairs, both = {}, tmp_path / "both.p12"
    for number, name in enumerate(("one", "two")):
        key = authority.holder_key(51 + number, KeyType.EC_P256)
        pairs[name] = key, authority.holder_certificate(key)
        alone, how = tmp_path / f"{name}.p12", BestAvailableEncryption(b"of the store")
        alone.write_bytes(pkcs12.serialize_key_and_certificates(name.encode(), *pairs[name], None, how))
        words = ("-srckeystore", alone, "-srcstorepass", "of the store", "-destkeystore", both)
        words += ("-deststorepass", "of the store", "-deststoretype", "PKCS12", "-noprompt")
        subprocess.run(("keytool", "-importkeystore", *words), check=True, capture_output=True)
    for read, more in ((keystores.from_pkcs12, ()), (keystores.from_java, (None,))):
        said = refused(read, both, *more, b"of the store")
        assert "contains certificates for several keys" in said
        assert all(key_storage.serial_of(certificate) in said for _, certificate in pairs.values())
    for name, (key, certificate) in pairs.items():
        got = keystores.from_java(both, name, b"of the store")
        assert (key_storage.key_id(got.key), got.certificate) == (key_storage.key_id(key), certificate)


def test_pkcs12_without_a_key(pair, tmp_path):
    out = tmp_path / "out.p12"
    out.write_bytes(pkcs12.serialize_key_and_certificates(None, None, None, [pair[1]], BestAvailableEncryption(b"x")))
    assert "contains no private key" in refused(keystores.from_pkcs12, out, b"x")


def test_pkcs12_with_a_key_of_another_kind(tmp_path):
    out, key = tmp_path / "out.p12", ed25519.Ed25519PrivateKey.generate()
    out.write_bytes(pkcs12.serialize_key_and_certificates(None, key, None, None, BestAvailableEncryption(b"x")))
    assert "the key is neither RSA nor EC" in refused(keystores.from_pkcs12, out, b"x")


# --- Java


@pytest.fixture
def java(pair, files):
    """Make a Java key store of a kind, with one key for each alias.

    keytool makes it from a PKCS#12 file.
    """
    if shutil.which("keytool") is None:
        pytest.skip("keytool is not installed")
    source = files / "source.p12"

    def make(*aliases, kind="JKS", key_password=None, trusted=False):
        out = files / "store.jks"
        for alias in aliases:
            octets = pkcs12.serialize_key_and_certificates(
                alias.encode(), pair[0], pair[1], [authority.issuer().certificate], BestAvailableEncryption(b"source")
            )
            source.write_bytes(octets)
            words = [
                "-importkeystore",
                "-noprompt",
                "-srckeystore",
                source,
                "-srcstorepass",
                "source",
                "-srcalias",
                alias,
            ]
            words += ["-destkeystore", out, "-deststoretype", kind, "-deststorepass", "of the store"]
            words += ["-destkeypass", key_password or "of the store"]
            subprocess.run(["keytool", *map(str, words)], check=True, capture_output=True)
        if trusted:
            words = ["-importcert", "-noprompt", "-alias", "ca", "-file", files / "chain.pem", "-keystore", out]
            words += ["-storetype", kind, "-storepass", "of the store"]
            subprocess.run(["keytool", *map(str, words)], check=True, capture_output=True)
        return out

    return make


@pytest.mark.long
@pytest.mark.parametrize("kind", ["JKS", "JCEKS", "PKCS12"])
def test_the_only_key_of_a_java_key_store(kind, java, pair):
    path = java("payroll, of äö", kind=kind, trusted=kind == "JKS")
    before = path.read_bytes()
    got = keystores.from_java(path, None, b"of the store")
    assert key_storage.key_id(got.key) == key_storage.key_id(pair[0])
    assert (got.certificate, got.others) == (pair[1], (authority.issuer().certificate,))
    assert path.read_bytes() == before


@pytest.mark.long
@pytest.mark.parametrize("kind", ["JKS", "PKCS12"])
def test_one_of_several(kind, java, pair):
    path = java("payroll", "benefits", kind=kind)
    assert keystores.from_java(path, "benefits", b"of the store").certificate == pair[1]
    if kind == "JKS":
        assert "Choose one with --alias: benefits, payroll" in refused(keystores.from_java, path, None, b"of the store")
    assert "keytool cannot read " in refused(keystores.from_java, path, "unknown", b"of the store")


@pytest.mark.long
def test_a_key_with_a_password_of_its_own(java, pair):
    path = java("payroll", key_password="of the key")
    assert keystores.from_java(path, None, b"of the store", b"of the key").certificate == pair[1]
    assert "name the file with --key-password-file." in refused(keystores.from_java, path, None, b"of the store")
    assert "keytool cannot read " in refused(keystores.from_java, path, None, b"of the store", b"of no key")


@pytest.mark.long
def test_a_wrong_password_stands_in_no_message(java):
    path = java("payroll")
    said = refused(keystores.from_java, path, None, b"a-secret-of-mine")
    assert "keytool cannot read " in said
    assert "a-secret-of-mine" not in said


@pytest.mark.long
def test_a_java_key_store_without_a_key(java):
    assert "contains no private key" in refused(keystores.from_java, java(trusted=True), None, b"of the store")


@pytest.mark.long
def test_a_java_key_store_is_no_pkcs12(java):
    assert "is a Java key store. Give it with --jks." in refused(
        keystores.from_pkcs12, java("payroll"), b"of the store"
    )


def test_without_keytool_its_command_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(keystores.shutil, "which", lambda name: None)
    (tmp_path / "store.jks").write_bytes(b"\xfe\xed\xfe\xed....")
    said = refused(keystores.from_java, tmp_path / "store.jks", None, b"x")
    assert "run: keytool -importkeystore -srckeystore" in said


@pytest.mark.long
def test_no_password_is_on_a_command_line_and_no_key_in_clear_on_the_disk(java, monkeypatch):
    path, seen = java("payroll"), []
    run = subprocess.run

    def spy(command, **more):
        done = run(command, **more)
        left = [out.read_bytes() for out in map(keystores.Path, command) if out.name == "out.p12"]
        seen.append((command, left))
        return done

    monkeypatch.setattr(java_keystores.subprocess, "run", spy)
    keystores.from_java(path, None, b"of the store")
    assert len(seen) == 1
    assert not [word for command, _ in seen for word in command if "of the store" in word]
    ((octets,),) = [left for _, left in seen if left]
    with pytest.raises(ValueError, match="password"):
        pkcs12.load_key_and_certificates(octets, b"of the store")


@pytest.mark.long
def test_a_keytool_that_does_not_end(java, monkeypatch):
    path = java("payroll")
    monkeypatch.setattr(java_keystores, "KEYTOOL_SECONDS", 0.001)
    assert "keytool cannot read " in refused(keystores.from_java, path, None, b"of the store")


def test_a_key_whose_curve_is_described_is_not_taken(pair, tmp_path):
    """A certificate of the keystore describes its curve: PEM, DER and PKCS#12."""
    key, certificate = pair
    odd = described(certificate, key)
    keyed, plain = tmp_path / "key", tmp_path / "plain.pem"
    keyed.write_bytes(octets_of(key, "PKCS#8"))
    plain.write_bytes(pem(certificate))
    for octets in (pem(odd), pem(certificate, odd), pki_encoding.certificate_der(odd)):
        (tmp_path / "odd").write_bytes(octets)
        assert "describes an elliptic curve" in refused(keystores.of_files, keyed, tmp_path / "odd", None, None)
        assert "describes an elliptic curve" in refused(keystores.of_files, keyed, plain, tmp_path / "odd", None)
    for own, more in ((odd, []), (certificate, [odd])):
        out = tmp_path / "odd.p12"
        how = BestAvailableEncryption(PASSWORD)
        out.write_bytes(pkcs12.serialize_key_and_certificates(b"", key, own, more, how))
        assert "describes an elliptic curve" in refused(keystores.from_pkcs12, out, PASSWORD)
