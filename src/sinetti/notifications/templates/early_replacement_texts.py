"""Texts of messages about a call for early replacement."""

from sinetti.i18n.translate import gettext_noop, ngettext_noop

SUBJECT = ngettext_noop(
    "Replace {count} certificate by {day} – earlier than usual",
    "Replace {count} certificates by {day} – earlier than usual",
)
ASKED = ngettext_noop(
    "{service} asks you to have this certificate replaced earlier than usual, by {ends}.",
    "{service} asks you to have these certificates replaced earlier than usual, by {ends}.",
)
EXPLAINED = gettext_noop("The reason: {explanation}")
VALID = gettext_noop(
    "A certificate not replaced by then may be revoked: data can then no longer be sent with it. Until then everything"
    " works as before."
)
BY_PROGRAM = gettext_noop(
    "If your program renews certificates by itself, no action is needed: it asks the service when to renew, and does "
    "so by then. See that the new certificate has come into use."
)
BY_HAND = gettext_noop(
    "Otherwise renew it in your program now: renewal is open. With the client of this service the command is: sinetti "
    "renew NAME --force"
)
OR_ORDER = gettext_noop(
    "If the program cannot renew, the organisation's representative orders a replacement in the e-service (Settings > "
    "Technical interface and certificates)."
)
WHERE = gettext_noop(
    "The e-service shows for each certificate whether it has been replaced (Settings > Technical interface and "
    "certificates)."
)
ROW = gettext_noop(
    "{organisation}, {customer_id}: “{description}”, {channel}, serial number {serial}, valid until {ends}"
)
MORE = ngettext_noop("And {count} more: see the e-service.", "And {count} more: see the e-service.")
WHY = gettext_noop(
    "You get this message because you look after these certificates, or are a representative of the organisation that "
    "they belong to. Each person gets one message about all of theirs."
)

# A text message: at most 160 characters of GSM 03.38.
SMS_ONE = gettext_noop("Replace the certificate of {organisation} by {ends}: renew it in the program.")
SMS_MORE = gettext_noop(
    "Replace {count} certificates ({organisation} and others) by {ends}: renew them in the program."
)
SMS_SAME = gettext_noop("Replace {count} certificates of {organisation} by {ends}: renew them in the program.")
