"""All forms with more than one field, with values that pass and values that do not.

`tests/eservice/test_pages.py` fails for a form that is missing here; `tests/judges/test_drafts.py` types into each.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.support.authority import CUSTOMER_ID


@dataclass(frozen=True, slots=True)
class TypedForm:
    """Form of a page: the visit to it (`visits.py`), and values to type.

    `wrong` are values with which the page shows an error. `valid` are values with which the form's button, and then
    that of the check page if there is one, acts. Without `valid` the act has no place in the population. Values have
    placeholders for its objects. `once` is true of a form whose act ends its object, so that Back leads to a page
    without the form.
    """

    visit: str
    wrong: Mapping[str, str] = field(default_factory=dict)
    valid: Mapping[str, str] | None = None
    once: bool = False


PERSON = {"name": "Uusi Henkilö", "email": "uusi@malli.example"}
ORDER = {"description": "Palkat", "contact_name": "Terho Tekninen", "contact_email": "terho@malli.example"}
DEPUTY = {"with_deputy": "no", "deputy_name": "", "deputy_email": "", "deputy_phone": ""}
CONTACT = {"person_name": "Uusi Tekninen", "person_email": "tekninen@malli.example", "person_phone": ""}
TRANSFER = {
    "organisation": CUSTOMER_ID, "transfer_id": "{transfer_id}", "password": "{one_time_password}", "request": "{csr}"
}  # fmt: skip
NEW = {"customer_id": "1111111-1", "name": "Uusi Oy", "country": "FI", "kind": "artificial"}

FORMS: Mapping[str, TypedForm] = {
    "profile": TypedForm("my settings", {"name": ""}, {"name": "Maija Mallikas", "reads": "en"}),
    "authorisation_person": TypedForm("a role for a person", {"email": "x"}, PERSON | {"until": ""}),
    "authorisation_organisation": TypedForm("a role for an organisation", {"customer_id": ""}),
    "ask": TypedForm("asking for a role", {"customer_id": ""}, {"customer_id": "7654321-4"}),
    "authorisation_request": TypedForm("a request", {"until": "2020-01-01"}),
    "authorisation": TypedForm("one authorisation", {"until": "2020-01-01"}),
    "clients_ask": TypedForm("asking clients", {"customer_ids": ""}, {"customer_ids": "7654321-4"}),
    "order_new": TypedForm(
        "ordering",
        {"contact_email": "x"},
        ORDER | DEPUTY | {"count": "", "whose": "own", "contact_phone": "", "channel": "WS"},
    ),
    "certificate_contact": TypedForm("another contact person", {"person_email": "x"}, CONTACT),
    "contacts": TypedForm("contacts of many, shown", {"person_email": "x"}, CONTACT, once=True),
    "certificates_bulk": TypedForm("ticked: another contact person", {"person_email": "x"}, CONTACT),
    "fetch": TypedForm("fetching", {"transfer_id": "1"}, TRANSFER),
    "application_new": TypedForm(
        "applying", {"purpose": ""}, {"channels": "WS", "purpose": "Palkkatiedot", "software": "Palkat 3"}
    ),
    "staff_purpose": TypedForm("a clerk's purpose", {"case": "x" * 99}),
    "staff_application": TypedForm("clerk: an application", {"verdict": "refused", "reason": ""}),
    "staff_organisation_new": TypedForm("clerk: a new organisation", {"customer_id": ""}, NEW),
    "staff_organisation": TypedForm("clerk: an organisation", {"name": ""}, {"name": "Uusi nimi Oy", "spoken": "sv"}),
    "staff_invitations": TypedForm(
        "clerk: invitations", {"email": "x"}, PERSON | {"organisation": CUSTOMER_ID, "email": "toinen@malli.example"}
    ),
    "staff_revocation_new": TypedForm("clerk: revoking many", {"first": "2020-01-01", "last": "2019-01-01"}),
    "account_login": TypedForm("sign in"),
    "account_signup": TypedForm("make an account", {"email": "x"}),
}
