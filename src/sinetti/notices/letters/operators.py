"""What operators are told: a finding, in the sentence that the watchdog has for it (English, as commands are)."""

from sinetti.notices.letters.matter import NOT_THERE, Matter, NothingToSay, Written
from sinetti.notices.parts import shown
from sinetti.texts import notices_changes as texts
from sinetti.texts.notices import Part as Role


def finding(matter: Matter) -> Written:
    """Tell of one finding."""
    name, sentence = matter.fact("finding"), matter.fact("text")
    if name is None or sentence is None:
        raise NothingToSay(NOT_THERE)
    subject = matter.say(texts.FINDING_SUBJECT, day=matter.day(matter.owed.created), finding=name)
    parts = (matter.say(texts.FINDING, finding=name), shown(sentence), matter.say(texts.FINDING_AGAIN))
    return Written(subject, parts, Role.OPERATOR)
