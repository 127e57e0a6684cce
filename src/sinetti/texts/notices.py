"""What stands around every message: greeting, whose certificate, why you get it, who else does, help, and your data.

The English text is the message id; `locale/` holds the Finnish and the Swedish one. How texts sound, and their words:
docs/glossary.md. A placeholder is filled by a whole value: a name, an instant as `reader.when` writes it.
"""

from collections.abc import Mapping
from enum import StrEnum

from sinetti.texts.reader import mark


class Part(StrEnum):
    """What a recipient is to the certificate or its organisation, as it is told."""

    CONTACT = "contact"
    DEPUTY = "deputy"
    CONTACT_PERSON = "contact-person"
    SIGNATORY = "signatory"
    FORMER = "former"
    FIRM = "firm"
    OPERATOR = "operator"


HELLO = mark("Hello {name},")
HELLO_NOBODY = mark("Hello,")
REHEARSAL = mark(
    "This message is from the test environment, where things are rehearsed. It does not concern the certificates that "
    "your organisation really works with."
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
    Part.FORMER: mark(
        "You get this message because you have been the technical contact person of this certificate until now."
    ),
    Part.FIRM: mark("You get this message because your firm looks after these certificates for its clients."),
    Part.OPERATOR: mark("You get this message because your address is among the operators' in the service's settings."),
}
ALSO = mark("The same message goes to: {people}.")
NOBODY_ELSE = mark("Nobody else gets this message.")
AS: Mapping[Part, str] = {
    Part.CONTACT: mark("{name} (technical contact person)"),
    Part.DEPUTY: mark("{name} (deputy of the technical contact person)"),
    Part.CONTACT_PERSON: mark("{name} (organisation's contact person)"),
    Part.SIGNATORY: mark("{name} (representative)"),
    Part.FORMER: mark("{name} (technical contact person until now)"),
}

HELP = mark("Help: {help}")
TYPE_IT = mark(
    "You can also type the address into your browser by hand: it begins with {address}, and what follows has small "
    "letters and the digits 2 to 7 only."
)
TYPE_STOP = mark("You can also type the address into your browser by hand: it begins with {address}.")
NO_LINK = mark(
    "There is no link in this message. The service's pages are at {address}: type the address into your browser by hand."
)
NOT_YOURS = mark("Not your task any more? Tell us on this page. The organisation is then asked to name somebody else:")

YOUR_DATA = mark(
    "This is our first message to you, so here is what we keep of you. {service} is the controller of the data. "
    "{organisation} gave us your name, e-mail address, language and, if you have one for this, phone number, so that we "
    "can reach you about its certificates. We use them for that alone and give them to nobody else but those who look "
    "after the same certificates."
)
KEPT_YEARS = mark("We keep them for {count} years after the last task that you are named for has ended.")
KEPT_DAYS = mark("We keep them for {count} days after the last task that you are named for has ended.")
YOUR_RIGHTS = mark(
    "You may see your data and have it corrected; you may ask us to erase it or to restrict its use, and you may "
    "complain to the Data Protection Ombudsman. Ask here: {help}"
)
