"""`sinetti remove`: take a name out of the store, with its keys."""

import argparse
import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from sinetti.cli.client import common
from sinetti.cli.client.status import put_metrics
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.console import Console
from sinetti.client.agent import renewal_info_poll, runner
from sinetti.client.messages import messages
from sinetti.client.messages.messages import Message, make_message
from sinetti.client.model import Config
from sinetti.client.reporting import metrics, status
from sinetti.client.requests import revoke
from sinetti.client.requests.exchange import ClientContext
from sinetti.client.requests.revoke import RevocationOutcome
from sinetti.client.results import ExitCode, UsageError
from sinetti.client.store import files, removal
from sinetti.client.store.journal import RequestKind
from sinetti.client.store.removal import RemovalPlan
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.i18n.translate import gettext_noop
from sinetti.infra import clock

EXAMPLE = (
    "examples, for a certificate that is no longer needed, and in a script:\n  sinetti remove payroll --revoke\n  "
    "sinetti remove payroll --store /var/lib/sinetti --yes\n\nThe removal cannot be undone. An enrolment that used "
    "nothing up is removed without a question."
)
REASON = RevocationReason.CESSATION_OF_OPERATION

LOSES_FOLDER = gettext_noop(
    "{name}: the folder {folder} will be deleted, with all keys, certificates and logs in it. Only a backup can "
    "restore them."
)
LOSES_CERTIFICATE = gettext_noop("The last certificate is {serial}, valid until {until}. State: {state}.")
LOSES_ENROLMENT = gettext_noop(
    "An enrolment is pending. Its transfer IDs may have been used. If so, order a new certificate."
)
LOSES_RENEWAL = gettext_noop("A renewal is pending. Its new certificate can no longer be retrieved.")
LOSES_DELIVERIES = gettext_noop("Its receipts and open deliveries will be deleted, too.")
LOSES_TOKEN_KEYS = gettext_noop("Its keys in the token {token} will be deleted, too.")
STILL_VALID = gettext_noop(
    "The certificate is still valid. It will no longer be renewed, and programs that read its files will fail. It is "
    "not revoked. To revoke it as well, cancel and use --revoke."
)
TYPE_TO_REMOVE = gettext_noop("To remove the name, type it ({name}):")
TYPE_AGAIN = gettext_noop("To remove the valid certificate, type the name again ({name}):")
CHANGED_MEANWHILE = gettext_noop(
    "Another command changed {name} meanwhile. Nothing was removed. Run the command again."
)
NOT_REVOKED = gettext_noop("{name}: the certificate was not revoked, so nothing was removed.")
REVOKE_ELSEWHERE = gettext_noop(
    "{name}: its certificate cannot be revoked with its own key. Nothing was removed. Revoke it in the e-service, then "
    "run the command without --revoke."
)
REMOVED = gettext_noop("{name} was removed from {store}, with its keys.")
REVOKED = gettext_noop("{name}: certificate {serial} is revoked.")
TABLE_LEFT = gettext_noop(
    "{path} still has a table for {name}. Delete the table. Otherwise the name is still shown, without a certificate."
)

_LOSES = {RequestKind.ENROL: LOSES_ENROLMENT, RequestKind.RENEW: LOSES_RENEWAL}


def register(subparsers: Commands) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "remove",
        help="take a name out of the store",
        description="Deletes a name from the store with its keys, certificates and log, also its keys in a token. "
        "Shows what will be lost, and asks for confirmation.",
        epilog=EXAMPLE,
    )
    parser.add_argument("name", metavar="NAME", help="name in the store")
    common.add_store(parser)
    parser.add_argument(
        "--revoke", action="store_true", help="revoke the certificate first (reason: cessationOfOperation)"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    common.add_common(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> ExitCode:
    """Remove one name."""
    console = common.console_of(parsed)
    common.require_store(parsed)
    common.config_of(parsed)  # mistakes in sinetti.toml are reported before anything is removed
    ctx = common.run_of(parsed, console, common.now_of(parsed, console))
    if not files.is_name(parsed.name) or not files.is_kept(parsed.store / parsed.name):
        _finish(parsed, ctx, console)
        return _report_removal(parsed, ctx, console, None, None)
    common.reject_now(parsed, parsed.name)
    plan = removal.plan_removal(parsed.store / parsed.name)
    if not parsed.yes and not plan.is_harmless:
        _ask(parsed, ctx, plan, console)
    revoked = None
    with runner.exclusive_run(parsed.store, ctx.now):
        now_there = removal.plan_removal(parsed.store / parsed.name)
        if (now_there.serial, now_there.requests) != (plan.serial, plan.requests):
            raise files.StoreLocked(CHANGED_MEANWHILE, name=parsed.name)
        if parsed.revoke and plan.is_valid(ctx.now):
            revoked = _revoke(parsed, ctx, console)
            if revoked.exit_code is not ExitCode.DONE:
                if parsed.json:
                    common.print_json(removal_json(parsed.name, plan, revoked, is_removed=False))
                return revoked.exit_code
        (parsed.store / renewal_info_poll.FILE).unlink(missing_ok=True)  # its service may be the only one in it
        removal.remove(parsed.store / parsed.name)
    return _report_removal(parsed, ctx, console, plan, revoked)


def _finish(parsed: argparse.Namespace, ctx: ClientContext, console: Console) -> None:
    """Complete a removal that was interrupted, which the user has confirmed.

    Raises UsageError if there is none, since the store does not have the name then.
    """
    if files.is_name(parsed.name) and parsed.name in removal.list_unfinished(parsed.store):
        with runner.exclusive_run(parsed.store, ctx.now):
            removal.finish(parsed.store, parsed.name)
        return
    _report_table(parsed, console)
    raise UsageError(messages.UNKNOWN_NAME, name=parsed.name, store=str(parsed.store))


def _ask(parsed: argparse.Namespace, ctx: ClientContext, plan: RemovalPlan, console: Console) -> None:
    """Show what will be lost, and ask; ask again about a valid certificate.

    Raises UsageError if the user does not confirm.
    """
    for message in _losses(parsed.store / parsed.name, plan, ctx):
        console.tell(message)
    common.confirm(make_message(TYPE_TO_REMOVE, name=parsed.name), parsed.name, console)
    if not plan.is_valid(ctx.now):
        return
    again = TYPE_AGAIN
    if parsed.revoke:
        again = messages.TYPE_THE_NAME
        for message in revoke.describe_impact(ctx, parsed.name, REASON):
            console.tell(message)
    else:
        console.tell(make_message(STILL_VALID))
    common.confirm(make_message(again, name=parsed.name), parsed.name, console)


def _losses(folder: Path, plan: RemovalPlan, ctx: ClientContext) -> Iterator[Message]:
    yield make_message(LOSES_FOLDER, name=folder.name, folder=str(folder))
    if plan.serial is not None and plan.until is not None:
        state = status.status_text(status.status_of(plan.seen, ctx.now))
        yield make_message(LOSES_CERTIFICATE, serial=plan.serial, until=plan.until, state=state)
    yield from (make_message(_LOSES[request]) for request in plan.requests)
    if plan.has_deliveries:
        yield make_message(LOSES_DELIVERIES)
    yield from (make_message(LOSES_TOKEN_KEYS, token=label) for label in plan.tokens)


def _revoke(parsed: argparse.Namespace, ctx: ClientContext, console: Console) -> RevocationOutcome:
    """Revoke the certificate, and report a failure."""
    try:
        # As in `sinetti revoke`, the signature bears the true time.
        ended = revoke.revoke(ctx, parsed.name, REASON, clock.utc_now())
    except files.StoreDamaged:
        console.tell(make_message(REVOKE_ELSEWHERE, name=parsed.name))
        raise
    if ended.exit_code is ExitCode.DONE:
        console.tell(make_message(REVOKED, name=parsed.name, serial=ended.serial))
        return ended
    for message in (*ended.messages, make_message(NOT_REVOKED, name=parsed.name)):
        console.tell(message)
    return ended


def _report_removal(
    parsed: argparse.Namespace,
    ctx: ClientContext,
    console: Console,
    plan: RemovalPlan | None,
    revoked: RevocationOutcome | None,
) -> ExitCode:
    """Report the removal, and update the metrics that sinetti.toml requests."""
    console.tell(make_message(REMOVED, name=parsed.name, store=str(parsed.store)))
    _report_table(parsed, console)
    if parsed.json:
        common.print_json(removal_json(parsed.name, plan, revoked, is_removed=True))
    config = _config(parsed)
    if config is None or (place := config.care.prometheus) is None:
        return ExitCode.DONE
    known = None
    with contextlib.suppress(OSError):
        known = metrics.last_run_of(place.read_bytes())
    now = ctx.now_exact
    try:
        rows = status.rows(replace(config, store=parsed.store), lambda _seen: now)
        put_metrics(str(place), parsed.store, rows, now, known)
    except UsageError as bad:
        console.tell(bad.message)
        return ExitCode.USAGE
    return ExitCode.DONE


def _report_table(parsed: argparse.Namespace, console: Console) -> None:
    config = _config(parsed)
    if config is not None and parsed.name in config.entries:
        console.tell(make_message(TABLE_LEFT, path=str(config.path), name=parsed.name))


def _config(parsed: argparse.Namespace) -> "Config | None":
    """Return the sinetti.toml of this store, or None if it is of another store."""
    config: Config | None = parsed.sinetti_toml
    return config if config is not None and config.store.resolve() == parsed.store.resolve() else None


def removal_json(
    name: str, plan: RemovalPlan | None, revoked: RevocationOutcome | None, *, is_removed: bool
) -> dict[str, object]:
    """Return the result of a removal as JSON."""
    return {
        "name": name,
        "serial": None if plan is None else plan.serial,
        "removed": is_removed,
        "revocation": None if revoked is None else revoked.result.value,
    }
