"""`sinetti authority signer`: run the separate signer until a signal stops it."""

import logging
import os
import pwd
from pathlib import Path

from sinetti.authority.log_format import configure_logging
from sinetti.authority.passphrases import read_passphrase
from sinetti.authority.signer_process import SignerOptions, open_signer, run_signer
from sinetti.cli.authority.common import OptionError, operator_commands
from sinetti.cli.authority.passphrase_options import PASSPHRASE_FILE
from sinetti.cli.core import verbose_log
from sinetti.cli.core.commands import flag, option
from sinetti.infra.unix_socket import sd_notify

_log = logging.getLogger(__name__)

commands = operator_commands()
register = commands.register


@commands.command(
    "sinetti authority signer --signer-dir /var/lib/sinetti-signer/signer "
    "--socket /run/sinetti-signer/signer.sock --user sinetti"
)
def signer(
    *,
    signer_dir: Path = option("DIR", "folder of the signer"),
    passphrase_file: Path | None = PASSPHRASE_FILE,
    socket: Path = option("PATH", "Unix socket on which the signer listens"),
    user: list[str] = option(
        "NAME", "user that may use the socket; may be given several times (default: the signer's own user)"
    ),
    until_stdin_closes: bool = flag("stop when standard input ends"),
    log: str | None = option(
        None, "format of the log on standard error (default: json, on a terminal text)", choices=("text", "json")
    ),
) -> None:
    """Run the process that has all keys, until a signal stops it."""
    configure_logging(leniency=False, as_json=None if log is None else log == "json")
    verbose_log.set_level()
    users = frozenset(map(_user_number, user)) or frozenset({os.getuid()})
    opened = open_signer(signer_dir.absolute(), None if passphrase_file is None else read_passphrase(passphrase_file))

    def ready() -> None:
        """Report that the socket listens."""
        _log.info("Ready: %d keys, socket %s", len(opened.rules.key_names), socket)
        sd_notify("READY=1")

    run_signer(opened, SignerOptions(socket.absolute(), users, until_stdin_closes=until_stdin_closes), ready)


def _user_number(name: str) -> int:
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        raise OptionError(f"--user: this machine has no user {name}") from None
