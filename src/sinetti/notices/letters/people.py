"""What has happened to a certificate's people: an address that does not work, a task that is no longer theirs, a change."""

from datetime import date

from sinetti.notices.letters.frame import help_line
from sinetti.notices.letters.matter import NOT_THERE, Matter, NothingToSay, Written
from sinetti.notices.parts import Part, shown
from sinetti.registry import telling
from sinetti.texts import notices_changes as texts
from sinetti.texts.notices import Part as Role


def bounced(matter: Matter) -> Written:
    """Tell that somebody's address does not work, since when, and how that is mended."""
    since = matter.fact("since")
    if since is None:
        raise NothingToSay(NOT_THERE)
    day = matter.day(date.fromisoformat(since[:10]))
    subject = matter.say(texts.BOUNCED_SUBJECT, day=day, organisation=matter.organisation)
    parts = (
        matter.say(texts.BOUNCED, day=day, name=_name(matter, "person"), organisation=matter.organisation),
        matter.say(texts.MEND_ADDRESS, help=help_line(matter)),
    )
    return Written(subject, parts, matter.role())


def contact_gone(matter: Matter) -> Written:
    """Tell that somebody gave their task back, and ask for another."""
    subject = matter.say(texts.GONE_SUBJECT, organisation=matter.organisation)
    day = matter.day(matter.owed.created)
    parts = (
        matter.say(texts.GONE, day=day, name=_name(matter, "person"), organisation=matter.organisation),
        matter.say(texts.NAME_ANOTHER, help=help_line(matter)),
    )
    return Written(subject, parts, matter.role())


def contact_changed(matter: Matter) -> Written:
    """Tell the old contact and the new one, and whoever else is told, who it is now."""
    day = matter.day(matter.owed.created)
    subject = matter.say(texts.CHANGED_SUBJECT, day=day, organisation=matter.organisation)
    if matter.is_to(matter.fact("new")):
        return Written(subject, _to_the_new(matter), matter.role())
    new = telling.named(matter.room.register, matter.fact("new"))
    if matter.is_to(matter.fact("old")):
        said = (
            matter.say(texts.NOW_ANOTHER, name=shown(new.name), **matter.names())
            if new
            else matter.say(texts.NOW_SOMEBODY, **matter.names())
        )
        return Written(subject, (said,), Role.FORMER)
    if new is None:
        raise NothingToSay(NOT_THERE)
    return Written(subject, (matter.say(texts.CHANGED, name=shown(new.name), **matter.names()),), matter.role())


def _to_the_new(matter: Matter) -> tuple[Part, ...]:
    old = telling.named(matter.room.register, matter.fact("old"))
    certificate = matter.told.certificate
    return (
        matter.say(texts.NOW_YOU_AFTER, name=shown(old.name), **matter.names())
        if old
        else matter.say(texts.NOW_YOU, **matter.names()),
        matter.say(
            texts.WHAT_YOU_DO,
            ends=matter.when(certificate.not_after),
            opens=matter.when(certificate.renewable_from),
        )
        if certificate
        else matter.say(texts.WHAT_YOU_DO_FIRST),
    )


def _name(matter: Matter, fact: str) -> str:
    """Somebody's name. Raises NothingToSay where they were erased meanwhile: then there is nothing to mend."""
    found = telling.named(matter.room.register, matter.fact(fact))
    if found is None:
        why = "whom the message is about was erased"
        raise NothingToSay(why)
    return shown(found.name)
