"""Instructions for renewing a certificate, which happens over the interface."""

from sinetti.eservice.ui.components import CommandBlock, Section, Text
from sinetti.i18n.translate import _, gettext_noop
from sinetti.services.self_service.certificates import OneCertificate

NAME = "renewal"
"""Id of the section, to which the page's next act leads."""

_TITLE = gettext_noop("Renewing a certificate")
_TEXTS = (
    gettext_noop(
        "Your program renews the certificate over the technical interface once renewal has opened. You "
        "cannot renew it on these pages. Renewal uses a new key. The old certificate stays valid until it "
        "expires."
    ),
    gettext_noop(
        "Use your program's renewal function or the command below. If your program cannot renew "
        "certificates, order a replacement."
    ),
)
_COMMAND_NAME = gettext_noop("Renew with the Sinetti client (NAME is the certificate's name in the store DIR)")
_COMMAND = "sinetti renew NAME --store DIR"


def how() -> Section:
    """Return the instructions for any program."""
    return Section(_(_TITLE), [Text([_(one) for one in _TEXTS]), CommandBlock(_(_COMMAND_NAME), _COMMAND)], NAME)


def renewal_instructions(one: OneCertificate) -> Section:
    """Return the instructions for the program that holds a certificate."""
    del one
    return how()
