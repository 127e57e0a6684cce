"""What reminders, *take into use* and digests say: certificates that end, and what is to be done until then."""

from sinetti.texts.reader import mark

ENDS_SUBJECT = mark("Certificate ends on {day} – {organisation}")
ENDED_SUBJECT = mark("Certificate ended on {day} – {organisation}")
USE_SUBJECT = mark("Old certificate still in use, ends on {day} – {organisation}")

ENDS = mark("The certificate “{description}” of {organisation} ends on {ends}.")
DAY_OFF = mark("That is a day off.")
ENDED = mark(
    "The certificate “{description}” of {organisation} ended on {ends}. Use of the technical interface with it is "
    "prevented: the program can send no data."
)

# What the technical contact person does.
RENEW_BETWEEN = mark(
    "Renew it in your program at any time from {days}; if the program cannot do that, ask the organisation's "
    "representative to order a replacement. Otherwise the program can no longer send data."
)
BY_ITSELF = mark("If your program renews the certificate by itself, see that it does; nothing else is needed.")
RENEW_BY = mark(
    "The last working day before that is {last}. Renew it in your program by then; if the program cannot do that, ask "
    "the organisation's representative to order a replacement. Otherwise the program can no longer send data."
)
RENEW_BEFORE = mark(
    "Renew it in your program before that; if the program cannot do that, ask the organisation's representative to "
    "order a replacement. Otherwise the program can no longer send data."
)
ORDERED_ANEW = mark(
    "It can no longer be renewed. Ask the organisation's representative to order a new one in the e-service (Settings "
    "> Technical interface and certificates). It is retrieved like the first one."
)

# What representatives and the organisation's contact person do.
LOOKED_AFTER = mark(
    "Its technical contact person is {contact}. Ask them whether the renewal is under way. It has to be done by "
    "{last}; otherwise the program can no longer send data."
)
LOOKED_AFTER_BY_NOBODY = mark(
    "It has no technical contact person now. Name one: the certificate has to be renewed by {last}; otherwise the "
    "program can no longer send data."
)
OR_REPLACE = mark(
    "If nobody looks after it any more, name a new technical contact person or order a replacement in the e-service "
    "(Settings > Technical interface and certificates)."
)
ORDER_ANEW = mark(
    "It can no longer be renewed. Order a new one in the e-service (Settings > Technical interface and certificates) "
    "and name who retrieves it. It is retrieved like the first one."
)

# Renewed, but nobody has the new one.
UNFETCHED = mark(
    "It was renewed on {renewed}, but the new certificate has not been retrieved yet. Once the old one has ended, the "
    "program can no longer send data without it."
)
FETCH_BY = mark(
    "Retrieve it in your program by {last}: the retrieval ID that the program was given works as often as needed."
)
FETCH_NOW = mark(
    "It was renewed on {renewed}, but the new certificate has not been retrieved yet. It is valid: retrieve it in your"
    " program now. The retrieval ID that the program was given still works."
)
ASK_TO_FETCH = mark("Its technical contact person is {contact}. Ask them to retrieve the new one by {last}.")
ASK_TO_FETCH_NOW = mark(
    "It was renewed on {renewed}, but the new certificate has not been retrieved yet. It is valid: ask the technical "
    "contact person, {contact}, to retrieve it now."
)
NOBODY = mark("nobody")

# The new one is there, and the old one is still used.
STILL_USED = mark(
    "The new certificate was retrieved on {fetched}, but after that a program of yours has still used the old one. "
    "Once that has ended, what is sent with it is refused."
)
USE_BY = mark("Take the new certificate into use everywhere by {last}: look at each server and program that has one.")
ASK_TO_USE = mark(
    "Its technical contact person is {contact}. Ask them to take the new certificate into use everywhere by {last}."
)

# Text messages: at most 160 characters of GSM 03.38, so none that this alphabet lacks.
SMS_ENDS = mark("A certificate of {organisation} ends on {ends}. Renew it in the program by {last}. See e-mail.")
SMS_FETCH = mark(
    "A certificate of {organisation} ends on {ends}. The renewed one is not retrieved yet: do so by {last}. See e-mail."
)
SMS_ASK = mark("A certificate of {organisation} ends on {ends}. Ask {contact} whether it is renewed. See e-mail.")
SMS_ENDED = mark("A certificate of {organisation} ended on {ends}: no data can be sent with it. See e-mail.")
SMS_USE = mark(
    "An old certificate of {organisation} is still in use and ends on {ends}. Take the new one into use. See e-mail."
)
