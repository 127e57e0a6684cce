"""`sinetti authority notices …`: queue and send messages.

See docs/operators/notifications.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sinetti.authority.alerts import operator_findings
from sinetti.authority.bootstrap import notification_context
from sinetti.cli.authority.common import (
    EXIT_ACTION_REQUIRED,
    AuthorityRun,
    OptionError,
    octets_of,
    operator_commands,
)
from sinetti.cli.authority.passphrase_options import PASSPHRASE_FILE
from sinetti.cli.authority.serial_selection import telling
from sinetti.cli.core.commands import Output, argument, flag, option
from sinetti.database.notifications import outbox_queries
from sinetti.database.notifications.outbox_queries import FailedMessage
from sinetti.database.sql import random_id
from sinetti.domain.notifications.messages import MessageChannel, MessageKind, QueuedMessage
from sinetti.domain.validation import pluralise
from sinetti.domain.values import Language
from sinetti.infra.clock import instant_or_none
from sinetti.infra.toml_tables import SettingsError
from sinetti.notifications.context import NotificationContext, RenderedMessage, deferred_kinds, may_send
from sinetti.notifications.delivery import scheduler
from sinetti.notifications.delivery.bounces import read_returns
from sinetti.notifications.delivery.sender import SendReport, iter_batches
from sinetti.notifications.planning.events import time_to_look
from sinetti.notifications.previews.samples import NoSample, sample
from sinetti.notifications.templates.renderer import Skip, render
from sinetti.settings import notifications

verbs = operator_commands(
    "notices",
    "plan and send messages to contact persons, representatives and operators",
    "sinetti authority notices send --dir /srv/sinetti",
)
register = verbs.register

_SHOWN = 100
_SECRET = frozenset({MessageKind.PIN, MessageKind.TRANSFER_IDS, MessageKind.ACCOUNT})
"""Kinds of messages that only the recipient may read."""
_DRY_RUN = flag("show the messages, and change nothing", name="--dry-run")


def _context(run: AuthorityRun) -> NotificationContext:
    """Return the context of messages. Raises SettingsError, also without settings."""
    return notification_context(run.authority, settings=notifications.read(run.authority.folder.notices))


@verbs.command("sinetti authority notices plan --dir /srv/sinetti --dry-run", also=[PASSPHRASE_FILE])
def plan(
    run: AuthorityRun,
    *,
    dry_run: bool = _DRY_RUN,
    tls_certificate: Path | None = option("PEM", "also remind operators of the end of this certificate"),
) -> Output:
    """Plan the messages that are due."""
    ctx = _context(run)
    with telling(lambda: "planning"):
        now, tls = ctx.now(), tls_certificate
        more = {str(tls): octets_of("--tls-certificate", tls)} if tls is not None else {}
        findings = operator_findings(run.authority, more) if dry_run or time_to_look(ctx, now) else {}
        if dry_run:
            with outbox_queries.rolled_back(ctx.db):
                before = {message.message_id for message in outbox_queries.waiting(ctx.db)}
                scheduler.plan_all(ctx, now, findings)
                new = [message for message in outbox_queries.waiting(ctx.db) if message.message_id not in before]
            return _queue(new, "would be planned")
        report = scheduler.plan_all(ctx, now, findings)
    counts = {
        "events": report.spread,
        "reminders": report.planned.queued_count,
        "digests": report.digests,
        "ends": report.access_ends,
        "findings": report.findings,
    }
    return Output(counts, due_line(counts))


def due_line(counts: Mapping[str, int]) -> str:
    """Return a line with the number of due messages by kind: 1 event, 2 reminders."""
    text = ", ".join(pluralise(count, name.removesuffix("s")) for name, count in counts.items())
    return f"Due: {text}."


@verbs.command("sinetti authority notices send --dir /srv/sinetti --dry-run", also=[PASSPHRASE_FILE])
def send(run: AuthorityRun, *, dry_run: bool = _DRY_RUN) -> Output:
    """Send all planned messages that are due."""
    ctx = _context(run)
    if dry_run:
        now = ctx.now()
        return _queue(
            [message for message in outbox_queries.due(ctx.db, now) if may_send(message.kind, now)], "would be sent"
        )
    sent = SendReport()
    with telling(lambda: f"{sent.sent} sent, {sent.again} to be retried"):
        for batch in iter_batches(ctx, random_id(), ctx.now):
            sent += batch
    now = ctx.now()
    summary = outbox_queries.outbox_summary(ctx.db, now, deferred_kinds(now, outbox_queries.LATE))
    report = {
        **asdict(sent),
        "away": sorted(sent.away),
        "waiting": summary.waiting,
        "late": summary.late,
        "given_up": summary.dead,
    }
    return Output(report, _sent_lines(report), EXIT_ACTION_REQUIRED if summary.late or summary.dead else 0)


def _sent_lines(report: Mapping[str, Any]) -> str:
    counts = {"Sent": "sent", "to be retried": "again", "given up": "dead", "no longer needed": "dropped"}
    outcomes = "; ".join(f"{words}: {report[name]}" for words, name in counts.items())
    lines = [f"{outcomes}; waiting: {report['waiting']}."]
    lines += [f"No provider accepts messages by {channel} now. They stay queued." for channel in report["away"]]
    if report["late"]:
        lines.append(f"{pluralise(report['late'], 'message')} overdue by more than an hour.")
    if report["given_up"]:
        lines.append(
            f"{pluralise(report['given_up'], 'message')} given up: sinetti authority notices retry lists them."
        )
    return "\n".join(lines)


@verbs.command("sinetti authority notices preview --dir /srv/sinetti reminder --language sv", also=[PASSPHRASE_FILE])
def preview(
    run: AuthorityRun,
    *,
    language: Language | None = option(None, "language of a sample (default: en)"),
    html: bool = flag("show the HTML version"),
    message: str = argument("KIND-OR-ID", f"message ID, or a kind: {', '.join(MessageKind)}"),
) -> Output:
    """Show a sample of a kind of message, or a planned message."""
    ctx = _context(run)
    if message in set(MessageKind):
        try:
            letter = sample(MessageKind(message), language or Language.EN, ctx)
        except NoSample as none:
            raise OptionError(str(none)) from none
    else:
        letter = _queued(message, ctx)
    fields = {
        "id": letter.message_id,
        "kind": letter.kind,
        "channel": letter.channel,
        "language": letter.language,
        "subject": letter.subject,
        "text": letter.text,
        "html": letter.html,
    }
    subject = f"{letter.subject}\n\n" if letter.channel is MessageChannel.EMAIL else ""
    return Output(fields, letter.html if html else f"{subject}{letter.text}")


def _queued(message_id: str, ctx: NotificationContext) -> RenderedMessage:
    queued = outbox_queries.find(ctx.db, message_id)
    if queued is None:
        raise OptionError(f"{message_id!r} is not a message ID or a kind of message. Kinds: {', '.join(MessageKind)}")
    if queued.kind in _SECRET:
        raise OptionError(
            f"a message of the kind {queued.kind} contains a secret for its recipient: name the kind to see a sample"
        )
    written = render(queued, ctx)
    if isinstance(written, Skip):
        raise OptionError(f"this message is no longer needed: {written.why}")
    return written


@verbs.command(also=[PASSPHRASE_FILE])
def bounces(run: AuthorityRun) -> Output:
    """Read bounced e-mails, and mark addresses that do not work."""
    path = run.authority.folder.notices
    settings = notifications.read(path)
    ctx, returns = notification_context(run.authority, settings=settings), settings.returns
    if returns is None or returns.maildir is None:
        raise SettingsError(f"{path}: the table [mail] needs returns and maildir to read bounced e-mails")
    with telling(lambda: "reading"):
        counts = asdict(read_returns(ctx, returns.maildir, ctx.now()))
    text = ", ".join(f"{count} {name}" for name, count in counts.items())
    return Output(counts, f"Read: {text.replace('_', ' ')}.")


@verbs.command("sinetti authority notices retry --dir /srv/sinetti --all")
def retry(
    run: AuthorityRun,
    *,
    all_: bool = flag("all undelivered messages"),
    forget: bool = flag("remove them from the list instead"),
    ids: list[str] = argument("ID", "messages that the next `send` sends again", nargs="*"),
) -> Output:
    """List undelivered messages, or send them again."""
    if all_ and ids:
        raise OptionError("message IDs and --all cannot be combined")
    db = run.ctx.db
    dead = outbox_queries.dead_letters(db)
    known = [message.id for message in dead]
    chosen = known if all_ else ids
    if forget and not chosen and not all_:
        raise OptionError("--forget is incomplete: give message IDs, or --all")
    if not chosen:
        return _undelivered(dead)
    if unknown := [message_id for message_id in chosen if message_id not in known]:
        raise OptionError(
            f"there is no undelivered message with the ID {unknown[0]}: list them with retry without an ID"
        )
    if forget:
        count = outbox_queries.forget(db, chosen, run.ctx.now())
        return Output({"forgotten": count}, f"{pluralise(count, 'message')} removed.")
    count = outbox_queries.send_again(db, chosen)
    return Output({"again": count}, f"{pluralise(count, 'message')} queued again.")


def _undelivered(dead: Sequence[FailedMessage]) -> Output:
    rows = [
        {**asdict(message), "due": instant_or_none(message.due), "dead": instant_or_none(message.dead)}
        for message in dead
    ]
    lines = [
        f"{row['id']}  {row['kind']}  {row['channel']}  {row['dead']}  {_about(row)}{row['problem']}" for row in rows
    ]
    text = _list(lines, "There are no undelivered messages.", "given up")
    return Output(rows, text, EXIT_ACTION_REQUIRED if dead else 0)


def _about(row: Mapping[str, Any]) -> str:
    """Return the ids of a message's subject, so that an operator can find it.

    Names and addresses are left out.
    """
    names = {"customer_id": "organisation", "serial": "certificate", "order_id": "order"}
    return "".join(f"{words} {row[name]}  " for name, words in names.items() if row[name])


def _queue(messages: Sequence[QueuedMessage], words: str) -> Output:
    rows = [
        {
            "id": message.message_id,
            "kind": message.kind,
            "channel": message.channel,
            "due": instant_or_none(message.due),
            "tries": message.attempts,
        }
        for message in messages
    ]
    lines = [f"{row['id']}  {row['kind']}  {row['channel']}  due {row['due']}" for row in rows]
    return Output(rows, _list(lines, f"No message {words}.", words))


def _list(lines: Sequence[str], nothing: str, words: str) -> str:
    if not lines:
        return nothing
    rest = [f"… and {len(lines) - _SHOWN} more (--json lists all)"] if len(lines) > _SHOWN else []
    return "\n".join([f"{pluralise(len(lines), 'message')} {words}:", *lines[:_SHOWN], *rest])
