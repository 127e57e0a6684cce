"""Keys that are generated in a PKCS#11 token and stay there.

Only this module uses PKCS#11 (extra `sinetti[pkcs11]`). Each process has one session for each token: a login applies to
the whole process, and a second one is an error (PKCS#11 3.1, 5.6.8). One lock serialises all use, so that several
threads may use the keys. A server uses the keys through `token_pool.py`, since a call of a module can hang or crash.
"""

import contextlib
import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from threading import RLock
from typing import Any, TypeVar, cast

import pkcs11
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pkcs11 import Attribute, Mechanism, ObjectClass, TokenFlag

from sinetti.domain.values import KeyId, KeyType
from sinetti.infra import file_permissions
from sinetti.infra.file_permissions import RightsError
from sinetti.pki import key_policy
from sinetti.pki.encoding import PrivateKey, PublicKey
from sinetti.pki.signers import KeyMissing, SignerUnavailable
from sinetti.pki.signers.pkcs11_uri import TokenKey, TokenLocation, read_pin
from sinetti.pki.signers.token_keys import (
    ED25519,
    KeyFacts,
    PlainSignature,
    TokenPrivateKey,
    TokenPublicKey,
    certificate_key,
)

Given = TypeVar("Given")
LoginGuard = Callable[[TokenLocation], AbstractContextManager[Callable[[], None]]]
"""Context of a login. It yields the function that records a refused PIN."""


def _unguarded(_place: TokenLocation) -> AbstractContextManager[Callable[[], None]]:
    return contextlib.nullcontext(lambda: None)


_CURVES = {
    bytes.fromhex("06082a8648ce3d030107"): ec.SECP256R1(),
    bytes.fromhex("06052b81040022"): ec.SECP384R1(),
}
"""Curves by CKA_EC_PARAMS: the curve's OID in DER (RFC 5480, 2.1.1.1)."""

_RSA_BITS = {KeyType.RSA_2048: 2048, KeyType.RSA_3072: 3072, KeyType.RSA_4096: 4096}
_EC_PARAMETERS = {
    KeyType.EC_P256: bytes.fromhex("06082a8648ce3d030107"),
    KeyType.EC_P384: bytes.fromhex("06052b81040022"),
}

_ED25519 = bytes.fromhex("06032b6570")
"""CKA_EC_PARAMS of Ed25519: its OID in DER (RFC 8410, 3)."""

_ONLY_WRAPS = {
    Attribute.PRIVATE: True,
    Attribute.SENSITIVE: True,
    Attribute.EXTRACTABLE: False,
    Attribute.SIGN: False,
    Attribute.VERIFY: False,
    Attribute.WRAP: False,
    Attribute.UNWRAP: False,
    Attribute.DERIVE: False,
}
_ENCRYPTS = pkcs11.MechanismFlag.ENCRYPT | pkcs11.MechanismFlag.DECRYPT
_NONCE_OCTETS, _TAG_BITS = 12, 128

_KEYS = (ObjectClass.PRIVATE_KEY, ObjectClass.PUBLIC_KEY, ObjectClass.SECRET_KEY)
_ONLY_SIGNS = {
    Attribute.TOKEN: True,
    Attribute.PRIVATE: True,
    Attribute.SENSITIVE: True,
    Attribute.EXTRACTABLE: False,
    Attribute.SIGN: True,
    Attribute.DECRYPT: False,
    Attribute.UNWRAP: False,
    Attribute.DERIVE: False,
}
_SIGNS = pkcs11.MechanismFlag.SIGN | pkcs11.MechanismFlag.VERIFY

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
    pkcs11.DeviceMemory: "it has no room for another key",
    pkcs11.TokenWriteProtected: "it does not accept new keys",
    pkcs11.MechanismInvalid: "it does not support keys of this type",
    pkcs11.GeneralError: "its module reports a general error, so check the token and the module's settings",
    pkcs11.KeySizeRange: "it does not support keys of this type",
}
"""Messages for errors of tokens; other errors are reported by name."""


@dataclass
class _SessionCache:
    """Sessions of this process by module and label, their keys, and wrong PINs.

    A wrong PIN is not tried twice. `guard` is the context of each login.
    """

    sessions: dict[tuple[str, str], Any] = field(default_factory=dict)
    keys: dict[tuple[str, str], dict[tuple[bytes, KeyId | None], Any]] = field(default_factory=dict)
    guard: LoginGuard = _unguarded
    refused: set[tuple[str, str, bytes]] = field(default_factory=set)
    lock: RLock = field(default_factory=RLock)


_OPENED = _SessionCache()


def make(key: TokenKey, kind: KeyType) -> PublicKey:
    """Generate a key pair in the token under the ID and label of `key`.

    The key is sensitive, not extractable, and for signatures only. Raises SignerUnavailable if the token cannot be
    used.
    """
    return cast("PublicKey", generate(key, kind))


def generate(key: TokenKey, kind: KeyType | str) -> TokenPublicKey:
    """Generate a key pair as `make` does, also of the kind ED25519."""

    def generated(session: pkcs11.Session) -> TokenPublicKey:
        """Generate the key pair in the token, and return its public key."""
        wanted: dict[str, Any] = {"id": key.id, "label": key.name, "store": True, "capabilities": _SIGNS}
        wanted["private_template"] = _ONLY_SIGNS
        if kind in _RSA_BITS:
            public, _ = session.generate_keypair(pkcs11.KeyType.RSA, _RSA_BITS[KeyType(kind)], **wanted)
        else:
            curve = _ED25519 if kind == ED25519 else _EC_PARAMETERS[KeyType(kind)]
            family = pkcs11.KeyType.EC_EDWARDS if kind == ED25519 else pkcs11.KeyType.EC
            domain = session.create_domain_parameters(family, {Attribute.EC_PARAMS: curve}, local=True)
            public, _ = domain.generate_keypair(**wanted)
        return _public_key(public)

    return _in_session(key.place, generated)


def import_key(key: TokenKey, private: PrivateKey | ed25519.Ed25519PrivateKey) -> None:
    """Store an existing key pair in the token under the ID and label of `key`.

    The token marks such a key as not made in it (CKA_LOCAL). Raises SignerUnavailable.
    """
    common = {Attribute.ID: key.id, Attribute.LABEL: key.name, Attribute.TOKEN: True}
    family, public_half, private_half = _parts(private)

    def stored(session: pkcs11.Session) -> None:
        common[Attribute.KEY_TYPE] = family
        session.create_object(
            {**common, **public_half, Attribute.CLASS: ObjectClass.PUBLIC_KEY, Attribute.VERIFY: True}
        )
        session.create_object({**common, **private_half, **_ONLY_SIGNS, Attribute.CLASS: ObjectClass.PRIVATE_KEY})

    _in_session(key.place, stored)


def _parts(private: PrivateKey | ed25519.Ed25519PrivateKey) -> tuple[pkcs11.KeyType, dict[Any, Any], dict[Any, Any]]:
    """Return the type of a key, and the attributes of its two halves."""
    if isinstance(private, ed25519.Ed25519PrivateKey):
        curve, point = {Attribute.EC_PARAMS: _ED25519}, private.public_key().public_bytes_raw()
        octets = private.private_bytes_raw()
    elif isinstance(private, ec.EllipticCurvePrivateKey):
        curve = {Attribute.EC_PARAMS: next(oid for oid, curve in _CURVES.items() if curve.name == private.curve.name)}
        point = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        octets = private.private_numbers().private_value.to_bytes((private.key_size + 7) // 8, "big")
    else:
        return pkcs11.KeyType.RSA, *_rsa_parts(private.private_numbers())
    family = pkcs11.KeyType.EC_EDWARDS if isinstance(private, ed25519.Ed25519PrivateKey) else pkcs11.KeyType.EC
    # An OCTET STRING in DER; a point of these curves is shorter than 128 octets.
    point_der = b"\x04" + bytes([len(point)]) + point
    return family, {**curve, Attribute.EC_POINT: point_der}, {**curve, Attribute.VALUE: octets}


def _rsa_parts(numbers: rsa.RSAPrivateNumbers) -> tuple[dict[Any, Any], dict[Any, Any]]:
    public = {Attribute.MODULUS: numbers.public_numbers.n, Attribute.PUBLIC_EXPONENT: numbers.public_numbers.e}
    private = {
        Attribute.PRIVATE_EXPONENT: numbers.d,
        Attribute.PRIME_1: numbers.p,
        Attribute.PRIME_2: numbers.q,
        Attribute.EXPONENT_1: numbers.dmp1,
        Attribute.EXPONENT_2: numbers.dmq1,
        Attribute.COEFFICIENT: numbers.iqmp,
    }
    halves = (public, public | private)
    octets = [
        {name: value.to_bytes((value.bit_length() + 7) // 8, "big") for name, value in half.items()} for half in halves
    ]
    return octets[0], octets[1]


def find(key: TokenKey) -> TokenPublicKey | None:
    """Find a key by its ID; None if the token has no such private key.

    Raises SignerUnavailable if the token cannot be used.
    """

    def found(session: pkcs11.Session) -> TokenPublicKey | None:
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
                return frozenset(key_ids for key in found if (key_ids := _ids_of(key)) is not None)
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
    return _in_session(key.place, lambda session: any(_objects(session, key, kind) for kind in _KEYS))


def delete(key: TokenKey) -> None:
    """Delete a key from the token; do nothing if it has none with the ID.

    Raises SignerUnavailable if the token cannot be used.
    """

    def destroy(session: pkcs11.Session) -> None:
        for kind in _KEYS:
            for one in _objects(session, key, kind):
                one.destroy()

    _in_session(key.place, destroy)


def describe(key: TokenKey) -> KeyFacts:
    """Return the attributes of a key.

    Raises KeyMissing, and SignerUnavailable if the token cannot be used.
    """

    def described(session: pkcs11.Session) -> KeyFacts:
        found = _private(session, key)
        attributes = (Attribute.LOCAL, Attribute.NEVER_EXTRACTABLE, Attribute.SENSITIVE)
        return KeyFacts(*(bool(found[attribute]) for attribute in attributes))

    return _in_session(key.place, described)


def create_wrapping_key(key: TokenKey) -> None:
    """Generate an AES-256 key in the token under the ID and label of `key`.

    The key is sensitive, not extractable, and only encrypts and decrypts. Raises SignerUnavailable.
    """
    wanted: dict[str, Any] = {"id": key.id, "label": key.name, "store": True}
    _in_session(
        key.place,
        lambda session: session.generate_key(
            pkcs11.KeyType.AES, 256, capabilities=_ENCRYPTS, template=_ONLY_WRAPS, **wanted
        ),
    )


def encrypt(key: TokenKey, octets: bytes, bound: bytes) -> bytes:
    """Encrypt in the token (AES-GCM), and return nonce, ciphertext and tag.

    `bound` is authenticated, too. Raises KeyMissing and SignerUnavailable.
    """
    nonce = secrets.token_bytes(_NONCE_OCTETS)
    how = {"mechanism": Mechanism.AES_GCM, "mechanism_param": pkcs11.GCMParams(nonce, bound, _TAG_BITS)}
    return nonce + _in_session(key.place, lambda session: bytes(_wrapping_key(session, key).encrypt(octets, **how)))


def decrypt(key: TokenKey, octets: bytes, bound: bytes) -> bytes:
    """Decrypt in the token what `encrypt` returned.

    Raises KeyMissing, and SignerUnavailable also for other octets.
    """
    nonce, sealed = octets[:_NONCE_OCTETS], octets[_NONCE_OCTETS:]
    how = {"mechanism": Mechanism.AES_GCM, "mechanism_param": pkcs11.GCMParams(nonce, bound, _TAG_BITS)}
    return _in_session(key.place, lambda session: bytes(_wrapping_key(session, key).decrypt(sealed, **how)))


def _wrapping_key(session: pkcs11.Session, key: TokenKey) -> Any:  # noqa: ANN401 - the library's objects are untyped
    """Return a secret key. Raises KeyMissing."""
    found = _objects(session, key, ObjectClass.SECRET_KEY)
    if not found:
        raise KeyMissing(_lacking(key))
    return found[0]


def _lacking(key: TokenKey) -> str:
    return f"the token {key.place.label} cannot be used: it does not contain the key"


def private_key(key: TokenKey, public: PublicKey) -> TokenPrivateKey:
    """Return a private key object that signs in this process.

    The token is accessed at the first signature, not before.
    """

    def sign_plain(key: TokenKey, wanted: PlainSignature, verifies: Callable[[bytes], bool]) -> bytes:
        signature = sign(key, wanted)
        if not verifies(signature):
            raise SignerUnavailable(f"the token {key.place.label} cannot be used: it returned a wrong signature")
        return signature

    return certificate_key(key, public, sign_plain)


_HASHES = {
    "sha256": (Mechanism.SHA256, pkcs11.MGF.SHA256),
    "sha384": (Mechanism.SHA384, pkcs11.MGF.SHA384),
    "sha512": (Mechanism.SHA512, pkcs11.MGF.SHA512),
}


def sign(key: TokenKey, wanted: PlainSignature) -> bytes:
    """Sign in the token, once its key is found to be the expected one.

    Raises KeyMissing, and SignerUnavailable if the token cannot be used.
    """
    parameter = None if wanted.pss is None else (*_HASHES[wanted.pss[0]], wanted.pss[1])

    def signed(session: pkcs11.Session) -> bytes:
        known = _OPENED.keys.setdefault((str(key.place.module), key.place.label), {})
        private = known.get((key.id, key.key_id))
        if private is None:
            private = known[key.id, key.key_id] = _private(session, key)
        return bytes(private.sign(wanted.octets, mechanism=Mechanism[wanted.mechanism], mechanism_param=parameter))

    return _in_session(key.place, signed)


def _private(session: pkcs11.Session, key: TokenKey) -> Any:  # noqa: ANN401 - the library's objects are untyped
    """Return the private half. Raises KeyMissing."""
    found = _objects(session, key, ObjectClass.PRIVATE_KEY)
    public = _objects(session, key, ObjectClass.PUBLIC_KEY)
    if not found or not public:
        raise KeyMissing(_lacking(key))
    # If the key of this ID was replaced in the token, its signatures could not be verified.
    if key.key_id is not None and key_policy.key_id(_public_key(public[0])) != key.key_id:
        raise KeyMissing(f"the token {key.place.label} contains another key with the ID {key.id.hex()}")
    return found[0]


def guard_logins(guard: LoginGuard) -> None:
    """Set the context of logins, in which processes share refused PINs."""
    _OPENED.guard = guard


def _objects(session: pkcs11.Session, key: TokenKey, kind: ObjectClass) -> list[Any]:
    return list(session.get_objects({Attribute.CLASS: kind, Attribute.ID: key.id}))


_ENDED = (
    pkcs11.SessionHandleInvalid,
    pkcs11.SessionClosed,
    pkcs11.UserNotLoggedIn,
    pkcs11.DeviceRemoved,
    pkcs11.ObjectHandleInvalid,
    pkcs11.KeyHandleInvalid,
)
"""Errors after which a new session may succeed."""


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
            except _ENDED:
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
    pin = read_pin(place)
    if (*at, pin) in _OPENED.refused:
        raise pkcs11.PinIncorrect
    token = pkcs11.lib(at[0]).get_token(token_label=place.label)
    if token.flags & TokenFlag.USER_PIN_FINAL_TRY:
        why = "one more wrong PIN would lock it, so log in once by hand and then try again"
        raise SignerUnavailable(f"the token {place.label} cannot be used: {why}")
    with _OPENED.guard(place) as refuse:
        try:
            opened: pkcs11.Session = token.open(rw=True, user_pin=pin.decode())
        except (pkcs11.PinIncorrect, pkcs11.PinInvalid, pkcs11.PinLenRange):
            _OPENED.refused.add((*at, pin))
            refuse()
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
            raise SignerUnavailable(
                f"the module of the token {place.label} was not loaded, because other users can change {bad.path}"
            ) from None


def _drop(at: tuple[str, str]) -> None:
    session = _OPENED.sessions.pop(at, None)
    _OPENED.keys.pop(at, None)
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


def _public_key(found: pkcs11.Object) -> TokenPublicKey:
    if found[Attribute.KEY_TYPE] == pkcs11.KeyType.RSA:
        exponent, modulus = (
            int.from_bytes(found[one], "big") for one in (Attribute.PUBLIC_EXPONENT, Attribute.MODULUS)
        )
        return rsa.RSAPublicNumbers(exponent, modulus).public_key()
    if found[Attribute.KEY_TYPE] == pkcs11.KeyType.EC_EDWARDS:
        return ed25519.Ed25519PublicKey.from_public_bytes(bytes(found[Attribute.EC_POINT])[-32:])
    curve, point = _CURVES[found[Attribute.EC_PARAMS]], bytes(found[Attribute.EC_POINT])
    # An OCTET STRING in DER (PKCS#11 3.1, 6.3.3); some tokens return the bare point.
    bare = 2 * ((curve.key_size + 7) // 8) + 1
    return ec.EllipticCurvePublicKey.from_encoded_point(curve, point[-bare:])
