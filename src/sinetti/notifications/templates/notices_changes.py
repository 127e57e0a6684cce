"""What messages say of what has happened: to a certificate, to its people, and in the service itself."""

from sinetti.i18n.translate import mark

FETCHED_SUBJECT = mark("Certificate retrieved on {day} – {organisation}")
FETCHED = mark("The certificate “{description}” of {organisation} was retrieved for the first time on {fetched}.")
TAKE_INTO_USE = mark("The old certificate works until {older_ends}. Take the new one into use before that.")
USED_NOW = mark("The program can use it at once. We remind you when it can be renewed.")
NOT_FETCHED_HERE = mark(
    "If nobody at your organisation or its software supplier retrieved it, have it revoked at once: {help}"
)

RENEWED_SUBJECT = mark("Certificate renewed on {day} – {organisation}")
RENEWED = mark(
    "The certificate “{description}” of {organisation} was renewed over the technical interface on {renewed}. The new "
    "one is valid until {ends}."
)
NOBODY_HERE = mark(
    "If nobody at your organisation or its software supplier did this, somebody else may have the "
    "organisation's private key. Have the old and the new certificate revoked at once: {help}"
)

REFUSED_SUBJECT = mark("Requests refused on {day} – {organisation}")
REFUSED = mark(
    "The service has refused three requests that were signed with the certificate “{description}” of "
    "{organisation}. The signature was in order, so they come from a program that has the organisation's key."
)
REFUSED_UNSIGNED = mark(
    "The service has refused three requests about the certificate “{description}” of {organisation}."
)
THE_ANSWER = mark("This is what the service answered ({code}):")
PASS_ON = mark(
    "Pass this on to whoever looks after the program, for example its supplier, if that is not you. The certificate "
    "itself is as it was."
)

REVOKED_SUBJECT = mark("Certificate revoked on {day} – {organisation}")
REVOKED = mark("The certificate “{description}” of {organisation} was revoked on {revoked}. The reason: {reason}.")
REVOKED_MEANS = mark("It is refused everywhere from now on, and can be neither renewed nor taken back into use.")
ORDER_IF_NEEDED = mark(
    "If the program still needs a certificate, order a new one in the e-service (Settings > Technical interface and "
    "certificates). It is retrieved like the first one."
)
HAVE_ORDERED = mark(
    "If the program still needs a certificate, ask the organisation's representative to order a new one. It is "
    "retrieved like the first one."
)

BOUNCED_SUBJECT = mark("E-mail address has not worked since {day} – {organisation}")
BOUNCED_SUBJECT_ALONE = mark("E-mail address has not worked since {day}")
BOUNCED_ALONE = mark(
    "The e-mail address that we have of {name} has not worked since {day}: our messages come back. Until that "
    "is mended, {name} gets no e-mail from us about certificates that end."
)
BOUNCED = mark(
    "The e-mail address that {organisation} gave us for {name} has not worked since {day}: our messages come "
    "back. Until that is mended, {name} gets no e-mail from us about certificates that end."
)
MEND_ADDRESS = mark(
    "Correct the address or name somebody else in the e-service (Settings > Technical interface and "
    "certificates), or ask us to do it: {help}"
)

GONE_SUBJECT = mark("Contact person gave up the task on {day} – {organisation}")
GONE_SUBJECT_ALONE = mark("Contact person gave up the task on {day}")
GONE_ALONE = mark("{name} told us on {day} that looking after certificates is no longer their task.")
GONE = mark("{name} told us on {day} that looking after certificates of {organisation} is no longer their task.")
WE_STOP = mark("We stop sending them messages once every organisation concerned has been told.")
WE_GO_ON = mark("Messages to them go on until somebody else is named.")
FIND_ANOTHER = mark(
    "Nobody else at the organisation can be told by e-mail. Find out who does this now and name them (docs/people.md): "
    "sinetti authority change-contact, or sinetti authority organisation"
)
NAME_ANOTHER = mark(
    "Name somebody else in the e-service (Settings > Technical interface and certificates), or ask us to do it: {help}"
)

CHANGED_SUBJECT = mark("Contact person of a certificate changed on {day} – {organisation}")
NOW_DEPUTY = mark(
    "You are now the deputy of the technical contact person of the certificate “{description}” of {organisation}."
)
NOW_YOU = mark("You are now the technical contact person of the certificate “{description}” of {organisation}.")
NOW_YOU_AFTER = mark(
    "You are now the technical contact person of the certificate “{description}” of {organisation}. Until now it was "
    "{name}."
)
WHAT_YOU_DO = mark(
    "The certificate ends on {ends}. It can be renewed in your program from {opens} on; we remind you then."
)
WHAT_YOU_DO_NOW = mark("The certificate ends on {ends}. It can be renewed in your program now.")
WHAT_YOU_DO_FIRST = mark(
    "The certificate has not been retrieved yet. For that you need transfer IDs; if they do not come in a "
    "message of their own, ask the organisation's representative for them."
)
WHAT_DEPUTY_DOES_FIRST = mark(
    "The certificate has not been retrieved yet. That is for the technical contact person to do."
)
WHAT_YOU_DO_REVOKED = mark(
    "The certificate was revoked. If the program still needs one, ask the organisation's representative to order a new "
    "one."
)
WHAT_YOU_DO_AFTER = mark(
    "The certificate ended on {ends} and can no longer be renewed. If the program still needs one, ask the "
    "organisation's representative to order a new one."
)
IF_NOT_YOU = mark("If this is not your task, tell the organisation's representative.")
NOW_ANOTHER = mark(
    "The technical contact person of the certificate “{description}” of {organisation} is now {name}. You need not do "
    "anything, and we send you no more messages about it."
)
NO_LONGER_DEPUTY = mark(
    "The technical contact person's deputy for the certificate “{description}” of {organisation} is now {name}. You "
    "need not do anything, and we send you no more messages about it."
)
DEPUTY_NO_MORE = mark(
    "You are no longer the deputy of the technical contact person of the certificate “{description}” of "
    "{organisation}. You need not do anything, and we send you no more messages about it."
)
NOW_SOMEBODY = mark(
    "The certificate “{description}” of {organisation} is now looked after by somebody else. You need not do anything,"
    " and we send you no more messages about it."
)
CHANGED = mark("The certificate “{description}” of {organisation} is now looked after by {name}.")

MANY_SUBJECT = mark("Contact person of certificates changed on {day}: {count}")
MANY_NOW_YOU = mark("You are now the technical contact person of these certificates. Until now it was {name}.")
MANY_NOW_DEPUTY = mark("You are now the deputy of the technical contact person of these certificates.")
MANY_WHAT_YOU_DO = mark(
    "Each can be renewed in your program in its last 60 days, or in the last third of a shorter life, and earlier if "
    "its page in the e-service says so. We remind you in time. Of those that have not been retrieved yet you get "
    "transfer IDs in messages of their own."
)
MANY_WHAT_DEPUTY_DOES = mark("We remind you, too, when one of them can be renewed.")
MANY_NOW_ANOTHER = mark(
    "The technical contact person of these certificates is now {name}. You need not do anything, and we send you no "
    "more messages about them."
)
MANY_NO_LONGER_DEPUTY = mark(
    "The technical contact person's deputy for these certificates is now {name}. You need not do anything, and we send "
    "you no more messages about them."
)
MANY_ROW = mark("{organisation}, {customer_id}: “{description}”, valid until {ends}")
MANY_ROW_UNFETCHED = mark("{organisation}, {customer_id}: “{description}”, not retrieved yet")

FINDING_SUBJECT = mark("Found on {day}: {finding}")
FINDING = mark("The service has found something that an operator should act on in good time ({finding}):")
FINDING_AGAIN = mark(
    "You get this message once a week for as long as it is found. What each finding means and what is to be done: "
    "docs/watch.md. All of them now: sinetti authority watch --dir DIR"
)
