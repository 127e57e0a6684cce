"""Texts of messages about a call for early replacement."""

from sinetti.i18n.translate import mark, mark_count

SUBJECT = mark_count(
    "Replace {count} certificate by {day} – earlier than usual",
    "Replace {count} certificates by {day} – earlier than usual",
)
ASKED = mark_count(
    "{service} asks you to have this certificate replaced earlier than usual, by {ends}.",
    "{service} asks you to have these certificates replaced earlier than usual, by {ends}.",
)
EXPLAINED = mark("The reason: {explanation}")
VALID = mark(
    "A certificate not replaced by then may be revoked: data can then no longer be sent with it. Until then everything"
    " works as before."
)
BY_PROGRAM = mark(
    "If your program renews certificates by itself, no action is needed: it asks the service when to renew, and does "
    "so by then. See that the new certificate has come into use."
)
BY_HAND = mark(
    "Otherwise renew it in your program now: renewal is open. With the client of this service the command is: sinetti "
    "renew NAME --force"
)
OR_ORDER = mark(
    "If the program cannot renew, the organisation's representative orders a replacement in the e-service (Settings > "
    "Technical interface and certificates)."
)
WHERE = mark(
    "The e-service shows for each certificate whether it has been replaced (Settings > Technical interface and "
    "certificates)."
)
ROW = mark("{organisation}, {customer_id}: “{description}”, {channel}, serial number {serial}, valid until {ends}")
MORE = mark_count("And {count} more: see the e-service.", "And {count} more: see the e-service.")
WHY = mark(
    "You get this message because you look after these certificates, or are a representative of the organisation that "
    "they belong to. Each person gets one message about all of theirs."
)

# A text message: at most 160 characters of GSM 03.38.
SMS_ONE = mark("Replace the certificate of {organisation} by {ends}: renew it in the program.")
SMS_MORE = mark("Replace {count} certificates ({organisation} and others) by {ends}: renew them in the program.")
SMS_SAME = mark("Replace {count} certificates of {organisation} by {ends}: renew them in the program.")
