"""Description of the service for organisations, and of its interface.

Lifetimes, addresses and key types are those of this authority.
"""

from collections.abc import Sequence
from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from sinetti.domain.certificates.renewal_info import renewal_window
from sinetti.domain.refusals import ERROR_CODES
from sinetti.domain.values import TRANSFER_IDS_LIVE, ValidityPeriod
from sinetti.eservice.core.context import portal_context
from sinetti.eservice.ui.components import (
    CommandBlock,
    Component,
    DescriptionItem,
    DescriptionList,
    Disclosure,
    Link,
    Links,
    Section,
    Table,
    Text,
)
from sinetti.eservice.ui.guides import documentation_address
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.refusals import REFUSALS
from sinetti.i18n.translate import _, gettext_noop, ngettext, ngettext_noop

_ABOUT, _INTERFACE = gettext_noop("Description of the service"), gettext_noop("Description of the interface")
_DAYS, _HOURS = ngettext_noop("{count} day", "{count} days"), ngettext_noop("{count} hour", "{count} hours")
_ONE_DAY, _ONE_HOUR = timedelta(days=1), timedelta(hours=1)

_PURPOSE = (
    gettext_noop(
        "A certificate proves to the technical interface which organisation a program acts for. It also shows that a "
        "message did not change on its way."
    ),
    gettext_noop(
        "A private key belongs to each certificate. Your program makes the key, and it stays there. We do not have it, "
        "and we never ask for it."
    ),
    gettext_noop(
        "An organisation may have several certificates. One certificate may serve several programs of the organisation."
    ),
)
_PEOPLE = (
    (
        gettext_noop("Representative"),
        gettext_noop(
            "Applies for the technical interface, orders certificates and gives authorisations to others, all in this "
            "e-service."
        ),
    ),
    (
        gettext_noop("Certificate manager"),
        gettext_noop("Orders and revokes certificates and changes their contact persons."),
    ),
    (
        gettext_noop("Technical contact person"),
        gettext_noop(
            "Gets the transfer IDs, retrieves the certificate and puts it into use. Gets the reminders before it "
            "expires. Often works at the software supplier."
        ),
    ),
    (
        gettext_noop("Software supplier"),
        gettext_noop("Knows how its program retrieves and renews certificates, and where it shows their last day."),
    ),
    (
        gettext_noop("Accounting firm"),
        gettext_noop("Acts for a client with an authorisation that the client gives."),
    ),
    (
        gettext_noop("Certificate service"),
        gettext_noop("Checks requests, issues and revokes certificates, and publishes which ones are revoked."),
    ),
)
_PEOPLE_NOTE = gettext_noop(
    "The organisation that holds a certificate is responsible for its validity and for the secrecy of its key."
)
_LIFE = (
    (
        gettext_noop("Application"),
        gettext_noop("A representative applies for the technical interface. A clerk decides."),
        gettext_noop("Once for each type of certificate"),
    ),
    (
        gettext_noop("Order"),
        gettext_noop("A representative or a certificate manager orders and names the technical contact person."),
        gettext_noop("At any time"),
    ),
    (
        gettext_noop("Transfer IDs"),
        gettext_noop("The contact person gets them by a link in an e-mail and opens them with a PIN code."),
        gettext_noop("Can be used once, within {ids}"),
    ),
    (
        gettext_noop("Retrieval"),
        gettext_noop("The program makes a key, requests the certificate and retrieves it."),
        gettext_noop("In less than a minute"),
    ),
    (
        gettext_noop("Use"),
        gettext_noop("The program identifies itself with the certificate and signs with its key."),
        gettext_noop("{life}"),
    ),
    (
        gettext_noop("Renewal"),
        gettext_noop("The program requests the next certificate over the interface."),
        gettext_noop("At the earliest {window} before the last day"),
    ),
)
_RENEWAL = (
    gettext_noop(
        "A certificate is renewed over the technical interface, not in this e-service. Many programs renew by "
        "themselves or by a command in their menu. Ask your software supplier."
    ),
    gettext_noop(
        "The program makes a new key and signs the request with the key of the certificate in force. The old "
        "certificate is valid until its own last day."
    ),
    gettext_noop(
        "If your program cannot renew, order a replacement in the e-service. It can be retrieved at any time before "
        "the last day."
    ),
    gettext_noop(
        "When renewal opens, we send a reminder to the technical contact person. Later reminders go to the "
        "representatives, too. They stop when the new certificate has been retrieved."
    ),
)
_WITHOUT = (
    gettext_noop(
        "After its last day a certificate is not accepted. Your program can then neither send nor request data over "
        "the technical interface."
    ),
    gettext_noop(
        "An expired certificate cannot be renewed. Order a new one. The contact person retrieves it in the same way "
        "as the first one."
    ),
)
_REVOCATION = (
    gettext_noop("Revoke a certificate at once if its key is lost, or if another person may have seen the key."),
    gettext_noop("Revoke it also if it is no longer needed, or if the organisation ends or merges with another."),
    gettext_noop(
        "You can revoke in the e-service at any hour. Revocation takes effect at once and is permanent. All services "
        "then refuse the certificate."
    ),
)
_IDS = (
    gettext_noop(
        "A transfer ID and a one-time password prove that the contact person may retrieve a certificate. They work "
        "once, within {ids}."
    ),
    gettext_noop(
        "If they expire or are lost, a representative can send new ones for the same order. If the phone "
        "number or the address is wrong, correct it on the page of the order first."
    ),
)

_WHO = gettext_noop(
    "For software developers and for people who connect a program to the interface. Messages are SOAP 1.1 over HTTPS."
)
_CALLS = (
    (
        "signNewCertificate",
        gettext_noop("Requests the first certificate, or a replacement."),
        gettext_noop("Transfer ID and one-time password"),
    ),
    (
        "getCertificate",
        gettext_noop("Retrieves a certificate, as often as needed."),
        gettext_noop("ID of the organisation and retrieval ID"),
    ),
    (
        "renewCertificate",
        gettext_noop("Requests the next certificate, with a new key."),
        gettext_noop("Signature with the key of the certificate in force"),
    ),
)
_ORDER = (
    gettext_noop("Make a key pair and a certificate signing request (PKCS#10). Only the key in it is used."),
    gettext_noop("Store the key before you send the request. Without the key, the certificate is useless."),
    gettext_noop("Send the request. The answer has a retrieval ID."),
    gettext_noop("Call getCertificate with the retrieval ID until the status is OK. Wait some seconds in between."),
    gettext_noop("Check the signature of every answer before you use its contents."),
    gettext_noop("Put the key and the certificate into use together, and keep the old ones until the new ones work."),
)
_SIGNED = (
    gettext_noop(
        "Renewal is possible at the earliest {window} before the last second of the certificate in force, and not "
        "after it."
    ),
    gettext_noop(
        "Sign the request element as a document of its own with XML Signature: enveloped, last in the element, with "
        "SHA-256 and exclusive canonicalisation. Then put it into the envelope without changing an octet."
    ),
)
_ERRORS = (
    gettext_noop(
        "A refusal is an answer with HTTP status 200, the status FAIL, one code and a text with the next step. The "
        "text is in the language of Accept-Language."
    ),
    gettext_noop(
        "If an answer is lost, send the same request with the same key again. You get the same retrieval ID, and "
        "nothing is used up."
    ),
)
_BENCH = gettext_noop(
    "Sinetti's test bench is a certificate service on your own computer, with a clock that you set. So you can "
    "rehearse a renewal, an expiry and a revocation in minutes."
)
_STATUS = gettext_noop(
    "CA certificates, revocation lists and OCSP responses are published over plain HTTP. Each certificate "
    "contains their addresses."
)
_ABOUT_MORE = ((gettext_noop("About Sinetti, and the life of a certificate"), "about"),)
_INTERFACE_MORE = (
    (gettext_noop("Guide for integrators, with examples in several languages"), "integrators/integrators"),
    (gettext_noop("Error codes and the order of checks"), "integrators/errors"),
    (gettext_noop("Test bench: installation and control"), "integrators/testbench"),
    (gettext_noop("Messages and signatures in detail"), "integrators/interface"),
)
"""Pages of the documentation to read next."""


@require_safe
def about_page(request: HttpRequest) -> HttpResponse:
    """Describe the service to organisations."""
    spans = _spans(request)
    people = DescriptionList([DescriptionItem(_(name), _(what)) for name, what in _PEOPLE])
    life = _("Life of a certificate")
    blocks: list[Component] = [
        Section(_("What a certificate is for"), [_texts(_PURPOSE[1:])]),
        Section(_("Who does what"), [people, Text([_(_PEOPLE_NOTE)])]),
        Section(
            life,
            [
                Table(
                    life,
                    [_("Step"), _("What happens"), _("When")],
                    [[_(step), _(what), _(when, **spans)] for step, what, when in _LIFE],
                )
            ],
        ),
        Section(_("Transfer IDs"), [_texts(_IDS, **spans)]),
        Section(_("Renewal"), [_texts(_RENEWAL)], "renewal"),
        Section(_("Without renewal"), [_texts(_WITHOUT)]),
        Section(_("Lost keys and revocation"), [_texts(_REVOCATION)]),
        _read_on(request, Link(_(_INTERFACE), reverse("interface")), _ABOUT_MORE),
    ]
    return render_page(request, Page(_(_ABOUT), blocks, lead=_(_PURPOSE[0])))


@require_safe
def interface_page(request: HttpRequest) -> HttpResponse:
    """Describe the technical interface to integrators."""
    spans, keys = _spans(request), portal_context(request).ctx.policy.types
    operations, accepted = _("Operations"), ", ".join(sorted(key.upper().replace("-", " ") for key in keys))
    blocks: list[Component] = [
        Section(_("Addresses"), [_addresses(request), Text([_(_STATUS)])]),
        Section(
            operations,
            [
                Table(
                    operations,
                    [_("Operation"), _("Purpose"), _("Proof")],
                    [[name, _(what), _(proof)] for name, what, proof in _CALLS],
                )
            ],
        ),
        Section(_("Order of steps"), [Text([f"{n}. {_(text)}" for n, text in enumerate(_ORDER, 1)])]),
        Section(_("Keys"), [Text([_("These keys are accepted: {keys}.", keys=accepted)])]),
        Section(_("Renewal"), [_texts(_SIGNED, **spans)]),
        Section(_("Errors"), [_texts(_ERRORS), Disclosure(_("All error codes"), [_codes()])]),
        Section(
            _("Test bench"),
            [Text([_(_BENCH)]), CommandBlock(_("Start it"), "sinetti testbench serve --dir bench")],
        ),
        _read_on(request, Link(_(_ABOUT), reverse("about")), _INTERFACE_MORE),
    ]
    return render_page(request, Page(_(_INTERFACE), blocks, lead=_(_WHO), wide=True))


def _texts(texts: Sequence[str], **values: str) -> Text:
    return Text([_(text, **values) for text in texts])


def _spans(request: HttpRequest) -> dict[str, str]:
    """Return the lifetimes of this authority in words."""
    ctx = portal_context(request).ctx
    now = ctx.now()
    window = renewal_window(ValidityPeriod(now, now + ctx.validity))
    return {"life": _span(ctx.validity), "window": _span(window), "ids": _span(TRANSFER_IDS_LIVE)}


def _span(period: timedelta) -> str:
    """Return a period in days, or in hours if it is no whole number of days."""
    unit, words = (_ONE_HOUR, _HOURS) if period % _ONE_DAY else (_ONE_DAY, _DAYS)
    return ngettext(*words, period // unit)


def _addresses(request: HttpRequest) -> DescriptionList:
    """Return the addresses that programs use."""
    around = portal_context(request)
    soap, status = around.eservice.soap_address, around.eservice.status_address
    values = (
        (_("Certificate service (SOAP)"), soap),
        (_("Interface description (WSDL)"), f"{soap}?wsdl" if soap else ""),
        (_("CA certificates and revocation lists"), status),
        (_("Environment"), around.ctx.environment.value),
    )
    return DescriptionList([DescriptionItem(name, value, copy="://" in value) for name, value in values if value])


def _codes() -> DescriptionList:
    """Return the error codes, each with its text."""
    return DescriptionList([DescriptionItem(code, _(REFUSALS[reason][-1])) for reason, code in ERROR_CODES.items()])


def _read_on(request: HttpRequest, other: Link, more: Sequence[tuple[str, str]]) -> Section:
    links = [Link(_(text), documentation_address(request, page)) for text, page in more]
    return Section(_("Further information"), [Links([other, *(link for link in links if link.address)])])
