"""All forms with more than one field, with values that pass and values that do not.

`tests/eservice/test_pages.py` fails for a form that is missing here; `tests/judges/test_drafts.py` types into each.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.support.authority import CUSTOMER_ID


@dataclass(frozen=True, slots=True)
class TypedForm:
    """Form of a page: the visit to it (`visits.py`), its button, and values to type.

    `wrong` are values with which the page shows an error; `valid` are values with which the button leads on, to the
    check page whose button is `then`, if any. Without `valid` the act has no place in the town.
    """

    visit: str
    does: str
    wrong: Mapping[str, str] = field(default_factory=dict)
    valid: Mapping[str, str] | None = None
    then: str = ""


PERSON = {"name": "Uusi Henkilö", "email": "uusi@malli.example"}
ORDER = {"description": "Palkat", "contact_name": "Terho Tekninen", "contact_email": "terho@malli.example"}
CONTACT = {"person_name": "Uusi Tekninen", "person_email": "tekninen@malli.example", "person_phone": ""}

FORMS: Mapping[str, TypedForm] = {
    "profile": TypedForm("my settings", "save", {"name": ""}, {"name": "Maija Mallikas"}),
    "authorisation_person": TypedForm("a role for a person", "give", {"email": "x"}, PERSON | {"until": ""}),
    "authorisation_organisation": TypedForm("a role for an organisation", "give", {"customer_id": "x"}),
    "ask": TypedForm("asking for a role", "ask", {"customer_id": ""}, {"customer_id": "7654321-4"}),
    "authorisation_request": TypedForm("a request", "approve", {"until": "x"}),
    "authorisation": TypedForm("one authorisation", "change", {"until": "x"}),
    "clients_ask": TypedForm("asking clients", "ask", {"customer_ids": ""}, {"customer_ids": "7654321-4"}),
    "order_new": TypedForm(
        "ordering", "check", {"contact_email": "x"}, ORDER | {"count": "", "whose": "own", "contact_phone": ""}, "send"
    ),
    "certificate_contact": TypedForm("another contact person", "", {"person_email": "x"}, CONTACT),
    "contacts": TypedForm("contacts of many, shown", "save", {"person_email": "x"}),
    "fetch": TypedForm("fetching", "fetch", {"transfer_id": "1"}),
    "application_new": TypedForm("applying", "apply", {"purpose": ""}),
    "staff_purpose": TypedForm("a clerk's purpose", "go", {"case": "x" * 200}),
    "staff_application": TypedForm("clerk: an application", "decide", {"reason": ""}),
    "staff_organisation_new": TypedForm(
        "clerk: a new organisation",
        "add",
        {"customer_id": ""},
        {"customer_id": "1111111-1", "name": "Uusi Oy", "country": "FI", "kind": "artificial"},
    ),
    "staff_organisation": TypedForm("clerk: an organisation", "save", {"name": ""}),
    "staff_invitations": TypedForm(
        "clerk: invitations", "invite", {"email": "x"}, PERSON | {"organisation": CUSTOMER_ID}
    ),
    "staff_revocation_new": TypedForm("clerk: revoking many", "look", {"organisation": "x"}),
    "account_login": TypedForm("sign in", "", {}),
    "account_signup": TypedForm("make an account", "", {"email": "x"}),
}
