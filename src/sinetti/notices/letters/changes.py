"""What has happened to a certificate: retrieved, renewed, refused three times, revoked."""

from datetime import datetime

from sinetti.domain.refusals import Reason, Refusal
from sinetti.domain.revocation import RevocationReason
from sinetti.notices.letters.frame import help_line
from sinetti.notices.letters.matter import NOT_THERE, Matter, NothingToSay, Written
from sinetti.notices.parts import Part
from sinetti.texts import notices_changes as texts
from sinetti.texts.notices import Part as Role
from sinetti.texts.reader import refusal_text

_SIGNED = "renew"
"""The operation that a certificate signs."""


def fetched(matter: Matter) -> Written:
    """Tell that a certificate was retrieved, and what is to be done with the old one."""
    certificate = matter.certificate
    at = certificate.first_fetched_at or matter.owed.due
    old = certificate.older_ends
    parts = (
        matter.say(texts.FETCHED, fetched=matter.when(at), **matter.names()),
        matter.say(texts.TAKE_INTO_USE, older_ends=matter.when(old)) if old else matter.say(texts.USED_NOW),
        matter.say(texts.NOT_FETCHED_HERE, help=help_line(matter)),
    )
    return Written(_subject(matter, texts.FETCHED_SUBJECT, at), parts, matter.role())


def renewed(matter: Matter) -> Written:
    """Tell that a certificate was renewed, so that whoever's key was stolen notices."""
    certificate = matter.certificate
    parts: tuple[Part, ...] = (
        matter.say(
            texts.RENEWED,
            renewed=matter.when(certificate.not_before),
            ends=matter.when(certificate.not_after),
            **matter.names(),
        ),
    )
    if certificate.older_ends:
        parts += (matter.say(texts.TAKE_INTO_USE, older_ends=matter.when(certificate.older_ends)),)
    parts += (matter.say(texts.NOBODY_HERE, help=help_line(matter)),)
    return Written(_subject(matter, texts.RENEWED_SUBJECT, certificate.not_before), parts, matter.role())


def refused(matter: Matter) -> Written:
    """Tell what requests were answered, with the next step that stands in the answer."""
    name, code = matter.fact("reason_name"), matter.fact("reason")
    if name not in set(Reason) or code is None:
        raise NothingToSay(NOT_THERE)
    certificate = matter.told.certificate
    refusal = Refusal(
        Reason(name),
        opens=certificate.renewable_from if certificate else None,
        ended=certificate.not_after if certificate else None,
    )
    signed = matter.fact("operation") == _SIGNED
    parts = (
        matter.say(texts.REFUSED if signed else texts.REFUSED_UNSIGNED, **matter.names()),
        matter.say(texts.THE_ANSWER, code=code),
        refusal_text(refusal, matter.language),
        matter.say(texts.PASS_ON),
    )
    return Written(_subject(matter, texts.REFUSED_SUBJECT, matter.owed.due), parts, matter.role())


def revoked(matter: Matter) -> Written:
    """Tell that a certificate was revoked, why, and what is to be done where one is still needed."""
    certificate, role = matter.certificate, matter.role()
    if certificate.revoked_at is None:
        raise NothingToSay(NOT_THERE)
    reason = RevocationReason(certificate.revocation_reason or RevocationReason.UNSPECIFIED)
    parts = (
        matter.say(
            texts.REVOKED,
            revoked=matter.when(certificate.revoked_at),
            reason=matter.say(texts.REASONS[reason]),
            **matter.names(),
        ),
        matter.say(texts.REVOKED_MEANS),
        *matter.stops(ended=True),
        matter.say(texts.ORDER_IF_NEEDED if role is Role.SIGNATORY else texts.HAVE_ORDERED),
    )
    return Written(_subject(matter, texts.REVOKED_SUBJECT, certificate.revoked_at), parts, role)


def _subject(matter: Matter, message_id: str, at: datetime) -> str:
    """With the day on which it happened: the message may have been made on another."""
    return matter.say(message_id, day=matter.day(at), organisation=matter.organisation)
