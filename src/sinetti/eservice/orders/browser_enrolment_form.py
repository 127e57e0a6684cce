"""What is typed to fetch a certificate in the browser, and what stands beside the fields where that is refused."""

from collections.abc import Mapping

from django import forms
from django.http import HttpRequest

from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.values import Language
from sinetti.eservice.ui.forms import PortalForm
from sinetti.i18n.translate import gettext_noop, refusal_text, translate
from sinetti.services.issuance.browser_enrolment import LARGEST_PASTED, BrowserEnrolment, CsrUploadError, parse_upload

ORGANISATION, TRANSFER_ID, PASSWORD, REQUEST, FILE = "organisation", "transfer_id", "password", "request", "file"
TRANSFER_ID_DIGITS = 32
_LONGEST_CUSTOMER_ID = 30
_LONGEST_PASSWORD = 32

PRIVATE_KEY = gettext_noop(
    "This is a private key, which is never sent to anybody, not even to us. We have kept "
    "nothing of it, but it has left your computer: stop using it, make a new key and a new "
    "certificate signing request, and send only the request."
)
_PASTED: Mapping[CsrUploadError, str] = {
    CsrUploadError.EMPTY: gettext_noop("Paste the certificate signing request here, or choose its file below."),
    CsrUploadError.LARGE: gettext_noop("This is too large for a certificate signing request: at most 16 KiB."),
    CsrUploadError.PRIVATE_KEY: PRIVATE_KEY,
    CsrUploadError.CERTIFICATE: gettext_noop(
        "This is a certificate, not a certificate signing request. The request is the file that was made together with "
        "the private key; in PEM it begins with -----BEGIN CERTIFICATE REQUEST-----."
    ),
    CsrUploadError.SEVERAL: gettext_noop(
        "There is more than one certificate signing request here. Paste the one that you mean."
    ),
    CsrUploadError.UNREADABLE: gettext_noop(
        "This is no certificate signing request. In PEM it begins with -----BEGIN CERTIFICATE REQUEST-----; paste it "
        "whole, with that line and the last one."
    ),
}
_DIGITS = gettext_noop(
    "A transfer ID has {count} digits. Copy it from the secure message. This did not count as a try."
)
_BOTH = gettext_noop("Paste the request or choose a file, not both.")

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
"""Which field a refusal is about. Any other is about none, and passes by itself."""
_HERE: Mapping[RejectionReason, str] = {
    RejectionReason.CUSTOMER_MISMATCH: gettext_noop(
        "These transfer IDs are another organisation's. Check the organisation's ID: it is in the "
        "secure message. Nothing was used up."
    ),
    RejectionReason.CSR_UNREADABLE: gettext_noop(
        "The certificate signing request cannot be read, or is not signed with its own key. Make it anew and paste it "
        "whole. Nothing was used up."
    ),
}
"""Where the refusal speaks of the technical interface: the same, of what stands on the page."""


class FetchForm(PortalForm):
    """Who, by which transfer ids, and for which request."""

    organisation = forms.CharField(
        label=gettext_noop("ID of the organisation"),
        help_text=gettext_noop("As it stands in the secure message, for example a Business ID: 1234567-1"),
        max_length=_LONGEST_CUSTOMER_ID,
    )
    transfer_id = forms.CharField(
        label=gettext_noop("Transfer ID"), help_text=gettext_noop("32 digits, from the secure message"), max_length=64
    )
    password = forms.CharField(
        label=gettext_noop("One-time password"),
        help_text=gettext_noop("From the secure message. Capital and small letters are different characters."),
        max_length=_LONGEST_PASSWORD,
    )
    request = forms.CharField(
        label=gettext_noop("Certificate signing request"),
        help_text=gettext_noop(
            "Paste the request as PEM or base64. Never paste a private key: it stays on your computer, and nobody asks "
            "you for it."
        ),
        required=False,
        widget=forms.Textarea,
    )
    file = forms.FileField(
        label=gettext_noop("Or its file (PEM or DER)"), required=False, allow_empty_file=True, max_length=None
    )
    numeric = frozenset({TRANSFER_ID})
    key_sent = False
    """Whether a private key was sent in the place of a request, or beside it."""

    def clean(self) -> None:
        """Look at the shapes: what is no transfer ID is no try, and what is no request uses nothing up."""
        digits = "".join(self.cleaned_data.get(TRANSFER_ID, "").split())
        self.cleaned_data[TRANSFER_ID] = digits
        if digits and not (digits.isascii() and digits.isdigit() and len(digits) == TRANSFER_ID_DIGITS):
            self.refuse(TRANSFER_ID, _DIGITS, count=TRANSFER_ID_DIGITS)
        self.cleaned_data["der"] = self._request()

    def ask(self) -> BrowserEnrolment:
        """What is asked, once it is valid."""
        data = self.cleaned_data
        return BrowserEnrolment(data[ORGANISATION], data[TRANSFER_ID], data[PASSWORD], data["der"])

    def answer(self, refusal: Rejection) -> str:
        """Put a refusal beside its field; one that is about none is given back, to be told above the form."""
        message_id = _HERE.get(refusal.reason)
        told = translate(message_id, self.language) if message_id else refusal_text(refusal, self.language)
        if (name := _FIELDS.get(refusal.reason)) is None:
            return told
        self.add_error(name, told)
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
        name, one = next(iter(given.items()), (REQUEST, CsrUploadError.EMPTY))
        if not isinstance(one, CsrUploadError):
            return one
        self.refuse(name, _PASTED[one])
        return b""


def bound(request: HttpRequest, language: Language) -> FetchForm:
    """The form as it was sent; nothing of a request in which a private key was stays in it."""
    form = FetchForm(language, request.POST, request.FILES)
    form.is_valid()
    if form.key_sent:
        form.data = request.POST.copy()
        form.data[REQUEST] = ""
    return form
