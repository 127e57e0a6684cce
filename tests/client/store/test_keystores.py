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
from sinetti.client.messages.adoption_messages import (
    ADOPT_ALIASES,
    ADOPT_JAVA,
    ADOPT_KEY_PASSWORD,
    ADOPT_KEYTOOL,
    ADOPT_NO_KEY,
    ADOPT_NO_PASSWORD,
    ADOPT_SEVERAL,
    ADOPT_WRONG_PASSWORD,
)
from sinetti.client.results import UsageError
from sinetti.client.store import java_keystores, key_storage, keystores
from sinetti.domain.values import KeyType, Language
from sinetti.pki import encoding as pki_encoding
from tests.support import authority, golden
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
    """Return the message of a refusal: its text is the id, and its values are those of the file."""
    with pytest.raises(UsageError) as caught:
        read(*arguments)
    return caught.value.message


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
    "another's key": (lambda pair: octets_of(authority.holder_key(52), "PKCS#8"), None),
    "no pass-phrase": (lambda pair: octets_of(pair[0], "PKCS#8, encrypted"), None),
    "none for the older form": (lambda pair: octets_of(pair[0], "the older form, encrypted"), None),
    "a wrong pass-phrase": (lambda pair: octets_of(pair[0], "PKCS#8, encrypted"), b"x"),
    "a pass-phrase for a bare key": (lambda pair: octets_of(pair[0], "PKCS#8"), b"x"),
    "DER without its pass-phrase": (lambda pair: octets_of(pair[0], "DER, encrypted"), None),
    "DER and a wrong pass-phrase": (lambda pair: octets_of(pair[0], "DER, encrypted"), b"x"),
    "a pass-phrase for bare DER": (lambda pair: octets_of(pair[0], "DER"), b"x"),
    "no key": (lambda pair: pem(pair[1]), None),
    "nothing": (lambda pair: b"", None),
    "a key of another kind": (lambda pair: other_kind().private_bytes(Encoding.PEM, *BARE), None),
    "one in DER": (lambda pair: other_kind().private_bytes(Encoding.DER, *BARE), None),
}
BARE = (PrivateFormat.PKCS8, NoEncryption())
other_kind = ed25519.Ed25519PrivateKey.generate


def test_what_cannot_be_adopted(pair, tmp_path, monkeypatch):
    monkeypatch.setattr(keystores.shutil, "which", lambda name: None)
    key, certificate, how = *pair, BestAvailableEncryption(b"x")
    contents = {
        "key": octets_of(key, "PKCS#8"),
        "certificate": pem(certificate),
        "other": b"hello",
        "described": pem(described(certificate, key)),
        "whole.p12": pkcs12.serialize_key_and_certificates(None, key, certificate, None, how),
        "without-key.p12": pkcs12.serialize_key_and_certificates(None, None, None, [certificate], how),
        "other-key.p12": pkcs12.serialize_key_and_certificates(None, other_kind(), None, None, how),
        "store.jks": b"\xfe\xed\xfe\xed....",
        **{f"{case}.key": octets(pair) for case, (octets, _) in WRONG.items()},
    }
    for name, octets in contents.items():
        (tmp_path / name).write_bytes(octets)
    attempts = {
        case: (keystores.of_files, f"{case}.key", "certificate", None, password)
        for case, (_, password) in WRONG.items()
    }
    attempts |= {
        "no files": (keystores.of_files, "x", "y", None, None),
        "a certificate of another form": (keystores.of_files, "key", "other", None, None),
        "a certificate that describes its curve": (keystores.of_files, "key", "described", None, None),
        "PKCS#12 and a wrong password": (keystores.from_pkcs12, "whole.p12", b"wrong"),
        "PKCS#12 without its password": (keystores.from_pkcs12, "whole.p12", None),
        "PKCS#12 without a key": (keystores.from_pkcs12, "without-key.p12", b"x"),
        "PKCS#12 with a key of another kind": (keystores.from_pkcs12, "other-key.p12", b"x"),
        "no PKCS#12": (keystores.from_pkcs12, "key", b"x"),
        "a Java key store as PKCS#12": (keystores.from_pkcs12, "store.jks", b"x"),
        "a Java key store without keytool": (keystores.from_java, "store.jks", None, b"x"),
    }
    texts = {}
    for case, (read, *words) in attempts.items():
        said = refused(read, *(tmp_path / word if isinstance(word, str) else word for word in words))
        texts[case] = messages.render(said, Language.EN).replace(f"{tmp_path}/", "FOLDER/")
    with_keytool = {
        "several keys": ADOPT_ALIASES,
        "several holders": ADOPT_SEVERAL,
        "a key's own password": ADOPT_KEY_PASSWORD,
        "an error of keytool": ADOPT_KEYTOOL,
    }
    for case, message_id in with_keytool.items():
        said = messages.make_message(message_id, path="FILE", aliases="a, b", serials="1, 2", why="as Java says it")
        texts[case] = messages.render(said, Language.EN)
    golden.check("sentences/client-keystores", {"en.txt": golden.sections(texts)})


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
    assert refused(keystores.from_pkcs12, out, b"x").text == ADOPT_WRONG_PASSWORD
    assert refused(keystores.from_pkcs12, out, None).text == ADOPT_NO_PASSWORD


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
        assert said.text == ADOPT_SEVERAL
        assert all(key_storage.serial_of(certificate) in said.values["serials"] for _, certificate in pairs.values())
    for name, (key, certificate) in pairs.items():
        got = keystores.from_java(both, name, b"of the store")
        assert (key_storage.key_id(got.key), got.certificate) == (key_storage.key_id(key), certificate)


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
        said = refused(keystores.from_java, path, None, b"of the store")
        assert (said.text, said.values["aliases"]) == (ADOPT_ALIASES, "benefits, payroll")
    assert refused(keystores.from_java, path, "unknown", b"of the store").text == ADOPT_KEYTOOL


@pytest.mark.long
def test_a_key_with_a_password_of_its_own(java, pair):
    path = java("payroll", key_password="of the key")
    assert keystores.from_java(path, None, b"of the store", b"of the key").certificate == pair[1]
    assert refused(keystores.from_java, path, None, b"of the store").text == ADOPT_KEY_PASSWORD
    assert refused(keystores.from_java, path, None, b"of the store", b"of no key").text == ADOPT_KEYTOOL


@pytest.mark.long
def test_a_wrong_password_stands_in_no_message(java):
    path = java("payroll")
    said = refused(keystores.from_java, path, None, b"a-secret-of-mine")
    assert said.text == ADOPT_KEYTOOL
    assert "a-secret-of-mine" not in str(said)


@pytest.mark.long
def test_a_java_key_store_without_a_key(java):
    assert refused(keystores.from_java, java(trusted=True), None, b"of the store").text == ADOPT_NO_KEY


@pytest.mark.long
def test_a_java_key_store_is_no_pkcs12(java):
    assert refused(keystores.from_pkcs12, java("payroll"), b"of the store").text == ADOPT_JAVA


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
    assert refused(keystores.from_java, path, None, b"of the store").text == ADOPT_KEYTOOL


def test_a_key_whose_curve_is_described_is_not_taken(pair, tmp_path):
    """A certificate of the keystore describes its curve: PEM, DER and PKCS#12."""
    key, certificate = pair
    odd = described(certificate, key)
    keyed, plain = tmp_path / "key", tmp_path / "plain.pem"
    keyed.write_bytes(octets_of(key, "PKCS#8"))
    plain.write_bytes(pem(certificate))
    for octets in (pem(odd), pem(certificate, odd), pki_encoding.certificate_der(odd)):
        (tmp_path / "odd").write_bytes(octets)
        assert "elliptic curve" in str(refused(keystores.of_files, keyed, tmp_path / "odd", None, None))
        assert "elliptic curve" in str(refused(keystores.of_files, keyed, plain, tmp_path / "odd", None))
    for own, more in ((odd, []), (certificate, [odd])):
        out = tmp_path / "odd.p12"
        how = BestAvailableEncryption(PASSWORD)
        out.write_bytes(pkcs12.serialize_key_and_certificates(b"", key, own, more, how))
        assert "elliptic curve" in str(refused(keystores.from_pkcs12, out, PASSWORD))
