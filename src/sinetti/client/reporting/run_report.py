"""Report of a run: messages for people and JSON for programs."""

from datetime import datetime

from sinetti.client.agent import worker
from sinetti.client.agent.decisions import NeedsOperator, Renew, ResumeRequest, Wait
from sinetti.client.agent.runner import NameResult, RunReport
from sinetti.client.messages import messages
from sinetti.client.messages.messages import Message, make_message
from sinetti.client.model import AgentSettings, DecisionReason
from sinetti.client.reporting import status
from sinetti.client.results import ExitCode, Result
from sinetti.domain.values import Language
from sinetti.infra.clock import format_instant

_CHATTER = frozenset({messages.WAITING, messages.WAITING_ONE, messages.NO_ANSWER_YET})
"""Progress messages for a user who waits for one name, left out for many names."""

_WAITING = {
    DecisionReason.PLANNED: messages.WAITS_PLANNED,
    DecisionReason.MAINTENANCE: messages.WAITS_MAINTENANCE,
    DecisionReason.AFTER_FAILURE: messages.WAITS_AFTER_FAILURE,
}

_WORDS = {Renew: "renew", ResumeRequest: "go-on", Wait: "wait", NeedsOperator: "hopeless"}
"""Names of the decisions; the values stand in JSON."""


def is_verbose(message: Message) -> bool:
    """Return whether a message is only for a user who waits for one name."""
    inner = message.values.get("message")
    return message.text in _CHATTER or (isinstance(inner, Message) and inner.text in _CHATTER)


_OPENINGS = {messages.RENEW_FROM, messages.RENEW_FROM_HOURLY}


def result_messages(row: NameResult) -> tuple[Message, ...]:
    """Return the messages about one name after a run; none if nothing was done for it.

    The advice how often to run the command is left out, since the agent does that.
    """
    messages = () if row.outcome is None else row.outcome.messages
    return tuple(worker.about(row.seen.name, message) for message in messages if message.text not in _OPENINGS)


def plan_messages(row: NameResult) -> tuple[Message, ...]:
    """Return the messages on the planned action for a name, and on its damage."""
    planned, messages = _plan_message(row), result_messages(row)
    return messages if planned is None or worker.about(row.seen.name, planned) in messages else (planned, *messages)


def _plan_message(row: NameResult) -> Message | None:
    name = row.seen.name
    match row.decision:
        case Renew():
            return make_message(messages.WOULD_RENEW, name=name)
        case ResumeRequest():
            return make_message(messages.WOULD_GO_ON, name=name)
        case Wait(until, because):
            return make_message(_WAITING[because], name=name, at=until)
        case NeedsOperator():
            return worker.manual_action_message(row.seen, row.decision)
    return None


def summary(end: RunReport) -> tuple[Message, ...]:
    """Summarise a run, each name counted once, with the time of the next due action."""
    done = [row for row in end.rows if row.exit_code is ExitCode.DONE]
    renewed = sum(row.outcome is not None and row.outcome.result in _NEW for row in done)
    stuck = sum(row.exit_code in _NEEDS_ACTION for row in end.rows)
    left, well = len(end.rows) - len(done) - stuck, len(done) - renewed
    summary_messages = [
        messages.make_plural_message(messages.RUN_SUMMARY, len(end.rows), well=well, renewed=renewed, left=left)
    ]
    if stuck:
        summary_messages.append(messages.make_plural_message(messages.RUN_NEEDS_ACTION, stuck))
    if any(row.outcome is None and row.exit_code is not ExitCode.DONE for row in end.rows):
        summary_messages.append(make_message(messages.RUN_LEFT))
    if end.next_due is not None:
        summary_messages.append(make_message(messages.RUN_NEXT, at=end.next_due))
    return tuple(summary_messages)


def as_json(end: RunReport, at: datetime, care: AgentSettings, language: Language) -> dict[str, object]:
    """Return a run as JSON for programs."""
    return {
        "at": format_instant(at),
        "exit_code": int(end.exit_code),
        "next": None if end.next_due is None else format_instant(end.next_due),
        "names": [_row(row, at, care, language) for row in end.rows],
    }


def _row(row: NameResult, at: datetime, care: AgentSettings, language: Language) -> dict[str, object]:
    in_use, outcome, now = row.seen.in_use, row.outcome, status.status_of(row.after or row.seen, at, care)
    return {
        "name": row.seen.name,
        "serial": None if in_use is None else in_use.serial,
        "not_after": None if in_use is None else format_instant(in_use.span.not_after),
        "state": now.state.value,
        **status.explanation(now, language),
        "decision": None if row.decision is None else _WORDS[type(row.decision)],
        "because": (row.decision.because.value if isinstance(row.decision, Wait | NeedsOperator) else None),
        "next": None if row.next_at is None else format_instant(row.next_at),
        "result": None if outcome is None else outcome.result.value,
        "codes": [] if outcome is None else list(outcome.codes),
        "exit_code": int(row.exit_code),
    }


_NEEDS_ACTION = frozenset({ExitCode.FAULT, ExitCode.USAGE, ExitCode.REFUSED, ExitCode.STORE})
"""Exit codes of names that the agent alone cannot put right."""

_NEW = frozenset({Result.RENEWED, Result.ENROLLED})
