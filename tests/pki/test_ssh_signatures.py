"""Signatures of `ssh-keygen -Y sign`, and of FIDO2 keys by their format."""

import base64
import subprocess
from functools import partial

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from sinetti.pki.ssh_attestation import verify_attestation
from sinetti.pki.ssh_signatures import (
    LARGEST,
    SshKeyError,
    SshReader,
    SshSignatureError,
    load_attesting_certificate,
    load_key,
    string,
    verify_signature,
)
from tests.support import golden
from tests.support.ssh_keys import NAMESPACE, PRESENT, VERIFIED, Authenticator, armored, make_key

MESSAGE = b'{"act":"organisation-end"}'
KINDS = {
    "Ed25519": ("ed25519",),
    "ECDSA on P-256": ("ecdsa", "-b", "256"),
    "ECDSA on P-384": ("ecdsa", "-b", "384"),
    "ECDSA on P-521": ("ecdsa", "-b", "521"),
    "RSA of 3072 bits": ("rsa", "-b", "3072"),
}
SK = {
    "sk-ssh-ed25519": Ed25519PrivateKey.generate,
    "sk-ecdsa-sha2-nistp256": lambda: ec.generate_private_key(ec.SECP256R1()),
}


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return make_key(tmp_path_factory.mktemp("keys"))


@pytest.mark.parametrize(("kind", "options"), [(one[0], one[1:]) for one in KINDS.values()], ids=KINDS)
def test_ssh_keygen_signs_and_we_verify(kind, options, tmp_path):
    made = make_key(tmp_path, "officer", kind, *options)
    key = load_key(made.public.read_bytes())
    shown = subprocess.run(["ssh-keygen", "-lf", made.public], capture_output=True, text=True, check=True).stdout
    assert shown.split()[1] == key.fingerprint
    assert made.public.read_text().startswith(f"{key.line} ")
    for digest in ("sha256", "sha512"):
        signature = made.sign(MESSAGE, NAMESPACE, "-O", f"hashalg={digest}")
        verify_signature(signature, MESSAGE, key, NAMESPACE)
        with pytest.raises(SshSignatureError, match="does not fit"):
            verify_signature(signature, MESSAGE + b" ", key, NAMESPACE)


def test_the_name_of_another_key_does_not_help(pair, tmp_path):
    """The signer's key inside the envelope is replaced by the officer's."""
    stranger, key = make_key(tmp_path), load_key(pair.public.read_bytes())
    octets = base64.b64decode(b"".join(stranger.sign(MESSAGE).splitlines()[1:-1]))
    forged = octets.replace(load_key(stranger.public.read_bytes()).blob, key.blob)
    with pytest.raises(SshSignatureError, match="does not fit"):
        verify_signature(armored(forged), MESSAGE, key, NAMESPACE)


@pytest.mark.parametrize("make", SK.values(), ids=SK)
def test_a_fido2_key_signs_with_presence_and_verification(make):
    device = Authenticator(make())
    key = load_key(device.line)
    assert key.is_fido2
    verify_signature(device.sign(MESSAGE), MESSAGE, key, NAMESPACE, user_verification=True)
    device.flags = PRESENT
    verify_signature(device.sign(MESSAGE), MESSAGE, key, NAMESPACE)
    with pytest.raises(SshSignatureError, match="did not verify"):
        verify_signature(device.sign(MESSAGE), MESSAGE, key, NAMESPACE, user_verification=True)
    device.flags = VERIFIED
    with pytest.raises(SshSignatureError, match="touched"):
        verify_signature(device.sign(MESSAGE), MESSAGE, key, NAMESPACE)
    device.flags = PRESENT | VERIFIED
    with pytest.raises(SshSignatureError, match="does not fit"):
        verify_signature(device.sign(b"another proposal"), MESSAGE, key, NAMESPACE)


@pytest.mark.parametrize("make", SK.values(), ids=SK)
def test_ssh_keygen_accepts_our_signatures_of_fido2_keys(make, tmp_path):
    """The form that the tests make is the one that OpenSSH verifies."""
    device = Authenticator(make())
    (tmp_path / "allowed").write_bytes(b"anna " + device.line)
    (tmp_path / "signature").write_bytes(device.sign(MESSAGE))
    words = ["ssh-keygen", "-Y", "verify", "-f", tmp_path / "allowed", "-I", "anna", "-n", NAMESPACE]
    subprocess.run([*words, "-s", tmp_path / "signature"], input=MESSAGE, check=True, capture_output=True)


def test_the_flags_of_a_fido2_signature_are_signed():
    """A signature without user verification is changed to claim it."""
    device = Authenticator(Ed25519PrivateKey.generate(), flags=PRESENT)
    octets = base64.b64decode(b"".join(device.sign(MESSAGE).splitlines()[1:-1]))
    forged = octets[:-5] + bytes([PRESENT | VERIFIED]) + octets[-4:]
    with pytest.raises(SshSignatureError, match="does not fit"):
        verify_signature(armored(forged), MESSAGE, load_key(device.line), NAMESPACE, user_verification=True)


@pytest.mark.parametrize("make", SK.values(), ids=SK)
def test_an_attestation_names_the_maker_of_the_authenticator(make):
    device = Authenticator(make())
    found = verify_attestation(device.attest(b"challenge"), b"challenge", load_key(device.line))
    assert "Maker of authenticators" in found.subject
    for challenge, key, message in (
        (b"other", device, "challenge is another one"),
        (b"challenge", Authenticator(make()), "for another key"),
    ):
        with pytest.raises(SshKeyError, match=message):
            verify_attestation(device.attest(b"challenge"), challenge, load_key(key.line))


def test_the_certificate_of_an_attestation_is_read_without_verification():
    device = Authenticator(Ed25519PrivateKey.generate())
    attestation = device.attest(b"c")
    verified = verify_attestation(attestation, b"c", load_key(device.line))
    certificate = load_attesting_certificate(attestation)
    assert certificate.fingerprint(SHA256()).hex() == verified.certificate_sha256
    assert certificate.subject.rfc4514_string() == verified.subject


def test_attestations_that_are_not_accepted(pair):
    device = Authenticator(Ed25519PrivateKey.generate())
    number = b"".join(map(string, [b"ssh-sk-attest-v01", b"", b"", b"\1"])) + b"\0" * 8
    cases = {
        "nothing": b"",
        "another version": string(b"ssh-sk-attest-v00"),
        "cut off": device.attest(b"c")[:-1],
        "a length alone": b"\0\0\0\1",
        "no certificate": number,
    }
    attempts = {
        name: partial(verify_attestation, octets, b"c", load_key(device.line)) for name, octets in cases.items()
    }
    without = load_key(pair.public.read_bytes())
    attempts["a key without attestation"] = partial(verify_attestation, device.attest(b"c"), b"c", without)
    golden.check("sentences/ssh-keys/attestations", {"en.txt": golden.refusals(attempts, SshKeyError)})


def test_keys_that_are_not_accepted(tmp_path, pair):
    weak = make_key(tmp_path, "weak", "rsa", "-b", "2048")
    subprocess.run(["ssh-keygen", "-q", "-s", pair.private, "-I", "x", weak.public], check=True)
    reader = SshReader(load_key(make_key(tmp_path, "rsa", "rsa", "-b", "3072").public.read_bytes()).blob)
    kind, exponent, modulus = reader.string(), reader.string(), reader.string()
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    point = public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    device = Authenticator(Ed25519PrivateKey.generate()).blob[: -len(string(b"ssh:"))]
    cases = {
        "a private key": pair.private.read_bytes(),
        "2048 bits": weak.public.read_bytes(),
        "two lines": pair.public.read_bytes() * 2,
        "too long": b"ssh-ed25519 " + b"A" * LARGEST,
        "another type": b"ssh-ed25519 AAAA",
        "a key of a website": key_line(b"sk-ssh-ed25519@openssh.com", device + string(b"https://site.example")),
        "an application beyond ASCII": key_line(b"sk-ssh-ed25519@openssh.com", device + string("ssh:å".encode())),
        "a certificate": (tmp_path / "weak-cert.pub").read_bytes(),
        # Zeros before a number, or a compressed point, would give the same key another fingerprint.
        "a number with a zero before it": key_line(kind, *map(string, (kind, b"\0" + exponent, modulus))),
        "a compressed point": key_line(
            b"ecdsa-sha2-nistp256", *map(string, (b"ecdsa-sha2-nistp256", b"nistp256", point))
        ),
    }
    attempts = {name: partial(load_key, octets) for name, octets in cases.items()}
    golden.check("sentences/ssh-keys/keys", {"en.txt": golden.refusals(attempts, SshKeyError)})


def key_line(kind, *parts):
    """Return a public key as a line of OpenSSH."""
    return kind + b" " + base64.b64encode(b"".join(parts))


def test_an_rsa_key_signs_with_sha_2_alone(tmp_path):
    made = make_key(tmp_path, "officer", "rsa", "-b", "3072")
    octets = base64.b64decode(b"".join(made.sign(MESSAGE).splitlines()[1:-1]))
    blob = octets[octets.rindex(string(b"rsa-sha2-512")) :]
    old = string(b"ssh-rsa") + blob[len(string(b"rsa-sha2-512")) :]
    changed = octets[: -len(string(blob))] + string(old)
    with pytest.raises(SshSignatureError, match="rsa-sha2-256 or rsa-sha2-512"):
        verify_signature(armored(changed), MESSAGE, load_key(made.public.read_bytes()), NAMESPACE)


@pytest.fixture(scope="module")
def signed(pair):
    return base64.b64decode(b"".join(pair.sign(MESSAGE).splitlines()[1:-1])), load_key(pair.public.read_bytes())


@given(data=st.data())
def test_no_changed_octet_is_accepted(signed, data):
    octets, key = signed
    at = data.draw(st.integers(0, len(octets) - 1))
    changed = octets[:at] + bytes([octets[at] ^ data.draw(st.integers(1, 255))]) + octets[at + 1 :]
    with pytest.raises(SshSignatureError):
        verify_signature(armored(changed), MESSAGE, key, NAMESPACE)


def test_signatures_that_do_not_count(pair, signed, tmp_path):
    octets, key = signed
    other = load_key(make_key(tmp_path).public.read_bytes())
    cases = {
        "nothing": b"",
        "a word": b"hello",
        "empty armour": armored(b""),
        "cut off": armored(octets[:-1]),
        "an octet more": armored(octets + b"\0"),
        "armour cut off": armored(octets)[:-5],
        "another version": armored(b"SSHSIH" + octets[6:]),
        "another digest": armored(octets.replace(b"sha512", b"sha384")),
        "another purpose": pair.sign(MESSAGE, "file"),
    }
    attempts = {name: partial(verify_signature, text, MESSAGE, key, NAMESPACE) for name, text in cases.items()}
    attempts["another key"] = partial(verify_signature, armored(octets), MESSAGE, other, NAMESPACE)
    attempts["other octets"] = partial(verify_signature, armored(octets), b"other", key, NAMESPACE)
    device = Authenticator(Ed25519PrivateKey.generate(), flags=PRESENT)
    attempts["no verification of the user"] = partial(
        verify_signature, device.sign(MESSAGE), MESSAGE, load_key(device.line), NAMESPACE, user_verification=True
    )
    said = golden.stable_text(golden.refusals(attempts, SshSignatureError))
    golden.check("sentences/ssh-keys/signatures", {"en.txt": said})
