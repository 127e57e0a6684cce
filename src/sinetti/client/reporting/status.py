"""Status of a store, one row per name, without any network call.

It has the cells of `sinetti status`, the details for programs, and the required action of each name with its urgency.
`sinetti status` sorts by urgency, and `--check` reports it.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from sinetti.client import renewal_window
from sinetti.client.agent import decisions, runner
from sinetti.client.agent.decisions import Decision
from sinetti.client.config import apply
from sinetti.client.messages import messages
from sinetti.client.messages.messages import Message, make_message
from sinetti.client.model import AgentSettings, Config, DecisionReason
from sinetti.client.renewal_window import ValidityPhase
from sinetti.client.results import ExitCode
from sinetti.client.store import event_log, files, journal, key_checks, output_files, snapshot
from sinetti.client.store.event_log import EventType, LogEvent
from sinetti.client.store.journal import RequestState
from sinetti.client.store.snapshot import NameSnapshot
from sinetti.domain.certificates.renewal_info import in_proportion
from sinetti.domain.values import Language
from sinetti.i18n import translate
from sinetti.i18n.translate import gettext_noop
from sinetti.infra.clock import instant_or_none


class NameStatus(StrEnum):
    """State of a name; the values are those of JSON."""

    PENDING = "pending"
    VALID = "valid"
    RENEWAL_OPEN = "renewal-open"
    EXPIRED = "expired"
    REVOKED = "revoked"
    UNCERTAIN = "uncertain"
    DAMAGED = "damaged"
    MISSING = "missing"
    """sinetti.toml has a table for it, and the store has lost it or never had it."""
    NOT_ENROLLED = "not-enrolled"
    """sinetti.toml has a table for it that says `enrolled = false`."""


AGENT_DEFAULTS = AgentSettings()


@dataclass(frozen=True)
class StatusRow:
    """One name at `now`.

    Times UTC; what is not known is None. `seen` is the snapshot behind the row.
    """

    name: str
    state: NameStatus
    seen: NameSnapshot
    now: datetime
    label: Message | None = None
    """Text for users in place of the state's own word."""
    care: AgentSettings = AGENT_DEFAULTS
    """Settings of the agent, which plan the next action."""

    @property
    def renew_from(self) -> datetime | None:
        """The first instant at which the service renews as a rule (`renewal_opens_at`)."""
        return None if self.seen.span is None else renewal_window.renewal_opens_at(self.seen.span)

    @property
    def days_left(self) -> int | None:
        """Whole days of 24 hours until the end, negative after it."""
        return None if self.seen.span is None else (self.seen.span.not_after - self.now).days

    @property
    def decision(self) -> Decision | None:
        """The agent's decision at `now`; None if the name cannot be used."""
        if self.seen.trouble is not None:
            return None
        try:
            return decisions.decide(self.seen, self.care, self.now)
        except OverflowError:  # dates at the limits of the calendar, which the agent reports
            return None

    @property
    def is_planned(self) -> bool:
        """True if the agent renews later, so that former failures do not count.

        A clock that was ahead or a withdrawn hint may have caused them.
        """
        decision = self.decision
        return isinstance(decision, decisions.Wait) and decision.because is DecisionReason.PLANNED

    @property
    def next_at(self) -> datetime | None:
        """The time of the agent's next action, as `sinetti run` reports it."""
        decision = self.decision
        return None if decision is None else decisions.next_action_at(self.seen, decision)

    def as_json(self, language: Language) -> dict[str, object]:
        """Return the row as `status --json` prints it; the sentences in one language."""
        return {
            "name": self.name,
            "customer_id": self.seen.customer_id,
            "serial": self.seen.serial,
            "not_after": instant_or_none(self.seen.not_after),
            "state": self.state.value,
            "renew_from": instant_or_none(self.renew_from),
            "service": self.seen.service,
            **explanation(self, language),
        }


URGENT = timedelta(days=14)
"""Remaining life below which a certificate that was not renewed needs a person.

Less if its whole life is shorter than 180 days.
"""

TRIES = 5
"""Number of failed tries of the agent after which a person has to look.

They take two and a half hours.
"""


class RequiredAction(StrEnum):
    """Required action, the most urgent first; the values are those of JSON."""

    REPAIR = "repair"
    RESTORE = "restore"
    REPLACE = "replace"
    RESOLVE = "resolve"
    ENROL = "enrol"
    CORRECT = "correct"
    RENEW = "renew"
    REPORT_LOG = "report-log"
    DEPLOY = "deploy"
    SET_CLOCK = "set-clock"
    GO_ON = "go-on"
    ORDER = "order"
    WAIT = "wait"
    NOTHING = "nothing"


WORDS = {
    RequiredAction.REPLACE: gettext_noop("Order a replacement, then run “sinetti enrol {name}”."),
    RequiredAction.RESOLVE: gettext_noop(
        "Run “sinetti renew {name}” again. If the outcome is still unknown, ask the service's support."
    ),
    RequiredAction.ENROL: gettext_noop("Run “sinetti enrol {name}” again."),
    RequiredAction.RENEW: gettext_noop("Run “sinetti renew {name}” and follow its advice."),
    RequiredAction.DEPLOY: gettext_noop(
        "Fix the deploy hook (“sinetti log {name}” shows what failed), then run “sinetti deploy {name}”."
    ),
    RequiredAction.SET_CLOCK: gettext_noop("Check this computer's clock."),
    RequiredAction.GO_ON: gettext_noop("Run “sinetti retrieve {name}”."),
    RequiredAction.ORDER: gettext_noop(
        "Order a certificate in the e-service, then run “sinetti enrol {name}” with its transfer IDs. If "
        "you do not need it, remove the table."
    ),
}
JKS_STEP = gettext_noop(
    "Run “sinetti run”, which makes certificate.jks or names the cause. It needs Java's keytool and a password of at "
    "least six characters. Or use the format pkcs12."
)
LOCAL_FAILURE = gettext_noop(
    "The last attempt could not use the disk or the token. Run “sinetti run”, which names the fault, and correct it."
)
ENROL_OR_DELETE = gettext_noop("Run “sinetti enrol {name}” again, or “sinetti remove {name}” if you do not need it.")
ENROL_RESOLVE = gettext_noop(
    "Run “sinetti enrol {name}” again. If the outcome is still unknown, ask the service's support."
)

EXIT_CODES = {
    RequiredAction.REPAIR: ExitCode.STORE,
    RequiredAction.RESTORE: ExitCode.REFUSED,
    RequiredAction.REPLACE: ExitCode.REFUSED,
    RequiredAction.RESOLVE: ExitCode.UNCERTAIN,
    RequiredAction.ENROL: ExitCode.REFUSED,
    RequiredAction.CORRECT: ExitCode.USAGE,
    RequiredAction.RENEW: ExitCode.AGAIN,
    RequiredAction.REPORT_LOG: ExitCode.DONE,
    RequiredAction.DEPLOY: ExitCode.AGAIN,
    RequiredAction.SET_CLOCK: ExitCode.AGAIN,
    RequiredAction.GO_ON: ExitCode.AGAIN,
    RequiredAction.ORDER: ExitCode.DONE,
    RequiredAction.WAIT: ExitCode.DONE,
    RequiredAction.NOTHING: ExitCode.DONE,
}

_STATES = {
    NameStatus.DAMAGED: RequiredAction.REPAIR,
    NameStatus.MISSING: RequiredAction.RESTORE,
    NameStatus.REVOKED: RequiredAction.REPLACE,
    NameStatus.EXPIRED: RequiredAction.REPLACE,
    NameStatus.UNCERTAIN: RequiredAction.RESOLVE,
    NameStatus.NOT_ENROLLED: RequiredAction.ORDER,
}
_RANKS = {action: number for number, action in enumerate(RequiredAction)}


def required_action(row: StatusRow) -> RequiredAction:
    """Return the required action of a name.

    WAIT: the agent is working on it, or the certificate is renewed soon.
    """
    snapshot = row.seen
    if row.state is NameStatus.EXPIRED and snapshot.memory.is_clock_ahead:
        return RequiredAction.SET_CLOCK
    by_state = _STATES.get(row.state)
    if by_state is not None:
        return by_state
    if snapshot.span is None:
        return RequiredAction.GO_ON if row.label is None else RequiredAction.ENROL
    if is_hopeless(row):
        return RequiredAction.REPLACE
    if snapshot.conflict is not None:
        return RequiredAction.CORRECT
    failures = snapshot.memory.failures
    if failures and not row.is_planned and snapshot.memory.exit_code is ExitCode.STORE:
        return RequiredAction.REPAIR
    near = snapshot.span.not_after - row.now < in_proportion(URGENT, snapshot.span)
    if (failures >= TRIES and not row.is_planned) or (near and row.state is not NameStatus.PENDING):
        return RequiredAction.RENEW
    lesser = (
        (snapshot.log_fault is not None, RequiredAction.REPORT_LOG),
        (snapshot.is_undeployed, RequiredAction.DEPLOY),
        (snapshot.is_clock_behind(row.now), RequiredAction.SET_CLOCK),
        (row.state is NameStatus.PENDING, RequiredAction.GO_ON),
        (failures > 0 or row.state is NameStatus.RENEWAL_OPEN, RequiredAction.WAIT),
    )
    return next((action for is_due, action in lesser if is_due), RequiredAction.NOTHING)


def is_hopeless(row: StatusRow) -> bool:
    """Return whether the agent still finds that the certificate cannot be renewed.

    If its clock was ahead, it took the certificate for an expired one.
    """
    reported_serial = row.seen.memory.informed_serial
    return (
        reported_serial is not None
        and reported_serial == row.seen.serial
        and isinstance(row.decision, decisions.NeedsOperator)
    )


def is_deployed(row: StatusRow) -> bool | None:
    """Return whether the certificate in use was deployed.

    None if no deployment is recorded or there is no certificate.
    """
    deployment = row.seen.deployment
    return None if deployment is None or row.seen.serial is None else deployment.serial == row.seen.serial


def words(row: StatusRow) -> Message | None:
    """Return the message about the required action; None if there is none."""
    todo = required_action(row)
    if todo is RequiredAction.ENROL and row.seen.dispensable:
        return make_message(ENROL_OR_DELETE, name=row.name)
    if todo is RequiredAction.RESOLVE and row.seen.span is None:
        return make_message(ENROL_RESOLVE, name=row.name)
    if todo is RequiredAction.GO_ON and any(journal.state is RequestState.POSTPONED for journal in row.seen.open):
        return make_message(
            WORDS[RequiredAction.ENROL if row.seen.span is None else RequiredAction.RENEW], name=row.name
        )
    if todo in {RequiredAction.REPAIR, RequiredAction.RESTORE}:
        return row.seen.damage_message(row.now) or make_message(LOCAL_FAILURE)
    own = {
        RequiredAction.CORRECT: row.seen.conflict,
        RequiredAction.REPLACE: decisions.find_warning(row.seen),
        RequiredAction.SET_CLOCK: decisions.find_warning(row.seen),
        RequiredAction.REPORT_LOG: None if row.seen.log_fault is None else row.seen.log_fault.message,
    }.get(todo)
    if own is not None:
        return own
    if todo is RequiredAction.DEPLOY and is_jks_missing(row):
        return make_message(JKS_STEP)
    return make_message(WORDS[todo], name=row.name) if todo in WORDS else None


def explanation(row: StatusRow, language: Language) -> dict[str, object]:
    """Return `reason` and `advice` of a row in JSON; None for what does not apply."""
    is_well = required_action(row) is RequiredAction.NOTHING
    what, step = row.seen.damage(row.now) or (row.seen.conflict or status_text(row), None)
    step = step or words(row)
    return {
        "reason": None if is_well else messages.render(what, language),
        "advice": None if step is None else messages.render(step, language),
    }


def is_jks_missing(row: StatusRow) -> bool:
    """Return whether keytool could not make the JKS of the certificate in use."""
    return output_files.JKS in output_files.missing_formats(files.live_path(row.seen.folder), row.seen.files)


def sort_by_urgency(rows: Iterable[StatusRow]) -> list[StatusRow]:
    """Sort by required action, the most urgent first, then by end, then by name."""
    return sorted(
        rows, key=lambda row: (_RANKS[required_action(row)], row.days_left is None, row.days_left or 0, row.name)
    )


def exit_code(rows: Iterable[StatusRow]) -> ExitCode:
    """Return the highest exit code of the required actions.

    0 if no person is needed.
    """
    return max(map(exit_code_of, rows), default=ExitCode.DONE)


def exit_code_of(row: StatusRow) -> ExitCode:
    """Return the exit code of one name.

    It is the highest of the required action's, that of a fault of the log, and AGAIN for a failed deployment or a
    clock that is behind.
    """
    fault = None if row.seen.trouble is not None else row.seen.log_fault
    code = max(EXIT_CODES[required_action(row)], ExitCode.DONE if fault is None else fault.code)
    is_unsettled = row.seen.trouble is None and (row.seen.is_undeployed or row.seen.is_clock_behind(row.now))
    return max(code, ExitCode.AGAIN) if is_unsettled else code


SAID = {
    NameStatus.PENDING: messages.STATE_PENDING,
    NameStatus.VALID: messages.STATE_VALID,
    NameStatus.RENEWAL_OPEN: messages.STATE_RENEWAL_OPEN,
    NameStatus.EXPIRED: messages.STATE_EXPIRED,
    NameStatus.REVOKED: messages.STATE_REVOKED,
    NameStatus.UNCERTAIN: messages.STATE_UNCERTAIN,
    NameStatus.DAMAGED: messages.STATE_DAMAGED,
    NameStatus.MISSING: messages.STATE_MISSING,
    NameStatus.NOT_ENROLLED: messages.STATE_NOT_ENROLLED,
}

PHASES = {
    ValidityPhase.VALID: NameStatus.VALID,
    ValidityPhase.RENEWAL_OPEN: NameStatus.RENEWAL_OPEN,
    ValidityPhase.EXPIRED: NameStatus.EXPIRED,
}


def row(store: Path, name: str, now: datetime) -> StatusRow:
    """Return the status of one name at `now`. Damage is a state, not an error."""
    return status_of(snapshot.load_snapshot(store / name), now)


def rows(
    config: Config,
    now_of: Callable[[NameSnapshot], datetime],
    now: datetime | None = None,
    only: Collection[str] = (),
) -> tuple[StatusRow, ...]:
    """Return the status of the names of store and sinetti.toml, sorted by name.

    `now_of` returns the instant for each. At `now`, keys that did not move since they were compared are not opened.
    Raises OSError if the store cannot be read.
    """
    checks = None if now is None else key_checks.load(config.store, now)
    snapshots = apply.list_configured(config, checks=checks, only=only)
    rows = [status_of(snapshot, now_of(snapshot), config.care) for snapshot in snapshots]
    twins = runner.find_duplicates(config.store, [(row.seen, row.decision) for row in rows])
    return tuple(
        replace(row, seen=replace(row.seen, conflict=twins[row.name])) if row.name in twins else row for row in rows
    )


def status_of(snapshot: NameSnapshot, now: datetime, care: AgentSettings = AGENT_DEFAULTS) -> StatusRow:
    """Return the status of a name at `now`, as far as its snapshot shows it."""
    if snapshot.trouble is not None:
        state = NameStatus.DAMAGED if snapshot.absence is None else NameStatus.MISSING
        return StatusRow(snapshot.name, state, snapshot, now, care=care)
    if snapshot.absence is not None:
        return StatusRow(snapshot.name, NameStatus.NOT_ENROLLED, snapshot, now, care=care)
    state = _state(snapshot, now)
    if snapshot.exposed is not None and state is not NameStatus.UNCERTAIN:  # that has the higher exit code
        return StatusRow(snapshot.name, NameStatus.DAMAGED, snapshot, now, care=care)
    if snapshot.span is None:
        return StatusRow(snapshot.name, state, snapshot, now, _enrolment_label(snapshot), care)
    is_early = state is NameStatus.VALID and now < snapshot.span.not_before
    label = make_message(messages.STATE_NOT_YET, at=snapshot.span.not_before) if is_early else None
    return StatusRow(snapshot.name, state, snapshot, now, label, care)


def _enrolment_label(snapshot: NameSnapshot) -> Message | None:
    """Return the message about a first enrolment without a certificate.

    An enrolment without a journal was refused permanently.
    """
    if not snapshot.open:
        return make_message(messages.STATE_REFUSED)
    held = snapshot.open[0]
    if held.state is RequestState.REFUSED:
        return make_message(messages.STATE_REFUSED_WITH, codes=", ".join(held.codes))
    return make_message(messages.STATE_NOT_SENT) if held.state is RequestState.PREPARED else None


def _state(snapshot: NameSnapshot, now: datetime) -> NameStatus:
    """Return the state that a person has to know first."""
    if snapshot.is_revoked:
        return NameStatus.REVOKED
    phase = None if snapshot.span is None else renewal_window.phase(snapshot.span, now)
    if phase is ValidityPhase.EXPIRED:
        return NameStatus.EXPIRED
    if any(held.state in journal.OPEN_QUESTION for held in snapshot.open):
        return NameStatus.UNCERTAIN
    if phase is None or any(held.state in journal.UNDER_WAY for held in snapshot.open):
        return NameStatus.PENDING
    return PHASES[phase]


HEAD = (
    gettext_noop("Name"),
    gettext_noop("Organisation"),
    gettext_noop("State"),
    gettext_noop("Valid until (Finnish time)"),
    gettext_noop("Days left"),
    gettext_noop("Next action"),
)
"""Names of the columns."""

ADVICE = gettext_noop("Advice")
ORGANISATION, STATE, DAYS_LEFT = 1, 2, 4
"""Numbers of columns."""

HOPELESS = gettext_noop("valid, can no longer be renewed")
NOT_DEPLOYED = gettext_noop("{state}, not yet put into use")
LOG_FAULT = gettext_noop("{state}, fault in the service's log")
FAILING_ONCE = gettext_noop("{state}, one attempt failed")
FAILING = gettext_noop("{state}, {failures} attempts failed")
FAILING_WITH = gettext_noop("{state}, {failures} attempts failed ({codes})")
NOW = gettext_noop("now")

ENVIRONMENT = gettext_noop("Environment")
SERVICE = gettext_noop("Service")
SERIAL = gettext_noop("Serial number")
VALID_FROM = gettext_noop("Valid from")
VALID_UNTIL = gettext_noop("Valid until")
FILES = gettext_noop("Files")
LATEST_EVENT = gettext_noop("Latest event")
HOOK_OUTPUT = gettext_noop("Output of the failed hook")
FINNISH_TIME = gettext_noop("{instant} (Finnish time)")

_WITHOUT_RENEWAL = frozenset({NameStatus.DAMAGED, NameStatus.MISSING, NameStatus.EXPIRED, NameStatus.REVOKED})


def row_cells(row: StatusRow, language: Language) -> tuple[str, ...]:
    """Return the cells of one line, and the advice or an empty text.

    Instants are in Finnish time.
    """
    return (
        row.name,
        _organisation(row) or "–",
        messages.render(status_text(row), language),
        "–" if row.seen.span is None else translate.format_short(row.seen.span.not_after),
        "–" if row.days_left is None else translate.number(row.days_left, language),
        _next_action(row, language),
        advice(row, language),
    )


def advice(row: StatusRow, language: Language) -> str:
    """Return the text about the required action; empty if there is none."""
    what = words(row)
    return "" if what is None else messages.render(what, language)


def detail_pairs(row: StatusRow, folder: Path, language: Language) -> list[tuple[str, str]]:
    """Return names and values of the details of one name.

    Unknown values are left out.
    """
    snapshot, span, next_action = row.seen, row.seen.span, _next_at(row)

    def in_finland(at: datetime | None) -> str | None:
        """Return an instant in Finnish time, or None."""
        written = None if at is None else translate.format_short(at)
        return None if written is None else translate.translate(FINNISH_TIME, language, instant=written)

    when = in_finland(next_action) if next_action is not None else _next_action(row, language)
    pairs = (
        (HEAD[STATE], messages.render(status_text(row), language)),
        (HEAD[ORGANISATION], _organisation(row)),
        (ENVIRONMENT, None if snapshot.environment is None else snapshot.environment.value),
        (SERVICE, snapshot.service),
        (SERIAL, snapshot.serial),
        (VALID_FROM, in_finland(snapshot.not_before)),
        (VALID_UNTIL, in_finland(snapshot.not_after)),
        (HEAD[DAYS_LEFT], None if row.days_left is None else translate.number(row.days_left, language)),
        (HEAD[-1], None if when == "–" else when),
        (FILES, None if span is None else str(folder / files.LIVE)),
    )
    return [(translate.translate(name, language), messages.strip_control_chars(text)) for name, text in pairs if text]


def header(language: Language) -> tuple[str, ...]:
    """Return the names of the columns."""
    return tuple(translate.translate(text, language) for text in HEAD)


def status_text(row: StatusRow) -> Message:
    """Return the text of a name's state, with the failures of the agent."""
    word = row.label or make_message(SAID[row.state])
    memory = row.seen.memory
    if row.state not in _WITHOUT_RENEWAL and is_hopeless(row):
        return make_message(HOPELESS)
    if memory.failures and not row.is_planned and row.state not in _WITHOUT_RENEWAL:
        if memory.failures == 1:
            return make_message(FAILING_ONCE, state=word)
        codes = ", ".join(map(messages.strip_control_chars, memory.codes))
        if codes:
            return make_message(FAILING_WITH, state=word, failures=memory.failures, codes=codes)
        return make_message(FAILING, state=word, failures=memory.failures)
    if required_action(row) is RequiredAction.REPORT_LOG:
        return make_message(LOG_FAULT, state=word)
    return (
        make_message(NOT_DEPLOYED, state=word) if row.seen.is_undeployed and row.state not in _WITHOUT_RENEWAL else word
    )


def details(row: StatusRow, folder: Path, language: Language) -> dict[str, object]:
    """Return the row with the members that `--details` adds.

    Reads the name's log. Without access to it there is no last event.
    """
    snapshot, memory, hint, deployment = row.seen, row.seen.memory, row.seen.memory.hint, row.seen.deployment
    last, output = latest_events(folder)
    return row.as_json(language) | {
        "customer_name": snapshot.customer_name,
        "environment": None if snapshot.environment is None else snapshot.environment.value,
        "not_before": instant_or_none(snapshot.not_before),
        "days_left": row.days_left,
        "todo": required_action(row).value,
        "open": [
            {"kind": row.folder.name, "state": row.state.value, "codes": list(row.codes)} for row in snapshot.open
        ],
        "failures": memory.failures,
        "next_try": instant_or_none(memory.next_try),
        "next": None if _is_final(row) else instant_or_none(row.next_at),
        "codes": list(memory.codes),
        "replacement_needed": required_action(row) is RequiredAction.REPLACE,
        "hint": None if hint is None else {"start": instant_or_none(hint.start), "end": instant_or_none(hint.end)},
        "deployed": is_deployed(row),
        "deploy_tries": 0 if deployment is None else deployment.tries,
        "deploy_next": None if deployment is None else instant_or_none(deployment.next_try),
        "last_event": None
        if last is None
        else {"at": instant_or_none(last.at), "event": last.event.value, **last.facts},
        "hook_output": list(output),
    }


def latest_events(folder: Path) -> tuple[LogEvent | None, tuple[str, ...]]:
    """Return the last entry of a name's log, and the output of a failed last hook.

    Return None and no lines if there are none, or without access to the log.
    """
    try:
        log_events = list(event_log.read(folder))
    except OSError:
        return None, ()
    hook = next((log_event for log_event in reversed(log_events) if log_event.event is EventType.HOOK), None)
    return next(reversed(log_events), None), () if hook is None else event_log.output_of(hook)


def _organisation(row: StatusRow) -> str:
    names = (row.seen.customer_id, row.seen.customer_name)
    return " ".join(messages.strip_control_chars(name) for name in names if name)


def _next_action(row: StatusRow, language: Language) -> str:
    """Return the instant of the next action of the agent.

    It is "now" if the action is due, and a dash if there is none.
    """
    at = _next_at(row)
    if at is not None:
        return translate.format_short(at)
    return "–" if _is_final(row) else translate.translate(NOW, language)


def _next_at(row: StatusRow) -> datetime | None:
    """Return the instant of the next action of the agent.

    None if there is none, or if it is due.
    """
    at = None if _is_final(row) else row.next_at
    return at if at is not None and at > row.now else None


def _is_final(row: StatusRow) -> bool:
    has_end = row.seen.trouble is not None or required_action(row) is RequiredAction.REPLACE
    return row.renew_from is None or has_end or is_hopeless(row)
