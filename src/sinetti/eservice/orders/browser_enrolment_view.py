"""Fetching in the browser, without signing in: transfer ID and one-time password are the proof (docs/ordering.md)."""

from collections.abc import Callable, Mapping
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.eservice.core.context import language_of, portal_context, request_id
from sinetti.eservice.orders import browser_enrolment_pages as pages
from sinetti.eservice.orders.browser_enrolment_form import FetchForm, bound
from sinetti.eservice.ui.page import render_page
from sinetti.i18n.translate import refusal_text, translate
from sinetti.services.issuance.browser_enrolment import EnrolledCertificate, enrol_in_browser, retrieve_again

_FILES: Mapping[str, tuple[str, str, Callable[[EnrolledCertificate], bytes]]] = {
    "pem": ("certificate.pem", "application/x-pem-file", lambda found: found.pem.encode()),
    "der": ("certificate.cer", "application/pkix-cert", lambda found: found.der),
    "chain": ("chain.pem", "application/x-pem-file", lambda found: found.chain.encode()),
    "bundle": ("certificate-and-chain.pem", "application/x-pem-file", lambda one: (one.pem + one.chain).encode()),
}
"""What a button downloads: the file's name, its type, and its octets."""
_PASSES = frozenset({RejectionReason.UNAVAILABLE, RejectionReason.INTERNAL, RejectionReason.NOT_READY})


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """Ask; fetch; hand out the files."""
    language, ctx = language_of(request), portal_context(request).ctx
    does = request.POST.get("do", "")
    if does in _FILES:
        return _download(request, does)
    if does == "fetch":
        return _fetch(request)
    # The page that shows transfer ids opens this one with both filled in.
    given = {name: request.POST.get(name, "") for name in ("organisation", "transfer_id", "password")}
    return render_page(request, pages.asking(FetchForm(language, initial=given), ctx.environment, language))


def _fetch(request: HttpRequest) -> HttpResponse:
    language, ctx = language_of(request), portal_context(request).ctx
    form = bound(request, language)
    wrong = HTTPStatus.UNPROCESSABLE_ENTITY
    if form.key_sent:
        loud = translate("This is a private key. Nothing was sent on or kept.", language)
        return render_page(request, pages.asking(form, ctx.environment, language, error=loud, status=wrong))
    if not form.is_valid():
        return render_page(request, pages.asking(form, ctx.environment, language, status=wrong))
    ask = form.ask()
    found = enrol_in_browser(ask, ctx, request_id(request))
    if isinstance(found, EnrolledCertificate):
        return render_page(request, pages.answer(found, ask.customer_id, language))
    error = form.answer(found)
    status = HTTPStatus.SERVICE_UNAVAILABLE if found.reason in _PASSES else wrong
    return render_page(request, pages.asking(form, ctx.environment, language, error=error, status=status))


def _download(request: HttpRequest, does: str) -> HttpResponse:
    language, ctx = language_of(request), portal_context(request).ctx
    customer_id, retrieval_id = request.POST.get("organisation", ""), request.POST.get("retrieval_id", "")
    found: EnrolledCertificate | Rejection = Rejection(RejectionReason.RETRIEVAL_ID_UNKNOWN)
    if customer_id and retrieval_id:
        found = retrieve_again(customer_id, retrieval_id, ctx, request_id(request))
    if isinstance(found, Rejection):
        form = FetchForm(language, initial={"organisation": customer_id})
        told, status = refusal_text(found, language), HTTPStatus.UNPROCESSABLE_ENTITY
        return render_page(request, pages.asking(form, ctx.environment, language, error=told, status=status))
    name, kind, octets = _FILES[does]
    answer = HttpResponse(octets(found), content_type=kind)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
