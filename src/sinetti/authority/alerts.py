"""Alerts for operators in sentences, for the log, the health check and `status`."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Generic, TypeVar, cast

from sinetti.authority.bootstrap import Authority
from sinetti.authority.data_directory import FolderError
from sinetti.authority.signer_memory import SignerMemory, Unregistered, remote_store
from sinetti.database.authorities.successions import list_closed, list_planned
from sinetti.database.connection import Database
from sinetti.database.issuance import crls, unregistered, unrestored_people
from sinetti.database.notifications import bounces
from sinetti.database.notifications.outbox_queries import LATE, outbox_summary
from sinetti.database.notifications.reminders import find_unreachable
from sinetti.domain.authorities.timetable import DatedStep, Timetable, plan_successions
from sinetti.domain.notifications.reminders import ReminderSchedule
from sinetti.domain.operations.monitoring import (
    FindingKind,
    ListEnd,
    MonitoringFinding,
    list_alarms,
)
from sinetti.domain.validation import pluralise
from sinetti.domain.values import Serial
from sinetti.infra.clock import monotonic_seconds
from sinetti.journal.shipment import shipping_lag
from sinetti.notifications.context import LADDER, deferred_kinds, is_holiday
from sinetti.pki.encoding import load_certificate, serial_hex
from sinetti.pki.signers import SignerUnavailable
from sinetti.server.process_exit import request_id
from sinetti.services.facts import LogBrokenError
from sinetti.services.issuance.clock_guard import clock_check
from sinetti.services.monitoring.findings import (
    bulk_findings,
    certificate_findings,
    check_crls,
    check_ocsp_age,
    stored_crls,
)
from sinetti.services.monitoring.health import issuing_check, journal_check, lists_check, register_check
from sinetti.settings.optional_parts import describe_parts

_NAMED = 5
"""Largest number of serials in one sentence."""

SHIPPED_WITHIN = timedelta(minutes=10)
"""Lag of the journals' copies that is reported."""

REPORTED_EVERY = 24 * 3600.0
"""Seconds between two log entries about the same."""

LOOKED_EVERY = 60.0
"""Seconds between two runs of the watchdog for the health check.

A load balancer calls the health check every second.
"""

SELDOM = 20
"""Least ratio of the pause between two runs to the duration of a run.

With a million revocations, one run takes many seconds.
"""

_NO_MORE: Mapping[str, bytes] = MappingProxyType({})

_log = logging.getLogger(__name__)


def readiness_checks(authority: Authority) -> Mapping[str, Callable[[], str | None]]:
    """Return the checks without which a node cannot work, by name.

    Each function returns the problem, or None.
    """
    ctx = authority.ctx
    return {
        "register": lambda: register_check(ctx),
        "journal": lambda: journal_check(ctx),
        "issuing-keys": lambda: issuing_check(ctx),
        "response-signer": lambda: _seals(authority),
        "revocation-lists": lambda: lists_check(ctx, request_id()),
        "clock": clock_check(authority.clock),
        "channels": lambda: _joined(channel_findings(authority)),
    }


def _seals(authority: Authority) -> str | None:
    """Return None if responses can be signed, else the reason."""
    try:
        authority.responses.seal()
    except (FolderError, SignerUnavailable, OSError) as away:
        return f"answers cannot be signed: {away}"
    return None


def health_warnings(authority: Authority) -> Mapping[str, Callable[[], str | None]]:
    """Return the warnings of the health check by name.

    Each function returns a sentence, or None if there is nothing to report.
    """
    return {
        "succession": lambda: succession(authority),
        "offline-lists": lambda: offline_lists(authority),
        "status": PacedCheck(lambda: status(authority)),
        "messages": PacedCheck(lambda: messages(authority)),
        "unregistered": lambda: _joined(unregistered_findings(authority)),
        "optional-parts": lambda: describe_parts(authority.left_out),
    }


def journal_shipping_lag(authority: Authority) -> timedelta | None:
    """Return the lag of the journals' copies, or None if nothing is shipped."""
    return shipping_lag(authority.folder.journal_shipped, authority.journal.folder, authority.ctx.machine_now())


def shipping_findings(authority: Authority) -> Iterator[MonitoringFinding]:
    """Yield a finding about copies of the journals that lag."""
    lag = journal_shipping_lag(authority)
    if lag is None or lag < SHIPPED_WITHIN:
        return
    since = "never were complete" if lag == timedelta.max else f"lack lines since {int(lag.total_seconds()) // 60} min"
    sentence = f"the copies of the journals {since}: look at sinetti authority journal ship"
    yield MonitoringFinding(FindingKind.JOURNAL_NOT_SHIPPED, "journal", sentence)


def fact_findings(authority: Authority, *, is_new: bool = False) -> Iterator[MonitoringFinding]:
    """Yield the differences between register and log, as the node last found them.

    With `is_new` it is compared now.
    """
    ctx = authority.ctx
    try:
        log_facts = ctx.facts.follow(ctx.db, ctx.now()) if is_new else ctx.facts.kept
    except LogBrokenError as broken:
        yield MonitoringFinding(FindingKind.REGISTER_DIFFERS, "log", str(broken))
        return
    for about, sentence in log_facts.open_differences.items():
        step = f"run sinetti authority audit verify --dir {authority.folder.root}, and find out who changed it"
        yield MonitoringFinding(FindingKind.REGISTER_DIFFERS, about, f"{sentence}: {step}")


def people_findings(authority: Authority) -> Iterator[MonitoringFinding]:
    """Yield a finding about holdings whose people could not be restored."""
    holdings = unrestored_people.list_open(authority.ctx.db, authority.ctx.now())
    if holdings:
        what = f"{pluralise(len(holdings), 'holding')} restored from the journals without contact or roles"
        sentence = (
            f"{what}: sinetti authority reconcile --dir {authority.folder.root} lists the commands that name them"
        )
        yield MonitoringFinding(FindingKind.PEOPLE_MISSING, "holdings", sentence)


def unregistered_findings(authority: Authority, *, is_live: bool = False) -> Iterator[MonitoringFinding]:
    """Yield a finding about each certificate that the register or the signer lacks.

    They are those that the service found, or with `is_live` those that a comparison finds now, too.
    """
    ctx, missing, unsigned = authority.ctx, Unregistered(), set[Serial]()
    try:
        if is_live and (store := remote_store(authority.keys)) is not None:
            missing, unsigned = SignerMemory().compare(ctx.db, store, ctx.machine_now())
    except SignerUnavailable as away:
        yield MonitoringFinding(FindingKind.UNREGISTERED, "signer", f"its certificates cannot be compared: {away}")
    found = {row.serial: row.authority for row in unregistered.list_recent(ctx.db, ctx.now())}
    found |= {serial_hex(load_certificate(der).serial_number): ca for ca, der in missing.values()}
    for serial, ca in found.items():
        sentence = f"the signer signed {serial} of {ca}, and the register lacks it: find out who asked for it"
        yield MonitoringFinding(FindingKind.UNREGISTERED, serial, sentence)
    for serial in sorted(unsigned):
        sentence = f"{serial} is in the register, and no CA of the signer signed it: find out who inserted it"
        yield MonitoringFinding(FindingKind.NOT_SIGNED, serial, sentence)


def successions(authority: Authority) -> tuple[Timetable, ...]:
    """Return the timetables of all CAs, without the ends of what they signed."""
    ctx = authority.ctx
    return plan_successions(list_planned(ctx.db, ctx.validity), ctx.now())


def succession_findings(authority: Authority) -> tuple[MonitoringFinding, ...]:
    """Return a finding for each CA that needs a successor, with the next step.

    The first kind is an alarm three years ahead. The second says that the latest date of a step has passed.
    """
    now = authority.ctx.now()
    return tuple(
        MonitoringFinding(
            FindingKind.SUCCESSION_LATE if succession.is_late(now) else FindingKind.SUCCESSION_DUE,
            succession.ca.name,
            _succession(succession, step, authority),
        )
        for succession in successions(authority)
        if succession.is_due(now) and (step := succession.next_step) is not None
    )


def _succession(timetable: Timetable, step: DatedStep, authority: Authority) -> str:
    way = f"sinetti authority ca plan --dir {authority.folder.root}"
    first = f", after the successor of {timetable.waits_for}" if timetable.waits_for is not None else ""
    late = "was due" if step.at < authority.ctx.now() else "is due"
    return (
        f"{timetable.ca.name} ends on {timetable.ends_at:%Y-%m-%d} and needs a successor: the step "
        f"{step.step.value} {late} by {step.at:%Y-%m-%d}{first}; {way} has the timetable"
    )


def succession(authority: Authority) -> str | None:
    """Return the findings about successions in one line, or None."""
    return _joined(succession_findings(authority))


def _joined(findings: Iterable[MonitoringFinding]) -> str | None:
    return "; ".join(finding.sentence for finding in findings) or None


def channel_findings(authority: Authority) -> Iterator[MonitoringFinding]:
    """Yield a finding for each channel that issues nothing, and is not at its end."""
    for channel in sorted(authority.cas.current.stopped_channels):
        sentence = (
            f"no CA issues for {channel}, so requests for new certificates are answered as unavailable: "
            f"sinetti authority ca activate NAME --dir {authority.folder.root}"
        )
        yield MonitoringFinding(FindingKind.CHANNEL_STOPPED, channel, sentence)


def offline_lists(authority: Authority) -> str | None:
    """Return a sentence about CAs whose lists need an offline key soon, or None."""
    ctx = authority.ctx
    ends = (ListEnd(name, _first_end(name, ctx.db)) for name in sorted(ctx.offline))
    clauses = [
        f"the list of {alarm.name} ends on {alarm.ends:%Y-%m-%d}" if alarm.ends else f"{alarm.name} has no list yet"
        for alarm in list_alarms(ends, ctx.now())
    ]
    command = f"sinetti authority publish --dir {authority.folder.root} --offline-dir DIR"
    return f"{' and '.join(clauses)}: renew with {command}" if clauses else None


def _first_end(authority: str, db: Database) -> datetime | None:
    """Return the earlier nextUpdate of a CA's two lists; None if one is missing."""
    both = [crls.latest_crl(db, authority, shard) for shard in (crls.WHOLE, 1)]
    ends = [published_list.next_update for published_list in both if published_list is not None]
    return min(ends) if len(ends) == len(both) else None


def status(authority: Authority) -> str | None:
    """Return the other findings of the watchdog in one line.

    See docs/operators/monitoring.md.
    """
    return _joined(watchdog_findings(authority, own_certificates(authority)))


def operator_findings(authority: Authority, more: Mapping[str, bytes] = _NO_MORE) -> Mapping[str, str | None]:
    """Return the findings that are mailed to operators, by name.

    They are the alerts of this module, and each kind that the watchdog finds. `more` are further certificates of the
    service by file name, such as that of TLS. All lists are read, which takes long with a million revocations. Raises
    OSError, and the errors in DATABASE_UNAVAILABLE.
    """
    findings: dict[str, str | None] = {
        "offline-lists": offline_lists(authority),
        "messages": messages(authority),
        "unreachable-recipients": unreachable_recipients(authority),
    }
    watched = watchdog_findings(authority, {**own_certificates(authority), **more})
    compared = unregistered_findings(authority, is_live=True)
    for finding in (*succession_findings(authority), *watched, *compared):
        before = findings.get(finding.kind.value)
        findings[finding.kind.value] = finding.sentence if before is None else f"{before}; {finding.sentence}"
    return findings


def watchdog_findings(authority: Authority, certificates: Mapping[str, bytes]) -> tuple[MonitoringFinding, ...]:
    """Return the watchdog's findings, without those about successions and signer.

    Raises the errors in DATABASE_UNAVAILABLE.
    """
    ctx = authority.ctx
    return (
        *channel_findings(authority),
        *check_crls(ctx, stored_crls(ctx), offline=False),
        *check_ocsp_age(ctx),
        *certificate_findings(certificates, ctx),
        *bulk_findings(ctx),
        *shipping_findings(authority),
        *people_findings(authority),
        *fact_findings(authority),
    )


def messages(authority: Authority) -> str | None:
    """Return the problems of sending and delivery in one line.

    See docs/operators/notifications.md.
    """
    ctx = authority.ctx
    summary = outbox_summary(ctx.db, ctx.now(), deferred_kinds(ctx.now(), LATE))
    problems = []
    if summary.late and summary.oldest is not None:
        problems.append(f"{pluralise(summary.late, 'message')} should have left by {summary.oldest:%Y-%m-%d %H:%M} UTC")
    # Without `notices.toml` no messages are planned, as intended.
    if summary.unspread and authority.folder.notices.exists():
        problems.append(f"{pluralise(summary.unspread, 'event')} without messages: run sinetti authority notices plan")
    if summary.dead:
        listed = f"sinetti authority notices retry --dir {authority.folder.root} lists them"
        problems.append(f"{pluralise(summary.dead, 'message')} given up: {listed}")
    if (returned := bounces.bounce_alert(ctx.db, ctx.now())) is not None:
        problems.append(returned)
    return "; ".join(problems) or None


def unreachable_recipients(authority: Authority) -> str | None:
    """Return a sentence about expiring certificates without any reachable recipient."""
    ctx = authority.ctx
    unreachable = find_unreachable(ctx.db, ctx.now(), ReminderSchedule(LADDER, is_holiday), _NAMED)
    if not unreachable.count:
        return None
    more = f" and {unreachable.count - _NAMED} more" if unreachable.count > _NAMED else ""
    what = f"{pluralise(unreachable.count, 'certificate')} near the end without a reachable recipient"
    way_out = "name a contact person with sinetti authority change-contact, or organisation signatory add"
    return f"{what} ({', '.join(unreachable.first)}{more}): {way_out}"


def own_certificates(authority: Authority) -> dict[str, bytes]:
    """Return every certificate in the folder by its file name.

    They are those of CAs, of response signers and of OCSP responders, without CAs that have a successor or were
    revoked. Raises OSError and the errors in DATABASE_UNAVAILABLE.
    """
    closed = {f"{name}.cer" for name in list_closed(authority.ctx.db)}
    files = sorted(authority.folder.certificates.glob("*.cer"))
    return {path.name: path.read_bytes() for path in files if path.name not in closed}


_Result = TypeVar("_Result")


class PacedCheck(Generic[_Result]):
    """Slow check with a cached result, which is returned to all callers for a while."""

    def __init__(self, look: Callable[[], _Result], seldom: int = SELDOM, every: float = LOOKED_EVERY) -> None:
        """Store the check.

        The pause lasts `seldom` times as long as the check, and `every` seconds at least.
        """
        self._look, self._seldom, self._every, self._again = look, seldom, every, 0.0
        self._last: _Result | None = None

    def __call__(self) -> _Result:
        """Return the cached result, or run the check again.

        Raises the errors of the check.
        """
        if (now := monotonic_seconds()) >= self._again:
            self._last = self._look()
            took = monotonic_seconds() - now
            self._again = now + took + max(self._every, self._seldom * took)
        return cast("_Result", self._last)


class AlertLogger:
    """Writer of alerts into the log, once a day."""

    def __init__(self, authority: Authority) -> None:
        self._warnings, self._again = health_warnings(authority), 0.0

    def tell(self) -> None:
        """Write the alerts if a day has passed since the last time.

        Raises the errors in DATABASE_UNAVAILABLE.
        """
        if (now := monotonic_seconds()) < self._again:
            return
        for name, look in self._warnings.items():
            if (sentence := look()) is not None:
                _log.warning("%s: %s", name, sentence)
        self._again = now + REPORTED_EVERY
