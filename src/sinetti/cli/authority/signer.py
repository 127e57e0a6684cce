"""`sinetti authority signer`: run the separate signer until a signal stops it."""

import argparse
import logging
import os
import pwd
from pathlib import Path

from sinetti.authority.log_format import configure_logging
from sinetti.authority.signer_process import SignerOptions, open_signer, run_signer
from sinetti.cli.authority.common import OptionError, command
from sinetti.cli.authority.passphrase_options import add_passphrase_file, passphrase_of
from sinetti.cli.core import verbose_log
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.infra.unix_socket import sd_notify

_log = logging.getLogger(__name__)


def register(commands: Commands) -> None:
    """Add the command to the parser."""
    example = (
        "sinetti authority signer --signer-dir /var/lib/sinetti-signer/signer "
        "--socket /run/sinetti-signer/signer.sock --user sinetti"
    )
    parser = command(commands, "signer", "run the process that has all keys, until a signal stops it", _run, example)
    add_signer_dir(parser)
    add_passphrase_file(parser)
    parser.add_argument(
        "--socket", metavar="PATH", type=Path, required=True, help="Unix socket on which the signer listens"
    )
    parser.add_argument(
        "--user",
        metavar="NAME",
        action="append",
        default=[],
        help="user that may use the socket; may be given several times (default: the signer's own user)",
    )
    parser.add_argument("--until-stdin-closes", action="store_true", help="stop when standard input ends")
    parser.add_argument(
        "--log",
        choices=("text", "json"),
        help="format of the log on standard error (default: json, on a terminal text)",
    )


def add_signer_dir(parser: argparse.ArgumentParser) -> None:
    """Add the option for the signer's folder."""
    parser.add_argument("--signer-dir", metavar="DIR", type=Path, required=True, help="folder of the signer")


def _run(parsed: argparse.Namespace) -> int:
    configure_logging(leniency=False, as_json=None if parsed.log is None else parsed.log == "json")
    verbose_log.set_level()
    users = frozenset(map(user_number, parsed.user)) or frozenset({os.getuid()})
    opened = open_signer(parsed.signer_dir.absolute(), passphrase_of(parsed))

    options = SignerOptions(parsed.socket.absolute(), users, until_stdin_closes=parsed.until_stdin_closes)

    def ready() -> None:
        """Report that the socket listens."""
        _log.info("Ready: %d keys, socket %s", len(opened.rules.key_names), parsed.socket)
        sd_notify("READY=1")

    run_signer(opened, options, ready)
    return 0


def user_number(name: str) -> int:
    """Return the number of a user of this machine. Raises OptionError."""
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        raise OptionError(f"--user: this machine has no user {name}") from None
