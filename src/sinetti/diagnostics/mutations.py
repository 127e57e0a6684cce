"""Changes that programs make to a document after signing, reversed on its tree.

Each reversal yields trees that may have been signed, with the probable cause.
"""

import copy
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import NamedTuple

from lxml import etree

from sinetti.diagnostics.causes import Cause
from sinetti.wire.xmldsig import parser, signature
from sinetti.wire.xmldsig.parser import children

MOST_DECLARATIONS = 8

_WHITE = " \t\r\n"
_LONG = 64
"""Characters from which on a value counts as wrapped base64."""

_XSI, _XSD = "http://www.w3.org/2001/XMLSchema-instance", "http://www.w3.org/2001/XMLSchema"
_KNOWN = {"xsi": _XSI, "xsd": _XSD, "ds": parser.DS}
PREFIXES = (None, "cer", "ns1", "ns2", "ns3", "ns0", "ser", "tns", "ns", "q1", "web", "v1", "m", "n0")
"""Prefixes that serialisers use for the first namespace; None: the default."""


class Mutation(NamedTuple):
    """Possible original of a tree: its cause, the name of the form, and its root."""

    guess: Cause
    name: str
    root: etree._Element


def mutations(root: etree._Element) -> Iterator[Mutation]:
    """Yield every form from which this tree may have been made.

    The most common faults come first; `root` stays as it is.
    """
    for guess, name, change in _CHANGES:
        changed = copied(root)
        change(changed)
        yield Mutation(guess, name, changed)
    yield from _without_attributes(root)
    yield from _before_the_end(root)
    yield from _other_declarations(root)
    yield from _other_prefixes(root)


def copied(root: etree._Element) -> etree._Element:
    """Copy a whole document, comments beside the root included; return its root."""
    return copy.deepcopy(root.getroottree()).getroot()


def unindented(root: etree._Element) -> etree._Element:
    """Return a copy without white space between elements."""
    changed = copied(root)
    _unindent(changed)
    return changed


def declaring(element: etree._Element, names: Mapping[str | None, str]) -> etree._Element:
    """Return the element as a separate document that declares just these prefixes.

    Other namespaces are declared where they are used.
    """
    # The stubs do not allow the default namespace here; lxml names it None.
    root = etree.Element(element.tag, dict(element.attrib), names)  # type: ignore[arg-type,misc]
    root.text = element.text
    for child in element:
        bare = bool(names.get(None)) and parser.is_element(child) and not etree.QName(child).namespace
        # Beside a default namespace, an element without one has to declare that; lxml does not do it.
        copied_child = declaring(child, {None: ""}) if bare else copy.deepcopy(child)
        copied_child.tail = child.tail
        root.append(copied_child)
    return root


def renamed(element: etree._Element, prefix: str | None) -> etree._Element:
    """Return the element as a separate document, its namespace with another prefix."""
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
    """Remove white space around values as well, and line breaks from base64."""
    _unindent(root)
    for leaf in root.iter("*"):
        if not len(leaf) and leaf.text:
            joined = "".join(leaf.text.split())
            is_base64 = len(joined) > _LONG and parser.decode_base64(joined) is not None
            leaf.text = joined if is_base64 else leaf.text.strip(_WHITE)


def _indent_by(space: str, level: int = 0) -> Callable[[etree._Element], None]:
    def change(root: etree._Element) -> None:
        etree.indent(root, space, level=level)

    return change


def _rewrite(change: Callable[[str], str], *, values_only: bool = False) -> Callable[[etree._Element], None]:
    """Return a function that changes every text, or those with more than white space."""

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
    """Remove xsi: attributes, and the declarations that came with them."""
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
    (Cause.UNINDENTED, "indented-by-one-blank", _indent_by(" ")),
    (Cause.UNINDENTED, "indented-by-three-blanks", _indent_by("   ")),
    *(
        (Cause.UNINDENTED, f"indented-at-level-{level}", _indent_by(space, level))
        for space, level in product(("  ", "    ", "\t"), (1, 2, 3))
    ),
    (Cause.UNINDENTED, "elements-on-lines-of-their-own", _indent_by("")),
    (Cause.CHARACTERS_RECODED, "decomposed", _rewrite(lambda text: unicodedata.normalize("NFD", text))),
    (Cause.CHARACTERS_RECODED, "composed", _rewrite(lambda text: unicodedata.normalize("NFC", text))),
)


def _without_attributes(root: etree._Element) -> Iterator[Mutation]:
    """Yield the tree without attributes outside the signature, all or the root's."""
    if root.attrib:
        changed = copied(root)
        changed.attrib.clear()
        yield Mutation(Cause.ATTRIBUTES_ADDED, "without-the-roots-attributes", changed)
    changed = copied(root)
    plain = [element for element in changed.iter("*") if etree.QName(element).namespace != parser.DS]
    for element in plain:
        element.attrib.clear()
    yield Mutation(Cause.ATTRIBUTES_ADDED, "without-attributes", changed)


def _before_the_end(root: etree._Element) -> Iterator[Mutation]:
    """Yield the tree with other white space in the place of the signature."""
    last = children(root)[-1:]
    tail = (last[0].tail or "") if last else ""
    if last and last[0].tag != signature.SIGNATURE and not tail.strip(_WHITE):
        for text in dict.fromkeys((*(tail[:at] for at in range(min(len(tail), 16))), *(tail[at:] for at in range(16)))):
            changed = copied(root)
            for child in children(changed)[-1:]:
                child.tail = text
                yield Mutation(Cause.INDENTED, "other-white-space-before-the-signature", changed)


def _other_declarations(root: etree._Element) -> Iterator[Mutation]:
    own = [prefix for prefix in root.nsmap if prefix]
    dropped = copied(root)
    etree.cleanup_namespaces(dropped)
    yield Mutation(Cause.DECLARATIONS_CHANGED, "without-unused-declarations", dropped)
    for prefix in own[:MOST_DECLARATIONS]:
        dropped = copied(root)
        etree.cleanup_namespaces(dropped, keep_ns_prefixes=[text for text in own if text != prefix])
        yield Mutation(Cause.DECLARATIONS_CHANGED, "without-one-declaration", dropped)
    for prefixes in (("xsi", "xsd"), ("xsi",), ("xsd",), ("ds",)):
        names = dict(root.nsmap)
        names.update((prefix, _KNOWN[prefix]) for prefix in prefixes)
        yield Mutation(Cause.DECLARATIONS_CHANGED, "with-" + "-and-".join(prefixes), declaring(root, names))


def _other_prefixes(root: etree._Element) -> Iterator[Mutation]:
    tidy = copied(root)
    etree.cleanup_namespaces(tidy)
    # Programs that rename prefixes often also declare all of them in one place.
    for element in (root, tidy) if len(tidy.nsmap) < len(root.nsmap) else (root,):
        for prefix in PREFIXES if etree.QName(root).namespace else ():
            if prefix != root.prefix:
                yield Mutation(Cause.PREFIX_RENAMED, f"prefix-{prefix or 'none'}", renamed(element, prefix))
