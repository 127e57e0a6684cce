"""`sinetti deploy`: run the hooks of a name now."""

import argparse
import threading

from sinetti.cli.client import common
from sinetti.cli.client.run import stop_signals
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.client.agent import deploy, runner, worker
from sinetti.client.agent.deploy import HookOrder, HookReport
from sinetti.client.messages import messages
from sinetti.client.messages.messages import make_message
from sinetti.client.model import HookStage, without_file
from sinetti.client.requests import operations
from sinetti.client.results import CommandResult, ExitCode, Result, UsageError, highest_exit_code
from sinetti.client.store import files

EXAMPLE = (
    "examples, after a hook was fixed, and to try new hooks:\n  sinetti deploy payroll --config "
    "/etc/sinetti/sinetti.toml\n  sinetti deploy --all --test\n\nexit codes: 0 done · 2 no such name or no hook "
    "· 4 a hook failed · 5 store damaged or locked"
)

_SKIPPED = frozenset({messages.NO_HOOK, messages.NOT_ENROLLED})
"""Messages about names among all for which there is nothing to run."""


def register(subparsers: Commands) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "deploy",
        help="run the hooks of a name now",
        description="Runs the deploy hook and then the after hook for the certificate in use, without waiting for the "
        "next attempt of the agent. Calls no service.",
        epilog=EXAMPLE,
    )
    common.add_names(parser)
    common.add_store(parser)
    parser.add_argument("--stage", choices=common.choices(HookStage), help="run only the hook of this stage")
    parser.add_argument("--test", action="store_true", help="only try the hooks, and mark nothing as done")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    common.add_common(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> ExitCode:
    """Run the hooks of one name or of all names, one after the other.

    A signal to stop lets the hooks of one name end, as in `sinetti run`.
    """
    console = common.console_of(parsed)
    wanted = common.one_or_all(parsed)
    common.require_store(parsed)
    if wanted is not None and not (files.is_name(wanted) and files.is_kept(parsed.store / wanted)):
        raise UsageError(messages.UNKNOWN_NAME, name=wanted, store=str(parsed.store))
    config = common.config_of(parsed) or without_file(parsed.store)
    ctx = common.run_of(parsed, console, common.now_of(parsed, console))
    order = HookOrder((HookStage(parsed.stage),), parsed.test) if parsed.stage else HookOrder(is_test=parsed.test)
    reports = dict[str, HookReport]()

    def run_hooks(name: str) -> CommandResult:
        common.reject_now(parsed, name)
        report = deploy.run_now(parsed.store / name, config.entry_of(name), order, ctx.now_exact)
        reports[name] = report
        code = ExitCode.DONE if report.ok else ExitCode.AGAIN
        return CommandResult(name, Result.NOT_DUE, code, report.messages)

    stop, outcomes = threading.Event(), list[CommandResult]()
    with stop_signals(stop, threading.Event(), console, is_lasting=False), runner.exclusive_run(parsed.store, ctx.now):
        names = files.list_names(parsed.store) if wanted is None else (wanted,)
        for name in names:
            if stop.is_set():
                break
            outcomes.append(operations.run_isolated(name, run_hooks) if wanted is None else run_hooks(name))
            for message in outcomes[-1].messages:
                if message.text not in _SKIPPED:
                    console.tell(worker.about(name, message))
    code = highest_exit_code(outcomes) if len(outcomes) == len(names) else ExitCode.INTERRUPTED
    if not reports and code is ExitCode.DONE:
        raise UsageError(messages.NO_HOOKS, store=str(parsed.store), stages=", ".join(order.stages))
    if parsed.json:
        common.print_json([row_json(outcome, reports.get(outcome.name)) for outcome in outcomes])
    if parsed.test:
        console.tell(make_message(messages.HOOKS_TESTED))
    return code


def row_json(outcome: CommandResult, report: HookReport | None) -> dict[str, object]:
    """Return the hooks that ran for a name as JSON."""
    ends = () if report is None else report.ends
    return {
        "name": outcome.name,
        "serial": None if report is None else report.serial,
        "hooks": [{"stage": end.stage.value, "result": end.word, "output": list(end.output)} for end in ends],
        "exit_code": int(outcome.exit_code),
    }
