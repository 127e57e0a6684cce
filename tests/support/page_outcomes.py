"""Pages that follow a button: outcomes of acts, and errors of forms.

Golden files hold them (tests/support/page_texts.py); the walk of the pages leaves them out, because their layout is
that of the page they follow.
"""

from collections.abc import Mapping
from typing import NamedTuple

from tests.support.authority import CUSTOMER_ID
from tests.support.visits import OWNER, Visit


class Outcome(NamedTuple):
    """The page after a button of another page; `after` names a visit or another outcome."""

    after: str
    presses: str = ""
    types: Mapping[str, str] = {}


KEYHOLDER, NEWCOMER = "keyholder", "newcomer"
"""Visitors of these pages alone: one has a passkey, one comes from a provider for the first time."""
_KEY = "/account/security/passkeys"
OWN_VISITS: Mapping[str, Visit] = {
    "sign in, with a passkey": Visit("mfa_login_webauthn", f"{_KEY}/sign-in"),
    "the passkey once more": Visit("mfa_reauthenticate_webauthn", f"{_KEY}/reauthenticate", KEYHOLDER, recent=False),
    "one passkey": Visit("mfa_edit_webauthn", f"{_KEY}/{{passkey}}", KEYHOLDER),
    "removing a passkey": Visit("mfa_remove_webauthn", f"{_KEY}/{{passkey}}/remove", KEYHOLDER),
    "recovery codes, shown once": Visit(
        "mfa_view_recovery_codes", "/account/security/recovery-codes/new", OWNER, sends=("", {})
    ),
    "an account after a provider's answer": Visit("socialaccount_signup", "/account/providers/new", NEWCOMER),
}
"""Visits to the pages that the walk leaves out because they have their own (`OWN_WALK` in visits.py)."""

INVITED = {"name": "Uusi", "email": "new@malli.example"}
PERSON = {"person_name": "Uusi Nimi", "person_email": "new@malli.example"}
SENTENCE = "The register of incomes is read by our payroll program."

OUTCOMES: Mapping[str, Outcome] = {
    "outcome: an order": Outcome("checking an order", "send"),
    "outcome: an order was cancelled": Outcome("cancelling an order", "cancel"),
    "outcome: a new link": Outcome("checking a new link", "send"),
    "outcome: a revocation": Outcome("checking a revocation", "revoke"),
    "outcome: another contact person": Outcome("checking another contact person", "save"),
    "outcome: a deputy was removed": Outcome("removing a deputy", "remove"),
    "outcome: one is let to end": Outcome("letting one end", "let-end"),
    "outcome: ticked ones are let to end": Outcome("ticked: let them expire", "stop-reminders"),
    "outcome: a handover is checked": Outcome("handing over", "check-save", PERSON),
    "outcome: a handover": Outcome("outcome: a handover is checked", "save"),
    "outcome: an application": Outcome("applying", "apply", {"channels": "WS", "purpose": SENTENCE}),
    "outcome: an application was withdrawn": Outcome("withdrawing an application", "withdraw"),
    "outcome: a role for a person": Outcome(
        "a role for a person", "give", {"name": "Uusi", "email": "new@malli.example"}
    ),
    "outcome: a role for an organisation": Outcome("a role for an organisation", "give", {"customer_id": "7654321-4"}),
    "outcome: asking for a role": Outcome("asking for a role", "ask", {"customer_id": "7654321-4"}),
    "outcome: a request was approved": Outcome("a request", "approve"),
    "outcome: a request was declined": Outcome("a request", "decline"),
    "outcome: an invitation was confirmed": Outcome("an invitation to confirm", "confirm"),
    "outcome: an invitation was rejected": Outcome("an invitation to confirm", "reject"),
    "outcome: a withdrawal is checked": Outcome("one authorisation", "check-withdraw"),
    "outcome: a withdrawal": Outcome("outcome: a withdrawal is checked", "withdraw"),
    "outcome: asking clients": Outcome("asking clients", "ask", {"customer_ids": "3333333-9"}),
    "outcome: my settings": Outcome("my settings", "save", {"name": "Uusi Nimi"}),
    "outcome: a message was opened": Outcome("a message", "open"),
    "outcome: a drill": Outcome("a link of a drill", "arrived"),
    "outcome: a veto": Outcome("a first representative", "veto"),
    "outcome: a new password": Outcome("a new password", "", {"email": "somebody@people.example"}),
    "outcome: another address": Outcome("my e-mail address", "", {"email": "new@people.example"}),
    "outcome: no more codes": Outcome("no more codes"),
    "outcome: signed out": Outcome("sign out"),
    "error: a purpose": Outcome("a clerk's purpose", "go"),
    "error: ordering": Outcome("ordering", "check", {"description": "see https://malli.example", "whose": "others"}),
    "error: days of replacements": Outcome("replacements for many", "look", {"days": "0"}),
    "error: a revocation without a reason": Outcome("revoking", "check-revoke"),
    "error: a contact person": Outcome(
        "another contact person", "check-save", {"person_name": "", "person_email": "x"}
    ),
    "error: a deputy": Outcome("a deputy", "check-save", {"person_email": "contact@malli.example"}),
    "error: somebody unknown leaves": Outcome("contacts of many", "look", {"leaving": "x@malli.example"}),
    "error: nothing is ticked": Outcome("certificates", "replace"),
    "error: a role for a person": Outcome("a role for a person", "give", {"email": "x", "until": "2020-01-01"}),
    "error: a role for an organisation": Outcome("a role for an organisation", "give", {"customer_id": "1"}),
    "error: asking for a role": Outcome("asking for a role", "ask"),
    "error: asking clients": Outcome("asking clients", "ask", {"customer_ids": "x\n7654321-4"}),
    "error: no client is ticked": Outcome("clients", "check-give-up"),
    "error: no authorisation is ticked": Outcome("my settings", "check-give-up"),
    "error: no ended one is ticked": Outcome("authorisations", "note"),
    "error: a code for a message": Outcome("a message by a code", "code", {"code": "0"}),
    "error: a private key": Outcome("fetching", "fetch", {"request": "-----BEGIN PRIVATE KEY-----"}),
    "error: an account": Outcome("make an account", "", {"email": "x", "password1": "short"}),
    "error: the password once more": Outcome("the password once more", "", {"password": "x"}),
    "error: my password": Outcome("my password", "", {"oldpassword": "x", "password1": "a", "password2": "b"}),
    "error: my own address": Outcome("my e-mail address", "", {"email": "viewer@people.example"}),
    "error: a code of an app": Outcome("codes of an app", "", {"code": "12"}),
    "error: a second factor": Outcome("sign in, the second factor", "", {"code": "12"}),
    "clerk, outcome: a decision": Outcome("clerk: checking a decision", "decide"),
    "clerk, outcome: a new organisation": Outcome(
        "clerk: a new organisation",
        "add",
        {"customer_id": "5555555-5", "kind": "artificial", "name": "Uusi Oy", "spoken": "fi"},
    ),
    "clerk, outcome: a new name": Outcome("clerk: an organisation", "save", {"name": "Uusi Oy"}),
    "clerk, outcome: another language": Outcome("clerk: an organisation", "save", {"spoken": "sv"}),
    "clerk, outcome: the end of an organisation": Outcome("clerk: ending an organisation", "end"),
    "clerk, outcome: a load was proposed": Outcome("clerk: a load to propose", "propose"),
    "clerk, outcome: a load was confirmed": Outcome("clerk: a load to confirm", "confirm"),
    "clerk, outcome: a load was withdrawn": Outcome("clerk: a load of their own that waits", "end"),
    "clerk, outcome: an invitation": Outcome("clerk: invitations", "invite", {"organisation": CUSTOMER_ID, **INVITED}),
    "clerk, outcome: an invitation was confirmed": Outcome("clerk: an invitation for a second clerk", "confirm"),
    "clerk, outcome: an invitation was rejected": Outcome("clerk: an invitation for a second clerk", "reject"),
    "clerk, outcome: an invitation was withdrawn": Outcome("clerk: an invitation of their own", "withdraw"),
    "clerk, outcome: a revocation": Outcome("clerk: checking a revocation", "revoke"),
    "clerk, outcome: many revocations": Outcome("clerk: checking many revocations", "propose"),
    "clerk, error: a decision": Outcome("clerk: an application", "check-decide", {"verdict": "refused", "reason": "x"}),
    "clerk, error: a new organisation": Outcome(
        "clerk: a new organisation",
        "add",
        {"customer_id": "7654321-4", "kind": "artificial", "name": "Uusi Oy", "spoken": "fi"},
    ),
    "clerk, error: an invitation": Outcome(
        "clerk: invitations", "invite", {"organisation": "9999999-9", "name": "Uusi", "email": "x"}
    ),
    "clerk, error: their own invitation": Outcome(
        "clerk: invitations",
        "invite",
        {"organisation": CUSTOMER_ID, "name": "Uusi", "email": "clerk@people.example"},
    ),
    "clerk, error: no certificate to revoke": Outcome("clerk: revoking many", "check-propose"),
}
