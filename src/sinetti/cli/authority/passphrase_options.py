"""Options for pass-phrases, which are read from files or typed at a terminal.

They are never read from arguments or the environment.
"""

import argparse
import sys
from getpass import getpass
from pathlib import Path

from sinetti.authority.data_directory import DataDirectory
from sinetti.authority.key_relocation import OfflineKeys
from sinetti.authority.passphrases import SHORTEST_OFFLINE, checked, read_or_create, read_passphrase
from sinetti.cli.authority.common import OptionError
from sinetti.cli.core.commands import Spec, option

_LONGEST_LINE = 2000


PASSPHRASE_FILE = option(
    "FILE",
    "file with the pass-phrase of the keys in DIR (default: systemd's credential, else in DIR)",
    name="--passphrase-file",
    type=Path,
    default=None,
)


def offline_options(*, required: bool = False, new: bool = False) -> tuple[Spec, Spec]:
    """Return the options for keys that are kept off line.

    `new`: the keys may be created or moved there, with a new pass-phrase.
    """
    made = "; created if missing" if new else ""
    place = "folder of the keys of root and intermediate CAs, on a disk that is kept offline"
    phrase = f"file with their pass-phrase{made} (default: the terminal asks for it)"
    return (
        option("DIR2", place, name="--offline-dir", type=Path, required=required),
        option("FILE|-", phrase, name="--offline-passphrase-file", default=None),
    )


def passphrase_of(parsed: argparse.Namespace) -> bytes | None:
    """Return the pass-phrase in the named file, or None if no file is named.

    Raises PassphraseError if it cannot be used.
    """
    return None if parsed.passphrase_file is None else read_passphrase(parsed.passphrase_file)


def offline_keys(parsed: argparse.Namespace, *, new: bool) -> OfflineKeys:
    """Return the folder of the keys kept off line, and their pass-phrase.

    Raises OptionError or PassphraseError if they cannot be used.
    """
    place, named = parsed.offline_dir.absolute(), parsed.offline_passphrase_file
    if not new and not place.is_dir():
        raise OptionError(
            f"--offline-dir: {place} is not a folder: mount the medium with the keys, or correct the path"
        )
    if named == "-":
        phrase = checked(sys.stdin.buffer.readline(_LONGEST_LINE), "standard input")
    elif named is not None:
        _refuse_beside(Path(named), place)
        phrase = read_or_create(Path(named), DataDirectory(parsed.dir)) if new else read_passphrase(Path(named))
    else:
        phrase = checked(_asked(new=new), "what was typed")
    if new and len(phrase) < SHORTEST_OFFLINE:
        raise OptionError(f"the pass-phrase for {place} is too short: it needs at least {SHORTEST_OFFLINE} characters")
    return OfflineKeys(place, phrase)


def _refuse_beside(path: Path, place: Path) -> None:
    if path.resolve().is_relative_to(place.resolve()):
        raise OptionError(f"--offline-passphrase-file: {path} is in the folder of its keys: choose another place")


def _asked(*, new: bool) -> bytes:
    if not sys.stdin.isatty():
        raise OptionError(
            "--offline-passphrase-file is missing, and there is no terminal to ask: name a file, or - for standard "
            "input"
        )
    phrase = getpass("Pass-phrase of the offline keys: ")
    if new and getpass("Repeat it: ") != phrase:
        raise OptionError("the two pass-phrases differ, so nothing was done")
    return phrase.encode()
