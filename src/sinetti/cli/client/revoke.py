"""`sinetti revoke`: revoke a certificate with its own key."""

import argparse

from sinetti.cli.client import common
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.console import Console
from sinetti.client.messages import error_reasons, messages
from sinetti.client.messages.messages import make_message
from sinetti.client.requests import revoke
from sinetti.client.requests.exchange import ClientContext
from sinetti.client.requests.revoke import RevocationOutcome
from sinetti.client.results import ExitCode
from sinetti.client.store import files
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.infra import clock
from sinetti.infra.clock import instant_or_none

EXAMPLE = (
    "example, when the key may have been exposed:\n  sinetti revoke payroll --store /var/lib/sinetti --reason "
    "keyCompromise\n\nReasons: unspecified, keyCompromise, affiliationChanged, superseded, "
    "cessationOfOperation (RFC 5280).\nA revocation is permanent. If the key is lost, revoke the certificate "
    "in the e-service."
)


def register(subparsers: Commands) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "revoke",
        help="revoke a certificate permanently",
        description="Asks the service to revoke the certificate in use. The request is signed with its own key. Shows "
        "the consequences and asks for confirmation.",
        epilog=EXAMPLE,
    )
    parser.add_argument("name", metavar="NAME", help="name in the store")
    common.add_store(parser)
    parser.add_argument("--reason", required=True, choices=[reason.value for reason in revoke.REASONS], help="why")
    parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    common.add_common(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> ExitCode:
    """Revoke the certificate of one name."""
    console = common.console_of(parsed)
    common.reject_now(parsed, parsed.name)
    outside = common.run_of(parsed, console, common.now_of(parsed, console))
    reason = RevocationReason(parsed.reason)
    try:
        if not parsed.yes and not revoke.is_revoked(outside, parsed.name):
            _ask(outside, parsed.name, reason, console)
        # The signature bears the true time: its reader uses the machine's clock, on a bench, too.
        ended = revoke.revoke(outside, parsed.name, reason, clock.utc_now())
    except OSError as bad:
        raise files.StoreError(error_reasons.store_unusable(bad, parsed.name)) from bad
    for message in ended.messages:
        console.tell(message)
    if parsed.json:
        common.print_json(revocation_json(parsed.name, ended))
    return ended.exit_code


def revocation_json(name: str, ended: RevocationOutcome) -> dict[str, object]:
    """Return the result of a revocation as JSON."""
    return {
        "name": name,
        "serial": ended.serial,
        "result": ended.result.value,
        "revoked_at": instant_or_none(ended.revoked_at),
        "reason": ended.reason,
    }


def _ask(ctx: ClientContext, name: str, reason: RevocationReason, console: Console) -> None:
    """Print the consequences of a revocation and have the user type the name.

    Raises UsageError if the user types another name, or standard input is no terminal.
    """
    for message in revoke.describe_impact(ctx, name, reason):
        console.tell(message)
    common.confirm(make_message(messages.TYPE_THE_NAME, name=name), name, console)
