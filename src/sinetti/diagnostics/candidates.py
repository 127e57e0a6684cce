"""Which octets may have been digested, or signed: hypotheses, each with the guess that it stands for."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import product

from lxml import etree

from sinetti.diagnostics.causes import Cause
from sinetti.diagnostics.mutations import PREFIXES, copied, declaring, mutations, renamed, unindented
from sinetti.diagnostics.signed_message import SignedElement, info_of, span_of
from sinetti.wire.soap.envelope import SOAP
from sinetti.wire.xmldsig import parser
from sinetti.wire.xmldsig import signature as xmldsig_signature
from sinetti.wire.xmldsig.algorithms import Canonical
from sinetti.wire.xmldsig.parser import DS, XmlRejected
from sinetti.wire.xmldsig.signature import SIGNATURE

DECLARED = "declared"
"""The name of the form that the signature says of itself."""

_VALUES = (f"{{{DS}}}DigestValue", f"{{{DS}}}SignatureValue")
_KEY_INFO = f"{{{DS}}}KeyInfo"
_BOM = b"\xef\xbb\xbf"
_DECLARATIONS = tuple(
    b'<?xml version="1.0"' + encoding + b"?>" + end
    for encoding, end in product((b' encoding="UTF-8"', b' encoding="utf-8"', b""), (b"", b"\n", b"\r\n"))
)
_ENCODINGS = ("utf-16-le", "utf-16-be", "utf-16", "latin-1", "cp1252")
_SIGNATURE_PREFIXES = ("ds", "dsig", "ns2", "ns3", "SIG", None)


# What is done to a document shows in SignedInfo too; inclusive C14N also has the declarations of the root there.
_SHOWN_IN_INFO = frozenset({Cause.INDENTED, Cause.LINE_ENDS, Cause.ATTRIBUTES_ADDED})
_SHOWN_IN_INCLUSIVE_INFO = frozenset({Cause.PREFIX_RENAMED, Cause.DECLARATIONS_CHANGED})


@dataclass(frozen=True, slots=True)
class Candidate:
    """Octets that may have been signed. `guess` None: just what the signature says; `also`: what came on top of it."""

    guess: Cause | None
    name: str
    octets: bytes = field(repr=False)
    also: Cause | None = None


def document_forms(taken: SignedElement, declared: Canonical) -> Iterator[Candidate]:
    """Every form of the document that may have been digested, without its signature; the first is the declared one.

    Raises XmlRejected where that one does not exist; of the others those that do not are passed over.
    """
    bases = [_bare(root) for root in taken.candidates()]
    # Exclusive C14N is the same of every way to cut: one will do.
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
    """Every form of SignedInfo that may have been signed; the first is the declared one, and errors are as above.

    `document`: the document's own canonical form, for programs that sign it itself.
    """
    roots = list(taken.candidates())
    for root in roots:
        yield Candidate(None, DECLARED, xmldsig_signature.signed_info(info_of(root), declared))
    yield Candidate(Cause.DOCUMENT_SIGNED, "document", document)
    info = info_of(roots[0])
    yield from _each_where_canonical(
        _without_default(taken, lambda alone: xmldsig_signature.signed_info(info_of(alone), declared)),
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
    """What was cut without the envelope's default namespace, if it has one: it gives a namespace to what had none."""
    if taken.envelope is not None and None in taken.declared_by_envelope(taken.root):
        with suppress(XmlRejected):
            yield parser.parse(taken.octets[taken.start : taken.end])


def _changed(base: etree._Element, declared: Canonical) -> Iterator[Candidate]:
    for guess, name, changed in mutations(base):
        yield Candidate(guess, name, declared.whole(changed))


def _changed_info(root: etree._Element, declared: Canonical) -> Iterator[Candidate]:
    shown = _SHOWN_IN_INFO if declared.exclusive else _SHOWN_IN_INFO | _SHOWN_IN_INCLUSIVE_INFO
    for guess, name, changed in mutations(root):
        if guess in shown:
            yield Candidate(guess, name, xmldsig_signature.signed_info(info_of(changed), declared))
    info = info_of(root)
    for prefix in dict.fromkeys((*_SIGNATURE_PREFIXES, *PREFIXES)):
        if prefix != info.prefix:
            yield Candidate(Cause.PREFIX_RENAMED, f"prefix-{prefix or 'none'}", declared.octets(renamed(info, prefix)))


def _flat(root: etree._Element) -> etree._Element | None:
    """The same without indentation, since that often comes on top of other changes; None where there is none."""
    flat = unindented(root)
    return None if etree.tostring(flat) == etree.tostring(root) else flat


def _on_top(forms: Iterator[Candidate]) -> Iterator[Candidate]:
    for form in forms:
        yield replace(form, also=Cause.INDENTED)


def _each_where_canonical(*ways: Iterator[Candidate]) -> Iterator[Candidate]:
    """Give each way's forms up to one that has no canonical form: of a relative namespace name, perhaps."""
    for forms in ways:
        with suppress(XmlRejected, etree.C14NError):
            yield from forms


def _other_info_c14n(taken: SignedElement, info: etree._Element, declared: Canonical) -> Iterator[Candidate]:
    other = Canonical(not declared.exclusive)
    yield Candidate(_other(other), "c14n", xmldsig_signature.signed_info(info, other))
    for form in (declared, other):
        commented = etree.tostring(info, method="c14n", exclusive=form.exclusive, with_comments=True)
        yield Candidate(Cause.COMMENTS, "comments", commented)
    inside = info_of(taken.in_place())
    yield Candidate(Cause.IN_ENVELOPE, "inherited-declarations", Canonical(exclusive=False).octets(inside))


def _bare(root: etree._Element) -> etree._Element:
    """Take every signature out of a tree that is ours to change."""
    for parent in list(root.iter("*")):
        for signature in parent.findall(SIGNATURE):
            xmldsig_signature.remove(signature, parent)
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
    """The text of the document instead of its canonical form, with what editors and libraries put around it."""
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
    """With the signature still in it, as it may have looked before its values were known."""
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
    for signature in root.iter(SIGNATURE):
        signature.clear()
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
