"""`sinetti gateway check-settings`: check gateway.toml and all that it names."""

import argparse

from sinetti.cli.client import common
from sinetti.cli.core import output
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.check_output import check_blocks, exit_code
from sinetti.cli.gateway.common import add_settings, command
from sinetti.client.results import ExitCode
from sinetti.gateway.web.settings_check import check_settings
from sinetti.infra import clock

EXAMPLE = "sinetti gateway check-settings --settings /etc/sinetti/gateway.toml"


def register(commands: Commands) -> None:
    """Add the command to the parser."""
    summary = "check the settings and all that they name, with all findings at once"
    parser = command(commands, "check-settings", summary, run, EXAMPLE)
    add_settings(parser)
    parser.add_argument("--offline", action="store_true", help="use no network")
    parser.add_argument("--start", action="store_true", help="before a start: end with 0 if there are only warnings")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")


def run(parsed: argparse.Namespace) -> ExitCode:
    """Print the findings; return STORE for an error and REFUSED for warnings."""
    found = check_settings(parsed.settings, clock.utc_now(), is_offline=parsed.offline or parsed.start)
    if parsed.json:
        common.print_json([one.as_json() for one in found])
    else:
        output.show(check_blocks(found))
    return exit_code(found, is_start=parsed.start)
