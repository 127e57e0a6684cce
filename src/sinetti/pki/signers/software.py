"""Keys in encrypted PKCS#8 files, opened once per process.

Opening an RSA 4096 key takes a quarter of a second.
"""

import re
from pathlib import Path
from threading import Lock

from sinetti.domain.requests import SignatureProof
from sinetti.pki import encoding
from sinetti.pki.encoding import PrivateKey, load_private_key
from sinetti.pki.signers import SignerUnavailable

_KEY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class SoftwareSigner:
    """Signer with the keys `FOLDER/KEY_NAME.pem`, all under one passphrase.

    Several threads may use it. Without the passphrase (None) every signature raises SignerUnavailable.
    """

    def __init__(self, folder: Path, passphrase: bytes | None) -> None:
        """Store the folder; files are opened at the first signature."""
        self._folder = folder
        self._passphrase = passphrase
        self._keys: dict[str, PrivateKey] = {}
        self._lock = Lock()

    def sign(
        self,
        key_name: str,
        octets: bytes,
        proof: SignatureProof | None = None,  # noqa: ARG002 - the interface's
    ) -> bytes:
        """Sign as `pki.signatures.sign` does.

        Raises SignerUnavailable if the key's file cannot be opened.
        """
        return encoding.sign(self._key(key_name), octets)

    def check(self, key_name: str) -> None:
        """Open the file of a key, and sign nothing. Raises SignerUnavailable."""
        self.sign(key_name, b"")

    def _key(self, key_name: str) -> PrivateKey:
        with self._lock:
            key = self._keys.get(key_name)
            if key is None:
                key = self._keys[key_name] = self._load(key_name)
            return key

    def _load(self, key_name: str) -> PrivateKey:
        if not _KEY_NAME.fullmatch(key_name):
            raise SignerUnavailable("no key file can have this key name")
        if self._passphrase is None:
            raise SignerUnavailable(
                f"the key {key_name} cannot be opened without its passphrase, which is not stored beside it"
            )
        try:
            return load_private_key((self._folder / f"{key_name}.pem").read_bytes(), self._passphrase)
        except OSError as bad:
            why = f"the key file of {key_name} cannot be read: {bad.strerror}"
        except ValueError as bad:
            why = f"the key file of {key_name} cannot be opened: {bad}"
        # Raised outside the handlers: no cause and no context, so no traceback contains the file's content.
        raise SignerUnavailable(why)
