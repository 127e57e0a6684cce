"""Operations, elements and types of the service's messages (facts sheet, 2).

`schema/` states the same in XSD for other programs. Here each fault names an element of the schema.

White space: a normalizedString is read as XML Schema says (facet "replace": tab, CR and LF become spaces; lengths
count after that). Then the spaces around it are removed, since pretty-printers put them there. A value of nothing but
spaces is refused. Environment and Status are tokens (facet "collapse"). Base64 may have white space anywhere.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum

from lxml import etree

from sinetti.domain.values import Environment
from sinetti.wire.xmldsig import parser
from sinetti.wire.xmldsig.parser import children

SERVICE = "http://certificates.vero.fi/2017/10/certificateservices"
"""Namespace of the messages' root elements.

All children are unqualified but ds:Signature.
"""

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
    """Unqualified elements of the schema."""

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
    """Message that breaks the schema at `element`, a name of the schema."""

    def __init__(self, element: str) -> None:
        """Store the name of the element."""
        super().__init__(f"{element} is missing, misplaced or malformed")
        self.element = element


Value = str | bytes


@dataclass(frozen=True, slots=True)
class ElementSpec:
    """One element of a sequence.

    `read` makes its value of its string value; None for one of another type.
    """

    name: ElementName
    read: Callable[[str], Value | None]
    optional: bool = False


def normalized_string(longest: int) -> Callable[[str], str | None]:
    """Return a reader of a normalizedString of 1 to `longest` characters.

    It removes the blanks that pretty-printers put around the value.
    """

    def read(text: str) -> str | None:
        trimmed = text.translate(_REPLACE).strip(" ")
        return trimmed if 0 < len(trimmed) <= longest else None

    return read


def binary(largest: int) -> Callable[[str], bytes | None]:
    """Return a reader of a base64Binary of 1 to `largest` octets."""

    def read(text: str) -> bytes | None:
        octets = parser.decode_base64(text)
        return octets if octets and len(octets) <= largest else None

    return read


def token(*values: str) -> Callable[[str], str | None]:
    """Return a reader of one of these words."""

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
"""Textual types."""

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
"""Elements of each request, in their order, without ds:Signature.

The package xmldsig reads the signature of RenewCertificate.
"""


def qualified(name: str) -> str:
    """Return a root element's name as lxml writes it."""
    return f"{{{SERVICE}}}{name}"


def read_sequence(
    elements: Sequence[etree._Element], fields: Sequence[ElementSpec], parent: str
) -> dict[ElementName, Value]:
    """Read elements in the order of `fields`.

    Raises SchemaViolation, with `parent` if an unknown element is left.
    """
    values: dict[ElementName, Value] = {}
    rest = list(elements)
    for field in fields:
        if rest and rest[0].tag == field.name:
            element = rest.pop(0)
            text = parser.value(element)
            read = None if text is None or not _HARMLESS.issuperset(map(str, element.attrib)) else field.read(text)
            if read is None:
                raise SchemaViolation(field.name)
            values[field.name] = read
        elif not field.optional:
            raise SchemaViolation(field.name)
    if rest:
        known = {field.name.value for field in fields}
        raise SchemaViolation(str(rest[0].tag) if rest[0].tag in known else parent)
    return values


def child_elements(element: etree._Element, name: str) -> list[etree._Element]:
    """Return the child elements of an element that may contain nothing else.

    Raises SchemaViolation with its `name`.
    """
    if not _HARMLESS.issuperset(map(str, element.attrib)) or parser.has_loose_text(element):
        raise SchemaViolation(name)
    return children(element)
