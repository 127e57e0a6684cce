"""A digest: everything that a firm's clients have near its end, in three parts, as it is when it is written."""

from collections.abc import Iterator, Sequence

from sinetti.database.notifications.digests import DigestRow, digest_rows
from sinetti.domain.business_days import last_workday
from sinetti.domain.notifications.digests import DigestItemKind as What
from sinetti.domain.notifications.digests import DigestSection as Third
from sinetti.i18n import translate
from sinetti.notifications.office_hours import is_holiday
from sinetti.notifications.templates import notices_digest
from sinetti.notifications.templates.layout_texts import RecipientRoleText as Role
from sinetti.notifications.templates.markup import Part, RowsBlock, named
from sinetti.notifications.templates.message_context import (
    NOT_THERE,
    MessageBody,
    MessageContext,
    NothingToReport,
    stopped,
)

_BY_THEMSELVES = 50
"""So many rows are told of what needs nobody: mail that is longer than 100 kB is cut by those who show it."""


def digest(matter: MessageContext) -> MessageBody:
    """Tell a firm what needs it, what needs its clients, and what goes by itself."""
    agent = matter.fact("agent")
    if agent is None:
        raise NothingToReport(NOT_THERE)
    found = digest_rows(matter.room.db, agent, matter.now)
    if not found:
        why = "nothing that the digest told of is left"
        raise NothingToReport(why)
    thirds = {third: [row for row in found if row.part is third] for third in Third}
    to_do = len(thirds[Third.NEEDS_YOU])
    subject = matter.say(notices_digest.SUBJECT, day=translate.format_date(matter.today, matter.language), count=to_do)
    said: list[Part] = [matter.say(notices_digest.INTRODUCTION)]
    for third, rows in thirds.items():
        said += _third(matter, third, rows)
    return MessageBody(subject, tuple(said), Role.FIRM)


def _third(matter: MessageContext, third: Third, rows: Sequence[DigestRow]) -> Iterator[Part]:
    told = rows[:_BY_THEMSELVES] if third is Third.BY_ITSELF else rows
    yield matter.say(notices_digest.HEADINGS[third], count=len(rows))
    if told:
        yield RowsBlock(tuple(_line(matter, row) for row in told))
    if len(told) < len(rows):
        yield translate.translate_plural(*notices_digest.MORE, len(rows) - len(told), matter.language)


def _line(matter: MessageContext, row: DigestRow) -> str:
    of = notices_digest.YOURS if row.part is Third.NEEDS_YOU else notices_digest.OTHERWISE
    what = matter.say(
        of[row.matter],
        last=translate.format_weekday(last_workday(row.not_after, is_holiday), matter.language),
        contact=named(row.contact) if row.contact else matter.say(notices_digest.THE_CONTACT),
    )
    return matter.say(
        notices_digest.ROW,
        organisation=named(row.organisation),
        customer_id=row.customer_id,
        description=named(row.description) if row.description else f"{row.channel} {row.serial}",
        ends=matter.when(row.not_after),
        what=" ".join([what, *_stops(matter, row)]),
    )


def _stops(matter: MessageContext, row: DigestRow) -> Iterator[str]:
    """Whose reports stop with it, where somebody still has to see to it."""
    if row.part is not Third.BY_ITSELF:
        yield from stopped(matter, row.serves, ended=row.matter in {What.ENDED, What.REVOKED})
