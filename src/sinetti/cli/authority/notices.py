"""`sinetti authority notices …`: queue and send messages.

See docs/operators/notifications.md.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sinetti.api.serializers import instant
from sinetti.authority.alerts import operator_findings
from sinetti.authority.bootstrap import Authority, notification_context
from sinetti.cli.authority.common import (
    EXIT_ACTION_REQUIRED,
    OptionError,
    add_dir,
    command,
    group,
    octets_of,
    opened_authority,
    print_result,
)
from sinetti.cli.authority.passphrase_options import add_passphrase_file, passphrase_of
from sinetti.cli.authority.serial_selection import telling
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.database.notifications import outbox_queries
from sinetti.database.notifications.outbox_queries import FailedMessage
from sinetti.database.sql import random_id
from sinetti.domain.notifications.messages import MessageChannel, MessageKind, QueuedMessage
from sinetti.domain.validation import pluralise
from sinetti.domain.values import Language
from sinetti.infra.toml_tables import SettingsError
from sinetti.notifications.context import NotificationContext, RenderedMessage, deferred_kinds, may_send
from sinetti.notifications.delivery import scheduler
from sinetti.notifications.delivery.bounces import read_returns
from sinetti.notifications.delivery.scheduler import PlanReport
from sinetti.notifications.delivery.sender import SendReport, iter_batches
from sinetti.notifications.planning.events import time_to_look
from sinetti.notifications.previews.samples import NoSample, sample
from sinetti.notifications.templates.renderer import Skip, render
from sinetti.settings import notifications
from sinetti.settings.notifications import NoticeSettings

_SHOWN = 100
_SECRET = frozenset({MessageKind.PIN, MessageKind.TRANSFER_IDS, MessageKind.ACCOUNT})
"""Kinds of messages that only the recipient may read."""


@dataclass(frozen=True)
class _OpenedNotifications:
    authority: Authority
    settings: NoticeSettings
    room: NotificationContext


def register(commands: Commands) -> None:
    """Add the commands to the parser."""
    example = "sinetti authority notices send --dir /srv/sinetti"
    below = group(
        commands, "notices", "plan and send messages to contact persons, representatives and operators", example
    )
    example = "sinetti authority notices plan --dir /srv/sinetti --dry-run"
    plan = command(below, "plan", "plan the messages that are due", _plan, example)
    send = command(below, "send", "send all planned messages that are due", _send, example.replace("plan", "send"))
    for parser in (plan, send):
        parser.add_argument("--dry-run", action="store_true", help="show the messages, and change nothing")
    plan.add_argument(
        "--tls-certificate", metavar="PEM", type=Path, help="also remind operators of the end of this certificate"
    )
    example = "sinetti authority notices preview --dir /srv/sinetti reminder --language sv"
    preview = command(below, "preview", "show a sample of a kind of message, or a planned message", _preview, example)
    kinds = ", ".join(MessageKind)
    preview.add_argument("message", metavar="KIND-OR-ID", help=f"message ID, or a kind: {kinds}")
    preview.add_argument(
        "--language", choices=[one.value for one in Language], help="language of a sample (default: en)"
    )
    preview.add_argument("--html", action="store_true", help="show the HTML version")
    example = "sinetti authority notices bounces --dir /srv/sinetti"
    bounces = command(below, "bounces", "read bounced e-mails, and mark addresses that do not work", _bounces, example)
    example = "sinetti authority notices retry --dir /srv/sinetti --all"
    retry = command(below, "retry", "list undelivered messages, or send them again", _retry, example)
    retry.add_argument("ids", nargs="*", metavar="ID", help="messages that the next `send` sends again")
    retry.add_argument("--all", action="store_true", help="all undelivered messages")
    retry.add_argument("--forget", action="store_true", help="remove them from the list instead")
    for parser in (plan, send, preview, bounces, retry):
        add_dir(parser)
        parser.add_argument("--json", action="store_true", help="print the result as JSON")
    for parser in (plan, send, preview, bounces):
        add_passphrase_file(parser)


@contextmanager
def _mailroom(parsed: argparse.Namespace) -> Iterator[_OpenedNotifications]:
    """Yield the notification context of the authority.

    Raises SettingsError, also if there are no settings.
    """
    with opened_authority(parsed.dir, passphrase_of(parsed)) as authority:
        settings = notifications.read(authority.folder.notices)
        yield _OpenedNotifications(authority, settings, notification_context(authority, settings=settings))


def _plan(parsed: argparse.Namespace) -> int:
    with _mailroom(parsed) as here, telling(lambda: "planning"):
        now, db = here.room.now(), here.room.db
        tls = parsed.tls_certificate
        more = {str(tls): octets_of("--tls-certificate", tls)} if tls is not None else {}
        found = operator_findings(here.authority, more) if parsed.dry_run or time_to_look(here.room, now) else {}
        if not parsed.dry_run:
            counts = _counts(scheduler.plan_all(here.room, now, found))
            print_result(counts, as_json=parsed.json, table=lambda: due_line(counts))
            return 0
        with outbox_queries.rolled_back(db):
            before = {one.message_id for one in outbox_queries.waiting(db)}
            scheduler.plan_all(here.room, now, found)
            new = [one for one in outbox_queries.waiting(db) if one.message_id not in before]
    _print_messages(parsed, new, "would be planned")
    return 0


def _counts(report: PlanReport) -> dict[str, int]:
    return {
        "events": report.spread,
        "reminders": report.planned.queued_count,
        "digests": report.digests,
        "ends": report.access_ends,
        "findings": report.findings,
    }


def due_line(counts: Mapping[str, int]) -> str:
    """Return a line with the number of due messages by kind: 1 event, 2 reminders."""
    text = ", ".join(pluralise(count, name.removesuffix("s")) for name, count in counts.items())
    return f"Due: {text}."


def _send(parsed: argparse.Namespace) -> int:
    with _mailroom(parsed) as here:
        if parsed.dry_run:
            now = here.room.now()
            due = [one for one in outbox_queries.due(here.room.db, now) if may_send(one.kind, now)]
            _print_messages(parsed, due, "would be sent")
            return 0
        sent = _sent(here.room)
        now = here.room.now()
        summary = outbox_queries.outbox_summary(here.room.db, now, deferred_kinds(now, outbox_queries.LATE))
    report = {
        **asdict(sent),
        "away": sorted(sent.away),
        "waiting": summary.waiting,
        "late": summary.late,
        "given_up": summary.dead,
    }
    print_result(report, as_json=parsed.json, table=lambda: _sent_lines(report))
    return EXIT_ACTION_REQUIRED if summary.late or summary.dead else 0


def _sent(ctx: NotificationContext) -> SendReport:
    sent = SendReport()
    with telling(lambda: f"{sent.sent} sent, {sent.again} to be retried"):
        for more in iter_batches(ctx, random_id(), ctx.now):
            sent += more
    return sent


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


def _preview(parsed: argparse.Namespace) -> int:
    with _mailroom(parsed) as here:
        letter = _letter(parsed, here.room)
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
    print_result(fields, as_json=parsed.json, table=lambda: letter.html if parsed.html else f"{subject}{letter.text}")
    return 0


def _letter(parsed: argparse.Namespace, ctx: NotificationContext) -> RenderedMessage:
    named = parsed.message
    if named in set(MessageKind):
        try:
            return sample(MessageKind(named), Language(parsed.language or Language.EN), ctx.terms, ctx.environment)
        except NoSample as none:
            raise OptionError(str(none)) from none
    queued = outbox_queries.find(ctx.db, named)
    if queued is None:
        raise OptionError(f"{named!r} is not a message ID or a kind of message. Kinds: {', '.join(MessageKind)}")
    if queued.kind in _SECRET:
        raise OptionError(
            f"a message of the kind {queued.kind} contains a secret for its recipient: name the kind to see a sample"
        )
    written = render(queued, ctx)
    if isinstance(written, Skip):
        raise OptionError(f"this message is no longer needed: {written.why}")
    return written


def _bounces(parsed: argparse.Namespace) -> int:
    with _mailroom(parsed) as here, telling(lambda: "reading"):
        returns = here.settings.returns
        if returns is None or returns.maildir is None:
            raise SettingsError(
                f"{here.authority.folder.notices}: the table [mail] needs returns and maildir to read bounced e-mails"
            )
        counts = asdict(read_returns(here.room, returns.maildir, here.room.now()))
    print_result(counts, as_json=parsed.json, table=lambda: _line("Read", counts))
    return 0


def _retry(parsed: argparse.Namespace) -> int:
    if parsed.all and parsed.ids:
        raise OptionError("message IDs and --all cannot be combined")
    with opened_authority(parsed.dir) as authority:
        dead = outbox_queries.dead_letters(authority.ctx.db)
        ids = [one.id for one in dead] if parsed.all else list(parsed.ids)
        if parsed.forget and not ids and not parsed.all:
            raise OptionError("--forget is incomplete: give message IDs, or --all")
        if not ids:
            _put_dead(parsed, dead)
            return EXIT_ACTION_REQUIRED if dead else 0
        known = {one.id for one in dead}
        if unknown := [one for one in ids if one not in known]:
            raise OptionError(
                f"there is no undelivered message with the ID {unknown[0]}: list them with retry without an ID"
            )
        now, db = authority.ctx.now(), authority.ctx.db
        done = outbox_queries.forget(db, ids, now) if parsed.forget else outbox_queries.send_again(db, ids)
    name = "forgotten" if parsed.forget else "again"
    words = "removed" if parsed.forget else "queued again"
    print_result({name: done}, as_json=parsed.json, table=lambda: f"{pluralise(done, 'message')} {words}.")
    return 0


def _put_dead(parsed: argparse.Namespace, dead: Sequence[FailedMessage]) -> None:
    rows = [{**asdict(one), "due": instant(one.due), "dead": instant(one.dead)} for one in dead]
    lines = [
        f"{one['id']}  {one['kind']}  {one['channel']}  {one['dead']}  {_about(one)}{one['problem']}" for one in rows
    ]
    print_result(
        rows, as_json=parsed.json, table=lambda: _list(lines, "There are no undelivered messages.", "given up")
    )


def _about(row: Mapping[str, Any]) -> str:
    """Return the ids of a message's subject, so that an operator can find it.

    Names and addresses are left out.
    """
    names = {"customer_id": "organisation", "serial": "certificate", "order_id": "order"}
    return "".join(f"{words} {row[name]}  " for name, words in names.items() if row[name])


def _print_messages(parsed: argparse.Namespace, due_messages: Sequence[QueuedMessage], words: str) -> None:
    rows = [
        {"id": one.message_id, "kind": one.kind, "channel": one.channel, "due": instant(one.due), "tries": one.attempts}
        for one in due_messages
    ]
    lines = [f"{one['id']}  {one['kind']}  {one['channel']}  due {one['due']}" for one in rows]
    print_result(rows, as_json=parsed.json, table=lambda: _list(lines, f"No message {words}.", words))


def _list(lines: Sequence[str], nothing: str, words: str) -> str:
    if not lines:
        return nothing
    rest = [f"… and {len(lines) - _SHOWN} more (--json lists all)"] if len(lines) > _SHOWN else []
    return "\n".join([f"{pluralise(len(lines), 'message')} {words}:", *lines[:_SHOWN], *rest])


def _line(before: str, counts: Mapping[str, object]) -> str:
    text = ", ".join(f"{count} {name}" for name, count in counts.items())
    return f"{before}: {text.replace('_', ' ')}."
