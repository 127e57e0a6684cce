"""The messages of the service: operations, elements, types (facts sheet, 2), and how values are read out of them.

`schema/` says the same in XSD for other programs; here each fault is told by the name of an element of ours. White
space: a normalizedString is read as XML Schema says (facet "replace": tab, CR and LF become spaces; lengths count after
that), and then the spaces around it are taken off, since pretty-printers put them there; a value of nothing but spaces
is refused. Environment and Status are tokens (facet "collapse"). Base64 may have white space anywhere.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum

from lxml import etree

from sinetti.domain.values import Environment
from sinetti.wire.xmldsig import parser
from sinetti.wire.xmldsig.parser import children

SERVICE = "http://certificates.vero.fi/2017/10/certificateservices"
"""The namespace of the messages' root elements; all children are unqualified but ds:Signature."""

LARGEST_REQUEST = 10_240

_XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
_HARMLESS = frozenset({f"{_XSI}schemaLocation", f"{_XSI}noNamespaceSchemaLocation"})
_REPLACE = str.maketrans("\t\r\n", "   ")


class Operation(Enum):
    """The three operations; the value is the SOAPAction."""

    NEW = "signNewCertificate"
    RENEW = "renewCertificate"
    GET = "getCertificate"

    @property
    def _stem(self) -> str:
        return self.value[0].upper() + self.value[1:]

    @property
    def request(self) -> str:
        """The name of the request's root element."""
        return f"{self._stem}Request"

    @property
    def response(self) -> str:
        """The name of the response's root element."""
        return f"{self._stem}Response"


class ElementName(StrEnum):
    """The unqualified elements of our schema."""

    ENVIRONMENT = "Environment"
    CUSTOMER_ID = "CustomerId"
    CUSTOMER_NAME = "CustomerName"
    TRANSFER_ID = "TransferId"
    TRANSFER_PASSWORD = "TransferPassword"  # noqa: S105 - an element's name
    CERTIFICATE_REQUEST = "CertificateRequest"
    RETRIEVAL_ID = "RetrievalId"
    CERTIFICATE = "Certificate"
    RESULT = "Result"
    STATUS = "Status"
    ERROR_INFO = "ErrorInfo"
    ERROR_CODE = "ErrorCode"
    ERROR_MESSAGE = "ErrorMessage"


class SchemaViolation(ValueError):
    """A message breaks the schema at `element`, a name of ours."""

    def __init__(self, element: str) -> None:
        """Keep which element."""
        super().__init__(f"{element} is missing, misplaced or not of the right form")
        self.element = element


Value = str | bytes


@dataclass(frozen=True, slots=True)
class ElementSpec:
    """One element of a sequence.

    `read` makes its value of its string value; None where that is not of its type.
    """

    name: ElementName
    read: Callable[[str], Value | None]
    optional: bool = False


def normalized_string(longest: int) -> Callable[[str], str | None]:
    """A normalizedString of 1 to `longest` characters, without the blanks that pretty-printers put around it."""

    def read(text: str) -> str | None:
        trimmed = text.translate(_REPLACE).strip(" ")
        return trimmed if 0 < len(trimmed) <= longest else None

    return read


def binary(largest: int) -> Callable[[str], bytes | None]:
    """A base64Binary of 1 to `largest` octets."""

    def read(text: str) -> bytes | None:
        octets = parser.decode_base64(text)
        return octets if octets and len(octets) <= largest else None

    return read


def token(*values: str) -> Callable[[str], str | None]:
    """One of these words."""

    def read(text: str) -> str | None:
        collapsed = text.strip(" \t\r\n")
        return collapsed if collapsed in values else None

    return read


TEXT: dict[ElementName, Callable[[str], str | None]] = {
    ElementName.CUSTOMER_ID: normalized_string(30),
    ElementName.CUSTOMER_NAME: normalized_string(100),
    ElementName.TRANSFER_ID: normalized_string(32),
    ElementName.TRANSFER_PASSWORD: normalized_string(16),
    ElementName.RETRIEVAL_ID: normalized_string(32),
    ElementName.ERROR_CODE: normalized_string(16),
    ElementName.ERROR_MESSAGE: normalized_string(255),
}
"""The textual types."""

_WHO = (
    ElementSpec(ElementName.ENVIRONMENT, token(*Environment)),
    ElementSpec(ElementName.CUSTOMER_ID, TEXT[ElementName.CUSTOMER_ID]),
    ElementSpec(ElementName.CUSTOMER_NAME, TEXT[ElementName.CUSTOMER_NAME], optional=True),
)
_CERTIFICATE_REQUEST = ElementSpec(ElementName.CERTIFICATE_REQUEST, binary(LARGEST_REQUEST))

REQUESTS: dict[Operation, tuple[ElementSpec, ...]] = {
    Operation.NEW: (
        *_WHO,
        ElementSpec(ElementName.TRANSFER_ID, TEXT[ElementName.TRANSFER_ID]),
        ElementSpec(ElementName.TRANSFER_PASSWORD, TEXT[ElementName.TRANSFER_PASSWORD]),
        _CERTIFICATE_REQUEST,
    ),
    Operation.RENEW: (*_WHO, _CERTIFICATE_REQUEST),
    Operation.GET: (*_WHO, ElementSpec(ElementName.RETRIEVAL_ID, TEXT[ElementName.RETRIEVAL_ID])),
}
"""What stands in each request, in its order; ds:Signature of RenewCertificate is xmldsig's."""


def qualified(name: str) -> str:
    """A root element's name as lxml writes it."""
    return f"{{{SERVICE}}}{name}"


def read_sequence(
    found: Sequence[etree._Element], fields: Sequence[ElementSpec], parent: str
) -> dict[ElementName, Value]:
    """Read elements in the order of `fields`.

    Raises SchemaViolation, with `parent` where something unknown is left.
    """
    values: dict[ElementName, Value] = {}
    rest = list(found)
    for field in fields:
        if rest and rest[0].tag == field.name:
            values[field.name] = _read(rest.pop(0), field)
        elif not field.optional:
            raise SchemaViolation(field.name)
    if rest:
        known = {field.name.value for field in fields}
        raise SchemaViolation(str(rest[0].tag) if rest[0].tag in known else parent)
    return values


def child_elements(element: etree._Element, name: str) -> list[etree._Element]:
    """The child elements of an element of ours that may hold nothing else.

    Raises SchemaViolation with its `name`.
    """
    if not _HARMLESS.issuperset(map(str, element.attrib)) or parser.has_loose_text(element):
        raise SchemaViolation(name)
    return children(element)


def _read(element: etree._Element, field: ElementSpec) -> Value:
    text = parser.value(element)
    read = None if text is None or not _HARMLESS.issuperset(map(str, element.attrib)) else field.read(text)
    if read is None:
        raise SchemaViolation(field.name)
    return read
