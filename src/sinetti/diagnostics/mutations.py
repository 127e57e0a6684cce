"""What programs do to a document after it was signed, undone: each way gives trees that may have been signed."""

import copy
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from lxml import etree

from sinetti.diagnostics.causes import Cause
from sinetti.wire.xmldsig import parser, signature
from sinetti.wire.xmldsig.parser import children

MOST_FIELDS = 16
"""Children of the root that are left out, one at a time; our requests have six."""

MOST_DECLARATIONS = 8

_WHITE = " \t\r\n"
_LONG = 64
"""Characters from which on a value is taken for base64 that somebody wrapped."""

_XSI, _XSD = "http://www.w3.org/2001/XMLSchema-instance", "http://www.w3.org/2001/XMLSchema"
_KNOWN = {"xsi": _XSI, "xsd": _XSD, "ds": parser.DS}
PREFIXES = (None, "cer", "ns1", "ns2", "ns3", "ns0", "ser", "tns", "ns", "q1", "web", "v1", "m", "n0")
"""What serialisers call the first namespace that they meet; None: by a default namespace."""


class Mutation(NamedTuple):
    """Which guess a tree stands for, the name of the form, and its root."""

    guess: Cause
    name: str
    root: etree._Element


def mutations(root: etree._Element) -> Iterator[Mutation]:
    """Give every form that this one may have been made of, the most common faults first; `root` stays as it is."""
    for guess, name, change in _CHANGES:
        changed = copied(root)
        change(changed)
        yield Mutation(guess, name, changed)
    yield from _without_fields(root)
    yield from _other_declarations(root)
    yield from _other_prefixes(root)


def copied(root: etree._Element) -> etree._Element:
    """Copy a whole document, comments beside the root included; its root."""
    return copy.deepcopy(root.getroottree()).getroot()


def unindented(root: etree._Element) -> etree._Element:
    """A copy without white space between elements."""
    changed = copied(root)
    _unindent(changed)
    return changed


def declaring(element: etree._Element, names: Mapping[str | None, str]) -> etree._Element:
    """The element as a document of its own that declares just these prefixes; what else is used in it, where it is."""
    # The stubs know no default namespace here; lxml names it None.
    root = etree.Element(element.tag, dict(element.attrib), names)  # type: ignore[arg-type,misc]
    root.text = element.text
    for child in element:
        bare = bool(names.get(None)) and parser.is_element(child) and not etree.QName(child).namespace
        # What is in no namespace has to say so where there is a default one; lxml does not see to that.
        copied_child = declaring(child, {None: ""}) if bare else copy.deepcopy(child)
        copied_child.tail = child.tail
        root.append(copied_child)
    return root


def renamed(element: etree._Element, prefix: str | None) -> etree._Element:
    """The element with another prefix for its namespace; a document of its own."""
    namespace = etree.QName(element).namespace or ""
    names = {known: uri for known, uri in element.nsmap.items() if uri != namespace and known != prefix}
    return declaring(element, {**names, prefix: namespace})


def _unindent(root: etree._Element) -> None:
    for node in root.iter():
        if len(node) and not (node.text or "").strip(_WHITE):
            node.text = None
        if node is not root and not (node.tail or "").strip(_WHITE):
            node.tail = None


def _unindent_values(root: etree._Element) -> None:
    """Take off white space around values as well, and line breaks out of base64."""
    _unindent(root)
    for leaf in root.iter("*"):
        if not len(leaf) and leaf.text:
            joined = "".join(leaf.text.split())
            is_base64 = len(joined) > _LONG and parser.decode_base64(joined) is not None
            leaf.text = joined if is_base64 else leaf.text.strip(_WHITE)


def _indent_by(space: str) -> Callable[[etree._Element], None]:
    def change(root: etree._Element) -> None:
        etree.indent(root, space)

    return change


def _rewrite(change: Callable[[str], str], *, values_only: bool = False) -> Callable[[etree._Element], None]:
    """Change every text, or those alone that are more than white space."""

    def wanted(text: str | None) -> bool:
        return bool(text and (text.strip(_WHITE) or not values_only))

    def rewrite(root: etree._Element) -> None:
        for node in root.iter():
            if wanted(node.text):
                node.text = change(node.text or "")
            if node is not root and wanted(node.tail):
                node.tail = change(node.tail or "")

    return rewrite


def _drop_schema_attributes(root: etree._Element) -> None:
    """Take off xsi: attributes, and the declarations that came with them."""
    for element in root.iter("*"):
        for name in [name for name in map(str, element.attrib) if name.startswith(f"{{{_XSI}}}")]:
            del element.attrib[name]
    kept = [prefix for prefix, uri in root.nsmap.items() if prefix and uri not in {_XSI, _XSD}]
    etree.cleanup_namespaces(root, keep_ns_prefixes=kept)


_CHANGES: tuple[tuple[Cause, str, Callable[[etree._Element], None]], ...] = (
    (Cause.INDENTED, "without-indentation", _unindent),
    (Cause.INDENTED, "without-white-space-around-values", _unindent_values),
    (
        Cause.LINE_ENDS,
        "carriage-returns-in-values",
        _rewrite(lambda text: text.replace("\n", "\r\n"), values_only=True),
    ),
    (Cause.LINE_ENDS, "carriage-returns-everywhere", _rewrite(lambda text: text.replace("\n", "\r\n"))),
    (Cause.LINE_ENDS, "no-carriage-returns", _rewrite(lambda text: text.replace("\r", ""))),
    (Cause.ATTRIBUTES_ADDED, "without-xsi-attributes", _drop_schema_attributes),
    (Cause.UNINDENTED, "indented-by-two-blanks", _indent_by("  ")),
    (Cause.UNINDENTED, "indented-by-four-blanks", _indent_by("    ")),
    (Cause.UNINDENTED, "indented-by-tabs", _indent_by("\t")),
    (Cause.UNINDENTED, "elements-on-lines-of-their-own", _indent_by("")),
    (Cause.CHARACTERS_RECODED, "decomposed", _rewrite(lambda text: unicodedata.normalize("NFD", text))),
    (Cause.CHARACTERS_RECODED, "composed", _rewrite(lambda text: unicodedata.normalize("NFC", text))),
)


def _without_fields(root: etree._Element) -> Iterator[Mutation]:
    for at in range(min(len(children(root)), MOST_FIELDS)):
        for name, with_tail in (("without-one-field", False), ("without-one-field-and-its-line", True)):
            changed = copied(root)
            field = children(changed)[at]
            if with_tail:
                field.tail = None
            signature.remove(field, changed)
            yield Mutation(Cause.FIELD_ADDED, name, changed)


def _other_declarations(root: etree._Element) -> Iterator[Mutation]:
    own = [prefix for prefix in root.nsmap if prefix]
    dropped = copied(root)
    etree.cleanup_namespaces(dropped)
    yield Mutation(Cause.DECLARATIONS_CHANGED, "without-unused-declarations", dropped)
    for prefix in own[:MOST_DECLARATIONS]:
        dropped = copied(root)
        etree.cleanup_namespaces(dropped, keep_ns_prefixes=[one for one in own if one != prefix])
        yield Mutation(Cause.DECLARATIONS_CHANGED, "without-one-declaration", dropped)
    for prefixes in (("xsi", "xsd"), ("xsi",), ("xsd",), ("ds",)):
        names = dict(root.nsmap)
        names.update((prefix, _KNOWN[prefix]) for prefix in prefixes)
        yield Mutation(Cause.DECLARATIONS_CHANGED, "with-" + "-and-".join(prefixes), declaring(root, names))


def _other_prefixes(root: etree._Element) -> Iterator[Mutation]:
    tidy = copied(root)
    etree.cleanup_namespaces(tidy)
    # Whoever renames prefixes often declares all of them in one place, too.
    for one in (root, tidy) if len(tidy.nsmap) < len(root.nsmap) else (root,):
        for prefix in PREFIXES if etree.QName(root).namespace else ():
            if prefix != root.prefix:
                yield Mutation(Cause.PREFIX_RENAMED, f"prefix-{prefix or 'none'}", renamed(one, prefix))
