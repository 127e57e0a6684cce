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
TAKE_INTO_USE = gettext_noop("The old certificate works until {older_ends}. Take the new one into use before that.")
USED_NOW = gettext_noop("The program can use it at once. We remind you when it can be renewed.")
NOT_FETCHED_HERE = gettext_noop(
    "If nobody at your organisation or its software supplier retrieved it, have it revoked at once: {help}"
)

RENEWED_SUBJECT = gettext_noop("Certificate renewed on {day} – {organisation}")
RENEWED = gettext_noop(
    "The certificate “{description}” of {organisation} was renewed over the technical interface on {renewed}. The new "
    "one is valid until {ends}."
)
NOBODY_HERE = gettext_noop(
    "If nobody at your organisation or its software supplier did this, somebody else may have the "
    "organisation's private key. Have the old and the new certificate revoked at once: {help}"
)

REFUSED_SUBJECT = gettext_noop("Requests refused on {day} – {organisation}")
REFUSED = gettext_noop(
    "The service has refused three requests that were signed with the certificate “{description}” of "
    "{organisation}. The signature was in order, so they come from a program that has the organisation's key."
)
REFUSED_UNSIGNED = gettext_noop(
    "The service has refused three requests about the certificate “{description}” of {organisation}."
)
THE_ANSWER = gettext_noop("This is what the service answered ({code}):")
PASS_ON = gettext_noop(
    "Pass this on to whoever looks after the program, for example its supplier, if that is not you. The certificate "
    "itself is as it was."
)

REVOKED_SUBJECT = gettext_noop("Certificate revoked on {day} – {organisation}")
REVOKED = gettext_noop(
    "The certificate “{description}” of {organisation} was revoked on {revoked}. The reason: {reason}."
)
REVOKED_MEANS = gettext_noop(
    "It is refused everywhere from now on, and can be neither renewed nor taken back into use."
)
ORDER_IF_NEEDED = gettext_noop(
    "If the program still needs a certificate, order a new one in the e-service (Settings > Technical interface and "
    "certificates). It is retrieved like the first one."
)
HAVE_ORDERED = gettext_noop(
    "If the program still needs a certificate, ask the organisation's representative to order a new one. It is "
    "retrieved like the first one."
)

BOUNCED_SUBJECT = gettext_noop("E-mail address has not worked since {day} – {organisation}")
BOUNCED_SUBJECT_ALONE = gettext_noop("E-mail address has not worked since {day}")
BOUNCED_ALONE = gettext_noop(
    "The e-mail address that we have of {name} has not worked since {day}: our messages come back. Until that "
    "is mended, {name} gets no e-mail from us about certificates that end."
)
BOUNCED = gettext_noop(
    "The e-mail address that {organisation} gave us for {name} has not worked since {day}: our messages come "
    "back. Until that is mended, {name} gets no e-mail from us about certificates that end."
)
MEND_ADDRESS = gettext_noop(
    "Correct the address or name somebody else in the e-service (Settings > Technical interface and "
    "certificates), or ask us to do it: {help}"
)

GONE_SUBJECT = gettext_noop("Contact person gave up the task on {day} – {organisation}")
GONE_SUBJECT_ALONE = gettext_noop("Contact person gave up the task on {day}")
GONE_ALONE = gettext_noop("{name} told us on {day} that looking after certificates is no longer their task.")
GONE = gettext_noop(
    "{name} told us on {day} that looking after certificates of {organisation} is no longer their task."
)
WE_STOP = gettext_noop("We stop sending them messages once every organisation concerned has been told.")
WE_GO_ON = gettext_noop("Messages to them go on until somebody else is named.")
FIND_ANOTHER = gettext_noop(
    "Nobody else at the organisation can be told by e-mail. Find out who does this now and name them "
    "(docs/e-service/recipients.md): sinetti authority change-contact, or sinetti authority organisation"
)
NAME_ANOTHER = gettext_noop(
    "Name somebody else in the e-service (Settings > Technical interface and certificates), or ask us to do it: {help}"
)

CHANGED_SUBJECT = gettext_noop("Contact person of a certificate changed on {day} – {organisation}")
NOW_DEPUTY = gettext_noop(
    "You are now the deputy of the technical contact person of the certificate “{description}” of {organisation}."
)
NOW_YOU = gettext_noop("You are now the technical contact person of the certificate “{description}” of {organisation}.")
NOW_YOU_AFTER = gettext_noop(
    "You are now the technical contact person of the certificate “{description}” of {organisation}. Until now it was "
    "{name}."
)
WHAT_YOU_DO = gettext_noop(
    "The certificate ends on {ends}. It can be renewed in your program from {opens} on; we remind you then."
)
WHAT_YOU_DO_NOW = gettext_noop("The certificate ends on {ends}. It can be renewed in your program now.")
WHAT_YOU_DO_FIRST = gettext_noop(
    "The certificate has not been retrieved yet. For that you need transfer IDs; if they do not come in a "
    "message of their own, ask the organisation's representative for them."
)
WHAT_DEPUTY_DOES_FIRST = gettext_noop(
    "The certificate has not been retrieved yet. That is for the technical contact person to do."
)
WHAT_YOU_DO_REVOKED = gettext_noop(
    "The certificate was revoked. If the program still needs one, ask the organisation's representative to order a new "
    "one."
)
WHAT_YOU_DO_AFTER = gettext_noop(
    "The certificate ended on {ends} and can no longer be renewed. If the program still needs one, ask the "
    "organisation's representative to order a new one."
)
IF_NOT_YOU = gettext_noop("If this is not your task, tell the organisation's representative.")
NOW_ANOTHER = gettext_noop(
    "The technical contact person of the certificate “{description}” of {organisation} is now {name}. You need not do "
    "anything, and we send you no more messages about it."
)
NO_LONGER_DEPUTY = gettext_noop(
    "The technical contact person's deputy for the certificate “{description}” of {organisation} is now {name}. You "
    "need not do anything, and we send you no more messages about it."
)
DEPUTY_NO_MORE = gettext_noop(
    "You are no longer the deputy of the technical contact person of the certificate “{description}” of "
    "{organisation}. You need not do anything, and we send you no more messages about it."
)
NOW_SOMEBODY = gettext_noop(
    "The certificate “{description}” of {organisation} is now looked after by somebody else. You need not do anything,"
    " and we send you no more messages about it."
)
CHANGED = gettext_noop("The certificate “{description}” of {organisation} is now looked after by {name}.")

MANY_SUBJECT = gettext_noop("Contact person of certificates changed on {day}: {count}")
MANY_NOW_YOU = gettext_noop("You are now the technical contact person of these certificates. Until now it was {name}.")
MANY_NOW_DEPUTY = gettext_noop("You are now the deputy of the technical contact person of these certificates.")
MANY_WHAT_YOU_DO = gettext_noop(
    "Each can be renewed in your program in its last 60 days, or in the last third of a shorter life, and earlier if "
    "its page in the e-service says so. We remind you in time. Of those that have not been retrieved yet you get "
    "transfer IDs in messages of their own."
)
MANY_WHAT_DEPUTY_DOES = gettext_noop("We remind you, too, when one of them can be renewed.")
MANY_NOW_ANOTHER = gettext_noop(
    "The technical contact person of these certificates is now {name}. You need not do anything, and we send you no "
    "more messages about them."
)
MANY_NO_LONGER_DEPUTY = gettext_noop(
    "The technical contact person's deputy for these certificates is now {name}. You need not do anything, and we send "
    "you no more messages about them."
)
MANY_ROW = gettext_noop("{organisation}, {customer_id}: “{description}”, valid until {ends}")
MANY_ROW_UNFETCHED = gettext_noop("{organisation}, {customer_id}: “{description}”, not retrieved yet")

FINDING_SUBJECT = gettext_noop("Found on {day}: {finding}")
FINDING = gettext_noop("The service has found something that an operator should act on in good time ({finding}):")
FINDING_AGAIN = gettext_noop(
    "You get this message once a week for as long as it is found. What each finding means and what is to be done: "
    "docs/operators/monitoring.md. All of them now: sinetti authority watch --dir DIR"
)


_SIGNED = "renew"
"""Operation that is signed by a certificate."""


def fetched(matter: MessageContext) -> MessageBody:
    """Write the message about a retrieval, and what to do with the old certificate."""
    certificate = matter.certificate
    at = certificate.first_fetched_at or matter.owed.due
    old = certificate.older_ends
    parts = (
        matter.say(FETCHED, fetched=matter.when(at), **matter.names()),
        matter.say(TAKE_INTO_USE, older_ends=matter.when(old)) if old else matter.say(USED_NOW),
        matter.say(NOT_FETCHED_HERE, help=help_line(matter)),
    )
    return MessageBody(_subject(matter, FETCHED_SUBJECT, at), parts, matter.role())


def renewed(matter: MessageContext) -> MessageBody:
    """Write the message about a renewal, so that the holder notices a stolen key."""
    certificate = matter.certificate
    parts: tuple[Part, ...] = (
        matter.say(
            RENEWED,
            renewed=matter.when(certificate.not_before),
            ends=matter.when(certificate.not_after),
            **matter.names(),
        ),
    )
    if certificate.older_ends:
        parts += (matter.say(TAKE_INTO_USE, older_ends=matter.when(certificate.older_ends)),)
    parts += (matter.say(NOBODY_HERE, help=help_line(matter)),)
    return MessageBody(_subject(matter, RENEWED_SUBJECT, certificate.not_before), parts, matter.role())


def refused(matter: MessageContext) -> MessageBody:
    """Write the message about refused requests, with the next step from the answer."""
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
        matter.say(REFUSED if signed else REFUSED_UNSIGNED, **matter.names()),
        matter.say(THE_ANSWER, code=code),
        refusal_text(refusal, matter.language),
        matter.say(PASS_ON),
    )
    return MessageBody(_subject(matter, REFUSED_SUBJECT, matter.owed.due), parts, matter.role())


def revoked(matter: MessageContext) -> MessageBody:
    """Write the message about a revocation: the reason, and how to get a replacement."""
    certificate, role = matter.certificate, matter.role()
    if certificate.revoked_at is None:
        raise NothingToReport(NOT_THERE)
    reason = RevocationReason(certificate.revocation_reason or RevocationReason.UNSPECIFIED)
    parts = (
        matter.say(
            REVOKED,
            revoked=matter.when(certificate.revoked_at),
            reason=matter.say(role_labels.REASONS[reason]),
            **matter.names(),
        ),
        matter.say(REVOKED_MEANS),
        *matter.stops(ended=True),
        matter.say(ORDER_IF_NEEDED if role is Role.SIGNATORY else HAVE_ORDERED),
    )
    return MessageBody(_subject(matter, REVOKED_SUBJECT, certificate.revoked_at), parts, role)


def _subject(matter: MessageContext, message_id: str, at: datetime) -> str:
    """Return a subject with the date of the event; the message may be later."""
    return matter.say(message_id, day=matter.day(at), organisation=matter.organisation)
