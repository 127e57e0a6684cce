"""A decision on an application for the technical interface: its whole text, as it was decided (docs/clerks.md).

What operators are told: a finding, in the sentence that the watchdog has for it (English, as commands are).
"""

from sinetti.database.organisations import applications
from sinetti.i18n import staff_labels as texts
from sinetti.notifications.templates import certificate_events
from sinetti.notifications.templates.layout import NOT_THERE, MessageBody, MessageContext, NothingToReport
from sinetti.notifications.templates.layout import RecipientRoleText as Role
from sinetti.notifications.templates.markup import sanitise


def decided(matter: MessageContext) -> MessageBody:
    """Tell what was decided.

    The decision is in the language of its case, whatever the recipient reads else.
    """
    found = applications.find(matter.room.db, matter.fact("application") or "")
    if found is None or not found.decision:
        raise NothingToReport(NOT_THERE)
    subject = matter.say(texts.DECISION_SUBJECT, day=matter.day(matter.owed.due), case=found.case_number)
    parts = [sanitise(line) for line in found.decision.splitlines() if line]
    return MessageBody(subject, (matter.say(texts.DECISION_FOLLOWS), *parts), Role.SIGNATORY)


def finding(matter: MessageContext) -> MessageBody:
    """Tell of one finding."""
    name, sentence = matter.fact("finding"), matter.fact("text")
    if name is None or sentence is None:
        raise NothingToReport(NOT_THERE)
    subject = matter.say(certificate_events.FINDING_SUBJECT, day=matter.day(matter.owed.created), finding=name)
    parts = (
        matter.say(certificate_events.FINDING, finding=name),
        sanitise(sentence),
        matter.say(certificate_events.FINDING_AGAIN),
    )
    return MessageBody(subject, parts, Role.OPERATOR)
