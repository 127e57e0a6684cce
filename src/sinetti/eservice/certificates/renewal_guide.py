"""Instructions for renewing a certificate, which happens over the interface."""

from sinetti.domain.certificates.display_status import OrderFacts
from sinetti.eservice.ui.components import CommandBlock, Disclosure, Section, Text
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
_NAME_IS = gettext_noop("NAME is the certificate's name in the store DIR")
_UNKNOWN = gettext_noop("We do not know which program uses this certificate. Choose yours:")
_BY_RENEWAL = gettext_noop(
    "The program renewed the former certificate itself, so it can probably renew this one. Choose your program:"
)
_PROGRAMS = (
    (
        gettext_noop("Sinetti's agent"),
        gettext_noop(
            "The agent renews by itself once renewal has opened. If the state stays “renewal open” for "
            "several days, check the agent."
        ),
        "sinetti status NAME --store DIR",
    ),
    (
        gettext_noop("Sinetti's client, without the agent"),
        gettext_noop("Run the command. Before renewal has opened, it only says when it opens."),
        _COMMAND,
    ),
    (
        gettext_noop("A payroll or ERP program with a menu for certificates"),
        gettext_noop(
            "Open the settings of the connection to the register, and choose to renew the certificate. The name of the "
            "menu is in the supplier's instructions. If you do not find it, ask the supplier."
        ),
        "",
    ),
    (
        gettext_noop("A command-line tool that calls RenewCertificate"),
        gettext_noop(
            "Give it the certificate in force, its key and a new request. It signs with the old key. Keep the new key, "
            "and retrieve the certificate with the retrieval ID."
        ),
        "",
    ),
    (
        gettext_noop("A program that only retrieves certificates, as some Odoo and .NET modules do"),
        gettext_noop(
            "It cannot renew. Order a replacement on this page before the certificate expires. The contact person "
            "enters the new transfer IDs into the program."
        ),
        "",
    ),
)
"""Programs in use (facts sheet, 3): name, what to do, and the command."""


def how() -> Section:
    """Return the instructions for any program."""
    return Section(_(_TITLE), [Text([_(text) for text in _TEXTS]), CommandBlock(_(_COMMAND_NAME), _COMMAND)], NAME)


def renewal_instructions(certificate: OneCertificate) -> Section:
    """Return the instructions for the reader's program.

    Programs do not say in their requests which program they are, so the reader chooses.
    """
    facts = certificate.seen.listed.facts
    renewed_before = not isinstance(facts, OrderFacts) and facts.by_renewal
    programs = [
        Disclosure(_(name), [Text([_(text)]), *([CommandBlock(_(_NAME_IS), command)] if command else [])])
        for name, text, command in _PROGRAMS
    ]
    texts = [_(_TEXTS[0]), _(_BY_RENEWAL if renewed_before else _UNKNOWN)]
    return Section(_(_TITLE), [Text(texts), *programs], NAME)
