"""`sinetti testbench code`: the verification code of a demo sign-in.

A phone's app would show the same code.
"""

import argparse

from sinetti.cli.authority.common import OptionError, command
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.invocation import print_note
from sinetti.cli.core.output import print_line
from sinetti.infra.clock import utc_now
from sinetti.testbench.core.totp import NoSecret, seconds_remaining, totp

EXAMPLE = "sinetti testbench code JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def register(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = command(commands, "code", "show the verification code of a demo account", _run, EXAMPLE)
    parser.add_argument("secret", metavar="SECRET", help="value of totp_secret from the bench")


def _run(parsed: argparse.Namespace) -> int:
    # Sign-in uses the machine's clock, not the bench's.
    now = utc_now()
    try:
        print_line(totp(parsed.secret, now))
    except NoSecret as bad:
        raise OptionError(f"SECRET: {bad}") from bad
    print_note(f"Use it once. The next code comes in {seconds_remaining(now)} seconds.")
    return 0
