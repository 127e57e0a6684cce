"""Storage of private keys.

`key.pem` holds a key, unencrypted or encrypted. `key.uri` stands for a key in a token, which stays there. The file in
a folder decides how its key is read. The settings of the name decide how the next key is stored. Passwords are read
from their files when needed, and stored nowhere else. A key is never sent anywhere.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from sinetti.client.messages import error_reasons, messages
from sinetti.client.messages.messages import Message
from sinetti.client.model import OutputOptions
from sinetti.client.store import files, settings, token_keys
from sinetti.domain.values import KeyId, KeyType, Serial
from sinetti.infra import file_permissions
from sinetti.infra.file_permissions import RightsError
from sinetti.pki import encoding, key_policy
from sinetti.pki.encoding import PrivateKey
from sinetti.pki.signers import pkcs11_uri


def key_id(key: PrivateKey) -> KeyId:
    """Return the ID of a key pair: that of its public key."""
    return key_policy.key_id(key.public_key())


def belongs(certificate: x509.Certificate, key: PrivateKey) -> bool:
    """Return whether a certificate is for this key.

    The numbers decide, not their encoding.
    """
    return is_for(certificate, key_id(key))


def is_for(certificate: x509.Certificate, key_id: KeyId) -> bool:
    """Return whether a certificate is for the key of this ID."""
    try:
        return key_policy.key_id(certificate.public_key()) == key_id
    except (ValueError, UnsupportedAlgorithm):  # a kind of key that Sinetti does not make
        return False


def serial_of(certificate: x509.Certificate) -> Serial:
    """Return a certificate's serial number in lower-case hex.

    Raises ValueError if it is negative.
    """
    return encoding.serial_hex(certificate.serial_number)


KEY, URI = "key.pem", "key.uri"

_ENCRYPTED = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"


def key_file_for(octets: bytes) -> str:
    """Return the name of the file for a key in this stored form."""
    return URI if octets.startswith(pkcs11_uri.SCHEME) else KEY


def path_of(folder: Path) -> Path:
    """Return the key file of a generation or journal."""
    uri = folder / URI
    return uri if files.exists(uri) else folder / KEY


def make(
    name_folder: Path, kind: KeyType, wanted: OutputOptions, on_message: Callable[[Message], None]
) -> tuple[PrivateKey, bytes]:
    """Make a key pair; return the private key and its stored form.

    Raises StoreError, SignerUnavailable, OSError.
    """
    if wanted.token is not None:
        return token_keys.make(name_folder, kind, wanted.token, on_message)
    key = encoding.generate_key(kind)
    return key, serialise_key(key, wanted)


def passphrase_of(wanted: OutputOptions) -> bytes | None:
    """Return the passphrase of key.pem; None for unencrypted keys. Raises StoreError."""
    path = wanted.key_password_file
    if path is None:
        return None
    found = secret(path)
    if len(found) > encoding.LONGEST_PASSPHRASE:
        raise files.StoreError(messages.SECRET_TOO_LONG, path=str(path), most=encoding.LONGEST_PASSPHRASE)
    return found


def secret(path: Path) -> bytes:
    """Read the password in a file, without the end of its line. Raises StoreError."""
    try:
        octets = file_permissions.read_secret(path, any_owner=True).rstrip(b"\r\n")
    except RightsError as bad:
        raise files.StoreError(messages.OPEN_SECRET, path=str(path)) from bad
    except OSError as bad:
        raise files.StoreError(
            messages.SECRET_UNREADABLE, path=str(path), why=error_reasons.translate_reason(bad)
        ) from bad
    if not octets:
        raise files.StoreError(messages.SECRET_EMPTY, path=str(path))
    return octets


def pkcs12_password(path: Path) -> bytes:
    """Read the password of PKCS#12 files in the same way.

    Raises StoreError also if PKCS#12 does not allow the password.
    """
    octets = secret(path)
    if not encoding.is_password(octets):
        raise files.StoreError(messages.NO_PKCS12_PASSWORD, path=str(path))
    return octets


def serialise_key(key: PrivateKey, wanted: OutputOptions) -> bytes:
    """Return a key in its stored form, encrypted if a password is configured.

    Raises StoreError.
    """
    return encoding.dump_private_key(key, passphrase_of(wanted))


def is_encrypted(octets: bytes) -> bool:
    """Return whether a PEM key is protected by a password."""
    return _ENCRYPTED in octets


def load_key(octets: bytes, wanted: OutputOptions) -> PrivateKey | None:
    """Load a key from its stored form; None if it is in a token.

    The password is that of `wanted`. Raises StoreError.
    """
    if key_file_for(octets) == URI:
        return None
    passphrase = passphrase_of(wanted) if is_encrypted(octets) else None
    try:
        return encoding.load_private_key(octets, passphrase)
    except ValueError as bad:
        raise files.corruption_error(wanted.key_password_file or Path(KEY), bad) from bad


def open_key(folder: Path, name_folder: Path, certificate: x509.Certificate) -> PrivateKey:
    """Open the key that lies beside a certificate.

    A token is asked at the first signature only. Raises StoreDamaged if the two do not belong together, StoreError.
    """
    path = path_of(folder)
    if path.name == KEY:
        key = _opened(path, name_folder)
        if not belongs(certificate, key):
            raise files.corruption_error(folder, "the private key does not match the certificate")
        return key
    in_token = load_uri(path)
    if in_token.key_id is None or not is_for(certificate, in_token.key_id):
        raise files.corruption_error(folder, "the private key does not match the certificate")
    known = settings.load(name_folder).files.token
    return token_keys.key_of(in_token, known, certificate.public_key())


def key_id_of(folder: Path, name_folder: Path) -> KeyId:
    """Return the ID of the key in a folder.

    For a key in a token, the ID comes from the URI, and the token is not asked. Raises StoreDamaged, StoreError.
    """
    path = path_of(folder)
    if path.name == KEY:
        return key_id(_opened(path, name_folder, tests_primes=False))
    known = load_uri(path).key_id
    if known is None:
        raise files.corruption_error(path, "this is not the URI of a key in a token")
    return known


def _opened(path: Path, name_folder: Path, *, tests_primes: bool = True) -> PrivateKey:
    octets = files.read(path)
    wrong: ValueError | None = None
    for passphrase in _passwords_for(path, name_folder) if is_encrypted(octets) else [None]:
        try:
            return encoding.load_private_key(octets, passphrase, tests_primes=tests_primes)
        except ValueError as bad:
            wrong = bad
    if wrong is None:
        raise files.StoreError(messages.NO_KEY_PASSWORD, path=str(path), settings=str(name_folder / settings.FILE))
    if is_encrypted(octets) and str(wrong) == "the passphrase is wrong":
        raise files.StoreError(messages.WRONG_KEY_PASSWORD, path=str(path)) from wrong
    raise files.corruption_error(path, wrong) from wrong


def _passwords_for(path: Path, name_folder: Path) -> Iterator[bytes]:
    # An enrolment has its own settings beside its key. They become the name's once its certificate is installed.
    places = (path.parent, name_folder, name_folder / "pending" / "enrol")
    for place in dict.fromkeys(place for place in places if files.exists(place / settings.FILE)):
        wanted = settings.load(place).files
        if wanted.key_password_file is not None:
            yield secret(wanted.key_password_file)


def load_uri(path: Path) -> pkcs11_uri.TokenKey:
    """Read the URI of a key in a token. Raises StoreDamaged."""
    try:
        return pkcs11_uri.load(files.read(path))
    except ValueError as bad:
        raise files.corruption_error(path, bad) from bad
