"""`sinetti authority export-certificates`: write a channel's certificates.

It writes the certificates in force, for programs that look keys up.
"""

import argparse
import re
from pathlib import Path

from sinetti.cli.authority.common import OptionError, add_dir, command, opened_authority, print_result
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.output import write_atomic
from sinetti.domain.values import Channel
from sinetti.pki.encoding import load_certificate, serial_hex
from sinetti.services.organisations import registration

_READABLE = 0o644
"""Mode of the files: readable by every user who may enter the folder.

One such user is that of sshd's AuthorizedKeysCommandUser (docs/relying/sftp.md).
"""

_OURS = re.compile(r"[0-9a-f]{2,40}\.cer")


def register(commands: Commands) -> None:
    """Add the command to the parser."""
    example = "sinetti authority export-certificates --dir /srv/sinetti --channel SFTP --out /srv/sftp-certificates"
    summary = "export the valid certificates of a channel to a folder, and remove all others from it"
    parser = command(commands, "export-certificates", summary, _run, example)
    add_dir(parser)
    parser.add_argument(
        "--channel", choices=[one.value for one in Channel], required=True, help="channel of the certificates"
    )
    parser.add_argument(
        "--out", metavar="DIR2", type=Path, required=True, help="existing folder for the files SERIAL.cer"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def _run(parsed: argparse.Namespace) -> int:
    if not parsed.out.is_dir():
        raise OptionError(
            f"--out {parsed.out}: the folder does not exist. Create it with the permissions that its readers need"
        )
    if parsed.out.resolve().is_relative_to(parsed.dir.resolve()):
        raise OptionError(
            f"--out {parsed.out} is in the authority's folder, which other users cannot read: name a folder outside it"
        )
    with opened_authority(parsed.dir) as authority:
        now_there, written = set(), 0
        for serial, der in registration.in_force(authority.ctx, Channel(parsed.channel)):
            now_there.add(f"{serial}.cer")
            written += _write(parsed.out / f"{serial}.cer", der)
    # Only after the database was read to its end: an interrupted run removes no file.
    removed = sum(_remove(path) for path in sorted(parsed.out.iterdir()) if path.name not in now_there)
    done = {"in_force": len(now_there), "written": written, "removed": removed}
    print_result(
        done,
        as_json=parsed.json,
        table=lambda: "{in_force} valid, {written} written, {removed} removed.".format_map(done),
    )
    return 0


def _write(path: Path, der: bytes) -> bool:
    """Write a certificate, whole or not at all, unless the file exists."""
    if path.is_file() and path.read_bytes() == der:
        return False
    write_atomic(path, der)
    path.chmod(_READABLE)
    return True


def _remove(path: Path) -> bool:
    """Remove a file that this command wrote; return True if it was removed.

    Only a certificate under the name of its own serial number is removed.
    """
    if not _OURS.fullmatch(path.name) or not path.is_file():
        return False
    try:
        if serial_hex(load_certificate(path.read_bytes()).serial_number) != path.stem:
            return False
    except ValueError:
        return False
    path.unlink(missing_ok=True)
    return True
