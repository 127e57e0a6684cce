"""Page for retrieving a certificate in the browser: form, instructions, result.

The page needs no sign-in, because transfer ID and one-time password are the proof (docs/e-service/ordering.md).
Refusals appear beside the fields.
"""

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus

from django import forms
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.values import Environment
from sinetti.eservice.core.context import portal_context, request_id
from sinetti.eservice.orders.common import hidden
from sinetti.eservice.ui.components import (
    Alert,
    Button,
    CommandBlock,
    Component,
    DescriptionItem,
    DescriptionList,
    Disclosure,
    Form,
    Section,
    Severity,
    Text,
)
from sinetti.eservice.ui.drafts import keeps_typed
from sinetti.eservice.ui.forms import PortalForm
from sinetti.eservice.ui.navigation import redirect_to, url_or_empty
from sinetti.eservice.ui.page import Page, render_page
from sinetti.i18n.translate import _, format_datetime, gettext_noop, refusal_text
from sinetti.services.issuance.browser_enrolment import (
    LARGEST_PASTED,
    BrowserEnrolment,
    CsrUploadError,
    EnrolledCertificate,
    enrol_in_browser,
    parse_upload,
    retrieve_again,
)

ORGANISATION, TRANSFER_ID, PASSWORD, REQUEST, FILE = "organisation", "transfer_id", "password", "request", "file"
TRANSFER_ID_DIGITS = 32
_LONGEST_CUSTOMER_ID = 30
_LONGEST_PASSWORD = 32

PRIVATE_KEY = gettext_noop(
    "This is a private key. Never send it to anyone, not even to us. We have not kept it, but it has left "
    "your computer. Stop using it. Make a new key and a new certificate signing request, and send only "
    "the request."
)
_PASTED: Mapping[CsrUploadError, str] = {
    CsrUploadError.EMPTY: gettext_noop("Paste the certificate signing request here, or choose its file below."),
    CsrUploadError.LARGE: gettext_noop("This is too large for a certificate signing request. The maximum is 16 KiB."),
    CsrUploadError.PRIVATE_KEY: PRIVATE_KEY,
    CsrUploadError.CERTIFICATE: gettext_noop(
        "This is a certificate, not a certificate signing request. The request is the file that you made "
        "together with the private key. In PEM it begins with -----BEGIN CERTIFICATE REQUEST-----."
    ),
    CsrUploadError.SEVERAL: gettext_noop("There is more than one certificate signing request here. Paste only one."),
    CsrUploadError.UNREADABLE: gettext_noop(
        "This is not a certificate signing request. In PEM it begins with -----BEGIN CERTIFICATE "
        "REQUEST-----. Paste all of it, including the first and the last line."
    ),
}
_DIGITS = gettext_noop(
    "A transfer ID has {count} digits. Copy it from the secure message. This did not count as an attempt."
)
_BOTH = gettext_noop("Paste the request or choose a file. Do not do both.")

_FIELDS: Mapping[RejectionReason, str] = {
    RejectionReason.CUSTOMER_MISMATCH: ORGANISATION,
    RejectionReason.NOT_ENTITLED: ORGANISATION,
    RejectionReason.TRANSFER_IDS_WRONG: TRANSFER_ID,
    RejectionReason.TRANSFER_IDS_EXPIRED: TRANSFER_ID,
    RejectionReason.TRANSFER_IDS_USED: TRANSFER_ID,
    RejectionReason.TRANSFER_IDS_LOCKED: TRANSFER_ID,
    RejectionReason.CSR_UNREADABLE: REQUEST,
    RejectionReason.KEY_NOT_ACCEPTED: REQUEST,
    RejectionReason.KEY_REUSED: REQUEST,
}
"""Form field of each refusal. A refusal that is missing here has no field."""
_HERE: Mapping[RejectionReason, str] = {
    RejectionReason.CUSTOMER_MISMATCH: gettext_noop(
        "These transfer IDs belong to another organisation. Check the organisation's ID in the secure "
        "message. The transfer IDs were not used."
    ),
    RejectionReason.CSR_UNREADABLE: gettext_noop(
        "The certificate signing request is not valid. Make a new one and paste all of it. The transfer "
        "IDs were not used."
    ),
}
"""Refusals whose text names the technical interface, in words for this page."""


class FetchForm(PortalForm):
    """Form with organisation, transfer ID, one-time password and request."""

    organisation = forms.CharField(
        label=gettext_noop("ID of the organisation"),
        help_text=gettext_noop("As in the secure message, for example the Business ID 1234567-1"),
        max_length=_LONGEST_CUSTOMER_ID,
    )
    transfer_id = forms.CharField(
        label=gettext_noop("Transfer ID"), help_text=gettext_noop("32 digits from the secure message"), max_length=64
    )
    password = forms.CharField(
        label=gettext_noop("One-time password"),
        help_text=gettext_noop("From the secure message. Upper and lower case matter."),
        max_length=_LONGEST_PASSWORD,
    )
    request = forms.CharField(
        label=gettext_noop("Certificate signing request"),
        help_text=gettext_noop(
            "Paste the request as PEM or base64. Never paste a private key. It stays on your computer, "
            "and we never ask you for it."
        ),
        required=False,
        widget=forms.Textarea,
    )
    file = forms.FileField(
        label=gettext_noop("Or choose a file (PEM or DER)"), required=False, allow_empty_file=True, max_length=None
    )
    numeric = frozenset({TRANSFER_ID})
    alternatives = frozenset({REQUEST, FILE})
    groups = ((gettext_noop("Give the certificate signing request in one of these two ways"), (REQUEST, FILE)),)
    key_sent = False
    """True if a private key was sent in place of a request, or beside it."""

    def clean(self) -> None:
        """Check the format of the input.

        A malformed transfer ID does not count as a try, and a malformed request uses no transfer ID up.
        """
        digits = "".join(self.cleaned_data.get(TRANSFER_ID, "").split())
        self.cleaned_data[TRANSFER_ID] = digits
        if digits and not (digits.isascii() and digits.isdigit() and len(digits) == TRANSFER_ID_DIGITS):
            self.refuse(TRANSFER_ID, _DIGITS, count=TRANSFER_ID_DIGITS)
        self.cleaned_data["der"] = self._request()

    def ask(self) -> BrowserEnrolment:
        """Return the request of the valid form."""
        data = self.cleaned_data
        return BrowserEnrolment(data[ORGANISATION], data[TRANSFER_ID], data[PASSWORD], data["der"])

    def answer(self, refusal: Rejection) -> str:
        """Show a refusal beside its field, or return its text if it has no field.

        The page shows a returned text above the form.
        """
        message_id = _HERE.get(refusal.reason)
        text = _(message_id) if message_id else refusal_text(refusal)
        if (name := _FIELDS.get(refusal.reason)) is None:
            return text
        self.add_error(name, text)
        return ""

    def _request(self) -> bytes:
        written, file = self.cleaned_data.get(REQUEST, ""), self.cleaned_data.get(FILE)
        uploaded = b"" if file is None else file.read(LARGEST_PASTED + 1)
        found = {REQUEST: parse_upload(written.encode()), FILE: parse_upload(uploaded)}
        self.key_sent = CsrUploadError.PRIVATE_KEY in found.values()
        if self.key_sent:
            self.refuse(REQUEST, PRIVATE_KEY)
            return b""
        given = {name: one for name, one in found.items() if one is not CsrUploadError.EMPTY}
        if len(given) > 1:
            self.refuse(FILE, _BOTH)
            return b""
        name, octets = next(iter(given.items()), (REQUEST, CsrUploadError.EMPTY))
        if not isinstance(octets, CsrUploadError):
            return octets
        self.refuse(name, _PASTED[octets])
        return b""


def bound(request: HttpRequest) -> FetchForm:
    """Return the submitted form without a request that contains a private key."""
    form = FetchForm(request.POST, request.FILES)
    form.is_valid()
    if form.key_sent:
        form.data = request.POST.copy()
        form.data[REQUEST] = ""
    return form


OPENSSL = 'openssl req -new -newkey rsa:2048 -nodes -keyout key.pem -out request.pem -subj "/CN={customer_id}"'
OPENSSL_AFTER = "openssl pkcs12 -export -inkey key.pem -in certificate.pem -certfile chain.pem -out certificate.p12"
KEYTOOL = (
    "keytool -genkeypair -alias sinetti -keyalg RSA -keysize 2048 -dname CN={customer_id} -storetype PKCS12 "
    "-keystore keystore.p12\n"
    "keytool -certreq -alias sinetti -keystore keystore.p12 -file request.pem"
)
KEYTOOL_AFTER = "keytool -importcert -noprompt -alias sinetti -keystore keystore.p12 -file certificate-and-chain.pem"
CERTREQ = (
    "(echo [NewRequest]\n"
    'echo Subject = "CN={customer_id}"\n'
    "echo KeyLength = 2048\n"
    "echo HashAlgorithm = SHA256\n"
    'echo ProviderName = "Microsoft Software Key Storage Provider"\n'
    "echo MachineKeySet = TRUE\n"
    "echo RequestType = PKCS10) > request.inf\n"
    "certreq -new request.inf request.pem"
)
# Not `certreq -accept`: it rejects a certificate whose root is not in the Windows store.
CERTREQ_AFTER = (
    "certutil -addstore CA chain.pem\ncertutil -addstore My certificate.pem\ncertutil -repairstore My {serial}"
)
CLIENT = (
    "sinetti enrol payroll --store certificates --service ADDRESS --trust-services services.pem --trust-holders "
    "holders.pem --environment {environment} --customer-id {customer_id} --transfer-id TRANSFER_ID "
    "--transfer-password-file -"
)
EXAMPLE = "1234567-1"


def asking(form: FetchForm, environment: Environment, *, error: str = "", status: int = HTTPStatus.OK) -> Page:
    """Return the page with the form; `error` is an error without a field."""
    blocks: list[Component] = [Alert(error, Severity.ERROR)] if error else []
    introduction = _(
        "Use this page if your program cannot retrieve the certificate by itself. You need the transfer "
        "ID and the one-time password from the secure message. Your private key stays on your computer. "
        "You send only the certificate signing request."
    )
    customer_id = str(form[ORGANISATION].value() or "").strip()
    send = form.as_component(Button(_("Retrieve the certificate"), "fetch"))
    once = _("We never store the one-time password. If the page is shown again, enter it again.")
    blocks += [
        Text([introduction]),
        Section(_("1. Make a certificate signing request"), _how(customer_id, environment)),
        Section(_("2. Retrieve the certificate"), [Text([once]), send]),
    ]
    return Page(_("Retrieve a certificate in the browser"), blocks=blocks, status=status)


def answer(certificate: EnrolledCertificate, customer_id: str) -> Page:
    """Return the page with the certificate, its identifiers and the next steps."""
    values = [
        DescriptionItem(_("Organisation"), customer_id),
        DescriptionItem(_("Serial number"), certificate.serial),
        DescriptionItem(_("Valid until"), format_datetime(certificate.not_after)),
        DescriptionItem(_("Can be renewed from"), format_datetime(certificate.renewable_from)),
    ]
    carried = [hidden("organisation", customer_id), hidden("retrieval_id", certificate.retrieval_id)]
    buttons = [
        Button(_("Certificate (PEM)"), "pem"),
        Button(_("Certificate (DER)"), "der", minor=True),
        Button(_("Certificate chain (PEM)"), "chain", minor=True),
        Button(_("Certificate and chain (PEM)"), "bundle", minor=True),
    ]
    again = _(
        "Keep the files with the private key. You can return to this page in this browser. Elsewhere, send the same "
        "form with the same request again. You get the same certificate."
    )
    blocks: list[Component] = [
        Alert(_("Certificate retrieved."), Severity.GOOD),
        DescriptionList(values),
        Section(_("Download"), [Text([again]), Form(carried, buttons, action=url_or_empty("fetch"))]),
        Section(_("Combine it with the private key"), _beside(certificate)),
        Disclosure(_("Certificate as text"), [CommandBlock(_("Certificate (PEM)"), certificate.pem)]),
    ]
    return Page(_("Your certificate"), blocks)


def _how(customer_id: str, environment: Environment) -> Sequence[Component]:
    # The value is part of a command line that the user copies, so it may contain only the characters of an ID.
    known = customer_id if customer_id.replace("-", "").isalnum() and customer_id.isascii() else EXAMPLE
    ways = (
        (_("OpenSSL"), OPENSSL, _("The private key is then in key.pem. Keep it where only your program can read it.")),
        (_("Java keytool"), KEYTOOL, _("The private key stays in keystore.p12.")),
        (
            _("Windows certreq (in an administrator's command prompt)"),
            CERTREQ,
            _("The private key stays in the Windows certificate store."),
        ),
        (
            _("Sinetti client (this page is not needed)"),
            CLIENT,
            _(
                "The client creates the key, asks for the one-time password, retrieves the certificate and "
                "renews it later."
            ),
        ),
    )
    return [
        Disclosure(name, [CommandBlock(name, _filled(command, known, environment)), Text([then])])
        for name, command, then in ways
    ]


def _beside(certificate: EnrolledCertificate) -> Sequence[Component]:
    return [
        CommandBlock(_("OpenSSL (key and certificate in one file, fails if they do not match)"), OPENSSL_AFTER),
        CommandBlock(_("Java keytool"), KEYTOOL_AFTER),
        CommandBlock(_("Windows certreq"), CERTREQ_AFTER.replace("{serial}", certificate.serial)),
    ]


def _filled(command: str, customer_id: str, environment: Environment) -> str:
    return command.replace("{customer_id}", customer_id).replace("{environment}", environment.value)


_FILES: Mapping[str, tuple[str, str, Callable[[EnrolledCertificate], bytes]]] = {
    "pem": ("certificate.pem", "application/x-pem-file", lambda certificate: certificate.pem.encode()),
    "der": ("certificate.cer", "application/pkix-cert", lambda certificate: certificate.der),
    "chain": ("chain.pem", "application/x-pem-file", lambda certificate: certificate.chain.encode()),
    "bundle": (
        "certificate-and-chain.pem",
        "application/x-pem-file",
        lambda certificate: (certificate.pem + certificate.chain).encode(),
    ),
}
"""Downloads by button: file name, media type and content."""
_PASSES = frozenset({RejectionReason.UNAVAILABLE, RejectionReason.INTERNAL, RejectionReason.NOT_READY})


_RESULT, _RETRIEVED, _MOST_RETRIEVED = "certificate", "sinetti_retrieved", 10


@require_http_methods(["GET", "HEAD", "POST"])
@keeps_typed(acts=("fetch",))
def browser_enrolment(request: HttpRequest) -> HttpResponse:
    """Show the form, retrieve the certificate, show the result, or send its files."""
    ctx = portal_context(request).ctx
    does = request.POST.get("do", "")
    if request.method != "POST" and _RESULT in request.GET:
        return _result(request, request.GET[_RESULT])
    if does in _FILES:
        return _download(request, does)
    if does == "fetch":
        return _fetch(request)
    # The page that shows transfer IDs opens this one with both filled in.
    given = {name: request.POST.get(name, "") for name in ("organisation", "transfer_id", "password")}
    given["organisation"] = given["organisation"] or request.GET.get("organisation", "")
    return render_page(request, asking(FetchForm(initial=given), ctx.environment))


def _fetch(request: HttpRequest) -> HttpResponse:
    ctx = portal_context(request).ctx
    form = bound(request)
    wrong = HTTPStatus.UNPROCESSABLE_ENTITY
    if form.key_sent:
        loud = _("This is a private key. We did not store it or send it on.")
        return render_page(request, asking(form, ctx.environment, error=loud, status=wrong))
    if not form.is_valid():
        return render_page(request, asking(form, ctx.environment, status=wrong))
    ask = form.ask()
    certificate = enrol_in_browser(ask, ctx, request_id(request))
    if isinstance(certificate, EnrolledCertificate):
        # The session has the way back to the result: retrieval is repeatable, the one-time password is used up.
        kept = [one for one in request.session.get(_RETRIEVED, ()) if one[0] != certificate.serial]
        request.session[_RETRIEVED] = [
            *kept[1 - _MOST_RETRIEVED :],
            [certificate.serial, ask.customer_id, certificate.retrieval_id],
        ]
        return redirect_to("fetch", **{_RESULT: certificate.serial})
    error = form.answer(certificate)
    status = HTTPStatus.SERVICE_UNAVAILABLE if certificate.reason in _PASSES else wrong
    return render_page(request, asking(form, ctx.environment, error=error, status=status))


def _result(request: HttpRequest, serial: str) -> HttpResponse:
    """Show a certificate that this browser's session retrieved."""
    ctx = portal_context(request).ctx
    for known, customer_id, retrieval_id in request.session.get(_RETRIEVED, ()):
        if known == serial:
            certificate = retrieve_again(customer_id, retrieval_id, ctx, request_id(request))
            if isinstance(certificate, EnrolledCertificate):
                return render_page(request, answer(certificate, customer_id))
    return redirect_to("fetch")


def _download(request: HttpRequest, does: str) -> HttpResponse:
    ctx = portal_context(request).ctx
    customer_id, retrieval_id = request.POST.get("organisation", ""), request.POST.get("retrieval_id", "")
    certificate: EnrolledCertificate | Rejection = Rejection(RejectionReason.RETRIEVAL_ID_UNKNOWN)
    if customer_id and retrieval_id:
        certificate = retrieve_again(customer_id, retrieval_id, ctx, request_id(request))
    if isinstance(certificate, Rejection):
        form = FetchForm(initial={"organisation": customer_id})
        text, status = refusal_text(certificate), HTTPStatus.UNPROCESSABLE_ENTITY
        return render_page(request, asking(form, ctx.environment, error=text, status=status))
    name, kind, octets = _FILES[does]
    answer = HttpResponse(octets(certificate), content_type=kind)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
