"""Messages about ends of roles, one a day to each reader and side.

They list the roles of which a step is due, as they are now, and the next step.
"""

from collections.abc import Iterator, Mapping, Sequence

from sinetti.database.notifications import access_ends
from sinetti.database.notifications.access_ends import EndItem
from sinetti.database.notifications.access_messages import AccessEvent
from sinetti.domain.access.ends import STEPS, EndSide, passed_step
from sinetti.i18n import translate
from sinetti.i18n.role_labels import ROLES
from sinetti.i18n.translate import gettext_noop, ngettext_noop
from sinetti.notifications.templates import access_texts, layout
from sinetti.notifications.templates.layout import MessageBody, MessageContext, NothingToReport
from sinetti.notifications.templates.layout import RecipientRoleText as Role
from sinetti.notifications.templates.markup import Part, RowsBlock, named, sanitise

ENDS_SUBJECT: Mapping[AccessEvent, tuple[str, str]] = {
    AccessEvent.ENDS_FIRM: ngettext_noop(
        "{count} client's authorisation ends – {firm}", "{count} clients' authorisations end – {firm}"
    ),
    AccessEvent.ENDS_GIVEN: ngettext_noop(
        "{count} authorisation ends – {organisation}", "{count} authorisations end – {organisation}"
    ),
    AccessEvent.ENDS_OWN: ngettext_noop(
        "Your authorisation ends – {organisation}", "Your authorisations end – {count} organisations"
    ),
}
"""Subjects of messages in which no role has ended yet."""
ENDED_SUBJECT: Mapping[AccessEvent, tuple[str, str]] = {
    AccessEvent.ENDS_FIRM: ngettext_noop(
        "{count} client's authorisation has ended – {firm}", "{count} clients' authorisations have ended – {firm}"
    ),
    AccessEvent.ENDS_GIVEN: ngettext_noop(
        "{count} authorisation has ended – {organisation}", "{count} authorisations have ended – {organisation}"
    ),
    AccessEvent.ENDS_OWN: ngettext_noop(
        "Your authorisation has ended – {organisation}", "Your authorisations have ended – {count} organisations"
    ),
}
"""Subjects with the number of ended roles; others may follow in the text."""
EFFECT: Mapping[AccessEvent, str] = {
    AccessEvent.ENDS_FIRM: gettext_noop(
        "Clients have given {firm} these authorisations. After the end, the firm can no longer act for the client "
        "in this service, and it no longer receives messages about the client's certificates."
    ),
    AccessEvent.ENDS_GIVEN: gettext_noop(
        "{organisation} ({customer_id}) has given these authorisations. After the end, the person or firm can no "
        "longer act for the organisation in this service."
    ),
    AccessEvent.ENDS_OWN: gettext_noop(
        "After the end of an authorisation, you can no longer act for the organisation in this service."
    ),
}
HEADINGS: Mapping[int, str] = {
    0: gettext_noop("Ended ({count}):"),
    14: gettext_noop("End within 14 days ({count}):"),
    60: gettext_noop("End within 60 days ({count}):"),
}
HELD_ROW = gettext_noop("{organisation}, {customer_id}: {role}, last day {day}")
GIVEN_ROW = gettext_noop("{holder}, {holder_id}: {role}, last day {day}")
MORE_ROWS = ngettext_noop("And {count} more, listed in the e-service.", "And {count} more, listed in the e-service.")
NEXT_STEP: Mapping[AccessEvent, str] = {
    AccessEvent.ENDS_FIRM: gettext_noop(
        "If your firm still needs the authorisations, ask for them again in the e-service (Settings > Clients). You "
        "can ask all these clients at once. Each client's representative answers the request."
    ),
    AccessEvent.ENDS_GIVEN: gettext_noop(
        "If an authorisation is still needed, extend it in the e-service before it ends (Settings > Authorisations). "
        "You can give an ended authorisation again there. The certificates themselves do not change."
    ),
    AccessEvent.ENDS_OWN: gettext_noop(
        "If you still need the authorisation, ask for it again in the e-service (My details). The organisation's "
        "representative answers the request."
    ),
}
NOT_NEEDED = gettext_noop("If it is no longer needed, you do not need to do anything.")

_SIDES = {
    AccessEvent.ENDS_GIVEN: EndSide.GIVEN,
    AccessEvent.ENDS_FIRM: EndSide.FIRM,
    AccessEvent.ENDS_OWN: EndSide.OWN,
}
_MOST = 200
"""Largest number of rows under one heading.

Mail programs cut messages of more than 100 kB.
"""


def ends(ctx: MessageContext, tells: AccessEvent) -> MessageBody:
    """Write the message about ends of roles, for the side that the event names.

    Raises NothingToReport if none of them ends any more.
    """
    found = access_ends.list_items(
        ctx.notification.db, (ctx.message.facts or {}).get("mandates", ()), _SIDES[tells], ctx.now
    )
    if not found:
        raise NothingToReport("the authorisations were extended, replaced or withdrawn")
    ended = sum(passed_step(end.until, ctx.now) == 0 for end in found)
    names = _names(found[0])
    subjects = ENDED_SUBJECT if ended else ENDS_SUBJECT
    subject = translate.translate_plural(*subjects[tells], ended or len(found), ctx.language, **names)
    row = GIVEN_ROW if tells is AccessEvent.ENDS_GIVEN else HELD_ROW
    parts = (
        ctx.say(EFFECT[tells], **names),
        *_sections(ctx, row, found),
        ctx.say(NEXT_STEP[tells]),
        ctx.say(NOT_NEEDED),
    )
    return MessageBody(subject, parts, Role.FORMER, _why(ctx, tells, names))


def _why(ctx: MessageContext, tells: AccessEvent, names: Mapping[str, str]) -> str:
    if tells is AccessEvent.ENDS_GIVEN:
        role = Role.CONTACT_PERSON if ctx.fact("contact") else Role.SIGNATORY
        return ctx.say(layout.WHY[role], organisation=names["organisation"])
    return ctx.say(access_texts.WHY_FIRM if tells is AccessEvent.ENDS_FIRM else access_texts.WHY_YOURS, **names)


def _sections(ctx: MessageContext, row: str, ends: Sequence[EndItem]) -> Iterator[Part]:
    for step in reversed(STEPS):
        rows = [end for end in ends if passed_step(end.until, ctx.now) == step]
        if rows:
            yield ctx.say(HEADINGS[step], count=len(rows))
            yield RowsBlock(
                tuple(
                    ctx.say(row, role=ctx.say(ROLES[end.role]), day=ctx.day(end.until), **_names(end))
                    for end in rows[:_MOST]
                )
            )
        if len(rows) > _MOST:
            yield translate.translate_plural(*MORE_ROWS, len(rows) - _MOST, ctx.language)


def _names(end: EndItem) -> dict[str, str]:
    return {
        "organisation": named(end.organisation),
        "customer_id": end.customer_id,
        "holder": named(end.holder),
        "holder_id": sanitise(end.holder_id),
        "firm": named(end.holder),
    }
