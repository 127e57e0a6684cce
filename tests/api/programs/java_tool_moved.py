"""Java command-line tool with another JAX-WS.

Its declarations stand on the envelope.
"""

from tests.api.programs import java_tool
from tests.api.programs.java_tool import GET_ACTION, NEW_ACTION, RENEW_ACTION, WAY, make_csr, make_key, read

NAME = "Java command-line tool, declarations on the envelope"
__all__ = [
    "GET_ACTION",
    "NAME",
    "NEW_ACTION",
    "RENEW_ACTION",
    "WAY",
    "get",
    "make_csr",
    "make_key",
    "new",
    "read",
    "renew",
]


def new(customer_id: str, customer_name: str, ids: tuple[str, str], csr: bytes) -> bytes:
    """Render SignNewCertificate."""
    return _moved(java_tool.new(customer_id, customer_name, ids, csr))


def get(customer_id: str, customer_name: str, retrieval_id: str) -> bytes:
    """Render GetCertificate."""
    return _moved(java_tool.get(customer_id, customer_name, retrieval_id))


def renew(customer_id: str, customer_name: str, csr: bytes, key, certificate: bytes) -> bytes:
    """Render RenewCertificate, signed before the declarations move."""
    return _moved(java_tool.renew(customer_id, customer_name, csr, key, certificate))


def _moved(body: bytes) -> bytes:
    text = body.decode()
    payload = text[text.index("<S:Body>") + len("<S:Body>") : text.index("</S:Body>")]
    return java_tool.envelope(payload, moved=True)
