"""Keys in a PKCS#11 token, on SoftHSM.

They are made there and found again, and used for every signature that holders make.
"""

import copy
from dataclasses import replace
from functools import partial

import pytest
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sinetti.domain.values import KeyPolicy, KeyType
from sinetti.pki import csr, encoding, key_policy
from sinetti.pki.encoding import generate_key
from sinetti.pki.signers import KeyMissing, SignerUnavailable, pkcs11_uri
from sinetti.pki.signers.pkcs11_uri import TokenKey, TokenLocation
from sinetti.pki.signers.token_keys import KeyFacts
from tests.support import golden, soft_token

pytestmark = pytest.mark.skipif(soft_token.module() is None, reason="SoftHSM is not installed (softhsm2)")
pkcs11 = pytest.importorskip("sinetti.pki.signers.pkcs11")


@pytest.fixture
def place(tmp_path):
    soft_token.folder()
    yield TokenLocation(soft_token.module(), soft_token.LABEL, soft_token.pin_file(tmp_path))
    soft_token.forget_sessions()


@pytest.fixture
def key(place, request):
    return TokenKey(place, f"{request.node.name}"[-40:].encode(), "sinetti payroll")


def made(key, kind):
    return pkcs11.private_key(key, pkcs11.make(key, kind))


@pytest.mark.parametrize("kind", KeyType)
def test_a_key_is_made_found_and_signs(key, kind):
    private = made(key, kind)
    assert key_policy.key_type(private.public_key()) is kind
    assert key_policy.key_id(pkcs11.find(key)) == key_policy.key_id(private.public_key())
    assert encoding.verify(private.public_key(), b"octets", encoding.sign(private, b"octets"))
    assert private.key_size == private.public_key().key_size
    assert isinstance(private, rsa.RSAPrivateKey) or private.curve.name == private.public_key().curve.name
    for octets, signature in zip((b"a", b"b"), private.sign_all([b"a", b"b"]), strict=True):
        assert encoding.verify(private.public_key(), octets, signature)
    requested = csr.read_request(csr.build_request(private, "0123456-7", "Sinisiipi Oy"), KeyPolicy())
    assert requested.key_id == key_policy.key_id(private.public_key())


@pytest.mark.parametrize("chosen", [hashes.SHA256(), hashes.SHA384(), hashes.SHA512()])
@pytest.mark.parametrize("kind", [KeyType.RSA_2048, KeyType.EC_P256, KeyType.EC_P384])
def test_every_hash_signs_also_one_that_is_longer_than_the_curve(key, kind, chosen):
    private = made(key, kind)
    digest = hashes.Hash(chosen)
    digest.update(b"octets")
    for data, how in ((b"octets", chosen), (digest.finalize(), utils.Prehashed(chosen))):
        if kind is KeyType.RSA_2048:
            private.public_key().verify(
                private.sign(data, padding.PKCS1v15(), how), b"octets", padding.PKCS1v15(), chosen
            )
        else:
            private.public_key().verify(private.sign(data, ec.ECDSA(how)), b"octets", ec.ECDSA(chosen))


@pytest.mark.parametrize("chosen", [hashes.SHA256(), hashes.SHA384(), hashes.SHA512()])
def test_pss_signs(key, chosen):
    private, how = made(key, KeyType.RSA_2048), padding.PSS(padding.MGF1(chosen), chosen.digest_size)
    private.public_key().verify(private.sign(b"octets", how, chosen), b"octets", how, chosen)


REFUSED = {
    "the key's octets": lambda key: key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    "the key's numbers": lambda key: key.private_numbers(),
}
REFUSED_RSA = {
    "PSS with two hashes": lambda key: key.sign(b"", padding.PSS(padding.MGF1(hashes.SHA384()), 32), hashes.SHA256()),
    "PSS with any salt": lambda key: key.sign(
        b"", padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.MAX_LENGTH), hashes.SHA256()
    ),
    "a padding for encryption": lambda key: key.sign(
        b"", padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None), hashes.SHA256()
    ),
    "no DigestInfo": lambda key: key.sign(b"", padding.PKCS1v15(), utils.NoDigestInfo()),
    "SHA-1": lambda key: key.sign(b"", padding.PKCS1v15(), hashes.SHA1()),  # noqa: S303 - refused
    "decryption": lambda key: key.decrypt(b"", padding.PKCS1v15()),
}
REFUSED_EC = {"agreement": lambda key: key.exchange(ec.ECDH(), key.public_key())}


@pytest.mark.parametrize(
    ("kind", "act"),
    [
        *((KeyType.RSA_2048, act) for act in (REFUSED | REFUSED_RSA).values()),
        *((KeyType.EC_P256, act) for act in (REFUSED | REFUSED_EC).values()),
    ],
)
def test_nothing_else_is_done_with_a_key_of_a_token(key, kind, act):
    private = made(key, kind)
    with pytest.raises(UnsupportedAlgorithm):
        act(private)
    assert copy.copy(private) is private
    assert copy.deepcopy(private) is private


def test_a_key_does_not_leave_the_token(key):
    from pkcs11 import Attribute, AttributeSensitive, ObjectClass, lib  # noqa: PLC0415 - where the extra is there

    made(key, KeyType.EC_P256)
    soft_token.forget_sessions()
    token = lib(str(key.place.module)).get_token(token_label=key.place.label)
    with token.open(user_pin=soft_token.PIN) as session:
        found = session.get_key(ObjectClass.PRIVATE_KEY, id=key.id)
        assert (found[Attribute.SENSITIVE], found[Attribute.EXTRACTABLE]) == (True, False)
        with pytest.raises(AttributeSensitive):
            found[Attribute.VALUE]


def test_public_keys_are_listed_without_the_pin_and_a_key_is_deleted(key, place):
    private = made(key, KeyType.EC_P256)
    shown = (key.id, key_policy.key_id(private.public_key()))
    assert shown in pkcs11.public_keys(replace(place, pin_file=place.pin_file / "none"))
    assert pkcs11.is_present(key)
    for _ in range(2):
        pkcs11.delete(key)
        assert not pkcs11.is_present(key)
    assert shown not in pkcs11.public_keys(place)


def test_public_keys_of_a_token_that_is_missing(place):
    with pytest.raises(SignerUnavailable, match="used"):
        pkcs11.public_keys(replace(place, label="another"))


def test_a_public_key_without_an_id_is_left_out():
    assert pkcs11._ids_of({}) is None


def test_a_key_that_is_not_there_is_not_found(key):
    assert pkcs11.find(key) is None


def test_another_key_under_the_same_id_signs_nothing(key):
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    made(key, KeyType.EC_P256)
    with pytest.raises(SignerUnavailable, match="another"):
        encoding.sign(pkcs11.private_key(key, public), b"")


def test_a_wrapping_key_encrypts_and_decrypts(key, place):
    wrapping = replace(key, object_type="secret-key")
    pkcs11.create_wrapping_key(wrapping)
    sealed = pkcs11.encrypt(wrapping, b"octets", b"bound")
    assert b"octets" not in sealed
    assert sealed != pkcs11.encrypt(wrapping, b"octets", b"bound")
    assert pkcs11.decrypt(wrapping, sealed, b"bound") == b"octets"
    for octets, bound in ((sealed, b"other"), (sealed[:-1], b"bound"), (b"", b"bound")):
        with pytest.raises(SignerUnavailable, match="used"):
            pkcs11.decrypt(wrapping, octets, bound)
    assert pkcs11.is_present(wrapping)
    pkcs11.delete(wrapping)
    assert not pkcs11.is_present(wrapping)
    with pytest.raises(KeyMissing, match="contain"):
        pkcs11.encrypt(wrapping, b"octets", b"bound")


def test_a_key_that_was_deleted_is_told(key):
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    with pytest.raises(SignerUnavailable, match="contain"):
        encoding.sign(pkcs11.private_key(key, public), b"")


def test_a_private_half_that_was_deleted_is_told(key):
    from pkcs11 import ObjectClass, lib  # noqa: PLC0415 - where the extra is there

    private = made(key, KeyType.EC_P256)
    soft_token.forget_sessions()
    token = lib(str(key.place.module)).get_token(token_label=key.place.label)
    with token.open(rw=True, user_pin=soft_token.PIN) as session:
        session.get_key(ObjectClass.PRIVATE_KEY, id=key.id).destroy()
    with pytest.raises(SignerUnavailable, match="contain"):
        encoding.sign(private, b"")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the library ends a search of its own
def test_a_session_that_ended_is_opened_again(key):
    private = made(key, KeyType.EC_P256)
    for session in pkcs11._OPENED.sessions.values():
        session.close()
    assert encoding.verify(private.public_key(), b"octets", encoding.sign(private, b"octets"))


TROUBLES = {
    "no such token": lambda place, _: replace(place, label="none"),
    "no such module": lambda place, _: replace(place, module=place.module / "x.so"),
    "no file with a PIN": lambda place, folder: replace(place, pin_file=folder / "none"),
    "an empty PIN": lambda place, folder: replace(place, pin_file=soft_token.pin_file(folder, "")),
    "a wrong PIN": lambda place, folder: replace(place, pin_file=soft_token.pin_file(folder, "0815-pin")),
}


@pytest.mark.parametrize("case", TROUBLES)
def test_what_is_wrong_is_told_without_the_pin(key, place, tmp_path, case):
    with pytest.raises(SignerUnavailable) as told:
        pkcs11.find(replace(key, place=TROUBLES[case](place, tmp_path)))
    said = golden.stable_text(f"{told.value}\n")
    assert "pin" not in said.replace("PIN", "").replace("pin-", "")
    assert told.value.__context__ is None
    golden.check(f"sentences/token/{case.replace(' ', '-')}", {"en.txt": said})


def test_a_pin_that_others_can_read_is_not_taken(key, place):
    place.pin_file.chmod(0o644)
    with pytest.raises(SignerUnavailable, match=f"chmod 600 {place.pin_file}"):
        pkcs11.find(key)


def test_a_module_that_others_can_write_is_not_loaded(key, place, tmp_path):
    module = tmp_path / "module.so"
    module.write_bytes(place.module.read_bytes())
    module.chmod(0o777)
    with pytest.raises(SignerUnavailable, match=str(module)):
        pkcs11.find(replace(key, place=replace(place, module=module)))


def test_a_pin_that_is_no_text_is_none(key, place):
    place.pin_file.write_bytes(b"\xff\xfe")
    with pytest.raises(SignerUnavailable, match="PIN"):
        pkcs11.find(key)


def test_a_wrong_pin_is_tried_once_so_that_no_token_is_locked(key, place, tmp_path, monkeypatch):
    wrong = replace(key, place=replace(place, pin_file=soft_token.pin_file(tmp_path, "0815-pin")))
    tried = []
    known = pkcs11.pkcs11.lib
    monkeypatch.setattr(pkcs11.pkcs11, "lib", lambda so: tried.append(so) or known(so))
    for _ in range(5):
        with pytest.raises(SignerUnavailable, match="accept"):
            pkcs11.find(wrong)
    assert len(tried) == 1


class Stubborn:
    """PKCS#11 token with the flags and errors that a test chooses."""

    def __init__(self, flags, bad=None):
        self.flags, self.bad = flags, bad

    def get_token(self, **_wanted):
        return self

    def open(self, **_wanted):
        raise self.bad


STUBBORN = {
    "one try is left": (pkcs11.TokenFlag.USER_PIN_FINAL_TRY, None, "more"),
    "locked": (pkcs11.TokenFlag(0), pkcs11.pkcs11.PinLocked(), "locked"),
    "of an unknown kind": (pkcs11.TokenFlag(0), pkcs11.pkcs11.FunctionFailed(), "FunctionFailed"),
    "taken out": (pkcs11.TokenFlag(0), pkcs11.pkcs11.DeviceRemoved(), "removed"),
}


@pytest.mark.parametrize(("flags", "bad", "why"), STUBBORN.values(), ids=STUBBORN)
def test_a_token_that_will_not(key, monkeypatch, flags, bad, why):
    monkeypatch.setattr(pkcs11.pkcs11, "lib", lambda _so: Stubborn(flags, bad))
    with pytest.raises(SignerUnavailable, match=why):
        pkcs11.find(key)


KINDS = {"ed25519": Ed25519PrivateKey.generate, **{str(kind): partial(generate_key, kind) for kind in KeyType}}


@pytest.mark.parametrize("kind", [one for one in KINDS if one != "rsa-4096"])
def test_an_existing_key_is_imported(key, kind):
    private = KINDS[kind]()
    pkcs11.import_key(key, private)
    assert pkcs11.find(key) == private.public_key()
    assert pkcs11.describe(key) == KeyFacts(is_local=False, is_never_extractable=False, is_sensitive=True)


@pytest.mark.parametrize(("kind", "size"), [(KeyType.EC_P256, 64), (KeyType.RSA_2048, 256)])
def test_a_wrong_signature_is_not_released(key, kind, size, monkeypatch):
    private = made(key, kind)
    monkeypatch.setattr(pkcs11, "sign", lambda _key, _wanted: bytes(size))
    with pytest.raises(SignerUnavailable, match="wrong"):
        encoding.sign(private, b"octets")


def test_a_session_that_cannot_be_closed_is_left(key):
    class Gone:
        def close(self):
            raise pkcs11.pkcs11.SessionHandleInvalid

    pkcs11._OPENED.sessions["somewhere", "else"] = Gone()
    soft_token.forget_sessions()
    assert not pkcs11._OPENED.sessions


def test_uris_are_read_back_and_certificates_can_be_signed(key, place):
    odd = TokenKey(replace(place, label="a;b=c/ä %?"), bytes(range(20)), "näme & co", None)
    assert pkcs11_uri.load(pkcs11_uri.dump(odd)) == odd
    whole = replace(odd, key_id="ab" * 32)
    assert pkcs11_uri.load(pkcs11_uri.dump(whole)) == whole
    private = made(key, KeyType.EC_P256)
    name = x509.Name([])
    assert x509.CertificateSigningRequestBuilder().subject_name(name).sign(private, hashes.SHA256()).is_signature_valid
