"""What stands around every message: greeting, whose certificate, why you get it, who else does, help, and your data.

The English text is the message id; `locale/` holds the Finnish and the Swedish one. How texts sound, and their words:
docs/glossary.md. A placeholder is filled by a whole value: a name, an instant as `reader.when` writes it.
"""

from collections.abc import Mapping
from enum import StrEnum

from sinetti.i18n.translate import gettext_noop


class RecipientRoleText(StrEnum):
    """What a recipient is to the certificate or its organisation, as it is told."""

    CONTACT = "contact"
    DEPUTY = "deputy"
    CONTACT_PERSON = "contact-person"
    SIGNATORY = "signatory"
    FORMER = "former"
    FIRM = "firm"
    OPERATOR = "operator"
    ACCOUNT = "account"


HELLO = gettext_noop("Hello {name},")
HELLO_NOBODY = gettext_noop("Hello,")
REHEARSAL = gettext_noop(
    "This message is from the test environment, where things are rehearsed: it does not concern your organisation's "
    "real certificates."
)
REHEARSAL_SHORT = gettext_noop("TEST: ")

DESCRIPTION = gettext_noop("Certificate: {description}")
ORGANISATION = gettext_noop("Organisation: {organisation}, {customer_id}")
CHANNEL = gettext_noop("Certificate type: {channel}")
SERIAL = gettext_noop("Serial number: {serial}")
OPENS = gettext_noop("Can be renewed from: {opens}")
ENDS = gettext_noop("Valid until: {ends}")

WHY: Mapping[RecipientRoleText, str] = {
    RecipientRoleText.CONTACT: gettext_noop(
        "You get this message because you are the technical contact person of this certificate."
    ),
    RecipientRoleText.DEPUTY: gettext_noop(
        "You get this message because you are the deputy of this certificate's technical contact person."
    ),
    RecipientRoleText.CONTACT_PERSON: gettext_noop(
        "You get this message because you are the contact person of {organisation}."
    ),
    RecipientRoleText.SIGNATORY: gettext_noop(
        "You get this message because you are a representative of {organisation}."
    ),
    RecipientRoleText.FORMER: gettext_noop(
        "You get this message because you have looked after this certificate until now."
    ),
    RecipientRoleText.FIRM: gettext_noop(
        "You get this message because your firm looks after these certificates for its clients."
    ),
    RecipientRoleText.OPERATOR: gettext_noop(
        "You get this message because your address is among the operators' in the service's settings."
    ),
    RecipientRoleText.ACCOUNT: gettext_noop(
        "You get this message because your address was given in the certificate service."
    ),
}
WHY_MANY: Mapping[RecipientRoleText, str] = {
    RecipientRoleText.CONTACT: gettext_noop(
        "You get this message because you are the technical contact person of these certificates."
    ),
    RecipientRoleText.DEPUTY: gettext_noop(
        "You get this message because you are the deputy of these certificates' technical contact person."
    ),
    RecipientRoleText.FORMER: gettext_noop(
        "You get this message because you have looked after these certificates until now."
    ),
}
WHY_UNNAMED = gettext_noop("You get this message because you act for an organisation that uses this service.")
ALSO = gettext_noop("The same message goes to: {people}.")
NOBODY_ELSE = gettext_noop("Nobody else gets this message.")
AS: Mapping[RecipientRoleText, str] = {
    RecipientRoleText.CONTACT: gettext_noop("{name} (technical contact person)"),
    RecipientRoleText.DEPUTY: gettext_noop("{name} (deputy of the technical contact person)"),
    RecipientRoleText.CONTACT_PERSON: gettext_noop("{name} (organisation's contact person)"),
    RecipientRoleText.SIGNATORY: gettext_noop("{name} (representative)"),
    RecipientRoleText.FORMER: gettext_noop("{name} (until now)"),
}

HELP = gettext_noop("Help: {help}")
TYPE_IT = gettext_noop(
    "You can also type the address into your browser by hand: it begins with {address}, and what follows has small "
    "letters and the digits 2 to 7 only."
)
TYPE_STOP = gettext_noop("You can also type the address into your browser by hand: it begins with {address}.")
NO_LINK = gettext_noop(
    "There is no link in this message. The service's pages are at {address}; type the address into your browser by "
    "hand."
)
NOT_YOURS = gettext_noop(
    "Not your task any more? Tell us on this page. The organisation is then asked to name somebody else:"
)

YOUR_DATA = gettext_noop(
    "This is our first message to you, so here is what we do with your data. Its controller is {service}. "
    "{organisation} gave us your name, your e-mail address, your language and, where it knew one, your phone number. "
    "We use them only to reach you about certificates; your name is shown to the others who look after the same ones."
)
YOUR_DATA_UNNAMED = gettext_noop(
    "This is our first message to you, so here is what we do with your data. Its controller is {service}. An "
    "organisation that you act for gave us your name, your e-mail address, your language and, where it knew one, your "
    "phone number. We use them only to reach you about certificates; your name is shown to the others who look after "
    "the same ones."
)
KEPT_YEARS = gettext_noop("We keep the data for {count} years after your last task with certificates has ended.")
KEPT_DAYS = gettext_noop("We keep the data for {count} days after your last task with certificates has ended.")
YOUR_RIGHTS = gettext_noop(
    "You may see your data and have it corrected; you may ask us to erase it or to restrict its use, or object to it; "
    "and you may complain to the Data Protection Ombudsman. Ask us here: {help}"
)
