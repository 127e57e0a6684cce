"""A decision on an application for the technical interface: its whole text, as it was decided (docs/clerks.md)."""

from sinetti.database.organisations import applications
from sinetti.i18n import staff_labels as texts
from sinetti.notifications.templates.layout_texts import RecipientRoleText as Role
from sinetti.notifications.templates.markup import sanitise
from sinetti.notifications.templates.message_context import NOT_THERE, MessageBody, MessageContext, NothingToReport


def decided(matter: MessageContext) -> MessageBody:
    """Tell what was decided. The decision is in the language of its case, whatever the recipient reads else."""
    found = applications.find(matter.room.db, matter.fact("application") or "")
    if found is None or not found.decision:
        raise NothingToReport(NOT_THERE)
    subject = matter.say(texts.DECISION_SUBJECT, day=matter.day(matter.owed.due), case=found.case_number)
    parts = [sanitise(line) for line in found.decision.splitlines() if line]
    return MessageBody(subject, (matter.say(texts.DECISION_FOLLOWS), *parts), Role.SIGNATORY)
