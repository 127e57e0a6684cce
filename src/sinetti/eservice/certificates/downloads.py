"""Downloads of one certificate: PEM, DER, its chain, and its dates."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from sinetti.eservice.certificates import ical
from sinetti.eservice.core.authentication import current_permissions, login_required
from sinetti.eservice.core.context import portal_context
from sinetti.services.self_service import certificates

_PEM = "application/x-pem-file"


@require_safe
@login_required
def pem(request: HttpRequest, serial: str) -> HttpResponse:
    """Send the certificate in PEM."""
    octets = certificates.issued_pem(serial, current_permissions(request), portal_context(request).ctx)
    return _file(octets, _PEM, f"certificate-{serial}.pem")


@require_safe
@login_required
def der(request: HttpRequest, serial: str) -> HttpResponse:
    """Send the certificate in DER."""
    octets = certificates.issued(serial, current_permissions(request), portal_context(request).ctx)
    return _file(octets, "application/pkix-cert", f"certificate-{serial}.der")


@require_safe
@login_required
def chain(request: HttpRequest, serial: str) -> HttpResponse:
    """Send the issuing CA and the intermediates in PEM."""
    octets = certificates.issued_chain(serial, current_permissions(request), portal_context(request).ctx)
    return _file(octets, _PEM, f"chain-{serial}.pem")


@require_safe
@login_required
def dates(request: HttpRequest, serial: str) -> HttpResponse:
    """Send the start of renewal and the end of validity as a calendar file."""
    ctx = portal_context(request).ctx
    certificate = certificates.certificate(serial, current_permissions(request), ctx)
    octets = ical.written(certificate, ctx.now())
    return _file(octets, "text/calendar; charset=utf-8", f"certificate-{serial}.ics")


def _file(octets: bytes, kind: str, name: str) -> HttpResponse:
    """Return a download. The serial in its name was found in the database."""
    response = HttpResponse(octets, content_type=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
