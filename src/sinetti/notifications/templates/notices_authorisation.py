"""What messages say of authorisations: offered, asked for, given, declined, changed, withdrawn."""

from sinetti.i18n.translate import mark

INVITATION_SUBJECT = mark("Take up your authorisation by {day} – {organisation}")
INVITATION = mark("{organisation} ({customer_id}) is giving you an authorisation in this service: {role}.")
HOW = mark(
    "Open the page below, sign in and press the button “{button}”. If you have no account yet, make one first; the "
    "account alone gives no rights."
)
HOW_SECOND = mark(
    "For this authorisation you also need a second factor, a passkey or verification codes: the page tells how."
)
LINK_WORKS_ONCE = mark("The link works once, until {expires}.")
UNEXPECTED = mark("If you did not expect this message, you need not do anything: the authorisation then lapses.")

JOINED_SUBJECT = mark("New representative on {day} – {organisation}")
JOINED = mark(
    "{name} ({email}) is now a representative of {organisation} ({customer_id}) in this service, and may order "
    "certificates and give authorisations."
)
NOT_RIGHT = mark(
    "If this is not right, withdraw the authorisation in the e-service (Settings > Authorisations) and tell us: {help}"
)

ASKED_SUBJECT = mark("Authorisation asked for on {day} – {organisation}")
ASKED_BY_FIRM = mark("{firm} ({firm_id}) asks {organisation} ({customer_id}) for an authorisation: {role}.")
ASKED_BY_PERSON = mark(
    "Somebody with the e-mail address {email} asks {organisation} ({customer_id}) for an authorisation: {role}."
)
ANSWER = mark(
    "Answer in the e-service (Settings > Authorisations): you can approve it, give less than was asked for, or "
    "decline. Without an answer it lapses on {expires}."
)
KNOW_THEM = mark("We have not checked who is asking: approve only those whom you know.")

GRANTED_SUBJECT = mark("Authorisation approved on {day} – {organisation}")
GRANTED = mark("Your request was approved. Your authorisation for {organisation} ({customer_id}) is now: {role}.")

DECLINED_SUBJECT = mark("Request for an authorisation declined on {day}")
DECLINED = mark(
    "You asked the organisation {customer_id} for an authorisation ({role}). Its representative did not approve it. "
    "We do not know the reason: ask them if you need the authorisation."
)
DECLINED_FIRM = mark(
    "You asked the organisation {customer_id} for an authorisation ({role}) for {firm}. Its representative did not "
    "approve it. We do not know the reason: ask them if your firm needs the authorisation."
)

CHANGED_SUBJECT = mark("Authorisation changed on {day} – {organisation}")
CHANGED = mark("Your authorisation for {organisation} ({customer_id}) has changed. It is now: {role}.")
CHANGED_FIRM = mark("The authorisation of {firm} for {organisation} ({customer_id}) has changed. It is now: {role}.")

WITHDRAWN_SUBJECT = mark("Authorisation withdrawn on {day} – {organisation}")
WITHDRAWN = mark(
    "Your authorisation for {organisation} ({customer_id}) was withdrawn. You can no longer act for the organisation "
    "in this service."
)
WITHDRAWN_FIRM = mark(
    "The authorisation of {firm} for {organisation} ({customer_id}) was withdrawn. The firm can no longer act for the "
    "organisation in this service, and gets no more messages about its certificates."
)
IF_NEEDED = mark("If you still need it, ask the organisation's representative.")

GIVEN_UP_SUBJECT = mark("Authorisation given up on {day} – {organisation}")
GIVEN_UP = mark(
    "{name} ({email}) has given up their own authorisation for {organisation} ({customer_id}): {role}. It ended at "
    "once."
)
GIVEN_UP_BY_FIRM = mark(
    "{firm} ({firm_id}) has given up its authorisation for {organisation} ({customer_id}): {role}. It ended at once: "
    "the firm can no longer act for the organisation in this service."
)
WHO_INSTEAD = mark(
    "Nothing has changed in the certificates and their contact persons. If somebody is needed in their place, give the "
    "authorisation to somebody else in the e-service (Settings > Authorisations)."
)

GIVEN_SUBJECT = mark("Authorisation given on {day} – {organisation}")
GIVEN_TO_FIRM = mark("{organisation} ({customer_id}) has given {firm} an authorisation: {role}.")
WHO_OF_FIRM = mark(
    "It is used by those who act for {firm} in this service, each with no more rights than they"
    " have in the firm. It cannot be passed on to others."
)

UNTIL_ASKED = mark("It would be valid until {until}.")
UNTIL = mark("It is valid until {until}.")
NO_END = mark("It is valid until it is withdrawn.")

WHY_INVITED = mark("You get this message because {organisation} gave us your name and address for the authorisation.")
WHY_YOURS = mark("You get this message because the authorisation is yours.")
WHY_ASKED = mark("You get this message because you asked for the authorisation.")
WHY_FIRM = mark("You get this message because you act for {firm}.")
