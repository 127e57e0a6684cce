"""Keys that are generated in a PKCS#11 token and stay there.

Only this module uses PKCS#11 (extra `sinetti[pkcs11]`). Its keys implement the private key interfaces of cryptography,
so that a caller need not know where a key is stored. Each process has one session for each token: a login applies to
the whole process, and a second one is an error (PKCS#11 3.1, 5.6.8). One lock serialises all use, so that several
threads may use the keys.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import RLock
from typing import Any, NoReturn, Self, TypeVar

import pkcs11
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.asymmetric.padding import AsymmetricPadding
from cryptography.hazmat.primitives.serialization import Encoding, KeySerializationEncryption, PrivateFormat
from pkcs11 import Attribute, Mechanism, ObjectClass, TokenFlag

from sinetti.domain.values import KeyId, KeyType
from sinetti.infra import file_permissions
from sinetti.infra.file_permissions import RightsError
from sinetti.pki import key_policy
from sinetti.pki.encoding import PublicKey
from sinetti.pki.signers import SignerUnavailable
from sinetti.pki.signers.pkcs11_uri import TokenKey, TokenLocation

Given = TypeVar("Given")
_Octets = bytes | bytearray | memoryview

_CURVES = {
    bytes.fromhex("06082a8648ce3d030107"): ec.SECP256R1(),
    bytes.fromhex("06052b81040022"): ec.SECP384R1(),
}
"""Curves by CKA_EC_PARAMS: the curve's OID in DER (RFC 5480, 2.1.1.1)."""

_DIGEST_INFO = {
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}
"""Prefix of a digest in an RSA signature (RFC 8017, 9.2, note 1)."""

_RSA_BITS = {KeyType.RSA_2048: 2048, KeyType.RSA_3072: 3072, KeyType.RSA_4096: 4096}
_EC_PARAMETERS = {
    KeyType.EC_P256: bytes.fromhex("06082a8648ce3d030107"),
    KeyType.EC_P384: bytes.fromhex("06052b81040022"),
}

_KEY_PAIR = (ObjectClass.PRIVATE_KEY, ObjectClass.PUBLIC_KEY)
_STAYS_THERE = {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False}

_SAID = {
    pkcs11.PinIncorrect: "the token does not accept the PIN",
    pkcs11.PinLenRange: "the token does not accept the PIN",
    pkcs11.PinInvalid: "the token does not accept the PIN",
    pkcs11.PinLocked: "the PIN is locked after too many wrong attempts, so the token's administrator must reset it",
    pkcs11.PinExpired: "the PIN must be changed before the token can be used",
    pkcs11.UserPinNotInitialized: "no user PIN has been set for the token yet",
    pkcs11.NoSuchToken: "no token has that label",
    pkcs11.TokenNotPresent: "no token has that label",
    pkcs11.DeviceRemoved: "the token was removed",
    pkcs11.MultipleTokensReturned: "several tokens have that label",
    pkcs11.MultipleObjectsReturned: "it contains several keys with the same ID",
    pkcs11.NoSuchKey: "it does not contain the key",
    pkcs11.DeviceMemory: "it has no room for another key",
    pkcs11.TokenWriteProtected: "it does not accept new keys",
    pkcs11.MechanismInvalid: "it does not support keys of this type",
    pkcs11.KeySizeRange: "it does not support keys of this type",
}
"""Messages for errors of tokens; other errors are reported by name."""


@dataclass(slots=True)
class _SessionCache:
    """Sessions of this process by module and label, and wrong PINs.

    A wrong PIN is not tried twice.
    """

    sessions: dict[tuple[str, str], Any] = field(default_factory=dict)
    refused: set[tuple[str, str, bytes]] = field(default_factory=set)
    lock: RLock = field(default_factory=RLock)


_OPENED = _SessionCache()


def make(key: TokenKey, kind: KeyType) -> PublicKey:
    """Generate a key pair in the token under the ID and label of `key`.

    The key is sensitive, not extractable, and for signatures only. Raises SignerUnavailable if the token cannot be
    used.
    """

    def made(session: pkcs11.Session) -> PublicKey:
        """Generate the key pair in the token, and return its public key."""
        wanted: dict[str, Any] = {"id": key.id, "label": key.name, "store": True, "private_template": _STAYS_THERE}
        if kind in _RSA_BITS:
            wanted["capabilities"] = pkcs11.MechanismFlag.SIGN | pkcs11.MechanismFlag.VERIFY
            public, _ = session.generate_keypair(pkcs11.KeyType.RSA, _RSA_BITS[kind], **wanted)
        else:
            parameters = {Attribute.EC_PARAMS: _EC_PARAMETERS[kind]}
            domain = session.create_domain_parameters(pkcs11.KeyType.EC, parameters, local=True)
            wanted["capabilities"] = pkcs11.MechanismFlag.SIGN | pkcs11.MechanismFlag.VERIFY
            public, _ = domain.generate_keypair(**wanted)
        return _public_key(public)

    return _in_session(key.place, made)


def find(key: TokenKey) -> PublicKey | None:
    """Find a key by its ID; None if the token has no such private key.

    Raises SignerUnavailable if the token cannot be used.
    """

    def found(session: pkcs11.Session) -> PublicKey | None:
        if not _objects(session, key, ObjectClass.PRIVATE_KEY):
            return None
        return _public_key(session.get_key(ObjectClass.PUBLIC_KEY, id=key.id))

    return _in_session(key.place, found)


def public_keys(place: TokenLocation) -> frozenset[tuple[bytes, KeyId]]:
    """Return ID and key ID of every public key that the token shows without its PIN.

    A key of another type than Sinetti's is left out. Raises SignerUnavailable if the token cannot be used.
    """
    with _OPENED.lock:
        _check_module(place)
        try:
            with pkcs11.lib(str(place.module)).get_token(token_label=place.label).open() as session:
                found = list(session.get_objects({Attribute.CLASS: ObjectClass.PUBLIC_KEY}))
                return frozenset(one for key in found if (one := _ids_of(key)) is not None)
        except pkcs11.PKCS11Error as bad:
            why = f"the token {place.label} cannot be used: {_words(bad)}"
        raise SignerUnavailable(why)


def _ids_of(found: pkcs11.Object) -> tuple[bytes, KeyId] | None:
    try:
        return bytes(found[Attribute.ID]), key_policy.key_id(_public_key(found))
    except (pkcs11.PKCS11Error, KeyError, ValueError):
        return None


def is_present(key: TokenKey) -> bool:
    """Return whether the token has an object with the ID of a key.

    Raises SignerUnavailable if the token cannot be used.
    """
    return _in_session(key.place, lambda session: any(_objects(session, key, kind) for kind in _KEY_PAIR))


def delete(key: TokenKey) -> None:
    """Delete a key pair from the token; do nothing if it has none with the ID.

    Raises SignerUnavailable if the token cannot be used.
    """

    def destroy(session: pkcs11.Session) -> None:
        for kind in _KEY_PAIR:
            for one in _objects(session, key, kind):
                one.destroy()

    _in_session(key.place, destroy)


def private_key(key: TokenKey, public: PublicKey) -> "TokenRsaKey | TokenEcKey":
    """Return a private key object for a key of the token.

    The token is accessed at the first signature, not before.
    """
    if isinstance(public, rsa.RSAPublicKey):
        return TokenRsaKey(key, public)
    return TokenEcKey(key, public)


def forget_sessions() -> None:
    """Close all sessions and allow wrong PINs again.

    Tests use it, and callers after the correction of a PIN.
    """
    with _OPENED.lock:
        for at in list(_OPENED.sessions):
            _drop(at)
        _OPENED.refused.clear()


class _TokenKeyBase:
    """Operations that no key of a token supports: export, and any use but signing."""

    def private_numbers(self) -> NoReturn:
        """Raise UnsupportedAlgorithm: the key does not leave the token."""
        _stays()

    def private_bytes(
        self,
        encoding: Encoding,  # noqa: ARG002 - the interface's
        format: PrivateFormat,  # noqa: A002, ARG002 - the interface's
        encryption_algorithm: KeySerializationEncryption,  # noqa: ARG002 - the interface's
    ) -> NoReturn:
        """Raise UnsupportedAlgorithm: the key does not leave the token."""
        _stays()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[Any, Any]) -> Self:
        return self


class TokenRsaKey(_TokenKeyBase, rsa.RSAPrivateKey):
    """RSA key in a token, for PKCS#1 v1.5 and PSS signatures only.

    Hash algorithms are SHA-256, SHA-384 and SHA-512.
    """

    def __init__(self, key: TokenKey, public: rsa.RSAPublicKey) -> None:
        """Store the location of the key and its public half."""
        self._key, self._public = key, public

    @property
    def key_size(self) -> int:
        """Length of the modulus in bits."""
        return self._public.key_size

    def public_key(self) -> rsa.RSAPublicKey:
        """Return the public half."""
        return self._public

    def sign(
        self,
        data: _Octets,
        padding: AsymmetricPadding,
        algorithm: utils.Prehashed | utils.NoDigestInfo | hashes.HashAlgorithm,
    ) -> bytes:
        """Sign octets, or their digest (Prehashed).

        Raises UnsupportedAlgorithm for another padding or hash, and SignerUnavailable if the token cannot be used.
        """
        if isinstance(algorithm, utils.NoDigestInfo):
            _not_here("signatures without DigestInfo are not made with keys of a token")
        name, digest = _digest(data, algorithm)
        if name not in _DIGEST_INFO:
            _not_here(f"no signatures over {name} are made with keys of a token")
        if isinstance(padding, _PSS):
            return _signed(self._key, self._public, digest, Mechanism.RSA_PKCS_PSS, _pss(padding, name))
        if not isinstance(padding, _PKCS1):
            _not_here("only PKCS#1 v1.5 and PSS signatures are made with keys of a token")
        return _signed(self._key, self._public, _DIGEST_INFO[name] + digest, Mechanism.RSA_PKCS)

    def decrypt(self, ciphertext: bytes, padding: AsymmetricPadding) -> NoReturn:  # noqa: ARG002 - the interface's
        """Raise UnsupportedAlgorithm: the key is for signatures."""
        _not_here("keys of a token are for signatures")


class TokenEcKey(_TokenKeyBase, ec.EllipticCurvePrivateKey):
    """P-256 or P-384 key in a token, for ECDSA signatures in DER only."""

    def __init__(self, key: TokenKey, public: ec.EllipticCurvePublicKey) -> None:
        """Store the location of the key and its public half."""
        self._key, self._public = key, public

    @property
    def curve(self) -> ec.EllipticCurve:
        """Curve of the key."""
        return self._public.curve

    @property
    def key_size(self) -> int:
        """Length of the curve's order in bits."""
        return self._public.key_size

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """Return the public half."""
        return self._public

    def sign(self, data: _Octets, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        """Sign octets, or their digest (Prehashed).

        Raises SignerUnavailable if the token cannot be used.
        """
        _, digest = _digest(data, signature_algorithm.algorithm)
        size = (self.key_size + 7) // 8
        # The leftmost bits of a longer digest count (FIPS 186-5, 6.4.1); not every token truncates it.
        plain = _signed(self._key, self._public, digest[:size], Mechanism.ECDSA)
        half = len(plain) // 2
        return utils.encode_dss_signature(int.from_bytes(plain[:half], "big"), int.from_bytes(plain[half:], "big"))

    def exchange(self, algorithm: ec.ECDH, peer_public_key: ec.EllipticCurvePublicKey) -> NoReturn:  # noqa: ARG002
        """Raise UnsupportedAlgorithm: the key is for signatures."""
        _not_here("keys of a token are for signatures")


_PKCS1, _PSS, _MGF1 = padding.PKCS1v15, padding.PSS, padding.MGF1
"""Aliases, since the interface of `sign` has a parameter named `padding`."""

_HASHES = {
    "sha256": (Mechanism.SHA256, pkcs11.MGF.SHA256),
    "sha384": (Mechanism.SHA384, pkcs11.MGF.SHA384),
    "sha512": (Mechanism.SHA512, pkcs11.MGF.SHA512),
}


def _pss(wanted: padding.PSS, name: str) -> tuple[Mechanism, pkcs11.MGF, int]:
    salt, mask = wanted._salt_length, wanted.mgf  # noqa: SLF001 - it has no public name
    if not isinstance(salt, int) or not isinstance(mask, _MGF1) or mask._algorithm.name != name:  # noqa: SLF001 - same
        _not_here("a PSS signature needs a salt of a stated length, and one hash for all")
    return (*_HASHES[name], salt)


def _signed(
    key: TokenKey, public: PublicKey, octets: bytes, mechanism: Mechanism, parameter: tuple[object, ...] | None = None
) -> bytes:
    def signed(session: pkcs11.Session) -> bytes:
        """Sign in the token, once its key is found to be the expected one."""
        # If the key of this ID was replaced in the token, its signatures could not be verified.
        if key_policy.key_id(_public_key(session.get_key(ObjectClass.PUBLIC_KEY, id=key.id))) != key_policy.key_id(
            public
        ):
            why = f"the token {key.place.label} contains another key with the ID {key.id.hex()}"
            raise SignerUnavailable(why)
        (private,) = _objects(session, key, ObjectClass.PRIVATE_KEY) or [None]
        if private is None:
            raise pkcs11.NoSuchKey
        return bytes(private.sign(octets, mechanism=mechanism, mechanism_param=parameter))

    return _in_session(key.place, signed)


def _objects(session: pkcs11.Session, key: TokenKey, kind: ObjectClass) -> list[Any]:
    return list(session.get_objects({Attribute.CLASS: kind, Attribute.ID: key.id}))


def _in_session(place: TokenLocation, act: Callable[[Any], Given]) -> Given:
    """Call `act` with the token's session.

    A session that ended since (for example after removal of the token) is opened again. Raises SignerUnavailable if
    the token cannot be used.
    """
    with _OPENED.lock:
        at = (str(place.module), place.label)
        fresh = at not in _OPENED.sessions
        try:
            try:
                return act(_session(place))
            except (pkcs11.SessionHandleInvalid, pkcs11.SessionClosed, pkcs11.UserNotLoggedIn, pkcs11.DeviceRemoved):
                _drop(at)
                if fresh:
                    raise
                return act(_session(place))
        except pkcs11.PKCS11Error as bad:
            _drop(at)
            why = f"the token {place.label} cannot be used: {_words(bad)}"
        # Raised outside the handler: no context, so no trace carries the PIN.
        raise SignerUnavailable(why)


def _session(place: TokenLocation) -> pkcs11.Session:
    at = (str(place.module), place.label)
    known: pkcs11.Session | None = _OPENED.sessions.get(at)
    if known is not None:
        return known
    _check_module(place)
    pin = _pin(place)
    if (*at, pin) in _OPENED.refused:
        raise pkcs11.PinIncorrect
    token = pkcs11.lib(at[0]).get_token(token_label=place.label)
    if token.flags & TokenFlag.USER_PIN_FINAL_TRY:
        why = "one more wrong PIN would lock it, so log in once by hand and then try again"
        why = f"the token {place.label} cannot be used: {why}"
        raise SignerUnavailable(why)
    try:
        opened: pkcs11.Session = token.open(rw=True, user_pin=pin.decode())
    except (pkcs11.PinIncorrect, pkcs11.PinInvalid, pkcs11.PinLenRange):
        _OPENED.refused.add((*at, pin))
        raise
    _OPENED.sessions[at] = opened
    return opened


def _check_module(place: TokenLocation) -> None:
    """Raise SignerUnavailable if other users can write the library.

    It runs with the rights of this process.
    """
    with contextlib.suppress(OSError):  # a file that cannot be read cannot be loaded either, which is reported
        try:
            file_permissions.check_program(place.module, is_library=True)
        except RightsError as bad:
            why = f"the module of the token {place.label} was not loaded, because other users can change {bad.path}"
            raise SignerUnavailable(why) from None


def _pin(place: TokenLocation) -> bytes:
    try:
        pin = file_permissions.read_secret(place.pin_file, any_owner=True).strip()
        pin.decode()
    except RightsError:
        why = f"other users can read the PIN file of the token {place.label}; run chmod 600 {place.pin_file}"
    except OSError as bad:
        why = f"the PIN file of the token {place.label} cannot be read: {bad.strerror}"
    except UnicodeDecodeError:
        why = f"the PIN file of the token {place.label} contains no PIN"
    else:
        if pin:
            return pin
        why = f"the PIN file of the token {place.label} contains no PIN"
    raise SignerUnavailable(why)


def _drop(at: tuple[str, str]) -> None:
    session = _OPENED.sessions.pop(at, None)
    if session is not None:
        try:
            session.close()
        except pkcs11.PKCS11Error:
            return  # it had ended


def _words(bad: pkcs11.PKCS11Error) -> str:
    for kind, text in _SAID.items():
        if isinstance(bad, kind):
            return text
    return "its module cannot be loaded" if type(bad) is pkcs11.PKCS11Error else type(bad).__name__


def _public_key(found: pkcs11.Object) -> PublicKey:
    if found[Attribute.KEY_TYPE] == pkcs11.KeyType.RSA:
        exponent, modulus = (
            int.from_bytes(found[one], "big") for one in (Attribute.PUBLIC_EXPONENT, Attribute.MODULUS)
        )
        return rsa.RSAPublicNumbers(exponent, modulus).public_key()
    curve, point = _CURVES[found[Attribute.EC_PARAMS]], bytes(found[Attribute.EC_POINT])
    # An OCTET STRING in DER (PKCS#11 3.1, 6.3.3); some tokens return the bare point.
    bare = 2 * ((curve.key_size + 7) // 8) + 1
    return ec.EllipticCurvePublicKey.from_encoded_point(curve, point[-bare:])


def _digest(data: _Octets, algorithm: object) -> tuple[str, bytes]:
    if isinstance(algorithm, utils.Prehashed):
        return algorithm._algorithm.name, bytes(data)  # noqa: SLF001 - it has no public name
    assert isinstance(algorithm, hashes.HashAlgorithm)  # noqa: S101 - what cryptography takes
    digest = hashes.Hash(algorithm)
    digest.update(bytes(data))
    return algorithm.name, digest.finalize()


def _not_here(why: str) -> NoReturn:
    raise UnsupportedAlgorithm(why)


def _stays() -> NoReturn:
    _not_here("the key is in a token and cannot leave it")
