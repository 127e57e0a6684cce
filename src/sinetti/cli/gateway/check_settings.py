"""`sinetti gateway check-settings`: check gateway.toml and all that it names."""

from pathlib import Path

from sinetti.cli.client import common
from sinetti.cli.core import output
from sinetti.cli.core.check_output import check_blocks, exit_code
from sinetti.cli.core.commands import flag
from sinetti.cli.gateway.common import SETTINGS, gateway_commands
from sinetti.client.results import ExitCode
from sinetti.gateway.web import settings_check
from sinetti.infra import clock

commands = gateway_commands()
register = commands.register


@commands.command("sinetti gateway check-settings --settings /etc/sinetti/gateway.toml")
def check_settings(
    *,
    settings: Path = SETTINGS,
    offline: bool = flag("use no network"),
    start: bool = flag("before a start: end with 0 if there are only warnings"),
    json: bool = flag("print the results as JSON"),
) -> ExitCode:
    """Check the settings and all that they name, with all findings at once."""
    findings = settings_check.check_settings(settings, clock.utc_now(), is_offline=offline or start)
    if json:
        common.print_json([one.as_json() for one in findings])
    else:
        output.show(check_blocks(findings))
    return exit_code(findings, is_start=start)
