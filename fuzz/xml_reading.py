"""Second opinion on libxml2: expat reads XML and puts it into its canonical form.

It implements Exclusive C14N and C14N 1.0 without comments, by their recommendations, for documents of fuzzing's size.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self
from xml.parsers import expat

XML = "http://www.w3.org/XML/1998/namespace"

_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#xD;"})
_ATTRIBUTE = str.maketrans({"&": "&amp;", "<": "&lt;", '"': "&quot;", "\t": "&#x9;", "\n": "&#xA;", "\r": "&#xD;"})


class NotRead(ValueError):
    """Raised for octets that are no XML in UTF-8 without a DOCTYPE."""


@dataclass(frozen=True, slots=True)
class Qualified:
    """A name with its namespace and its written prefix ("" for none)."""

    uri: str
    local: str
    prefix: str

    @property
    def written(self) -> str:
        """Name as it is written in the document."""
        return f"{self.prefix}:{self.local}" if self.prefix else self.local

    @classmethod
    def of(cls, name: str) -> Self:
        """Parse expat's `uri LF local LF prefix`."""
        parts = name.split("\n")
        if len(parts) == 1:
            return cls("", name, "")
        return cls(parts[0], parts[1], parts[2] if parts[2:] else "")


@dataclass(frozen=True, slots=True)
class Instruction:
    """A processing instruction."""

    target: str
    data: str

    @property
    def written(self) -> str:
        """Instruction in canonical form."""
        inside = f"{self.target} {self.data}" if self.data else self.target
        return f"<?{inside}?>".replace("\r", "&#xD;")


@dataclass(slots=True)
class Element:
    """An element.

    `scope` has every namespace in scope by its prefix. Comments are left out, so texts are whole.
    """

    name: Qualified
    attributes: list[tuple[Qualified, str]]
    scope: Mapping[str, str]
    parent: "Element | None" = field(repr=False)
    content: "list[Element | Instruction | str]" = field(default_factory=list)

    @property
    def elements(self) -> "list[Element]":
        """Child elements."""
        return [one for one in self.content if isinstance(one, Element)]

    @property
    def text(self) -> str | None:
        """Whole string value, or None if there are elements inside."""
        if self.elements:
            return None
        return "".join(one for one in self.content if isinstance(one, str))

    def below(self) -> "Iterator[Element]":
        """Yield the element itself and all below it, in the order of the document."""
        yield self
        for one in self.elements:
            yield from one.below()


@dataclass(frozen=True, slots=True)
class Document:
    """A whole document: its root, and the instructions before and after it."""

    root: Element
    before: list[Instruction]
    after: list[Instruction]


def read(octets: bytes) -> Document:
    """Read a document. Raises NotRead if that fails."""
    reader = _Reader()
    try:
        reader.scanner.Parse(octets.removeprefix(b"\xef\xbb\xbf"), True)  # noqa: FBT003 - "this is all"
    except expat.ExpatError as bad:
        raise NotRead(str(bad)) from bad
    root = reader.root
    if root is None:
        why = "there is no root"
        raise NotRead(why)
    return Document(root, reader.before, reader.after)


class _Reader:
    def __init__(self) -> None:
        self.scanner = expat.ParserCreate("utf-8", "\n")
        self.scanner.namespace_prefixes = True
        self.scanner.ordered_attributes = True
        self.scanner.buffer_text = True
        self.scanner.StartDoctypeDeclHandler = self._doctype
        self.scanner.StartNamespaceDeclHandler = self._declare
        self.scanner.StartElementHandler = self._start
        self.scanner.EndElementHandler = self._end
        self.scanner.CharacterDataHandler = self._text
        self.scanner.ProcessingInstructionHandler = self._instruct
        self.root: Element | None = None
        self.before: list[Instruction] = []
        self.after: list[Instruction] = []
        self._open: Element | None = None
        self._declared: dict[str, str] = {}

    def _doctype(self, *_rest: object) -> None:
        why = "there is a DOCTYPE"
        raise NotRead(why)

    def _declare(self, prefix: str | None, uri: str | None) -> None:
        self._declared[prefix or ""] = uri or ""

    def _start(self, name: str, attributes: list[str]) -> None:
        above = self._open.scope if self._open is not None else {}
        scope = {**above, **self._declared} if self._declared else above
        self._declared = {}
        pairs = [(Qualified.of(one), value) for one, value in zip(attributes[::2], attributes[1::2], strict=True)]
        found = Element(Qualified.of(name), pairs, scope, self._open)
        if self._open is None:
            self.root = found
        else:
            self._open.content.append(found)
        self._open = found

    def _end(self, _name: str) -> None:
        assert self._open is not None  # noqa: S101 - expat opened it
        self._open = self._open.parent

    def _text(self, text: str) -> None:
        assert self._open is not None  # noqa: S101 - expat reports no text outside the root
        content = self._open.content
        # Two texts around a comment are one text.
        if content and isinstance(content[-1], str):
            content[-1] += text
        else:
            content.append(text)

    def _instruct(self, target: str, data: str) -> None:
        one = Instruction(target, data)
        if self._open is not None:
            self._open.content.append(one)
        else:
            (self.before if self.root is None else self.after).append(one)


@dataclass(frozen=True, slots=True)
class Form:
    """A canonical form without comments.

    `kept` has the prefixes of an InclusiveNamespaces, with "#default" for the default namespace.
    """

    exclusive: bool
    kept: tuple[str, ...] = ()

    def whole(self, document: Document) -> bytes:
        """Return the canonical form of a document."""
        parts = [f"{one.written}\n" for one in document.before]
        parts.append(self.part(document.root).decode())
        parts += [f"\n{one.written}" for one in document.after]
        return "".join(parts).encode()

    def part(self, element: Element) -> bytes:
        """Return the canonical form of an element with its content.

        The inclusive form has the xml: attributes of its ancestors.
        """
        inherited = {} if self.exclusive else _xml_attributes(element.parent)
        for name, _ in element.attributes:
            inherited.pop((name.uri, name.local), None)
        out: list[str] = []
        self._write(element, {}, out, list(inherited.values()))
        return "".join(out).encode()

    def _write(
        self, element: Element, rendered: Mapping[str, str], out: list[str], inherited: list[tuple[Qualified, str]]
    ) -> None:
        attributes = [*element.attributes, *inherited]
        wanted = {
            prefix: element.scope.get(prefix, "")
            for prefix in self._prefixes(element, attributes)
            if prefix != "xml" and (prefix in element.scope or not prefix)
        }
        new = {prefix: uri for prefix, uri in wanted.items() if rendered.get(prefix, "") != uri}
        out.append(f"<{element.name.written}")
        declared = ((f":{prefix}" if prefix else "", new[prefix]) for prefix in sorted(new))
        out.extend(f' xmlns{named}="{uri.translate(_ATTRIBUTE)}"' for named, uri in declared)
        ordered = sorted(attributes, key=lambda one: (one[0].uri, one[0].local))
        out.extend(f' {name.written}="{value.translate(_ATTRIBUTE)}"' for name, value in ordered)
        out.append(">")
        now = {**rendered, **new}
        for one in element.content:
            if isinstance(one, Element):
                self._write(one, now, out, [])
            else:
                out.append(one.translate(_TEXT) if isinstance(one, str) else one.written)
        out.append(f"</{element.name.written}>")

    def _prefixes(self, element: Element, attributes: list[tuple[Qualified, str]]) -> set[str]:
        if not self.exclusive:
            return {*element.scope, ""}
        used = {element.name.prefix, *(name.prefix for name, _ in attributes if name.prefix)}
        kept = {"" if one == "#default" else one for one in self.kept}
        return used | (kept & {*element.scope, ""})


EXCLUSIVE = Form(exclusive=True)


def _xml_attributes(element: Element | None) -> dict[tuple[str, str], tuple[Qualified, str]]:
    """Return the xml: attributes in force at an element.

    The nearest of each name counts (C14N 1.0, 2.4).
    """
    found: dict[tuple[str, str], tuple[Qualified, str]] = {}
    while element is not None:
        for name, value in element.attributes:
            if name.uri == XML:
                found.setdefault((name.uri, name.local), (name, value))
        element = element.parent
    return found
