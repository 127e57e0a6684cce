"""Public interface of the SOAP package: parse and render per operation.

`requests` and `responses` hold the two halves. The WSDL and XSDs for other programs are rendered with the service's
own address.
"""

from importlib.resources import files
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from sinetti.wire.soap.requests import (
    NotSoapError,
    ParsedRequest,
    RequestSignatureError,
    SchemaError,
    parse_request,
    render_get,
    render_new,
    render_renew,
    verified_request,
)
from sinetti.wire.soap.responses import (
    ErrorInfo,
    Failure,
    SoapFault,
    SoapResponse,
    UnreadableResponse,
    UntrustedResponse,
    prepare_response,
    read_response,
    render_fault,
    render_response,
)
from sinetti.wire.soap.schema_types import Operation

__all__ = [
    "ErrorInfo",
    "Failure",
    "NotSoapError",
    "Operation",
    "ParsedRequest",
    "RequestSignatureError",
    "SchemaError",
    "SoapFault",
    "SoapResponse",
    "UnreadableResponse",
    "UntrustedResponse",
    "parse_request",
    "prepare_response",
    "read_response",
    "render_fault",
    "render_get",
    "render_new",
    "render_renew",
    "render_response",
    "verified_request",
]


_SCHEMAS = ("certificate-services.xsd", "xml-signature.xsd")
_WSDL = "certificate-services.wsdl"
_ADDRESS = b"http://address.invalid/"
# With its path: java.net.URL, and so wsimport, resolves a query-only reference as RFC 2396 did, against the folder
# (RFC 3986, 5.2.2, keeps the base's path). The service also answers with a slash at the end. It is the path that
# programs call, since a proxy may have put something before the service's own.
_LOCAL = b'schemaLocation="'


def wsdl(address: str) -> bytes:
    """Return the WSDL with this soap:address.

    Its imports are that address' path with `?xsd=NAME`, relative to the host.
    """
    return _served(_WSDL, address).replace(_ADDRESS, _escaped(address))


def schema_file(name: str, address: str) -> bytes | None:
    """Return the schema for `?xsd=NAME`; None for a name that the WSDL lacks."""
    return _served(name, address) if name in _SCHEMAS else None


def _served(name: str, address: str) -> bytes:
    path = _escaped(urlsplit(address).path or "/")
    octets = (files("sinetti.wire.soap") / "schema" / name).read_bytes()
    return octets.replace(_LOCAL, _LOCAL + path + b"?xsd=")


def _escaped(text: str) -> bytes:
    return escape(text, {'"': "&quot;"}).encode()
