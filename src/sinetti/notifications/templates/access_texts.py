"""Texts about authorisations, from the invitation to the withdrawal.

They cover offered, requested, granted, declined, changed and withdrawn ones.
"""

from sinetti.i18n.translate import gettext_noop

INVITATION_SUBJECT = gettext_noop("Accept your authorisation by {day} – {organisation}")
INVITATION = gettext_noop(
    "{organisation} ({customer_id}) authorises you to act for it in this service. Your authorisation: {role}."
)
HOW = gettext_noop(
    "Open the page below, sign in and press “{button}”. If you have no account yet, create one first. An "
    "account alone gives you no rights."
)
HOW_SECOND = gettext_noop(
    "This authorisation also requires a second factor: a passkey or verification codes. The page explains "
    "how to add one."
)
LINK_WORKS_ONCE = gettext_noop("The link works once and expires on {expires}.")
UNEXPECTED = gettext_noop(
    "If you did not expect this message, you do not need to do anything. The authorisation lapses unless you accept it."
)

JOINED_SUBJECT = gettext_noop("New representative on {day} – {organisation}")
JOINED = gettext_noop(
    "{name} ({email}) is now a representative of {organisation} ({customer_id}) in this service. They may "
    "order certificates and give authorisations."
)
NOT_RIGHT = gettext_noop(
    "If this is wrong, withdraw the authorisation in the e-service (Settings > Authorisations) and tell us: {help}"
)

ASKED_SUBJECT = gettext_noop("Authorisation requested on {day} – {organisation}")
ASKED_BY_FIRM = gettext_noop(
    "{firm} ({firm_id}) requests an authorisation from {organisation} ({customer_id}): {role}."
)
ASKED_BY_PERSON = gettext_noop(
    "A person with the e-mail address {email} requests an authorisation from {organisation} ({customer_id}): {role}."
)
ANSWER = gettext_noop(
    "Answer in the e-service (Settings > Authorisations). You can approve the request, give a more "
    "limited authorisation, or decline. If you do not answer, the request lapses on {expires}."
)
KNOW_THEM = gettext_noop("We have not verified who sent the request. Approve it only if you know the sender.")

GRANTED_SUBJECT = gettext_noop("Authorisation approved on {day} – {organisation}")
GRANTED = gettext_noop(
    "Your request was approved. Your authorisation for {organisation} ({customer_id}) is now: {role}."
)

DECLINED_SUBJECT = gettext_noop("Authorisation request declined on {day}")
DECLINED = gettext_noop(
    "A representative of the organisation {customer_id} declined your request for an authorisation "
    "({role}). We do not know the reason. If you need the authorisation, ask the representative."
)
DECLINED_FIRM = gettext_noop(
    "A representative of the organisation {customer_id} declined your request for an authorisation "
    "({role}) for {firm}. We do not know the reason. If your firm needs the authorisation, ask the "
    "representative."
)

CHANGED_SUBJECT = gettext_noop("Authorisation changed on {day} – {organisation}")
CHANGED = gettext_noop("Your authorisation for {organisation} ({customer_id}) has changed. It is now: {role}.")
CHANGED_FIRM = gettext_noop(
    "The authorisation of {firm} for {organisation} ({customer_id}) has changed. It is now: {role}."
)

WITHDRAWN_SUBJECT = gettext_noop("Authorisation withdrawn on {day} – {organisation}")
WITHDRAWN = gettext_noop(
    "Your authorisation for {organisation} ({customer_id}) has been withdrawn. You can no longer act for "
    "the organisation in this service."
)
WITHDRAWN_FIRM = gettext_noop(
    "The authorisation of {firm} for {organisation} ({customer_id}) has been withdrawn. The firm can no "
    "longer act for the organisation in this service and no longer receives messages about its "
    "certificates."
)
IF_NEEDED = gettext_noop("If you still need the authorisation, ask the organisation's representative.")

GIVEN_UP_SUBJECT = gettext_noop("Authorisation given up on {day} – {organisation}")
GIVEN_UP = gettext_noop(
    "{name} ({email}) has given up their authorisation for {organisation} ({customer_id}): {role}. The "
    "authorisation has ended."
)
GIVEN_UP_BY_FIRM = gettext_noop(
    "{firm} ({firm_id}) has given up its authorisation for {organisation} ({customer_id}): {role}. The "
    "authorisation has ended, and the firm can no longer act for the organisation in this service."
)
WHO_INSTEAD = gettext_noop(
    "The certificates and their contact persons have not changed. If another person or firm should take "
    "over, give them the authorisation in the e-service (Settings > Authorisations)."
)

NAMED_SUBJECT = gettext_noop("A representative is to be named: check by {day} – {organisation}")
NAMED = gettext_noop(
    "{name} ({email}) has been proposed as the first representative of {organisation} ({customer_id}) in this service. "
    "A representative may order certificates and give authorisations."
)
NAMED_FROM = gettext_noop("The person can act for the organisation from {begins} on. Until then, they can do nothing.")
NAMED_VETO = gettext_noop("If this is not right, open the page below and stop it there. You do not need to sign in.")
NAMED_RIGHT = gettext_noop("If it is right, you do not need to do anything.")
WHY_NAMED = gettext_noop(
    "You are receiving this message because the trade register gives this address for {organisation}."
)

GIVEN_SUBJECT = gettext_noop("Authorisation given on {day} – {organisation}")
GIVEN_TO_FIRM = gettext_noop("{organisation} ({customer_id}) has given {firm} an authorisation: {role}.")
WHO_OF_FIRM = gettext_noop(
    "The people who act for {firm} in this service use the authorisation. It gives each of them at most "
    "the rights that they have in the firm. It cannot be passed on to others."
)

UNTIL_ASKED = gettext_noop("It would be valid until {until}.")
UNTIL = gettext_noop("It is valid until {until}.")
NO_END = gettext_noop("It is valid until it is withdrawn.")

WHY_INVITED = gettext_noop(
    "You are receiving this message because {organisation} gave us your name and address for the authorisation."
)
WHY_YOURS = gettext_noop("You are receiving this message because it is about your authorisation.")
WHY_ASKED = gettext_noop("You are receiving this message because you requested the authorisation.")
WHY_FIRM = gettext_noop("You are receiving this message because you act for {firm}.")
