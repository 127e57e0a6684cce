"""SOAP 1.1 envelope, its payload, and the ways to extract it as a document.

A signature covers the payload as it was before it was put into its envelope (facts sheet, 2: the C14N trap). So its
octets are cut at offsets from a parser, never found in text.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from xml.sax.saxutils import quoteattr

from lxml import etree

from sinetti.wire.xmldsig import parser
from sinetti.wire.xmldsig.parser import XmlRejected, children

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
"""The namespace of SOAP 1.1."""

_ENVELOPE, _HEADER, _BODY = (f"{{{SOAP}}}{name}" for name in ("Envelope", "Header", "Body"))
_SCANNED_BODY = f"{SOAP}\nBody"
_PAYLOAD_DEPTH = 2
# The service's deepest message has 9 levels and 40 elements; the rest is room for headers of other programs.
_DEEPEST = 100
_MOST_ELEMENTS = 2_000
# Characters of namespace names, for each element those of its tag: exclusive C14N may write all of them. The service's
# messages have 2 kB. 128 kB could have 3 MB, written several times before the signature is verified.
_MOST_IN_NAMES = 500_000

_Declaration = tuple[str | None, str]
"""A prefix (None for the default namespace) and its namespace."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """SOAP envelope.

    `payload`: the Body's first element. `has_extra_content`: the Body holds something beside it.
    """

    payload: etree._Element
    has_extra_content: bool
    _cut: "_Cut" = field(repr=False)

    @property
    def span(self) -> tuple[int, int]:
        """Begin and end of the payload in the octets of the envelope (without BOM)."""
        return self._cut.start, self._cut.end

    @property
    def own(self) -> frozenset[str | None]:
        """Prefixes that the payload's root declares itself; None is the default namespace."""
        return frozenset(self._cut.own)

    def candidates(self) -> Iterator[etree._Element]:
        """Yield the root of the payload as a separate document, in each equivalent form.

        The forms are: the cut octets alone; with those inherited declarations that are used; with all that are not
        SOAP's. A form counts only if it has the same exclusive C14N as the payload. There is none for a Body with
        extra content. The first mostly fits, so the others are made on demand.
        """
        if self.has_extra_content:
            return
        try:
            expected = parser.exclusive(self.payload)
        except XmlRejected:
            return
        for way in dict.fromkeys(self._cut.with_declarations(chosen) for chosen in self._choices()):
            with suppress(XmlRejected):  # a prefix is declared outside only
                root = parser.parse(way)
                if parser.exclusive(root) == expected:
                    yield root

    def _choices(self) -> Iterable[tuple[_Declaration, ...]]:
        body = self.payload.getparent()
        inherited = {} if body is None else body.nsmap
        left = [(prefix, uri) for prefix, uri in inherited.items() if uri and prefix not in self._cut.own]
        yield ()
        yield tuple(pair for pair in left if pair in self._cut.used)
        yield tuple(pair for pair in left if pair in self._cut.used or pair[1] != SOAP)


@dataclass(slots=True)
class _Cut:
    """Place of the payload in the octets.

    `own`: prefixes that it declares itself; `used`: declarations that names in it use.
    """

    octets: bytes
    start: int = 0
    name_end: int = 0
    end: int = 0
    own: set[str | None] = field(default_factory=set)
    used: set[_Declaration] = field(default_factory=set)

    def with_declarations(self, chosen: Iterable[_Declaration]) -> bytes:
        added = "".join(f" xmlns{':' + prefix if prefix else ''}={quoteattr(uri)}" for prefix, uri in chosen)
        return self.octets[self.start : self.name_end] + added.encode() + self.octets[self.name_end : self.end]


def parse_envelope(octets: bytes) -> Envelope:
    """Parse a SOAP 1.1 envelope.

    Raises XmlRejected for any other document, also for an empty Body. Headers are ignored: no program in the field
    sends one that must be understood.
    """
    octets = parser.without_bom(octets)
    cut = _find_payload(octets)
    root = parser.tree_of(octets)
    parts = children(root)
    names = [part.tag for part in parts]
    if root.tag != _ENVELOPE or names not in ([_BODY], [_HEADER, _BODY]):
        raise XmlRejected("it is not a SOAP 1.1 envelope")
    payloads = children(parts[-1])
    if not payloads:
        raise XmlRejected("the Body is empty")
    return Envelope(payloads[0], len(payloads) > 1 or parser.has_loose_text(parts[-1]), cut)


def wrap_in_envelope(payload: bytes) -> bytes:
    """Put a document into an envelope.

    The document inherits only the SOAP namespace from it (facts sheet, 3).
    """
    return (
        f'<SOAP-ENV:Envelope xmlns:SOAP-ENV="{SOAP}"><SOAP-ENV:Header/><SOAP-ENV:Body>'.encode()
        + payload
        + b"</SOAP-ENV:Body></SOAP-ENV:Envelope>"
    )


def _find_payload(octets: bytes) -> _Cut:
    """Find the first element in the Body: its offsets and its names.

    Raises XmlRejected.
    """
    finder = _Finder(octets)
    parser.run_parser(finder.scanner, octets)
    return finder.cut


class _Finder:
    """Handlers of an expat parser that walks through the envelope.

    An element ends where the next token begins.
    """

    def __init__(self, octets: bytes) -> None:
        self.cut = _Cut(octets)
        self.scanner = parser.hardened_parser(self._declare)
        self.scanner.StartElementHandler = self._start
        self.scanner.EndElementHandler = self._end
        self._path: list[str] = []
        self._elements = self._in_names = 0
        self._declared: set[str | None] = set()
        self._inside = False
        self._awaiting_end = False

    def _declare(self, prefix: str | None, _uri: str) -> None:
        self._declared.add(prefix)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._mark_end()
        self._elements += 1
        relied_on = {_relies_on(name), *(_relies_on(attribute) for attribute in attributes if "\n" in attribute)}
        self._in_names += sum(len(uri) for _, uri in relied_on)
        if len(self._path) > _DEEPEST or self._elements > _MOST_ELEMENTS or self._in_names > _MOST_IN_NAMES:
            raise XmlRejected(parser.TOO_MUCH)
        parser.check_attributes(attributes)
        if len(self._path) == _PAYLOAD_DEPTH and self._path[-1].startswith(_SCANNED_BODY) and not self.cut.start:
            self._inside = True
            self.cut.start = self.scanner.CurrentByteIndex
            self.cut.name_end = self.cut.start + 1 + len(_written(name).encode())
            self.cut.own = self._declared
        if self._inside:
            self.cut.used.update(relied_on)
        self._declared = set()
        self._path.append(name)

    def _end(self, _name: str) -> None:
        self._mark_end()
        self._path.pop()
        if self._inside and len(self._path) == _PAYLOAD_DEPTH:
            self._inside, self._awaiting_end = False, True
            self.scanner.DefaultHandler = self._mark_end

    def _mark_end(self, _data: str = "") -> None:
        if self._awaiting_end:
            self._awaiting_end = False
            self.cut.end = self.scanner.CurrentByteIndex
            self.scanner.DefaultHandler = None


def _written(name: str) -> str:
    """Return the name as in the document, from expat's `uri LF local LF prefix`."""
    parts = name.split("\n")
    return f"{parts[2]}:{parts[1]}" if parts[2:] else parts[-1]


def _relies_on(name: str) -> _Declaration:
    match name.split("\n"):
        case [uri, _local, prefix]:
            return prefix, uri
        case [uri, _local]:
            return None, uri
        case _:
            return None, ""
