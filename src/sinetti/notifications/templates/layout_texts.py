"""What stands around every message: greeting, whose certificate, why you get it, who else does, help, and your data.

The English text is the message id; `locale/` holds the Finnish and the Swedish one. How texts sound, and their words:
docs/glossary.md. A placeholder is filled by a whole value: a name, an instant as `reader.when` writes it.
"""

from collections.abc import Mapping
from enum import StrEnum

from sinetti.i18n.translate import mark


class Part(StrEnum):
    """What a recipient is to the certificate or its organisation, as it is told."""

    CONTACT = "contact"
    DEPUTY = "deputy"
    CONTACT_PERSON = "contact-person"
    SIGNATORY = "signatory"
    FORMER = "former"
    FIRM = "firm"
    OPERATOR = "operator"
    ACCOUNT = "account"


HELLO = mark("Hello {name},")
HELLO_NOBODY = mark("Hello,")
REHEARSAL = mark(
    "This message is from the test environment, where things are rehearsed: it does not concern your organisation's "
    "real certificates."
)
REHEARSAL_SHORT = mark("TEST: ")

DESCRIPTION = mark("Certificate: {description}")
ORGANISATION = mark("Organisation: {organisation}, {customer_id}")
CHANNEL = mark("Certificate type: {channel}")
SERIAL = mark("Serial number: {serial}")
OPENS = mark("Can be renewed from: {opens}")
ENDS = mark("Valid until: {ends}")

WHY: Mapping[Part, str] = {
    Part.CONTACT: mark("You get this message because you are the technical contact person of this certificate."),
    Part.DEPUTY: mark(
        "You get this message because you are the deputy of this certificate's technical contact person."
    ),
    Part.CONTACT_PERSON: mark("You get this message because you are the contact person of {organisation}."),
    Part.SIGNATORY: mark("You get this message because you are a representative of {organisation}."),
    Part.FORMER: mark("You get this message because you have looked after this certificate until now."),
    Part.FIRM: mark("You get this message because your firm looks after these certificates for its clients."),
    Part.OPERATOR: mark("You get this message because your address is among the operators' in the service's settings."),
    Part.ACCOUNT: mark("You get this message because your address was given in the certificate service."),
}
WHY_MANY: Mapping[Part, str] = {
    Part.CONTACT: mark("You get this message because you are the technical contact person of these certificates."),
    Part.DEPUTY: mark(
        "You get this message because you are the deputy of these certificates' technical contact person."
    ),
    Part.FORMER: mark("You get this message because you have looked after these certificates until now."),
}
WHY_UNNAMED = mark("You get this message because you act for an organisation that uses this service.")
ALSO = mark("The same message goes to: {people}.")
NOBODY_ELSE = mark("Nobody else gets this message.")
AS: Mapping[Part, str] = {
    Part.CONTACT: mark("{name} (technical contact person)"),
    Part.DEPUTY: mark("{name} (deputy of the technical contact person)"),
    Part.CONTACT_PERSON: mark("{name} (organisation's contact person)"),
    Part.SIGNATORY: mark("{name} (representative)"),
    Part.FORMER: mark("{name} (until now)"),
}

HELP = mark("Help: {help}")
TYPE_IT = mark(
    "You can also type the address into your browser by hand: it begins with {address}, and what follows has small "
    "letters and the digits 2 to 7 only."
)
TYPE_STOP = mark("You can also type the address into your browser by hand: it begins with {address}.")
NO_LINK = mark(
    "There is no link in this message. The service's pages are at {address}; type the address into your browser by "
    "hand."
)
NOT_YOURS = mark("Not your task any more? Tell us on this page. The organisation is then asked to name somebody else:")

YOUR_DATA = mark(
    "This is our first message to you, so here is what we do with your data. Its controller is {service}. "
    "{organisation} gave us your name, your e-mail address, your language and, where it knew one, your phone number. "
    "We use them only to reach you about certificates; your name is shown to the others who look after the same ones."
)
YOUR_DATA_UNNAMED = mark(
    "This is our first message to you, so here is what we do with your data. Its controller is {service}. An "
    "organisation that you act for gave us your name, your e-mail address, your language and, where it knew one, your "
    "phone number. We use them only to reach you about certificates; your name is shown to the others who look after "
    "the same ones."
)
KEPT_YEARS = mark("We keep the data for {count} years after your last task with certificates has ended.")
KEPT_DAYS = mark("We keep the data for {count} days after your last task with certificates has ended.")
YOUR_RIGHTS = mark(
    "You may see your data and have it corrected; you may ask us to erase it or to restrict its use, or object to it; "
    "and you may complain to the Data Protection Ombudsman. Ask us here: {help}"
)
