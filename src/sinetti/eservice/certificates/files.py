"""What is downloaded of one certificate: itself in PEM and DER, what stands above it, its dates."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from sinetti.actions.behalf import see
from sinetti.eservice.acting import signed_in, standing_of
from sinetti.eservice.certificates import calendar_file
from sinetti.eservice.surroundings import language_of, surroundings

_PEM = "application/x-pem-file"


@require_safe
@signed_in
def pem(request: HttpRequest, serial: str) -> HttpResponse:
    """The certificate in PEM."""
    octets = see.issued_pem(serial, standing_of(request), surroundings(request).office)
    return _file(octets, _PEM, f"certificate-{serial}.pem")


@require_safe
@signed_in
def der(request: HttpRequest, serial: str) -> HttpResponse:
    """The certificate in DER."""
    octets = see.issued(serial, standing_of(request), surroundings(request).office)
    return _file(octets, "application/pkix-cert", f"certificate-{serial}.der")


@require_safe
@signed_in
def chain(request: HttpRequest, serial: str) -> HttpResponse:
    """The issuing CA and the intermediates in PEM."""
    octets = see.issued_chain(serial, standing_of(request), surroundings(request).office)
    return _file(octets, _PEM, f"chain-{serial}.pem")


@require_safe
@signed_in
def dates(request: HttpRequest, serial: str) -> HttpResponse:
    """When renewal opens and when it ends, for a calendar."""
    office = surroundings(request).office
    seen = see.certificate(serial, standing_of(request), office)
    octets = calendar_file.written(seen, office.now(), language_of(request))
    return _file(octets, "text/calendar; charset=utf-8", f"certificate-{serial}.ics")


def _file(octets: bytes, kind: str, name: str) -> HttpResponse:
    """A download. The serial in its name was found in the register, so that it is one."""
    response = HttpResponse(octets, content_type=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
