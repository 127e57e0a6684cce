"""`sinetti authority export-certificates`: write a channel's certificates.

It writes the certificates in force, for programs that look keys up.
"""

import re
from pathlib import Path

from sinetti.cli.authority.common import AuthorityRun, OptionError, operator_commands
from sinetti.cli.core.commands import Output, option
from sinetti.cli.core.output import write_atomic
from sinetti.domain.values import Channel
from sinetti.pki.encoding import load_certificate, serial_hex
from sinetti.services.organisations import registration

_READABLE = 0o644
"""Mode of the files: readable by every user who may enter the folder.

One such user is that of sshd's AuthorizedKeysCommandUser (docs/relying/sftp.md).
"""

_OURS = re.compile(r"[0-9a-f]{2,40}\.cer")


commands = operator_commands()
register = commands.register


@commands.command(
    "sinetti authority export-certificates --dir /srv/sinetti --channel SFTP --out /srv/sftp-certificates",
    summary="export the valid certificates of a channel to a folder, and remove all others from it",
)
def export_certificates(
    run: AuthorityRun,
    *,
    channel: Channel = option(None, "channel of the certificates"),
    out: Path = option("DIR2", "existing folder for the files SERIAL.cer"),
) -> Output:
    """Export the valid certificates of a channel to a folder."""
    if not out.is_dir():
        raise OptionError(
            f"--out {out}: the folder does not exist. Create it with the permissions that its readers need"
        )
    if out.resolve().is_relative_to(run.parsed.dir.resolve()):
        raise OptionError(
            f"--out {out} is in the authority's folder, which other users cannot read: name a folder outside it"
        )
    in_force, written = set(), 0
    for serial, der in registration.in_force(run.ctx, channel):
        in_force.add(f"{serial}.cer")
        written += _write(out / f"{serial}.cer", der)
    # Only after the database was read to its end: an interrupted run removes no file.
    removed = sum(_remove(path) for path in sorted(out.iterdir()) if path.name not in in_force)
    counts = {"in_force": len(in_force), "written": written, "removed": removed}
    return Output(counts, "{in_force} valid, {written} written, {removed} removed.".format_map(counts))


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
