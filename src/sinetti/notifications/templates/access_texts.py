"""Texts about authorisations, from the invitation to the withdrawal.

They cover offered, requested, granted, declined, changed and withdrawn ones.
"""

from sinetti.i18n.translate import gettext_noop

INVITATION_SUBJECT = gettext_noop("Take up your authorisation by {day} – {organisation}")
INVITATION = gettext_noop("{organisation} ({customer_id}) is giving you an authorisation in this service: {role}.")
HOW = gettext_noop(
    "Open the page below, sign in and press the button “{button}”. If you have no account yet, make one first; the "
    "account alone gives no rights."
)
HOW_SECOND = gettext_noop(
    "For this authorisation you also need a second factor, a passkey or verification codes: the page tells how."
)
LINK_WORKS_ONCE = gettext_noop("The link works once, until {expires}.")
UNEXPECTED = gettext_noop(
    "If you did not expect this message, you need not do anything: the authorisation then lapses."
)

JOINED_SUBJECT = gettext_noop("New representative on {day} – {organisation}")
JOINED = gettext_noop(
    "{name} ({email}) is now a representative of {organisation} ({customer_id}) in this service, and may order "
    "certificates and give authorisations."
)
NOT_RIGHT = gettext_noop(
    "If this is not right, withdraw the authorisation in the e-service (Settings > Authorisations) and tell us: {help}"
)

ASKED_SUBJECT = gettext_noop("Authorisation asked for on {day} – {organisation}")
ASKED_BY_FIRM = gettext_noop("{firm} ({firm_id}) asks {organisation} ({customer_id}) for an authorisation: {role}.")
ASKED_BY_PERSON = gettext_noop(
    "Somebody with the e-mail address {email} asks {organisation} ({customer_id}) for an authorisation: {role}."
)
ANSWER = gettext_noop(
    "Answer in the e-service (Settings > Authorisations): you can approve it, give less than was asked for, or "
    "decline. Without an answer it lapses on {expires}."
)
KNOW_THEM = gettext_noop("We have not checked who is asking: approve only those whom you know.")

GRANTED_SUBJECT = gettext_noop("Authorisation approved on {day} – {organisation}")
GRANTED = gettext_noop(
    "Your request was approved. Your authorisation for {organisation} ({customer_id}) is now: {role}."
)

DECLINED_SUBJECT = gettext_noop("Request for an authorisation declined on {day}")
DECLINED = gettext_noop(
    "You asked the organisation {customer_id} for an authorisation ({role}). Its representative did not approve it. "
    "We do not know the reason: ask them if you need the authorisation."
)
DECLINED_FIRM = gettext_noop(
    "You asked the organisation {customer_id} for an authorisation ({role}) for {firm}. Its representative did not "
    "approve it. We do not know the reason: ask them if your firm needs the authorisation."
)

CHANGED_SUBJECT = gettext_noop("Authorisation changed on {day} – {organisation}")
CHANGED = gettext_noop("Your authorisation for {organisation} ({customer_id}) has changed. It is now: {role}.")
CHANGED_FIRM = gettext_noop(
    "The authorisation of {firm} for {organisation} ({customer_id}) has changed. It is now: {role}."
)

WITHDRAWN_SUBJECT = gettext_noop("Authorisation withdrawn on {day} – {organisation}")
WITHDRAWN = gettext_noop(
    "Your authorisation for {organisation} ({customer_id}) was withdrawn. You can no longer act for the organisation "
    "in this service."
)
WITHDRAWN_FIRM = gettext_noop(
    "The authorisation of {firm} for {organisation} ({customer_id}) was withdrawn. The firm can no longer act for the "
    "organisation in this service, and gets no more messages about its certificates."
)
IF_NEEDED = gettext_noop("If you still need it, ask the organisation's representative.")

GIVEN_UP_SUBJECT = gettext_noop("Authorisation given up on {day} – {organisation}")
GIVEN_UP = gettext_noop(
    "{name} ({email}) has given up their own authorisation for {organisation} ({customer_id}): {role}. It ended at "
    "once."
)
GIVEN_UP_BY_FIRM = gettext_noop(
    "{firm} ({firm_id}) has given up its authorisation for {organisation} ({customer_id}): {role}. It ended at once: "
    "the firm can no longer act for the organisation in this service."
)
WHO_INSTEAD = gettext_noop(
    "Nothing has changed in the certificates and their contact persons. If somebody is needed in their place, give the "
    "authorisation to somebody else in the e-service (Settings > Authorisations)."
)

GIVEN_SUBJECT = gettext_noop("Authorisation given on {day} – {organisation}")
GIVEN_TO_FIRM = gettext_noop("{organisation} ({customer_id}) has given {firm} an authorisation: {role}.")
WHO_OF_FIRM = gettext_noop(
    "It is used by those who act for {firm} in this service, each with no more rights than they"
    " have in the firm. It cannot be passed on to others."
)

UNTIL_ASKED = gettext_noop("It would be valid until {until}.")
UNTIL = gettext_noop("It is valid until {until}.")
NO_END = gettext_noop("It is valid until it is withdrawn.")

WHY_INVITED = gettext_noop(
    "You get this message because {organisation} gave us your name and address for the authorisation."
)
WHY_YOURS = gettext_noop("You get this message because the authorisation is yours.")
WHY_ASKED = gettext_noop("You get this message because you asked for the authorisation.")
WHY_FIRM = gettext_noop("You get this message because you act for {firm}.")
