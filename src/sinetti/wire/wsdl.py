"""Our WSDL and XSDs as other programs load them: from the service's own address."""

from importlib.resources import files
from xml.sax.saxutils import escape

_SCHEMAS = ("certificate-services.xsd", "xml-signature.xsd")
_WSDL = "certificate-services.wsdl"
_ADDRESS = b"http://address.invalid/"
# With its path: java.net.URL, and so wsimport, resolves a reference that is a query alone as RFC 2396 did, against the
# folder (RFC 3986, 5.2.2, keeps the base's path); and the service answers with a slash at the end as well.
_LOCAL, _SERVED = b'schemaLocation="', b'schemaLocation="/2017/10/CertificateServices?xsd='


def wsdl(address: str) -> bytes:
    """The WSDL with this soap:address. Its imports are the service's path with `?xsd=NAME`, at whatever host."""
    escaped = escape(address, {'"': "&quot;"}).encode()
    return _read(_WSDL).replace(_ADDRESS, escaped).replace(_LOCAL, _SERVED)


def schema_file(name: str) -> bytes | None:
    """The schema that `?xsd=NAME` asks for; None for a name that the WSDL does not import."""
    return _read(name).replace(_LOCAL, _SERVED) if name in _SCHEMAS else None


def _read(name: str) -> bytes:
    return (files("sinetti.wire") / "schema" / name).read_bytes()
