"""Keys that are kept off line: a folder of their own, made at once, read back, never overwritten."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sinetti.authority.data_directory import (
    DataDirectory,
    FolderDamaged,
    FolderError,
    atomic_directory,
    sync,
    write_secret,
)
from sinetti.pki.encoding import PrivateKey, dump_private_key, load_private_key


@dataclass(frozen=True, slots=True)
class OfflineKeys:
    """`DIR2/NAME.pem`, encrypted under a pass-phrase of their own, and `DIR2/NAME.cer.pem` to know them by.

    A file `founding` in it names the authority's folder for which it was begun, until that one's founding is finished.
    """

    place: Path
    passphrase: bytes = field(repr=False)

    def key_file(self, name: str) -> Path:
        """Where the key of a CA is."""
        return self.place / f"{name}.pem"

    def check_place(self, folder: DataDirectory, journal: Path) -> None:
        """Refuse a place in the authority's folder or journals, or around them. Raises FolderError."""
        place = self.place.resolve()
        for other in (folder.root.resolve(), journal.resolve()):
            if place.is_relative_to(other) or other.is_relative_to(place):
                sentence = f"keys in {self.place} would not be apart from {other}: choose a folder on another disk"
                raise FolderError(sentence)

    def is_there(self) -> bool:
        """Whether something lies at the place. Raises FolderError."""
        try:
            return self.place.exists() and (not self.place.is_dir() or any(self.place.iterdir()))
        except OSError as closed:
            sentence = f"{self.place} cannot be looked into: {closed.strerror}"
            raise FolderError(sentence) from closed

    def clear_what_was_begun(self, folder: DataDirectory) -> None:
        """Take away keys of an authority that never came to be: its founding was cut short before it had its folder.

        Raises FolderError where anything else lies there.
        """
        if not self.is_there():
            return
        mark = self.place / "founding"
        if not mark.is_file() or mark.read_text(encoding="utf-8") != str(folder.root):
            sentence = f"something lies in {self.place} already; keys are never overwritten. Choose another folder"
            raise FolderError(sentence)
        shutil.rmtree(self.place)

    def write(
        self, keys: Mapping[str, PrivateKey], certificates: Mapping[str, x509.Certificate], mark: str = ""
    ) -> None:
        """Make the folder with these keys, and have it on disk. Raises FolderError."""
        with atomic_directory(self.place, inside=()) as new:
            for name, key in keys.items():
                write_secret(new.root / f"{name}.pem", dump_private_key(key, self.passphrase))
                write_secret(new.root / f"{name}.cer.pem", certificates[name].public_bytes(Encoding.PEM))
            if mark:
                (new.root / "founding").write_text(mark, encoding="utf-8")

    def check(self, certificates: Mapping[str, x509.Certificate]) -> None:
        """Read each key back, with the pass-phrase, and compare it with its certificate. Raises FolderDamaged."""
        for name, certificate in certificates.items():
            path = self.key_file(name)
            try:
                key = load_private_key(path.read_bytes(), self.passphrase)
            except OSError as missing:
                sentence = f"{path} cannot be read ({missing.strerror}): it is the key of {name}"
                raise FolderDamaged(sentence) from missing
            except ValueError:
                sentence = f"the pass-phrase that was given does not open {path}"
                raise FolderDamaged(sentence) from None
            if key.public_key() != certificate.public_key():
                sentence = f"{path} is not the key of {name} of this authority"
                raise FolderDamaged(sentence)

    def finish(self) -> None:
        """Take the mark of a founding away. Raises OSError."""
        (self.place / "founding").unlink(missing_ok=True)
        sync(self.place)
