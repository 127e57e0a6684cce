"""What has happened to a certificate: retrieved, renewed, refused three times, revoked."""

from datetime import datetime

from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.i18n import revocation_reasons
from sinetti.i18n.translate import refusal_text
from sinetti.notifications.templates import notices_changes
from sinetti.notifications.templates.layout import help_line
from sinetti.notifications.templates.layout_texts import RecipientRoleText as Role
from sinetti.notifications.templates.markup import Part
from sinetti.notifications.templates.message_context import NOT_THERE, MessageBody, MessageContext, NothingToReport

_SIGNED = "renew"
"""The operation that a certificate signs."""


def fetched(matter: MessageContext) -> MessageBody:
    """Tell that a certificate was retrieved, and what is to be done with the old one."""
    certificate = matter.certificate
    at = certificate.first_fetched_at or matter.owed.due
    old = certificate.older_ends
    parts = (
        matter.say(notices_changes.FETCHED, fetched=matter.when(at), **matter.names()),
        matter.say(notices_changes.TAKE_INTO_USE, older_ends=matter.when(old))
        if old
        else matter.say(notices_changes.USED_NOW),
        matter.say(notices_changes.NOT_FETCHED_HERE, help=help_line(matter)),
    )
    return MessageBody(_subject(matter, notices_changes.FETCHED_SUBJECT, at), parts, matter.role())


def renewed(matter: MessageContext) -> MessageBody:
    """Tell that a certificate was renewed, so that whoever's key was stolen notices."""
    certificate = matter.certificate
    parts: tuple[Part, ...] = (
        matter.say(
            notices_changes.RENEWED,
            renewed=matter.when(certificate.not_before),
            ends=matter.when(certificate.not_after),
            **matter.names(),
        ),
    )
    if certificate.older_ends:
        parts += (matter.say(notices_changes.TAKE_INTO_USE, older_ends=matter.when(certificate.older_ends)),)
    parts += (matter.say(notices_changes.NOBODY_HERE, help=help_line(matter)),)
    return MessageBody(_subject(matter, notices_changes.RENEWED_SUBJECT, certificate.not_before), parts, matter.role())


def refused(matter: MessageContext) -> MessageBody:
    """Tell what requests were answered, with the next step that stands in the answer."""
    name, code = matter.fact("reason_name"), matter.fact("reason")
    if name not in set(RejectionReason) or code is None:
        raise NothingToReport(NOT_THERE)
    certificate = matter.told.certificate
    refusal = Rejection(
        RejectionReason(name),
        opens=certificate.renewable_from if certificate else None,
        ended=certificate.not_after if certificate else None,
    )
    signed = matter.fact("operation") == _SIGNED
    parts = (
        matter.say(notices_changes.REFUSED if signed else notices_changes.REFUSED_UNSIGNED, **matter.names()),
        matter.say(notices_changes.THE_ANSWER, code=code),
        refusal_text(refusal, matter.language),
        matter.say(notices_changes.PASS_ON),
    )
    return MessageBody(_subject(matter, notices_changes.REFUSED_SUBJECT, matter.owed.due), parts, matter.role())


def revoked(matter: MessageContext) -> MessageBody:
    """Tell that a certificate was revoked, why, and what is to be done where one is still needed."""
    certificate, role = matter.certificate, matter.role()
    if certificate.revoked_at is None:
        raise NothingToReport(NOT_THERE)
    reason = RevocationReason(certificate.revocation_reason or RevocationReason.UNSPECIFIED)
    parts = (
        matter.say(
            notices_changes.REVOKED,
            revoked=matter.when(certificate.revoked_at),
            reason=matter.say(revocation_reasons.REASONS[reason]),
            **matter.names(),
        ),
        matter.say(notices_changes.REVOKED_MEANS),
        *matter.stops(ended=True),
        matter.say(notices_changes.ORDER_IF_NEEDED if role is Role.SIGNATORY else notices_changes.HAVE_ORDERED),
    )
    return MessageBody(_subject(matter, notices_changes.REVOKED_SUBJECT, certificate.revoked_at), parts, role)


def _subject(matter: MessageContext, message_id: str, at: datetime) -> str:
    """With the day on which it happened: the message may have been made on another."""
    return matter.say(message_id, day=matter.day(at), organisation=matter.organisation)
