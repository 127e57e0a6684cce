"""Java key stores: JKS and JCEKS read without Java, and JKS written by keytool.

The format is that of sun.security.provider.JavaKeyStore in OpenJDK. Its certificates are in clear. Keys are protected
by a weak cipher of Sun's own, so that only keytool reads and writes them. Of the Python packages, pyjks was last
released in 2020.

No password is in an argument or in the environment of keytool: it reads them from files of mode 0600.
"""

import hashlib
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from sinetti.client.messages.messages import make_message, strip_control_chars
from sinetti.client.store.files import StoreError
from sinetti.i18n.translate import gettext_noop
from sinetti.infra.environment import for_child
from sinetti.pki import encoding
from sinetti.pki.encoding import PrivateKey

KINDS = {b"\xfe\xed\xfe\xed": "JKS", b"\xce\xce\xce\xce": "JCEKS"}
"""First octets of Java's own kinds of key store; newer ones are PKCS#12."""

KEYTOOL_SECONDS = 60
SHORTEST_PASSWORD = 6
"""Characters that keytool demands of the password of a new key store."""

NO_KEYTOOL = gettext_noop(
    "A JKS file needs Java's keytool, which is not installed here. Java 11 and newer reads PKCS#12: use the format "
    "pkcs12."
)
KEYTOOL_FAILED = gettext_noop("keytool could not make a JKS file: {why}")
PASSWORD_TOO_SHORT = gettext_noop("The password of a JKS file must have at least {least} characters.")

_DAMAGED = "this Java key store is damaged"
_SECRET_KEY = "this Java key store contains a secret key, which only Java can read"  # noqa: S105 - a message
_DIGEST = 20
"""Octets of the SHA-1 at the end of the file."""

_KEY, _CERTIFICATE = 1, 2
_WITH_TYPES = 2
"""Version of the format in which each certificate has the name of its type.

Version 1 has X.509 alone.
"""


class JavaStoreError(StoreError):
    """JKS file that cannot be made here; the set itself is complete without it."""


class KeytoolError(Exception):
    """Failure of keytool; the text is its output."""


@dataclass(frozen=True)
class JavaEntry:
    """Entry of a Java key store: a key with its certificates, or one certificate."""

    alias: str
    certificates: tuple[x509.Certificate, ...]
    has_key: bool


def parse_java(octets: bytes) -> tuple[JavaEntry, ...]:
    """Return the entries of a JKS or JCEKS, in the file's order.

    Raises ValueError with a sentence for users.
    """
    return tuple(_entries(_Reader(octets, len(octets) - _DIGEST)))


def has_digest_of(octets: bytes, password: bytes) -> bool:
    """Return True if the digest of a JKS or JCEKS was made with this password."""
    text = password.decode(errors="replace").encode("utf-16-be")
    # SHA-1 with these words is what Java writes.
    made = hashlib.sha1(text + b"Mighty Aphrodite" + octets[:-_DIGEST], usedforsecurity=False)
    return made.digest() == octets[-_DIGEST:]


def make_jks(name: str, key: PrivateKey | None, above: Sequence[x509.Certificate], password: bytes) -> bytes:
    """Make a JKS file with one key, by keytool; store and key have the same password.

    Parameters as those of `encoding.dump`. Raises JavaStoreError.
    """
    if len(password.decode(errors="replace")) < SHORTEST_PASSWORD:
        raise JavaStoreError(make_message(PASSWORD_TOO_SHORT, least=SHORTEST_PASSWORD))
    if shutil.which("keytool") is None:
        raise JavaStoreError(make_message(NO_KEYTOOL))
    # A password of ASCII for the file in between: Java's PKCS#12 takes no other.
    passing = secrets.token_hex(32).encode()
    with tempfile.TemporaryDirectory(prefix="sinetti-") as folder:
        source, target = Path(folder) / "source.p12", Path(folder) / "target.jks"
        # The older form: keytool of Java 8 reads no other, and a JKS protects its key no better.
        _write_private(source, encoding.dump(name, key, above, passing, legacy=True))
        words: tuple[str, ...] = (
            "-importkeystore",
            "-noprompt",
            "-srckeystore",
            str(source),
            "-srcstoretype",
            "PKCS12",
        )
        words += ("-srcalias", name, "-destkeystore", str(target), "-deststoretype", "JKS")
        try:
            run_keytool(words, {"-srcstorepass": passing, "-deststorepass": password, "-destkeypass": password})
            return target.read_bytes()
        except (KeytoolError, OSError) as bad:
            raise JavaStoreError(make_message(KEYTOOL_FAILED, why=strip_control_chars(str(bad)))) from bad


def run_keytool(words: Sequence[str], passwords: Mapping[str, bytes]) -> str:
    """Run keytool and return its standard output.

    `passwords` are options with the passwords that they name. Raises KeytoolError.
    """
    with tempfile.TemporaryDirectory(prefix="sinetti-") as folder:
        named: list[str] = []
        for option, password in passwords.items():
            path = Path(folder) / option
            _write_private(path, password + b"\n")
            named += [f"{option}:file", str(path)]
        # "-J": messages and dates in English, so that they can be parsed; passwords are UTF-8.
        java = ("-J-Duser.language=en", "-J-Duser.country=", "-J-Dfile.encoding=UTF-8")
        try:
            done: subprocess.CompletedProcess[bytes] = subprocess.run(  # noqa: S603 -- fixed arguments
                ("keytool", *java, *words, *named),  # noqa: S607 -- the user's Java
                env=for_child(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=KEYTOOL_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as bad:
            raise KeytoolError(str(bad)) from bad
    output = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        raise KeytoolError((output + done.stderr.decode(errors="replace")).strip())
    return output


def _write_private(path: Path, octets: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(octets)


class _Reader:
    """Reader of big-endian numbers and counted octets. Raises ValueError past the end."""

    def __init__(self, octets: bytes, end: int) -> None:
        self._octets, self._at, self._end = octets, 0, end

    def octets(self, length: int) -> bytes:
        """Read a number of octets."""
        if length > self._end - self._at:
            raise ValueError(_DAMAGED)
        self._at += length
        return self._octets[self._at - length : self._at]

    def number(self, width: int = 4) -> int:
        """Read a number of `width` octets."""
        return int.from_bytes(self.octets(width), "big")

    def text(self) -> str:
        """Read a text in Java's form of UTF-8, with its length in two octets."""
        return self.octets(self.number(2)).decode(errors="replace")


def _entries(reader: _Reader) -> Iterator[JavaEntry]:
    reader.octets(4)
    has_types = reader.number() == _WITH_TYPES
    for _ in range(reader.number()):
        kind, alias = reader.number(), strip_control_chars(reader.text())
        reader.octets(8)  # date of the entry
        if kind not in {_KEY, _CERTIFICATE}:
            raise ValueError(_SECRET_KEY)
        count = 1
        if kind == _KEY:
            reader.octets(reader.number())
            count = reader.number()
        certificates = tuple(_certificate(reader, has_types=has_types) for _ in range(count))
        yield JavaEntry(alias, certificates, kind == _KEY)


def _certificate(reader: _Reader, *, has_types: bool) -> x509.Certificate:
    if has_types:
        reader.text()
    der = reader.octets(reader.number())
    try:
        return encoding.load_certificate(der)
    except ValueError as bad:
        raise ValueError(_DAMAGED) from bad
