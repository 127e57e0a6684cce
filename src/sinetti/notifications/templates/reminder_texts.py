"""What reminders, *take into use* and digests say: certificates that end, and what is to be done until then."""

from sinetti.i18n.translate import gettext_noop

ENDS_SUBJECT = gettext_noop("Certificate ends on {day} – {organisation}")
ENDED_SUBJECT = gettext_noop("Certificate ended on {day} – {organisation}")
USE_SUBJECT = gettext_noop("Old certificate still in use, ends on {day} – {organisation}")
USE_ENDED_SUBJECT = gettext_noop("Old certificate ended on {day}, was still in use – {organisation}")

ENDS = gettext_noop("The certificate “{description}” of {organisation} ends on {ends}.")
DAY_OFF = gettext_noop("That is not a working day.")
OLD_ENDED = gettext_noop("The certificate “{description}” of {organisation} ended on {ends}.")
ENDED = gettext_noop(
    "The certificate “{description}” of {organisation} ended on {ends}. Use of the technical interface with "
    "it is prevented: the program cannot send data."
)

# Reports of others are sent with it: what stops for them.
SERVES_ONE = gettext_noop("Reports of one other organisation are sent with it, too: they stop as well if it ends.")
SERVES = gettext_noop(
    "Reports of about {count} other organisations are sent with it, too: they stop as well if it ends."
)
SERVED_ONE = gettext_noop(
    "Reports of one other organisation were sent with it, too: they cannot be sent with it any more either."
)
SERVED = gettext_noop(
    "Reports of about {count} other organisations were sent with it, too: they cannot be sent with it any more either."
)

# What the technical contact person does.
RENEW_BETWEEN = gettext_noop(
    "Renew it in your program at any time from {days}; if the program cannot do that, ask the organisation's "
    "representative to order a replacement. Otherwise the program can no longer send data."
)
BY_ITSELF = gettext_noop("If your program renews the certificate by itself, see that it does; nothing else is needed.")
RENEW_BY = gettext_noop(
    "The last working day before that is {last}. Renew it in your program by then; if the program cannot do that, ask "
    "the organisation's representative to order a replacement. Otherwise the program can no longer send data."
)
RENEW_BEFORE = gettext_noop(
    "Renew it in your program before that; if the program cannot do that, ask the organisation's representative to "
    "order a replacement. Otherwise the program can no longer send data."
)
ORDERED_ANEW = gettext_noop(
    "It can no longer be renewed. Ask the organisation's representative to order a new one in the e-service (Settings "
    "> Technical interface and certificates). It is retrieved like the first one."
)

# What representatives and the organisation's contact person do.
LOOKED_AFTER = gettext_noop(
    "Its technical contact person is {contact}. Ask them whether the renewal is under way. It has to be done by "
    "{last}; otherwise the program can no longer send data."
)
LOOKED_AFTER_BY_NOBODY = gettext_noop(
    "It has no technical contact person now. Name one: the certificate has to be renewed by {last}; otherwise the "
    "program can no longer send data."
)
OR_REPLACE = gettext_noop(
    "If nobody looks after it any more, name a new technical contact person or order a replacement in the e-service "
    "(Settings > Technical interface and certificates)."
)
ASK_TO_REPLACE = gettext_noop(
    "If nobody looks after it any more, ask the organisation's representative to name a new technical contact person "
    "or to order a replacement."
)
ORDER_ANEW = gettext_noop(
    "It can no longer be renewed. Order a new one in the e-service (Settings > Technical interface and certificates) "
    "and name who retrieves it. It is retrieved like the first one."
)

# There is a new one, but nobody has retrieved it.
UNFETCHED = gettext_noop(
    "The new certificate was made on {made}, but has not been retrieved yet. Once the old one has ended, the program "
    "can no longer send data without it."
)
FETCH_BY = gettext_noop(
    "Retrieve it in your program by {last}: the retrieval ID that the program was given works as often as needed."
)
FETCH_NOW = gettext_noop(
    "The new certificate was made on {made}, but has not been retrieved yet. It is valid: retrieve it in your program "
    "now. The retrieval ID that the program was given still works."
)
ASK_TO_FETCH = gettext_noop("Its technical contact person is {contact}. Ask them to retrieve the new one by {last}.")
ASK_TO_FETCH_NOW = gettext_noop(
    "The new certificate was made on {made}, but has not been retrieved yet. It is valid: ask the technical contact "
    "person, {contact}, to retrieve it now."
)

# It has no technical contact person.
NOBODY_FETCHES = gettext_noop(
    "It has no technical contact person now. Name one: the new certificate has to be retrieved by {last}."
)
NOBODY_FETCHES_NOW = gettext_noop(
    "It has no technical contact person now. Name one: the new certificate has to be retrieved now."
)
NOBODY_USES = gettext_noop(
    "It has no technical contact person now. Name one: the new certificate has to be taken into use everywhere by "
    "{last}."
)
NOBODY_USES_NOW = gettext_noop(
    "It has no technical contact person now. Name one: the new certificate has to be taken into use everywhere now."
)

# One was ordered in its place, but nobody has used the transfer IDs.
ORDERED = gettext_noop(
    "A replacement was ordered on {ordered}, but has not been retrieved yet. Once the old one has ended, the program "
    "can no longer send data without it."
)
FETCH_ORDERED = gettext_noop(
    "Retrieve it with the transfer IDs by {last}; if they have expired, ask the organisation's representative for new "
    "ones."
)
ASK_TO_FETCH_ORDERED = gettext_noop(
    "Its technical contact person is {contact}. Ask them to retrieve the replacement with the transfer IDs by "
    "{last}; if these have expired, the organisation's representative can have new ones sent in the "
    "e-service."
)
FETCH_ORDERED_NOW = gettext_noop(
    "Retrieve it with the transfer IDs now; if they have expired, ask the organisation's representative for new ones."
)
ASK_TO_FETCH_ORDERED_NOW = gettext_noop(
    "Its technical contact person is {contact}. Ask them to retrieve the replacement with the transfer IDs now; if "
    "these have expired, the organisation's representative can have new ones sent in the e-service."
)

# The new one is there, and the old one is still used.
STILL_USED_SINCE = gettext_noop(
    "The new certificate was retrieved on {fetched}, but after that a program of the organisation has still "
    "used the old one. What is sent with the old one after its end is refused."
)
STILL_USED = gettext_noop(
    "The new certificate has been retrieved, but after that a program of the organisation has still used the "
    "old one. What is sent with the old one after its end is refused."
)
USE_BY = gettext_noop(
    "Take the new certificate into use everywhere by {last}: look at each server and program that has the old one."
)
USE_NOW = gettext_noop(
    "Take the new certificate into use everywhere now: look at each server and program that has the old one."
)
ASK_TO_USE = gettext_noop(
    "Its technical contact person is {contact}. Ask them to take the new certificate into use everywhere by {last}."
)
ASK_TO_USE_NOW = gettext_noop(
    "Its technical contact person is {contact}. Ask them to take the new certificate into use everywhere now."
)

# Text messages: at most 160 characters of GSM 03.38, so none that this alphabet lacks.
SMS_ENDS = gettext_noop("Certificate of {organisation} ends on {ends}. Renew it in the program by {last}.")
SMS_FETCH = gettext_noop("Certificate of {organisation} ends on {ends}. Retrieve the new one by {last}.")
SMS_ASK = gettext_noop("Certificate of {organisation} ends on {ends}. Ask {contact} whether it is renewed.")
SMS_ENDED = gettext_noop("Certificate of {organisation} ended on {ends}: no data can be sent with it.")
SMS_USE = gettext_noop("Old certificate of {organisation}, still in use, ends on {ends}. Take the new one into use.")
SMS_USE_ENDED = gettext_noop("Old certificate of {organisation} ended on {ends}. Take the new one into use now.")
SEE_EMAIL = gettext_noop("See e-mail.")
MAIL_FAILS = gettext_noop("Our e-mail to you fails.")
