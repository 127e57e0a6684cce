"""Candidates for the octets that were digested or signed, with probable causes.

Changes that programs make to a document after signing are reversed. Each reversal yields trees that may have been
signed.
"""

import copy
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import product
from typing import NamedTuple

from lxml import etree

from sinetti.diagnostics.causes import Cause
from sinetti.diagnostics.signed_message import SignedElement, info_of, span_of
from sinetti.wire.soap.envelope import SOAP
from sinetti.wire.xmldsig import parser, signature
from sinetti.wire.xmldsig.algorithms import Canonical
from sinetti.wire.xmldsig.parser import DS, XmlRejected, children
from sinetti.wire.xmldsig.signature import SIGNATURE

MOST_FIELDS = 16
"""Largest number of children of the root that are left out, one at a time.

The service's requests have six.
"""

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
    yield from _without_fields(root)
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


def _indent_by(space: str) -> Callable[[etree._Element], None]:
    def change(root: etree._Element) -> None:
        etree.indent(root, space)

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
    # Programs that rename prefixes often also declare all of them in one place.
    for one in (root, tidy) if len(tidy.nsmap) < len(root.nsmap) else (root,):
        for prefix in PREFIXES if etree.QName(root).namespace else ():
            if prefix != root.prefix:
                yield Mutation(Cause.PREFIX_RENAMED, f"prefix-{prefix or 'none'}", renamed(one, prefix))


DECLARED = "declared"
"""Name of the form that the signature declares."""

_VALUES = (f"{{{DS}}}DigestValue", f"{{{DS}}}SignatureValue")
_KEY_INFO = f"{{{DS}}}KeyInfo"
_BOM = b"\xef\xbb\xbf"
_DECLARATIONS = tuple(
    b'<?xml version="1.0"' + encoding + b"?>" + end
    for encoding, end in product((b' encoding="UTF-8"', b' encoding="utf-8"', b""), (b"", b"\n", b"\r\n"))
)
_ENCODINGS = ("utf-16-le", "utf-16-be", "utf-16", "latin-1", "cp1252")
_SIGNATURE_PREFIXES = ("ds", "dsig", "ns2", "ns3", "SIG", None)


# Changes to a document also affect SignedInfo; inclusive C14N also includes the declarations of the root there.
_SHOWN_IN_INFO = frozenset({Cause.INDENTED, Cause.LINE_ENDS, Cause.ATTRIBUTES_ADDED})
_SHOWN_IN_INCLUSIVE_INFO = frozenset({Cause.PREFIX_RENAMED, Cause.DECLARATIONS_CHANGED})


@dataclass(frozen=True, slots=True)
class Candidate:
    """Octets that may have been signed.

    `guess`: the cause; None for the form that the signature declares. `also`: a second cause on top of it.
    """

    guess: Cause | None
    name: str
    octets: bytes = field(repr=False)
    also: Cause | None = None


def document_forms(taken: SignedElement, declared: Canonical) -> Iterator[Candidate]:
    """Yield each form of the document without signature that may have been digested.

    The first is the declared form. Raises XmlRejected if that form does not exist; other forms that do not exist are
    skipped.
    """
    bases = [_bare(root) for root in taken.candidates()]
    # Exclusive C14N is the same for every way to cut: one is enough.
    bases = bases[:1] if declared.exclusive else bases
    yield Candidate(None, DECLARED, declared.whole(bases[0]))
    yield from _each_where_canonical(
        *(_as_declared(base, declared) for base in bases[1:]),
        _without_default(taken, lambda alone: declared.whole(_bare(alone))),
        _other_c14n(bases[0], declared),
        _in_envelope(taken, declared),
        _as_text(taken, bases[0], declared),
        *(_changed(base, declared) for base in bases),
        *(_with_signature(root, declared) for root in taken.candidates()),
    )
    flat = _flat(bases[0])
    if flat is not None:
        yield from _on_top(_each_where_canonical(_other_c14n(flat, declared), _changed(flat, declared)))


def info_forms(taken: SignedElement, declared: Canonical, document: bytes) -> Iterator[Candidate]:
    """Yield each form of SignedInfo that may have been signed.

    The first is the declared form, and errors are as in `document_forms`. `document`: the document's own canonical
    form, for programs that sign it directly.
    """
    roots = list(taken.candidates())
    for root in roots:
        yield Candidate(None, DECLARED, signature.signed_info(info_of(root), declared))
    yield Candidate(Cause.DOCUMENT_SIGNED, "document", document)
    info = info_of(roots[0])
    yield from _each_where_canonical(
        _without_default(taken, lambda alone: signature.signed_info(info_of(alone), declared)),
        _other_info_c14n(taken, info, declared),
        _info_as_text(taken, info, declared),
        _changed_info(roots[0], declared),
    )
    flat = _flat(roots[0])
    if flat is not None:
        yield from _on_top(_each_where_canonical(_changed_info(flat, declared)))


def _as_declared(base: etree._Element, declared: Canonical) -> Iterator[Candidate]:
    yield Candidate(None, DECLARED, declared.whole(base))


def _without_default(taken: SignedElement, written: Callable[[etree._Element], bytes]) -> Iterator[Candidate]:
    for alone in _alone(taken):
        yield Candidate(Cause.DEFAULT_NAMESPACE, "without-envelope", written(alone))


def _alone(taken: SignedElement) -> Iterator[etree._Element]:
    """Yield the payload cut without the envelope's default namespace, if it has one.

    The default namespace applies to elements that had no namespace.
    """
    if taken.envelope is not None and None in taken.declared_by_envelope(taken.root):
        with suppress(XmlRejected):
            yield parser.parse(taken.octets[taken.start : taken.end])


def _changed(base: etree._Element, declared: Canonical) -> Iterator[Candidate]:
    for guess, name, changed in mutations(base):
        yield Candidate(guess, name, declared.whole(changed))


def _changed_info(root: etree._Element, declared: Canonical) -> Iterator[Candidate]:
    visible_causes = _SHOWN_IN_INFO if declared.exclusive else _SHOWN_IN_INFO | _SHOWN_IN_INCLUSIVE_INFO
    for guess, name, changed in mutations(root):
        if guess in visible_causes:
            yield Candidate(guess, name, signature.signed_info(info_of(changed), declared))
    info = info_of(root)
    for prefix in dict.fromkeys((*_SIGNATURE_PREFIXES, *PREFIXES)):
        if prefix != info.prefix:
            yield Candidate(Cause.PREFIX_RENAMED, f"prefix-{prefix or 'none'}", declared.octets(renamed(info, prefix)))


def _flat(root: etree._Element) -> etree._Element | None:
    """Return the same tree without indentation; None if it has none.

    Indentation often comes on top of other changes.
    """
    flat = unindented(root)
    return None if etree.tostring(flat) == etree.tostring(root) else flat


def _on_top(forms: Iterator[Candidate]) -> Iterator[Candidate]:
    for form in forms:
        yield replace(form, also=Cause.INDENTED)


def _each_where_canonical(*ways: Iterator[Candidate]) -> Iterator[Candidate]:
    """Yield the forms of each iterator up to one without a canonical form.

    A relative namespace name, for example, has none.
    """
    for forms in ways:
        with suppress(XmlRejected, etree.C14NError):
            yield from forms


def _other_info_c14n(taken: SignedElement, info: etree._Element, declared: Canonical) -> Iterator[Candidate]:
    other = Canonical(not declared.exclusive)
    yield Candidate(_other(other), "c14n", signature.signed_info(info, other))
    for form in (declared, other):
        commented = etree.tostring(info, method="c14n", exclusive=form.exclusive, with_comments=True)
        yield Candidate(Cause.COMMENTS, "comments", commented)
    inside = info_of(taken.in_place())
    yield Candidate(Cause.IN_ENVELOPE, "inherited-declarations", Canonical(exclusive=False).octets(inside))


def _bare(root: etree._Element) -> etree._Element:
    """Remove every signature from a tree that may be changed; return it."""
    for parent in list(root.iter("*")):
        for found in parent.findall(SIGNATURE):
            signature.remove(found, parent)
    return root


def _other(form: Canonical) -> Cause:
    return Cause.EXCLUSIVE if form.exclusive else Cause.INCLUSIVE


def _other_c14n(base: etree._Element, declared: Canonical) -> Iterator[Candidate]:
    other = Canonical(not declared.exclusive)
    yield Candidate(_other(other), "c14n", other.whole(base))
    if declared.prefixes:
        yield Candidate(Cause.DECLARATIONS_CHANGED, "without-prefix-list", Canonical(exclusive=True).whole(base))
    for form in (declared, other):
        commented = etree.tostring(base.getroottree(), method="c14n", exclusive=form.exclusive, with_comments=True)
        yield Candidate(Cause.COMMENTS, "comments", commented)


def _in_envelope(taken: SignedElement, declared: Canonical) -> Iterator[Candidate]:
    if taken.envelope is None:
        return
    payload = _bare(taken.in_place())
    yield Candidate(Cause.IN_ENVELOPE, "inherited-declarations", Canonical(exclusive=False).octets(payload))
    around = dict(zip(("body", "whole-envelope"), payload.iterancestors(), strict=True))
    for (name, element), form in product(around.items(), (declared, Canonical(not declared.exclusive))):
        yield Candidate(Cause.IN_ENVELOPE, name, form.octets(element))
    # As some libraries re-root a payload: all that the envelope declares, but SOAP's own.
    moved = declaring(payload, {prefix: uri for prefix, uri in payload.nsmap.items() if uri != SOAP})
    yield Candidate(Cause.IN_ENVELOPE, "all-declarations-but-soap", Canonical(exclusive=False).whole(moved))


def _as_text(taken: SignedElement, base: etree._Element, declared: Canonical) -> Iterator[Candidate]:
    """Yield texts of the document that may have been signed without canonicalisation.

    They include what editors and libraries put around it.
    """
    bodies = {
        "as-sent": _without_signature(taken),
        "serialised": etree.tostring(base, encoding="utf-8", with_tail=False),
        "canonical": declared.whole(base),
        "canonical-exclusive": Canonical(exclusive=True).whole(base),
    }
    bodies["as-sent"] = bodies["as-sent"].strip()
    bodies["serialised-with-blanks"] = bodies["serialised"].replace(b"/>", b" />")
    starts = (
        {"": b""} | {"byte-order-mark": _BOM} | {f"xml-declaration-{at}": one for at, one in enumerate(_DECLARATIONS)}
    )
    ends = {"": b"", "newline": b"\n", "crlf": b"\r\n"}
    for (body, octets), (start, first), (end, last) in product(bodies.items(), starts.items(), ends.items()):
        named = "-and-".join(filter(None, (body, start.rstrip("-0123456789"), end)))
        yield Candidate(Cause.NOT_CANONICAL, named, first + octets + last)
        lines = octets.replace(b"\r\n", b"\n")
        for end_of_line, changed in (("crlf", lines.replace(b"\n", b"\r\n")), ("lf", lines)):
            if changed != octets:
                yield Candidate(Cause.LINE_ENDS, f"{named}-with-{end_of_line}", first + changed + last)
    for body, encoding in product(("as-sent", "canonical"), _ENCODINGS):
        with suppress(UnicodeEncodeError):
            yield Candidate(Cause.NOT_CANONICAL, f"{body}-in-{encoding}", bodies[body].decode().encode(encoding))


def _without_signature(taken: SignedElement) -> bytes:
    span = span_of(taken.octets, "Signature", taken.start)
    return taken.octets[taken.start : span[0]] + taken.octets[span[1] : taken.end]


def _with_signature(root: etree._Element, declared: Canonical) -> Iterator[Candidate]:
    """Yield forms with the signature still inside, before its values were known."""
    for keeps_value, keeps_key in product((True, False), (True, False)):
        draft = copied(root)
        for name in _VALUES:
            for element in list(draft.iter(name)):
                element.text = None
        dropped = {_VALUES[1]: keeps_value, _KEY_INFO: keeps_key}
        for parent in list(draft.iter("*")):
            for element in [one for one in parent if not dropped.get(str(one.tag), True)]:
                parent.remove(element)
        yield Candidate(Cause.SIGNATURE_LEFT_IN, "signature-without-values", declared.whole(draft))
    for found in root.iter(SIGNATURE):
        found.clear()
    yield Candidate(Cause.SIGNATURE_LEFT_IN, "signature-empty", declared.whole(root))


def _info_as_text(taken: SignedElement, info: etree._Element, declared: Canonical) -> Iterator[Candidate]:
    canonical = declared.octets(info)
    declaration = f' xmlns{":" + info.prefix if info.prefix else ""}="{DS}"'.encode()
    yield Candidate(Cause.NOT_CANONICAL, "without-its-declaration", canonical.replace(declaration, b"", 1))
    yield Candidate(Cause.NOT_CANONICAL, "serialised", etree.tostring(info, encoding="utf-8", with_tail=False))
    signature_start, _ = span_of(taken.octets, "Signature", taken.start)
    sent = taken.octets[slice(*span_of(taken.octets, "SignedInfo", signature_start))]
    yield Candidate(Cause.NOT_CANONICAL, "as-sent", sent)
    name_end = len(b"<SignedInfo") + (len(info.prefix.encode()) + 1 if info.prefix else 0)
    yield Candidate(
        Cause.NOT_CANONICAL, "as-sent-with-its-declaration", sent[:name_end] + declaration + sent[name_end:]
    )
