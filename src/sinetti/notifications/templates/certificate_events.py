"""Messages about past events of a certificate.

The events are retrieval, renewal, refused requests and revocation. Three refused requests lead to one message. The
module also holds the texts about contacts and about findings.
"""

from datetime import datetime

from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.i18n import role_labels
from sinetti.i18n.translate import gettext_noop, refusal_text
from sinetti.notifications.templates.layout import NOT_THERE, MessageBody, MessageContext, NothingToReport, help_line
from sinetti.notifications.templates.layout import RecipientRoleText as Role
from sinetti.notifications.templates.markup import Part

FETCHED_SUBJECT = gettext_noop("Certificate retrieved on {day} – {organisation}")
FETCHED = gettext_noop(
    "The certificate “{description}” of {organisation} was retrieved for the first time on {fetched}."
)
TAKE_INTO_USE = gettext_noop("The old certificate is valid until {older_ends}. Put the new one into use before that.")
USED_NOW = gettext_noop("The program can use it now. We will remind you when you can renew it.")
NOT_FETCHED_HERE = gettext_noop(
    "If neither your organisation nor its software supplier retrieved the certificate, ask us to revoke "
    "it immediately: {help}"
)

RENEWED_SUBJECT = gettext_noop("Certificate renewed on {day} – {organisation}")
RENEWED = gettext_noop(
    "The certificate “{description}” of {organisation} was renewed through the technical interface on "
    "{renewed}. The new certificate is valid until {ends}."
)
NOT_RENEWED_HERE = gettext_noop(
    "If neither your organisation nor its software supplier renewed the certificate, the organisation's "
    "private key may be in the wrong hands. Ask us to revoke the old and the new certificate immediately: "
    "{help}"
)

REFUSED_SUBJECT = gettext_noop("Requests refused on {day} – {organisation}")
REFUSED = gettext_noop(
    "The service refused three requests signed with the certificate “{description}” of {organisation}. "
    "The signature was valid, so the requests come from a program that has the organisation's private "
    "key."
)
REFUSED_UNSIGNED = gettext_noop(
    "The service refused three requests about the certificate “{description}” of {organisation}."
)
THE_ANSWER = gettext_noop("The service answered ({code}):")
PASS_ON = gettext_noop(
    "If you do not maintain the program yourself, forward this message to the person or supplier that "
    "does. The certificate has not changed."
)

REVOKED_SUBJECT = gettext_noop("Certificate revoked on {day} – {organisation}")
REVOKED = gettext_noop("The certificate “{description}” of {organisation} was revoked on {revoked}. Reason: {reason}.")
REVOKED_MEANS = gettext_noop("It is no longer accepted anywhere, and it cannot be renewed or put back into use.")
ORDER_IF_NEEDED = gettext_noop(
    "If the program still needs a certificate, order a new one in the e-service (Settings > Technical "
    "interface and certificates). It is retrieved in the same way as the first one."
)
HAVE_ORDERED = gettext_noop(
    "If the program still needs a certificate, ask the organisation's representative to order a new one. "
    "It is retrieved in the same way as the first one."
)

BOUNCED_SUBJECT = gettext_noop("E-mail address not working since {day} – {organisation}")
BOUNCED_SUBJECT_ALONE = gettext_noop("E-mail address not working since {day}")
BOUNCED_ALONE = gettext_noop(
    "The e-mail address that we have for {name} has not worked since {day}. Our messages come back "
    "undelivered. Until the address is corrected, {name} receives no e-mail from us about expiring "
    "certificates."
)
BOUNCED = gettext_noop(
    "The e-mail address that {organisation} gave us for {name} has not worked since {day}. Our messages "
    "come back undelivered. Until the address is corrected, {name} receives no e-mail from us about "
    "expiring certificates."
)
CORRECT_ADDRESS = gettext_noop(
    "Correct the address or name another person in the e-service (Settings > Technical interface and "
    "certificates), or ask us to do it: {help}"
)

GONE_SUBJECT = gettext_noop("Contact person stepped down on {day} – {organisation}")
GONE_SUBJECT_ALONE = gettext_noop("Contact person stepped down on {day}")
GONE_ALONE = gettext_noop("{name} informed us on {day} that they no longer look after certificates.")
GONE = gettext_noop("{name} informed us on {day} that they no longer look after the certificates of {organisation}.")
WE_STOP = gettext_noop("We will stop sending them messages once we have informed every organisation concerned.")
WE_GO_ON = gettext_noop("We continue to send them messages until another person is named.")
FIND_ANOTHER = gettext_noop(
    "We have no other e-mail address for the organisation. Find out who has the task now and name that "
    "person (docs/e-service/recipients.md): sinetti authority change-contact, or sinetti authority organisation"
)
NAME_ANOTHER = gettext_noop(
    "Name another person in the e-service (Settings > Technical interface and certificates), or ask us to do it: {help}"
)

CHANGED_SUBJECT = gettext_noop("Certificate contact person changed on {day} – {organisation}")
NOW_DEPUTY = gettext_noop(
    "You are now the deputy of the technical contact person of the certificate “{description}” of {organisation}."
)
NOW_YOU = gettext_noop("You are now the technical contact person of the certificate “{description}” of {organisation}.")
NOW_YOU_AFTER = gettext_noop(
    "You are now the technical contact person of the certificate “{description}” of {organisation}. You "
    "take over from {name}."
)
WHAT_YOU_DO = gettext_noop(
    "The certificate expires on {ends}. You can renew it in your program from {opens}. We will remind you then."
)
WHAT_YOU_DO_NOW = gettext_noop("The certificate expires on {ends}. You can renew it in your program now.")
WHAT_YOU_DO_FIRST = gettext_noop(
    "The certificate has not been retrieved yet. You need transfer IDs to retrieve it. If you do not "
    "receive them in a separate message, ask the organisation's representative for them."
)
WHAT_DEPUTY_DOES_FIRST = gettext_noop(
    "The certificate has not been retrieved yet. Only the technical contact person can retrieve it."
)
WHAT_YOU_DO_REVOKED = gettext_noop(
    "The certificate has been revoked. If the program still needs one, ask the organisation's "
    "representative to order a new one."
)
WHAT_YOU_DO_AFTER = gettext_noop(
    "The certificate expired on {ends} and can no longer be renewed. If the program still needs one, ask "
    "the organisation's representative to order a new one."
)
IF_NOT_YOU = gettext_noop("If this is not your task, inform the organisation's representative.")
NOW_ANOTHER = gettext_noop(
    "The technical contact person of the certificate “{description}” of {organisation} is now {name}. You "
    "do not need to do anything. We will no longer send you messages about it."
)
NO_LONGER_DEPUTY = gettext_noop(
    "The deputy of the technical contact person for the certificate “{description}” of {organisation} is "
    "now {name}. You do not need to do anything. We will no longer send you messages about it."
)
DEPUTY_NO_MORE = gettext_noop(
    "You are no longer the deputy of the technical contact person of the certificate “{description}” of "
    "{organisation}. You do not need to do anything. We will no longer send you messages about it."
)
NOW_ANOTHER_PERSON = gettext_noop(
    "Another person now looks after the certificate “{description}” of {organisation}. You do not need to "
    "do anything. We will no longer send you messages about it."
)
CHANGED = gettext_noop("{name} now looks after the certificate “{description}” of {organisation}.")

MANY_SUBJECT = gettext_noop("Contact person changed on {day}, certificates: {count}")
MANY_NOW_YOU = gettext_noop(
    "You are now the technical contact person of these certificates. You take over from {name}."
)
MANY_NOW_DEPUTY = gettext_noop("You are now the deputy of the technical contact person of these certificates.")
MANY_WHAT_YOU_DO = gettext_noop(
    "You can usually renew each certificate in your program during its last 60 days. Its page in the "
    "e-service shows the exact time, which is later if the validity is short. We will remind you in time. "
    "For certificates that have not been retrieved yet, you receive transfer IDs in separate messages."
)
MANY_WHAT_DEPUTY_DOES = gettext_noop("We will also remind you before one of them expires.")
MANY_NOW_ANOTHER = gettext_noop(
    "The technical contact person of these certificates is now {name}. You do not need to do anything. We "
    "will no longer send you messages about them."
)
MANY_NO_LONGER_DEPUTY = gettext_noop(
    "The deputy of the technical contact person for these certificates is now {name}. You do not need to "
    "do anything. We will no longer send you messages about them."
)
MANY_ROW = gettext_noop("{organisation}, {customer_id}: “{description}”, valid until {ends}")
MANY_ROW_UNFETCHED = gettext_noop("{organisation}, {customer_id}: “{description}”, not retrieved yet")

FINDING_SUBJECT = gettext_noop("Finding on {day}: {finding}")
FINDING = gettext_noop("A check found something that an operator should act on in good time ({finding}):")
FINDING_AGAIN = gettext_noop(
    "We send this message once a week while the finding remains. The meaning of each finding and what to "
    "do: docs/operators/monitoring.md. To list all current findings: sinetti authority watch --dir DIR"
)


_SIGNED = "renew"
"""Operation that is signed by a certificate."""


def fetched(ctx: MessageContext) -> MessageBody:
    """Write the message about a retrieval, and what to do with the old certificate."""
    certificate = ctx.certificate
    at = certificate.first_fetched_at or ctx.message.due
    old = certificate.older_ends
    parts = (
        ctx.say(FETCHED, fetched=ctx.when(at), **ctx.names()),
        ctx.say(TAKE_INTO_USE, older_ends=ctx.when(old)) if old else ctx.say(USED_NOW),
        ctx.say(NOT_FETCHED_HERE, help=help_line(ctx)),
    )
    return MessageBody(_subject(ctx, FETCHED_SUBJECT, at), parts, ctx.role())


def renewed(ctx: MessageContext) -> MessageBody:
    """Write the message about a renewal, so that the holder notices a stolen key."""
    certificate = ctx.certificate
    parts: tuple[Part, ...] = (
        ctx.say(
            RENEWED,
            renewed=ctx.when(certificate.not_before),
            ends=ctx.when(certificate.not_after),
            **ctx.names(),
        ),
    )
    if certificate.older_ends:
        parts += (ctx.say(TAKE_INTO_USE, older_ends=ctx.when(certificate.older_ends)),)
    parts += (ctx.say(NOT_RENEWED_HERE, help=help_line(ctx)),)
    return MessageBody(_subject(ctx, RENEWED_SUBJECT, certificate.not_before), parts, ctx.role())


def refused(ctx: MessageContext) -> MessageBody:
    """Write the message about refused requests, with the next step from the answer."""
    name, code = ctx.fact("reason_name"), ctx.fact("reason")
    if name not in set(RejectionReason) or code is None:
        raise NothingToReport(NOT_THERE)
    certificate = ctx.data.certificate
    refusal = Rejection(
        RejectionReason(name),
        opens=certificate.renewable_from if certificate else None,
        ended=certificate.not_after if certificate else None,
    )
    signed = ctx.fact("operation") == _SIGNED
    parts = (
        ctx.say(REFUSED if signed else REFUSED_UNSIGNED, **ctx.names()),
        ctx.say(THE_ANSWER, code=code),
        refusal_text(refusal, ctx.language),
        ctx.say(PASS_ON),
    )
    return MessageBody(_subject(ctx, REFUSED_SUBJECT, ctx.message.due), parts, ctx.role())


def revoked(ctx: MessageContext) -> MessageBody:
    """Write the message about a revocation: the reason, and how to get a replacement."""
    certificate, role = ctx.certificate, ctx.role()
    if certificate.revoked_at is None:
        raise NothingToReport(NOT_THERE)
    reason = RevocationReason(certificate.revocation_reason or RevocationReason.UNSPECIFIED)
    parts = (
        ctx.say(
            REVOKED,
            revoked=ctx.when(certificate.revoked_at),
            reason=ctx.say(role_labels.REASONS[reason]),
            **ctx.names(),
        ),
        ctx.say(REVOKED_MEANS),
        *ctx.stops(ended=True),
        ctx.say(ORDER_IF_NEEDED if role is Role.SIGNATORY else HAVE_ORDERED),
    )
    return MessageBody(_subject(ctx, REVOKED_SUBJECT, certificate.revoked_at), parts, role)


def _subject(ctx: MessageContext, message_id: str, at: datetime) -> str:
    """Return a subject with the date of the event; the message may be later."""
    return ctx.say(message_id, day=ctx.day(at), organisation=ctx.organisation)
