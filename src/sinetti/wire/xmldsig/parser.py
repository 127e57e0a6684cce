"""Hardened parser from octets to an XML tree.

UTF-8 alone, no DOCTYPE, no entities, no network, bounded depth and namespaces. Two parsers must both accept a
document. expat returns octet offsets and sees a DOCTYPE before anything grows. libxml2 (through lxml) makes the tree.
libxml2's own bounds stay on: 256 levels, 10 MB for one text or attribute.
"""

import base64
import binascii
import threading
from collections.abc import Callable, Mapping
from xml.parsers import expat

from lxml import etree

DS = "http://www.w3.org/2000/09/xmldsig#"
"""The namespace of XML Signature."""

_BOM = b"\xef\xbb\xbf"
_WHITE = " \t\r\n"

# C14N looks up every declaration in scope at every element, each time along the list of them, which needs a bound.
# Inclusive C14N of 390,000 elements under 60 of them took five seconds, so that large documents may have fewer.
_MOST_NAMESPACES, _ALWAYS = 64, 8
_LOOKED_UP = 8_000_000

# Characters. A name of 10 MB was stored six times; programs' own names are shorter than a line. expat scans the
# name at every use, and C14N writes it and compares by it: with names of 2 kB, 3 MB of XML took four seconds.
_LONGEST_NAMESPACE = 256

MOST_ATTRIBUTES = 64
"""Largest number of attributes of one element.

C14N sorts them in quadratic time: 20,000 took 1.3 s. The service's messages have one, reports a few.
"""

MOST_QUALIFIED = 16
"""Largest number of attributes with a prefix, of one element.

C14N sorts those by the names of their namespaces.
"""

# Counting in the finished tree costs 1 ms per MB, counting at every element 10 ms. Before 2.12 libxml2 compared each
# attribute with each as it read them; now 200,000 take 0.2 s.
_HAS_TOO_MANY = etree.XPath(
    f"boolean(//*/@*[{MOST_QUALIFIED + 1}]"
    f"[../@*[{MOST_ATTRIBUTES + 1}] or ../@*[namespace-uri()][{MOST_QUALIFIED + 1}]])"
)
_SLOW_WITH_ATTRIBUTES = etree.LIBXML_VERSION < (2, 12)

TOO_MUCH = "it is too deep, or has too many elements or attributes"


class _ThreadParser(threading.local):
    """The libxml2 parser of a thread, made at its first document.

    A parser keeps nothing of a document, accepted or refused. lxml would let a second thread wait for it.
    """

    def __init__(self) -> None:
        self.parser = etree.XMLParser(
            encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
        )


_OF_THREAD = _ThreadParser()


class XmlRejected(ValueError):
    """Octets that are no acceptable XML.

    The text gives the reason and contains nothing of the octets.
    """


NOT_WELL_FORMED = "the XML is not well-formed in line {line}"


class NotWellFormed(XmlRejected):
    """Octets that break the rules of XML, first in this line."""

    def __init__(self, line: int) -> None:
        """Store the line."""
        super().__init__(NOT_WELL_FORMED.format(line=line))
        self.line = line


def without_bom(octets: bytes) -> bytes:
    """Remove a UTF-8 byte order mark."""
    return octets.removeprefix(_BOM)


def hardened_parser(
    on_declaration: Callable[[str | None, str], None] = lambda _prefix, _uri: None,
    most_namespaces: int = _MOST_NAMESPACES,
) -> expat.XMLParserType:
    """Make an expat parser that raises XmlRejected for unacceptable input.

    Names come as `uri LF local LF prefix`. UTF-8 is the only encoding, regardless of the declaration. `on_declaration`
    is called with each declared prefix (None: the default namespace) and its namespace before the element that
    declares it. `most_namespaces` may be in scope at once.
    """
    scanner = expat.ParserCreate("utf-8", "\n")
    scanner.namespace_prefixes = True
    scanner.XmlDeclHandler = _check_declaration
    scanner.StartDoctypeDeclHandler = _refuse_doctype
    in_scope = 0

    def declared(prefix: str | None, uri: str | None) -> None:
        """Count and report a declaration. Raises XmlRejected for too many."""
        nonlocal in_scope
        in_scope += 1
        on_declaration(prefix, uri or "")
        if in_scope > most_namespaces:
            raise XmlRejected("too many namespace declarations are in scope")
        if len(uri or "") > _LONGEST_NAMESPACE:
            raise XmlRejected("a namespace name is too long")

    def left(_prefix: str | None) -> None:
        nonlocal in_scope
        in_scope -= 1

    scanner.StartNamespaceDeclHandler = declared
    scanner.EndNamespaceDeclHandler = left
    return scanner


def run_parser(scanner: expat.XMLParserType, octets: bytes) -> None:
    """Run a whole document (without byte order mark) through a scanner.

    Raises XmlRejected.
    """
    # A second mark is a character before the root (XML 1.0, 2.8), which both parsers ignore.
    if octets.startswith(_BOM):
        raise NotWellFormed(1)
    try:
        scanner.Parse(octets, True)  # noqa: FBT003 - expat's only way to say "this is all"
    except expat.ExpatError as bad:
        raise NotWellFormed(bad.lineno) from bad


def parse(octets: bytes, tags: int | None = None) -> etree._Element:
    """Parse a whole document that has canonical forms; return its root element.

    `tags`: the number of `<` in the octets, if the caller has counted them. Raises XmlRejected.
    """
    octets = without_bom(octets)
    tags = octets.count(b"<") if tags is None else tags
    scanner = hardened_parser(_check_namespace, max(_ALWAYS, min(_MOST_NAMESPACES, _LOOKED_UP // max(1, tags))))
    if _SLOW_WITH_ATTRIBUTES:
        scanner.StartElementHandler = lambda _name, attributes: check_attributes(attributes)
    run_parser(scanner, octets)
    root = tree_of(octets)
    # Each attribute has its own `=`, since no DOCTYPE can add one. So most messages need no search of the tree.
    if octets.count(b"=") > MOST_QUALIFIED and _HAS_TOO_MANY(root):
        raise XmlRejected(TOO_MUCH)
    return root


def check_attributes(attributes: Mapping[str, str]) -> None:
    """Raise XmlRejected if an element has more than MOST_ATTRIBUTES."""
    if len(attributes) > MOST_ATTRIBUTES:
        raise XmlRejected(TOO_MUCH)


def tree_of(octets: bytes) -> etree._Element:
    """Make the tree of octets that a scanner has passed. Raises XmlRejected."""
    try:
        return etree.fromstring(octets, _OF_THREAD.parser)
    except etree.XMLSyntaxError as bad:
        raise XmlRejected("the XML is not well-formed, or too deep or too long in one place") from bad


def root_end(octets: bytes) -> int:
    """Return the offset of the root's end tag, or of an empty-element root.

    Raises XmlRejected.
    """
    scanner = hardened_parser()
    last = 0

    def ended(_name: str) -> None:
        nonlocal last
        last = scanner.CurrentByteIndex

    scanner.EndElementHandler = ended
    run_parser(scanner, octets)
    return last


def exclusive(node: etree._Element) -> bytes:
    """Return the exclusive canonical form of an element, comments included.

    Two elements with the same form are the same element. Raises XmlRejected for a relative namespace name, which has
    no canonical form (C14N 1.0, 1.3).
    """
    try:
        return etree.tostring(node, method="c14n", exclusive=True, with_comments=True)
    except etree.C14NError as bad:
        raise XmlRejected("a relative namespace name has no canonical form") from bad


def children(element: etree._Element) -> list[etree._Element]:
    """Return the child elements, without comments and processing instructions."""
    return list(element.iterchildren("*"))


def value(element: etree._Element) -> str | None:
    """Return the whole string value; None if there are elements inside.

    A comment inside does not cut it.
    """
    parts = [element.text or ""]
    for child in element:
        if is_element(child):
            return None
        parts.append(child.tail or "")
    return "".join(parts)


def is_element(node: etree._Element) -> bool:
    """Return whether a node is an element.

    Comments and processing instructions have a function as their tag.
    """
    tag: object = node.tag
    return isinstance(tag, str)


def has_loose_text(element: etree._Element) -> bool:
    """Return whether anything but white space stands beside the child elements."""
    return bool((element.text or "").strip(_WHITE)) or any((child.tail or "").strip(_WHITE) for child in element)


def decode_base64(text: str | None) -> bytes | None:
    """Return the octets of a base64Binary; None for malformed base64.

    White space may stand anywhere, `&#13;` too.
    """
    if text is None:
        return None
    try:
        # As octets: translating a str is ten times slower.
        return binascii.a2b_base64(text.encode("ascii").translate(None, _WHITE.encode()), strict_mode=True)
    except ValueError:
        return None


def encode_base64(octets: bytes) -> str:
    """Return one line of base64."""
    return base64.b64encode(octets).decode("ascii")


def _check_declaration(version: str, encoding: str | None, _standalone: int) -> None:
    if version != "1.0":
        raise XmlRejected("it is not XML 1.0")
    if encoding is not None and encoding.casefold() != "utf-8":
        raise XmlRejected("the declared encoding is not UTF-8")


def _check_namespace(_prefix: str | None, uri: str) -> None:
    """Raise XmlRejected for "&" in a namespace name.

    libxml2 accepts it and does not escape it, although C14N 1.0, 2.3 demands that. The digested octets would differ
    from those of every other implementation, and would be no XML or read as another name.
    """
    if "&" in uri:
        raise XmlRejected("a namespace name contains a character that canonical forms write differently")


def _refuse_doctype(_name: str, _system: str | None, _public: str | None, _internal: int) -> None:
    raise XmlRejected("a DOCTYPE is not accepted")
