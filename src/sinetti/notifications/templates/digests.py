"""Digest for a firm that looks after certificates of many clients.

It lists all certificates near their end in three parts, in their current state, with the next step for each.
"""

from collections.abc import Iterator, Mapping, Sequence

from sinetti.database.notifications import digests
from sinetti.database.notifications.digests import DigestRow
from sinetti.domain.business_days import last_workday
from sinetti.domain.certificates.display_status import StateSeverity
from sinetti.domain.notifications.digests import DigestItemKind, DigestSection
from sinetti.domain.notifications.digests import DigestItemKind as What
from sinetti.domain.notifications.digests import DigestSection as Third
from sinetti.i18n import translate
from sinetti.i18n.translate import gettext_noop, ngettext_noop
from sinetti.notifications.context import is_holiday
from sinetti.notifications.templates.layout import NOT_THERE, MessageBody, MessageContext, NothingToReport, stopped
from sinetti.notifications.templates.layout import RecipientRoleText as Role
from sinetti.notifications.templates.markup import Part, RowsBlock, named

SUBJECT = gettext_noop("Clients' certificates on {day} – your tasks: {count}")
INTRODUCTION = gettext_noop(
    "These certificates of your clients expire within 60 days or have recently expired. The list shows "
    "today's situation."
)
HEADINGS: Mapping[DigestSection, str] = {
    DigestSection.NEEDS_YOU: gettext_noop("Your tasks ({count}):"),
    DigestSection.NEEDS_CLIENT: gettext_noop("The client's tasks ({count}):"),
    DigestSection.BY_ITSELF: gettext_noop("No action needed ({count}):"),
}
ROW = gettext_noop("{organisation}, {customer_id}: “{description}”, expiry {ends}. {what}")
URGENT_ROW = gettext_noop("Urgent: {row}")
"""Row of a certificate with the worst severity, as on the pages."""
MORE = ngettext_noop("And {count} more that needs no action.", "And {count} more that need no action.")

YOURS: Mapping[DigestItemKind, str] = {
    DigestItemKind.RETRIEVE: gettext_noop("The new certificate is ready. Retrieve it in the program."),
    DigestItemKind.USE_TRANSFER_IDS: gettext_noop("A replacement has been ordered. Retrieve it with the transfer IDs."),
    DigestItemKind.RENEW: gettext_noop("Renew it in the program by {last}."),
}
"""Next steps of the firm itself."""

OTHERWISE: Mapping[DigestItemKind, str] = {
    DigestItemKind.DONE: gettext_noop("The new certificate has been retrieved."),
    DigestItemKind.RETRIEVE: gettext_noop("The new certificate is ready. Ask {contact} to retrieve it."),
    DigestItemKind.REPLACEMENT_ORDERED: gettext_noop("A replacement has been ordered but not retrieved yet."),
    DigestItemKind.USE_TRANSFER_IDS: gettext_noop(
        "A replacement has been ordered. Ask {contact} to retrieve it with the transfer IDs."
    ),
    DigestItemKind.ENDED: gettext_noop("It has expired. The client's representative must order a new one."),
    DigestItemKind.REVOKED: gettext_noop(
        "It has been revoked. If the client still needs a certificate, its representative must order a new one."
    ),
    DigestItemKind.NOT_APPROVED: gettext_noop(
        "The organisation is no longer approved for this certificate type. The client's representative "
        "can correct this."
    ),
    DigestItemKind.RENEWS_ITSELF: gettext_noop(
        "A program renewed the previous certificate in time and is expected to renew this one."
    ),
    DigestItemKind.UNREACHABLE: gettext_noop(
        "We cannot reach anyone with our messages. The client's representative must name a technical contact person."
    ),
    DigestItemKind.RENEW: gettext_noop("Ask {contact} whether it will be renewed by {last}."),
}
"""Texts for certificates that others handle, or that need no action."""

THE_CONTACT = gettext_noop("the client's technical contact person")


_BY_THEMSELVES = 50
"""Largest number of listed rows that need no action.

Mail programs cut messages of more than 100 kB.
"""


def digest(ctx: MessageContext) -> MessageBody:
    """Write a firm's digest: tasks of the firm, tasks of its clients, and the rest."""
    agent = ctx.fact("agent")
    if agent is None:
        raise NothingToReport(NOT_THERE)
    found = digests.digest_rows(ctx.notification.db, agent, ctx.now)
    if not found:
        raise NothingToReport("the digest has no certificates left to list")
    thirds = {third: [row for row in found if row.part is third] for third in Third}
    to_do = len(thirds[Third.NEEDS_YOU])
    subject = ctx.say(SUBJECT, day=translate.format_date(ctx.today, ctx.language), count=to_do)
    parts: list[Part] = [ctx.say(INTRODUCTION)]
    for third, rows in thirds.items():
        parts += _third(ctx, third, rows)
    return MessageBody(subject, tuple(parts), Role.FIRM)


def _third(ctx: MessageContext, third: Third, rows: Sequence[DigestRow]) -> Iterator[Part]:
    displayed = rows[:_BY_THEMSELVES] if third is Third.BY_ITSELF else rows
    yield ctx.say(HEADINGS[third], count=len(rows))
    if displayed:
        yield RowsBlock(tuple(_line(ctx, row) for row in displayed))
    if len(displayed) < len(rows):
        yield translate.translate_plural(*MORE, len(rows) - len(displayed), ctx.language)


def _line(ctx: MessageContext, row: DigestRow) -> str:
    of = YOURS if row.part is Third.NEEDS_YOU else OTHERWISE
    what = ctx.say(
        of[row.matter],
        last=translate.format_weekday(last_workday(row.not_after, is_holiday), ctx.language),
        contact=named(row.contact) if row.contact else ctx.say(THE_CONTACT),
    )
    text = ctx.say(
        ROW,
        organisation=named(row.organisation),
        customer_id=row.customer_id,
        description=named(row.description) if row.description else f"{row.channel} {row.serial}",
        ends=ctx.when(row.not_after),
        what=" ".join([what, *_stops(ctx, row)]),
    )
    return ctx.say(URGENT_ROW, row=text) if row.severity is StateSeverity.ERROR else text


def _stops(ctx: MessageContext, row: DigestRow) -> Iterator[str]:
    """Yield the sentence about reports of others, for rows that need an action."""
    if row.part is not Third.BY_ITSELF:
        yield from stopped(ctx, row.serves, ended=row.matter in {What.ENDED, What.REVOKED})
