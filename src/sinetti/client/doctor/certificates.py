"""Checks of each certificate in the store.

They cover the set, the chain, the dates, the answers of the service and requests under way.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from sinetti.client import renewal_window
from sinetti.client.agent import hooks
from sinetti.client.doctor import findings
from sinetti.client.doctor.findings import Check, DoctorFinding, Level, passed, warning
from sinetti.client.messages import error_reasons, messages
from sinetti.client.messages.messages import Message, make_message
from sinetti.client.model import HookStage
from sinetti.client.renewal_window import ValidityPhase
from sinetti.client.reporting import status
from sinetti.client.reporting.status import NameStatus, RequiredAction, StatusRow
from sinetti.client.results import ExitCode
from sinetti.client.store import event_log, files, generations, output_files, rights
from sinetti.client.store.event_log import EventType
from sinetti.client.store.generations import InstalledKeySet


def check_certificate(row: StatusRow) -> Iterator[DoctorFinding]:
    """Check one name as every view does, then as thoroughly as a renewal."""
    folder, name, now = row.seen.folder, row.name, row.now
    damage = row.seen.damage(now)
    if damage is not None:
        of_files = Check.DISK if damage[0].text == rights.DISK else Check.RIGHTS
        check = Check.CERTIFICATE if row.seen.trouble else of_files
        yield replace(_wrong(name, *damage), check=check, code=row.seen.trouble_code)
    if row.seen.trouble is not None:
        return
    if row.seen.conflict is not None:
        yield DoctorFinding(Check.CONFIGURATION, Level.FAIL, row.seen.conflict, name, None, ExitCode.USAGE)
    if row.seen.log_fault is not None:
        fault = row.seen.log_fault
        yield DoctorFinding(Check.LOG, Level.FAIL, fault.message, name, None, fault.code)
    # Faults of rights, of the log and of sinetti.toml have their own findings.
    row = status.status_of(replace(row.seen, exposed=None, log_fault=None, conflict=None), now)
    try:
        held = generations.current(folder)
    except files.StoreError as bad:
        yield _wrong(name, bad.message, None)
        return
    except OSError as bad:
        message = make_message(
            findings.UNREADABLE, path=str(bad.filename or folder), why=error_reasons.translate_reason(bad)
        )
        yield _wrong(name, message, make_message(findings.STORE_STEP))
        return
    if held is None:
        state = row.label or make_message(status.SAID[row.state])
        yield _by_need(row, make_message(findings.CERTIFICATE_NONE, state=state))
        return
    yield _dates(name, row, held, now)
    yield from _deployment(folder, row)


def _dates(name: str, row: StatusRow, held: InstalledKeySet, now: datetime) -> DoctorFinding:
    until = held.span.not_after
    match row.state:
        case NameStatus.REVOKED:
            return _by_need(row, make_message(findings.CERTIFICATE_REVOKED))
        case NameStatus.EXPIRED:
            return _by_need(row, make_message(findings.CERTIFICATE_ENDED, until=until))
    if row.seen.is_clock_behind(now):
        return _by_need(row, make_message(findings.CERTIFICATE_EARLY, at=held.span.not_before))
    match renewal_window.phase(held.span, now):
        case ValidityPhase.RENEWAL_OPEN:
            return _by_need(
                row,
                make_message(findings.CERTIFICATE_OPEN, until=until),
                make_message(findings.RENEW_STEP, name=name),
            )
    return _by_need(
        row, make_message(findings.CERTIFICATE_GOOD, until=until, at=renewal_window.renewal_opens_at(held.span))
    )


def _by_need(row: StatusRow, message: Message, step: Message | None = None) -> DoctorFinding:
    """Build the finding of a name from the action that a person has to take.

    `sinetti status --check` judges it the same way.
    """
    code, what = status.EXIT_CODES[status.required_action(row)], status.words(row) or step
    if status.required_action(row) is RequiredAction.DEPLOY:
        code, what = ExitCode.DONE, step  # deployment has its own finding
    if code:
        return DoctorFinding(Check.CERTIFICATE, Level.FAIL, message, row.name, what, code)
    return (
        passed(Check.CERTIFICATE, message, row.name)
        if what is None
        else warning(Check.CERTIFICATE, message, what, row.name)
    )


def _deployment(folder: Path, row: StatusRow) -> Iterator[DoctorFinding]:
    """Report a deploy hook that failed."""
    if not row.seen.is_undeployed or row.seen.deployment is None:
        return
    if status.is_jks_missing(row):
        message = make_message(findings.JKS_MISSING, file=output_files.JKS, serial=row.seen.serial or "")
        step = make_message(status.JKS_STEP)
        yield DoctorFinding(Check.HOOKS, Level.FAIL, message, row.name, step, ExitCode.AGAIN)
        return
    step = make_message(
        findings.DEPLOY_STEP, name=row.name, log=str(folder / hooks.FOLDER / f"{HookStage.DEPLOY.value}.log")
    )
    message = make_message(
        findings.DEPLOY_FAILED,
        program=_program(folder),
        serial=row.seen.serial or "",
        tries=row.seen.deployment.tries,
    )
    yield DoctorFinding(Check.HOOKS, Level.FAIL, message, row.name, step, ExitCode.AGAIN)


def _program(folder: Path) -> str:
    """Return the program that was last run as `deploy`, by the log."""
    with contextlib.suppress(OSError):
        for log_event in reversed(list(event_log.read(folder))):
            if log_event.event is EventType.HOOK and log_event.facts.get("stage") == HookStage.DEPLOY.value:
                return messages.strip_control_chars(log_event.facts.get("program", "?"))
    return "?"


def _wrong(name: str, message: Message, step: Message | None) -> DoctorFinding:
    return DoctorFinding(Check.CERTIFICATE, Level.FAIL, message, name, step, ExitCode.STORE)
