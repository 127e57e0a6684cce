"""Work of a run on one name: settings, renewal, holder's programs, memory."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import assert_never

from sinetti.client.agent import decisions, schedule
from sinetti.client.agent.decisions import Decision, NeedsOperator, Renew, ResumeRequest, Wait
from sinetti.client.agent.programs import HookRunner
from sinetti.client.messages import messages
from sinetti.client.messages.messages import Message, make_message
from sinetti.client.model import CertificateEntry, Config, DecisionReason
from sinetti.client.requests import operations
from sinetti.client.requests.exchange import ClientContext
from sinetti.client.results import CommandResult, ExitCode, Result, UsageError
from sinetti.client.store import agent_state, event_log, files, snapshot
from sinetti.client.store.agent_state import AgentState
from sinetti.client.store.event_log import EventType
from sinetti.client.store.journal import RequestKind
from sinetti.client.store.snapshot import NameSnapshot
from sinetti.domain.values import ValidityPeriod

ApplyConfig = Callable[[Path, CertificateEntry, Config, datetime], object]
"""Function that adapts the settings of a name to sinetti.toml.

Raises UsageError, StoreError, OSError.
"""

FetchLog = Callable[[str, str], bytes | None]
"""Function that returns a part of the log at an address (`log_proof.fetch_part`)."""

FetchDate = Callable[[str, str | None], datetime | None]
"""Function that returns the clock of the service at an address."""

_NO_FAILURE = frozenset({ExitCode.USAGE, ExitCode.INTERRUPTED})
"""Exit codes that are not counted, since every view shows them by itself."""

_RECEIVED = frozenset({Result.RENEWED, Result.ENROLLED})

NO_CERTIFICATE = ""
"""Placeholder for the serial if a report was about a name without certificate."""


class RunCancelled(Exception):
    """End of the whole run, raised where it would have slept."""


@dataclass(frozen=True)
class AgentContext:
    """Dependencies of a run.

    `code_of`: the exit code of a name in the views. `now_given`: `run.now` was given with --now and does not count for
    PRODUCTION. `report_alive` is called while the run goes on; it returns the seconds until the next call is due, or
    None. Without `fetch_log`, no log is asked, and without `fetch_date` no clock.
    """

    run: ClientContext
    config: Config
    programs: HookRunner
    settle: ApplyConfig
    now_given: bool = False
    code_of: Callable[[NameSnapshot, datetime], ExitCode] = lambda _seen, _now: ExitCode.DONE
    report_alive: Callable[[], float | None] = lambda: None
    fetch_log: FetchLog | None = None
    fetch_date: FetchDate | None = None


def process_name(agent: AgentContext, name_snapshot: NameSnapshot, decision: Decision) -> CommandResult | None:
    """Carry out the decision for one name and remember the result.

    Return None if there was nothing to do.
    """
    entry, outcome = agent.config.entry_of(name_snapshot.name), None
    on_message = agent.run.tell
    agent = replace(agent, run=replace(agent.run, tell=lambda message: on_message(about(name_snapshot.name, message))))
    if name_snapshot.has_partial_files:
        files.remove_partial(name_snapshot.folder)
    if isinstance(decision, Renew | ResumeRequest):
        outcome = _tried(agent, entry, name_snapshot, decision)
        by_hint = decision.early if isinstance(decision, Renew) else name_snapshot.memory.by_hint
        name_snapshot = _remember(
            agent, replace(name_snapshot, memory=replace(name_snapshot.memory, by_hint=by_hint)), outcome
        )
        decision = outcome_is_final(name_snapshot, outcome) or decision
    if isinstance(decision, NeedsOperator):
        outcome = _persons_turn(agent, name_snapshot, decision, outcome)
    return _bring_into_use(agent, entry, name_snapshot, outcome)


def fault(name: str, bad: Exception) -> CommandResult:
    """Return the outcome of a name at which the program itself failed."""
    return CommandResult(
        name, Result.FAILED, ExitCode.FAULT, (make_message(messages.OUR_FAULT, why=f"{type(bad).__name__}: {bad}"),)
    )


def about(name: str, message: Message) -> Message:
    """Add the name to a message that does not contain it."""
    return message if "name" in message.values else make_message(messages.ABOUT_NAME, name=name, message=message)


def outcome_is_final(name_snapshot: NameSnapshot, outcome: CommandResult) -> NeedsOperator | None:
    """Return the decision for an operator if the certificate can never be renewed.

    None unless the service has said so.
    """
    if outcome.result is Result.REFUSED and decisions.is_permanent(outcome.codes) and name_snapshot.in_use is not None:
        return NeedsOperator(DecisionReason.REVOKED if name_snapshot.is_revoked else DecisionReason.REFUSED_FOR_GOOD)
    return None


def _tried(
    agent: AgentContext, entry: CertificateEntry, name_snapshot: NameSnapshot, decision: Renew | ResumeRequest
) -> CommandResult:
    outcome = operations.run_isolated(name_snapshot.name, lambda _name: _attempt(agent, entry, name_snapshot, decision))
    event_log.append_outcome(name_snapshot.folder, agent.run.now_exact, outcome, agent.run.language)
    return outcome


def _attempt(
    agent: AgentContext, entry: CertificateEntry, name_snapshot: NameSnapshot, decision: Renew | ResumeRequest
) -> CommandResult:
    run, name = agent.run, name_snapshot.name
    try:
        agent.settle(name_snapshot.folder, entry, agent.config, run.now)
        match decision:
            case ResumeRequest(RequestKind.ENROL):
                return operations.retrieve(run, name)
            case ResumeRequest():
                return operations.renew(run, name, force=False, among_all=True)
            case Renew():
                return _renew(agent, entry, name_snapshot, decision)
            case never:
                assert_never(never)
    except UsageError as bad:
        return CommandResult(name, Result.FAILED, ExitCode.USAGE, (bad.message,))
    except RunCancelled:
        return CommandResult(
            name, Result.PENDING, ExitCode.INTERRUPTED, (make_message(messages.RUN_STOPPED, name=name),)
        )


def _renew(agent: AgentContext, entry: CertificateEntry, name_snapshot: NameSnapshot, decision: Renew) -> CommandResult:
    run = agent.run
    held_back = agent.programs.before(name_snapshot, entry, run.now_exact)
    if held_back and not decision.urgent:
        message = make_message(messages.BEFORE_HOLDS_BACK, name=name_snapshot.name)
        return CommandResult(name_snapshot.name, Result.FAILED, ExitCode.AGAIN, (*held_back, message))
    for one in held_back:
        run.tell(one)
    return operations.renew(run, name_snapshot.name, force=decision.early, among_all=True, only=name_snapshot.serial)


def _bring_into_use(
    agent: AgentContext, entry: CertificateEntry, name_snapshot: NameSnapshot, outcome: CommandResult | None
) -> CommandResult | None:
    done = outcome is not None and outcome.result in _RECEIVED
    if not done and not agent.programs.due(name_snapshot, entry, agent.run.now):
        return outcome
    ok, hook_messages = agent.programs.bring_into_use(name_snapshot.folder, entry, agent.run.now_exact)
    if outcome is None:
        outcome = CommandResult(name_snapshot.name, Result.NOT_DUE if ok else Result.FAILED, ExitCode.DONE, ())
    ended = outcome.exit_code if ok else max(outcome.exit_code, ExitCode.AGAIN)
    return replace(outcome, exit_code=ended, messages=outcome.messages + hook_messages)


def _remember(agent: AgentContext, name_snapshot: NameSnapshot, outcome: CommandResult) -> NameSnapshot:
    """Record the result of a try for the certificate that is in use now.

    Return the name as it is now in the store.
    """
    now = agent.run.now_exact
    after = snapshot.find_snapshot(name_snapshot.folder, for_agent=True) or name_snapshot
    if after.trouble is not None:
        return after
    known = name_snapshot.memory.for_serial(after.serial)
    if outcome.exit_code is ExitCode.DONE:
        known = replace(known, failures=0, next_try=None, codes=(), exit_code=ExitCode.DONE)
        if outcome.result in _RECEIVED:
            known = replace(known, received=now)
    elif outcome.exit_code not in _NO_FAILURE and outcome.messages[0].text != messages.STORE_LOCKED:
        known = failed(known, outcome, None if after.in_use is None else after.in_use.span, now)
    if known != agent_state.load_agent_state(
        name_snapshot.folder
    ):  # the stored memory may be about the former certificate
        agent_state.save_agent_state(name_snapshot.folder, known)
    return replace(after, memory=known)


def failed(known: AgentState, outcome: CommandResult, span: ValidityPeriod | None, now: datetime) -> AgentState:
    """Count one more failure and plan the next try.

    `span` is that of the certificate in use.
    """
    failures = known.failures + 1
    # A disk or a token costs the service nothing, so the next pass tries again.
    is_local = outcome.exit_code is ExitCode.STORE
    again = None if is_local else now + schedule.delay(failures, span, outcome.retry_after)
    return replace(known, failures=failures, next_try=again, codes=outcome.codes, exit_code=outcome.exit_code)


def _persons_turn(
    agent: AgentContext, name_snapshot: NameSnapshot, decision: NeedsOperator, outcome: CommandResult | None
) -> CommandResult | None:
    """Report once per certificate that a person has to act.

    The exit code shows it in every run.
    """
    about = reported_key(name_snapshot)
    if name_snapshot.memory.informed_serial == about:
        return outcome
    message = manual_action_message(name_snapshot, decision)
    if name_snapshot.in_use is not None:
        with contextlib.suppress(OSError):
            event_log.append(
                name_snapshot.folder,
                agent.run.now,
                EventType.REPLACEMENT_NEEDED,
                serial=about,
                why=decision.because.value,
            )
    agent_state.save_agent_state(name_snapshot.folder, replace(name_snapshot.memory, informed_serial=about))
    if outcome is None:
        result = Result.UNCERTAIN if decision.because is DecisionReason.ENROLMENT_UNCERTAIN else Result.REFUSED
        return CommandResult(name_snapshot.name, result, decisions.OPERATOR_EXIT_CODES[decision.because], (message,))
    return replace(outcome, messages=(*outcome.messages, message))


def reported_key(name_snapshot: NameSnapshot) -> str:
    """Return the key by which a name remembers that its operator was informed."""
    return NO_CERTIFICATE if name_snapshot.in_use is None else name_snapshot.in_use.serial


def manual_action_message(name_snapshot: NameSnapshot, decision: NeedsOperator) -> Message:
    """Return the message on the action that a name needs from a person."""
    if name_snapshot.in_use is None:
        if decision.because is DecisionReason.ENROLMENT_REFUSED:
            return make_message(messages.NOT_ENROLLED, name=name_snapshot.name)
        return make_message(messages.SEND_FIRST, name=name_snapshot.name, command=RequestKind.ENROL.value)
    if (warning := decisions.find_warning(name_snapshot)) is not None:
        return warning
    why = {
        DecisionReason.EXPIRED: make_message(messages.NEVER_EXPIRED, at=name_snapshot.in_use.span.not_after),
        DecisionReason.REVOKED: make_message(messages.NEVER_REVOKED),
    }.get(decision.because, make_message(messages.NEVER_REFUSED, codes=", ".join(name_snapshot.memory.codes)))
    return make_message(
        messages.ORDER_REPLACEMENT, name=name_snapshot.name, serial=name_snapshot.in_use.serial, why=why
    )


def exit_code(name_snapshot: NameSnapshot, decision: Decision, outcome: CommandResult | None) -> ExitCode:
    """Return the exit code of one name in a run: zero only if nothing is left to do."""
    left = ExitCode.DONE if outcome is None else outcome.exit_code
    if isinstance(decision, NeedsOperator):
        return max(left, decisions.OPERATOR_EXIT_CODES[decision.because])
    has_failed = isinstance(decision, Wait) and (
        decision.because is DecisionReason.AFTER_FAILURE
        or (decision.because is DecisionReason.MAINTENANCE and name_snapshot.memory.failures > 0)
    )
    if has_failed:
        return left or name_snapshot.memory.exit_code or ExitCode.AGAIN
    return left
