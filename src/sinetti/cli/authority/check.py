"""`sinetti authority check`: find what stops the service, before it does."""

import argparse

from sinetti.authority.checks.run import check_authority
from sinetti.authority.checks.state import CheckOptions
from sinetti.cli.authority.common import OptionError, add_dir, command
from sinetti.cli.authority.passphrase_options import add_passphrase_file, passphrase_of
from sinetti.cli.authority.serve import add_addresses, plan_of
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.check_output import check_blocks, exit_code
from sinetti.cli.core.commands import Output, print_output
from sinetti.domain.operations.monitoring import CheckFinding, Impact, finding_of
from sinetti.infra.toml_tables import SettingsError

_ADDRESSES = ("bind", "status_bind", "people_bind", "metrics_bind", "tls_certificate", "tls_key")


def register(commands: Commands) -> None:
    """Add the command to the parser."""
    example = "sinetti authority check --dir /srv/sinetti"
    summary = "check files, keys, database and surroundings, with all findings at once"
    parser = command(commands, "check", summary, _run, example)
    add_dir(parser)
    add_passphrase_file(parser)
    parser.add_argument("--offline", action="store_true", help="use no network and no database")
    parser.add_argument("--start", action="store_true", help="before a start: end with 0 if there are only warnings")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    add_addresses(parser, has_defaults=False)


def _run(parsed: argparse.Namespace) -> int:
    check_findings = _findings(parsed)
    rows = [check_finding.as_json() for check_finding in check_findings]
    print_output(Output(rows, check_blocks(check_findings)), as_json=parsed.json)
    return exit_code(check_findings, is_start=parsed.start)


def _findings(parsed: argparse.Namespace) -> tuple[CheckFinding, ...]:
    """Check with the options of the command.

    A wrong option of an address is a finding, too.
    """
    first: list[CheckFinding] = []
    passphrase = None
    try:
        passphrase = passphrase_of(parsed)
    except SettingsError as bad:
        first.append(finding_of(Impact.START, "--passphrase-file", str(bad)))
    options = CheckOptions(parsed.dir, parsed.offline, parsed.start, passphrase)
    if any(getattr(parsed, name) is not None for name in _ADDRESSES):
        try:
            options = _with_addresses(options, parsed)
        except OptionError as bad:
            first.append(finding_of(Impact.START, "addresses of serve", str(bad)))
    return (*first, *check_authority(options))


def _with_addresses(options: CheckOptions, parsed: argparse.Namespace) -> CheckOptions:
    """Return the options with the addresses that `serve` would use.

    Raises OptionError.
    """
    plan = plan_of(parsed)
    places = [
        listen_address
        for listen_address in (plan.soap, plan.status, plan.people, plan.metrics)
        if listen_address is not None
    ]
    return CheckOptions(
        options.root,
        options.is_offline,
        options.is_start,
        options.passphrase,
        plan.pair,
        tuple((place.host, place.port) for place in places if place.path is None),
        plan.people is not None,
    )
