"""Which octets may have been digested, or signed: hypotheses, each with the guess that it stands for."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import product

from lxml import etree

from sinetti.diagnostics.causes import Guess
from sinetti.diagnostics.mutations import PREFIXES, copied, declaring, renamed, unindented, variants
from sinetti.diagnostics.signed_message import Taken, info_of, span_of
from sinetti.wire.soap.envelope import SOAP
from sinetti.wire.xmldsig import parser
from sinetti.wire.xmldsig import signature as xmldsig_signature
from sinetti.wire.xmldsig.algorithms import Canonical
from sinetti.wire.xmldsig.parser import DS, Unparsable
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
_SHOWN_IN_INFO = frozenset({Guess.INDENTED, Guess.LINE_ENDS, Guess.ATTRIBUTES_ADDED})
_SHOWN_IN_INCLUSIVE_INFO = frozenset({Guess.PREFIX_RENAMED, Guess.DECLARATIONS_CHANGED})


@dataclass(frozen=True, slots=True)
class Form:
    """Octets that may have been signed. `guess` None: just what the signature says; `also`: what came on top of it."""

    guess: Guess | None
    name: str
    octets: bytes = field(repr=False)
    also: Guess | None = None


def document_forms(taken: Taken, declared: Canonical) -> Iterator[Form]:
    """Every form of the document that may have been digested, without its signature; the first is the declared one.

    Raises Unparsable where that one does not exist; of the others those that do not are passed over.
    """
    bases = [_bare(root) for root in taken.candidates()]
    # Exclusive C14N is the same of every way to cut: one will do.
    bases = bases[:1] if declared.exclusive else bases
    yield Form(None, DECLARED, declared.whole(bases[0]))
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


def info_forms(taken: Taken, declared: Canonical, document: bytes) -> Iterator[Form]:
    """Every form of SignedInfo that may have been signed; the first is the declared one, and errors are as above.

    `document`: the document's own canonical form, for programs that sign it itself.
    """
    roots = list(taken.candidates())
    for root in roots:
        yield Form(None, DECLARED, xmldsig_signature.signed_info(info_of(root), declared))
    yield Form(Guess.DOCUMENT_SIGNED, "document", document)
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


def _as_declared(base: etree._Element, declared: Canonical) -> Iterator[Form]:
    yield Form(None, DECLARED, declared.whole(base))


def _without_default(taken: Taken, written: Callable[[etree._Element], bytes]) -> Iterator[Form]:
    for alone in _alone(taken):
        yield Form(Guess.DEFAULT_NAMESPACE, "without-envelope", written(alone))


def _alone(taken: Taken) -> Iterator[etree._Element]:
    """What was cut without the envelope's default namespace, if it has one: it gives a namespace to what had none."""
    if taken.envelope is not None and None in taken.declared_by_envelope(taken.root):
        with suppress(Unparsable):
            yield parser.parse(taken.octets[taken.start : taken.end])


def _changed(base: etree._Element, declared: Canonical) -> Iterator[Form]:
    for guess, name, changed in variants(base):
        yield Form(guess, name, declared.whole(changed))


def _changed_info(root: etree._Element, declared: Canonical) -> Iterator[Form]:
    shown = _SHOWN_IN_INFO if declared.exclusive else _SHOWN_IN_INFO | _SHOWN_IN_INCLUSIVE_INFO
    for guess, name, changed in variants(root):
        if guess in shown:
            yield Form(guess, name, xmldsig_signature.signed_info(info_of(changed), declared))
    info = info_of(root)
    for prefix in dict.fromkeys((*_SIGNATURE_PREFIXES, *PREFIXES)):
        if prefix != info.prefix:
            yield Form(Guess.PREFIX_RENAMED, f"prefix-{prefix or 'none'}", declared.octets(renamed(info, prefix)))


def _flat(root: etree._Element) -> etree._Element | None:
    """The same without indentation, since that often comes on top of other changes; None where there is none."""
    flat = unindented(root)
    return None if etree.tostring(flat) == etree.tostring(root) else flat


def _on_top(forms: Iterator[Form]) -> Iterator[Form]:
    for form in forms:
        yield replace(form, also=Guess.INDENTED)


def _each_where_canonical(*ways: Iterator[Form]) -> Iterator[Form]:
    """Give each way's forms up to one that has no canonical form: of a relative namespace name, perhaps."""
    for forms in ways:
        with suppress(Unparsable, etree.C14NError):
            yield from forms


def _other_info_c14n(taken: Taken, info: etree._Element, declared: Canonical) -> Iterator[Form]:
    other = Canonical(not declared.exclusive)
    yield Form(_other(other), "c14n", xmldsig_signature.signed_info(info, other))
    for form in (declared, other):
        commented = etree.tostring(info, method="c14n", exclusive=form.exclusive, with_comments=True)
        yield Form(Guess.COMMENTS, "comments", commented)
    inside = info_of(taken.in_place())
    yield Form(Guess.IN_ENVELOPE, "inherited-declarations", Canonical(exclusive=False).octets(inside))


def _bare(root: etree._Element) -> etree._Element:
    """Take every signature out of a tree that is ours to change."""
    for parent in list(root.iter("*")):
        for signature in parent.findall(SIGNATURE):
            xmldsig_signature.remove(signature, parent)
    return root


def _other(form: Canonical) -> Guess:
    return Guess.EXCLUSIVE if form.exclusive else Guess.INCLUSIVE


def _other_c14n(base: etree._Element, declared: Canonical) -> Iterator[Form]:
    other = Canonical(not declared.exclusive)
    yield Form(_other(other), "c14n", other.whole(base))
    if declared.prefixes:
        yield Form(Guess.DECLARATIONS_CHANGED, "without-prefix-list", Canonical(exclusive=True).whole(base))
    for form in (declared, other):
        commented = etree.tostring(base.getroottree(), method="c14n", exclusive=form.exclusive, with_comments=True)
        yield Form(Guess.COMMENTS, "comments", commented)


def _in_envelope(taken: Taken, declared: Canonical) -> Iterator[Form]:
    if taken.envelope is None:
        return
    payload = _bare(taken.in_place())
    yield Form(Guess.IN_ENVELOPE, "inherited-declarations", Canonical(exclusive=False).octets(payload))
    around = dict(zip(("body", "whole-envelope"), payload.iterancestors(), strict=True))
    for (name, element), form in product(around.items(), (declared, Canonical(not declared.exclusive))):
        yield Form(Guess.IN_ENVELOPE, name, form.octets(element))
    # As some libraries re-root a payload: all that the envelope declares, but SOAP's own.
    moved = declaring(payload, {prefix: uri for prefix, uri in payload.nsmap.items() if uri != SOAP})
    yield Form(Guess.IN_ENVELOPE, "all-declarations-but-soap", Canonical(exclusive=False).whole(moved))


def _as_text(taken: Taken, base: etree._Element, declared: Canonical) -> Iterator[Form]:
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
        yield Form(Guess.NOT_CANONICAL, named, first + octets + last)
        lines = octets.replace(b"\r\n", b"\n")
        for end_of_line, changed in (("crlf", lines.replace(b"\n", b"\r\n")), ("lf", lines)):
            if changed != octets:
                yield Form(Guess.LINE_ENDS, f"{named}-with-{end_of_line}", first + changed + last)
    for body, encoding in product(("as-sent", "canonical"), _ENCODINGS):
        with suppress(UnicodeEncodeError):
            yield Form(Guess.NOT_CANONICAL, f"{body}-in-{encoding}", bodies[body].decode().encode(encoding))


def _without_signature(taken: Taken) -> bytes:
    span = span_of(taken.octets, "Signature", taken.start)
    return taken.octets[taken.start : span[0]] + taken.octets[span[1] : taken.end]


def _with_signature(root: etree._Element, declared: Canonical) -> Iterator[Form]:
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
        yield Form(Guess.SIGNATURE_LEFT_IN, "signature-without-values", declared.whole(draft))
    for signature in root.iter(SIGNATURE):
        signature.clear()
    yield Form(Guess.SIGNATURE_LEFT_IN, "signature-empty", declared.whole(root))


def _info_as_text(taken: Taken, info: etree._Element, declared: Canonical) -> Iterator[Form]:
    canonical = declared.octets(info)
    declaration = f' xmlns{":" + info.prefix if info.prefix else ""}="{DS}"'.encode()
    yield Form(Guess.NOT_CANONICAL, "without-its-declaration", canonical.replace(declaration, b"", 1))
    yield Form(Guess.NOT_CANONICAL, "serialised", etree.tostring(info, encoding="utf-8", with_tail=False))
    signature_start, _ = span_of(taken.octets, "Signature", taken.start)
    sent = taken.octets[slice(*span_of(taken.octets, "SignedInfo", signature_start))]
    yield Form(Guess.NOT_CANONICAL, "as-sent", sent)
    name_end = len(b"<SignedInfo") + (len(info.prefix.encode()) + 1 if info.prefix else 0)
    yield Form(Guess.NOT_CANONICAL, "as-sent-with-its-declaration", sent[:name_end] + declaration + sent[name_end:])
