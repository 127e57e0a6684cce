"""Files that a sinetti.toml names: bundles of anchors, and secrets.

Only the owner may read a secret.
"""

import os
import stat
from pathlib import Path

from sinetti.client.config import messages
from sinetti.client.config.table_reader import ConfigTable
from sinetti.client.messages import error_reasons
from sinetti.client.messages.messages import make_message
from sinetti.client.store import files, settings
from sinetti.infra import file_permissions
from sinetti.infra.file_permissions import RightsError
from sinetti.pki import encoding

_LARGEST = 1024 * 1024
_OTHERS = 0o077


def bundle(table: ConfigTable, key: str) -> str | None:
    """Return the certificates of a PEM bundle, as the whole text."""
    path = table.file(key)
    if path is None:
        return None
    try:
        return settings.bundle_text(file_permissions.read_trusted(path, is_named=True)[:_LARGEST])
    except RightsError as bad:
        table.blame(key, make_message(messages.OPEN_BUNDLE, key=key, path=str(bad.path)))
        return None
    except (OSError, ValueError) as bad:
        table.blame(
            key,
            make_message(messages.FILE_NOT_USABLE, key=key, path=str(path), why=error_reasons.translate_reason(bad)),
        )
        return None


def secret(table: ConfigTable, key: str, *, packs: bool = False) -> Path | None:
    """Return the path of a file with a secret.

    The file exists, is not empty, and is readable by its owner alone (the same demand as ssh). With `packs`, it is the
    password of PKCS#12 files and has to fit that format. Record a mistake otherwise.
    """
    path = table.file(key)
    if path is None:
        return None
    try:
        octets, mode = _octets(path), path.stat().st_mode
    except OSError as bad:
        table.blame(
            key,
            make_message(messages.FILE_NOT_USABLE, key=key, path=str(path), why=error_reasons.translate_reason(bad)),
        )
        return None
    if not octets.strip():
        table.blame(key, make_message(messages.NO_SECRET, key=key, path=str(path)))
    elif packs and not encoding.is_password(octets.rstrip(b"\r\n")):
        table.blame(key, make_message(messages.NO_PKCS12_SECRET, key=key, path=str(path)))
    elif os.name == "posix" and stat.S_IMODE(mode) & _OTHERS:
        table.blame(key, make_message(messages.OPEN_SECRET, key=key, path=str(path)))
    return path


def _octets(path: Path) -> bytes:
    # The file is read again for each key, which a pipe does not allow.
    return files.octets_of(path, _LARGEST)
