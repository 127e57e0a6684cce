"""`sinetti gateway ssh-keys`: return the user of a key to sshd.

See docs/relying/sftp.md.

A certificate names the user. sshd waits for the answer at each login, twice for each key. Therefore this module
imports only the gateway, and neither the client's commands nor their helpers.
"""

import argparse
import os
import stat
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sinetti.domain.values import Channel
from sinetti.gateway import settings, ssh_authorized_keys
from sinetti.gateway.gateway import Gateway
from sinetti.gateway.revocation.crl import CrlSource
from sinetti.gateway.ssh_authorized_keys import KeyAccepted, KeyRejected
from sinetti.infra import clock
from sinetti.pki.chain import load_bundle

if TYPE_CHECKING:
    from sinetti.cli.core.argparse_i18n import Commands

NAME = "ssh-keys"

DONE, FAULT, USAGE, REFUSED = 0, 1, 2, 3
"""Exit codes of the contracts.

sshd takes a key only from a command that ends with 0, regardless of its output (auth2-pubkey.c).
"""
_OF_OTHERS = stat.S_IWGRP | stat.S_IWOTH

_SUMMARY = "look up a key for sshd by the holders' certificates"
_DETAILS = """\
For AuthorizedKeysCommand of sshd. Prints a line of authorized_keys if the key has a valid certificate of the SFTP
channel, and --users assigns the user to its organisation. Otherwise prints the reason to standard error."""
_EXAMPLE = """\
in sshd_config:
  AuthorizedKeysCommand /opt/sinetti/bin/sinetti gateway ssh-keys --syslog --settings /etc/sinetti/gateway.toml \\
    --certificates /var/lib/sinetti-sftp/certificates --users /etc/sinetti/sftp-users -- %u %t %k

exit codes: 0 key accepted · 1 internal error · 2 file unreadable or wrong · 3 key rejected"""


def register(commands: "Commands") -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(NAME, help=_SUMMARY, description=_DETAILS, epilog=_EXAMPLE)
    _options(parser)
    parser.set_defaults(run=run)


def main(arguments: Sequence[str]) -> int:
    """Run the command by itself, the quick way.

    `arguments` are those after its name.
    """
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # a library's advice on odd certificates is for programmers
    parser = argparse.ArgumentParser(
        prog=f"sinetti gateway {NAME}",
        description=_DETAILS,
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _options(parser)
    return run(parser.parse_args(arguments))


def run(parsed: argparse.Namespace) -> int:
    """Answer one query of sshd."""
    try:
        return _answered(parsed)
    except (OSError, ValueError) as bad:
        return _say(parsed, f"refused: {_why(bad)}", USAGE)
    except Exception as bad:  # noqa: BLE001 - top level: sshd gets a refusal, and the log the reason
        return _say(parsed, f"refused, internal error: {type(bad).__name__}: {bad}", FAULT)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("user", metavar="USER", help="user who logs in: %%u")
    parser.add_argument("type", metavar="TYPE", help="type of the key: %%t")
    parser.add_argument("key", metavar="KEY", help="key in base64: %%k")
    parser.add_argument(
        "--certificates",
        metavar="DIR",
        type=Path,
        required=True,
        help="folder with holders' certificates, DER or PEM",
    )
    parser.add_argument(
        "--users", metavar="FILE", type=Path, required=True, help="file with a user and a customer ID on each line"
    )
    parser.add_argument(
        "--settings", metavar="TOML", type=Path, help="settings file of the gateway: trusted CAs and revocation"
    )
    parser.add_argument("--anchors", metavar="PEM", type=Path, help="without --settings: trusted CAs")
    parser.add_argument(
        "--crls", metavar="DIR", type=Path, help="without --settings: folder with their revocation lists"
    )
    parser.add_argument("--at", metavar="ISO", help="time of the check, for tests")
    parser.add_argument("--syslog", action="store_true", help="also log to syslog why a key is rejected")


def _answered(parsed: argparse.Namespace) -> int:
    now = _now(parsed)
    try:
        offered = ssh_authorized_keys.parse_offered(parsed.user, parsed.type, parsed.key)
    except ValueError as bad:
        return _say(parsed, f"refused: {bad}", REFUSED)
    users = _users(parsed.users)
    gateway = _gateway(parsed)
    certificates, broken = ssh_authorized_keys.certificates_of(
        ssh_authorized_keys.read_folder(parsed.certificates), offered
    )
    answer = ssh_authorized_keys.authorize(offered, users, certificates, gateway, now)
    return _write_answer(parsed, answer, broken)


def _write_answer(parsed: argparse.Namespace, answer: KeyAccepted | KeyRejected, broken: Sequence[str]) -> int:
    left_out = ""
    if broken:
        left_out = f"; {len(broken)} of the files in {parsed.certificates} hold no certificate, such as {broken[0]!r}"
    if isinstance(answer, KeyRejected):
        return _say(parsed, f"refused: {answer.why}{left_out}", REFUSED)
    if broken:
        _say(parsed, f"the certificate {answer.serial} is accepted{left_out}", DONE)
    sys.stdout.write(f"{answer.line}\n")
    sys.stdout.flush()
    return DONE


def _users(path: Path) -> Mapping[str, str]:
    with path.open("rb") as file:
        mode, octets = os.fstat(file.fileno()).st_mode, file.read()
    try:
        if mode & _OF_OTHERS:
            raise ValueError("its group or other users can write to it; run chmod go-w on it")  # noqa: TRY301 - reported as an error of the file
        return ssh_authorized_keys.read_users(octets.decode("utf-8"))
    except ValueError as bad:
        raise ValueError(f"{path}: {'it is not UTF-8' if isinstance(bad, UnicodeDecodeError) else bad}") from None


def _gateway(parsed: argparse.Namespace) -> Gateway:
    if parsed.settings is not None and parsed.anchors is None and parsed.crls is None:
        known = settings.load_settings(parsed.settings)
        if known.channel not in {None, Channel.SFTP}:
            raise ValueError(f"{parsed.settings}: its channel is {known.channel}; use separate settings for SFTP")
        return settings.open_gateway(replace(known, channel=Channel.SFTP))
    if parsed.settings is not None or parsed.anchors is None or parsed.crls is None:
        raise ValueError("--settings, or --anchors with --crls, is required")
    if not parsed.crls.is_dir():
        raise ValueError(f"--crls {parsed.crls}: the folder does not exist")
    anchors = load_bundle(parsed.anchors.read_bytes())
    return Gateway(anchors, source=CrlSource(folder=parsed.crls), channel=Channel.SFTP)


def _now(parsed: argparse.Namespace) -> datetime:
    if parsed.at is None:
        return clock.utc_now()
    at = datetime.fromisoformat(parsed.at)
    if at.tzinfo is None:
        raise ValueError("--at: give a time with a time zone, such as 2027-05-02T11:03:00Z")
    sys.stderr.write("sinetti: --at is for tests: this computer's clock is not used.\n")
    return at.astimezone(UTC).replace(microsecond=0)


def _why(bad: Exception) -> str:
    if isinstance(bad, OSError):
        return f"{bad.filename}: {bad.strerror or bad}"
    return str(bad)


def _say(parsed: argparse.Namespace, sentence: str, code: int) -> int:
    """Print one line to standard error and, with --syslog, to the system's log.

    sshd discards standard error.
    """
    line = " ".join(f"user {parsed.user!r}: {sentence}".split())
    sys.stderr.write(f"sinetti: {line}.\n")
    if parsed.syslog:
        import syslog  # noqa: PLC0415 - Windows has neither syslog nor an sshd of this kind

        syslog.openlog("sinetti", syslog.LOG_PID, syslog.LOG_AUTH)
        syslog.syslog(syslog.LOG_INFO if code in {DONE, REFUSED} else syslog.LOG_ERR, line)
    return code
