"""Candidates for the octets that were digested or signed, with probable causes."""

import base64
import copy
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain, combinations, islice, product
from xml.sax.saxutils import quoteattr

from lxml import etree

from sinetti.diagnostics.causes import Cause
from sinetti.diagnostics.contents import KnownContent, content_changes, other_prefixes
from sinetti.diagnostics.mutations import MOST_DECLARATIONS, PREFIXES, copied, declaring, mutations, renamed, unindented
from sinetti.diagnostics.signed_message import SignedElement, info_of, span_of
from sinetti.wire.soap.envelope import SOAP
from sinetti.wire.xmldsig import parser, signature
from sinetti.wire.xmldsig.algorithms import (
    ENVELOPED,
    EXCLUSIVE,
    INCLUSIVE,
    SHA256,
    Canonical,
    XmlSignatureAlgorithm,
)
from sinetti.wire.xmldsig.parser import DS, XmlRejected
from sinetti.wire.xmldsig.signature import SIGNATURE

DECLARED = "declared"
"""Name of the form that the signature declares."""

_VALUES = (f"{{{DS}}}DigestValue", f"{{{DS}}}SignatureValue")
_KEY_INFO = f"{{{DS}}}KeyInfo"
_BOM = b"\xef\xbb\xbf"
_DECLARATIONS = tuple(
    f"<?xml {written}?>{end}".encode()
    for written, end in product(
        (
            'version="1.0" encoding="UTF-8"',
            'version="1.0" encoding="utf-8"',
            'version="1.0"',
            'version="1.0" encoding="UTF-8" standalone="no"',
            'version="1.0" encoding="UTF-8" standalone="yes"',
            "version='1.0' encoding='UTF-8'",
            "version='1.0' encoding='utf-8'",
            "version='1.0'",
        ),
        ("", "\n", "\r\n"),
    )
)
_OTHER_DECLARATIONS = tuple(
    f'<?xml version="1.0" encoding="{encoding}"?>{end}'.encode()
    for encoding, end in product(("utf-16", "UTF-16", "ISO-8859-1", "iso-8859-1", "windows-1252"), ("", "\n", "\r\n"))
)
_ENDS = {"": b"", "newline": b"\n", "crlf": b"\r\n", "blank-line": b"\n\n"}
_ENCODINGS = ("utf-16-le", "utf-16-be", "utf-16", "latin-1", "cp1252", "cp850", "utf-32-le", "utf-32")
_SPACES = {
    "two-blanks": "  ",
    "four-blanks": "    ",
    "a-tab": "\t",
    "nothing": "",
    "one-blank": " ",
    "three-blanks": "   ",
}
_SIGNATURE_PREFIXES = ("ds", "dsig", "ns2", "ns3", "SIG", None)
_MOST_PARTS = 24
_FIRST_NAME = re.compile(rb"<[^\s/>]+")
_REFERENCE = re.compile(rb"&(?:quot|apos|#)|<!\[CDATA\[")
_SHORT = re.compile(rb"(<[^/<>][^<>]*)></[^<>]+>")


# Changes to a document also affect SignedInfo; inclusive C14N also includes the declarations of the root there.
_SHOWN_IN_INFO = frozenset({Cause.INDENTED, Cause.UNINDENTED, Cause.LINE_ENDS, Cause.ATTRIBUTES_ADDED})
_SHOWN_IN_INCLUSIVE_INFO = frozenset({Cause.PREFIX_RENAMED, Cause.DECLARATIONS_CHANGED})


@dataclass(frozen=True)
class Candidate:
    """Octets that may have been signed.

    `guess`: the cause; None for the form that the signature declares. `also`: a second cause on top of it.
    """

    guess: Cause | None
    name: str
    octets: bytes = field(repr=False)
    also: Cause | None = None


def document_forms(taken: SignedElement, declared: Canonical, known: KnownContent) -> Iterator[Candidate]:
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
        _flattened(bases[0], declared),
        _as_written(taken),
        *(_content(declared.whole(base), known) for base in bases),
        *(_changed(base, declared) for base in bases),
        *(_with_signature(root, declared) for root in taken.candidates()),
        _parts(bases[0], declared),
        _as_text(taken, bases[0], declared),
    )
    flat = _flat(bases[0])
    if flat is not None:
        yield from _on_top(
            _each_where_canonical(
                _other_c14n(flat, declared), _content(declared.whole(flat), known), _changed(flat, declared)
            )
        )


def info_forms(taken: SignedElement, declared: Canonical, document: bytes) -> Iterator[Candidate]:
    """Yield each form of SignedInfo that may have been signed.

    The first is the declared form, and errors are as in `document_forms`. `document`: the document's own canonical
    form, for programs that sign it, or its digest.
    """
    roots = list(taken.candidates())
    for root in roots:
        yield Candidate(None, DECLARED, signature.signed_info(info_of(root), declared))
    info = info_of(roots[0])
    yield from _instead_of_info(taken, info, document)
    yield from _each_where_canonical(
        _without_default(taken, lambda alone: signature.signed_info(info_of(alone), declared)),
        _other_info_c14n(taken, info, declared),
        _changed_info(roots[0], declared),
        _edited_info(signature.signed_info(info, declared), document),
        _info_as_text(taken, info, declared),
        _other_parts(info, declared),
        *(_with_signature(root, declared, Cause.OTHER_PART) for root in taken.candidates()),
    )
    flat = _flat(roots[0])
    if flat is not None:
        flat_info = signature.signed_info(info_of(flat), declared)
        yield from _on_top(_each_where_canonical(_changed_info(flat, declared), _edited_info(flat_info, document)))


def _content(canonical: bytes, known: KnownContent) -> Iterator[Candidate]:
    for guess, name, octets in chain(content_changes(canonical, known), other_prefixes(canonical)):
        yield Candidate(guess, name, octets)


def _flattened(base: etree._Element, declared: Canonical) -> Iterator[Candidate]:
    """Yield the form without indentation, the most common of all."""
    yield Candidate(Cause.INDENTED, "without-indentation", declared.whole(unindented(base)))


def _as_written(taken: SignedElement) -> Iterator[Candidate]:
    """Yield the text as sent if it has CDATA or references, which C14N resolves."""
    sent = _without_signature(taken)
    if _REFERENCE.search(sent):
        for form in (sent, sent.replace(b"\r\n", b"\n")):
            yield Candidate(Cause.REFERENCES, "as-sent", form)


def _instead_of_info(taken: SignedElement, info: etree._Element, document: bytes) -> Iterator[Candidate]:
    """Yield the digest, the document and its envelope, which programs sign directly."""
    stated = "".join((info.findtext(f"{{{DS}}}Reference/{{{DS}}}DigestValue") or "").split())
    computed = hashlib.sha256(document).digest()
    for octets in dict.fromkeys((parser.decode_base64(stated) or b"", computed)):
        if octets:
            yield Candidate(Cause.DIGEST_SIGNED, "digest-octets", octets)
            yield Candidate(Cause.DIGEST_SIGNED, "digest-in-base64", base64.b64encode(octets))
            yield Candidate(Cause.DIGEST_SIGNED, "digest-in-hexadecimal", octets.hex().encode())
            yield Candidate(Cause.DIGEST_SIGNED, "digest-in-upper-case-hexadecimal", octets.hex().upper().encode())
            for text in (base64.b64encode(octets), octets.hex().encode()):
                yield Candidate(Cause.DIGEST_SIGNED, "digest-on-a-line", text + b"\n")
    yield Candidate(Cause.DIGEST_SIGNED, "digest-as-written", stated.encode())
    yield Candidate(Cause.DOCUMENT_SIGNED, "document", document)
    for name, octets in _raw_texts(taken):
        yield Candidate(Cause.DOCUMENT_SIGNED, name, octets)
    yield Candidate(Cause.NOTHING_DIGESTED, "nothing", b"")


def _raw_texts(taken: SignedElement) -> Iterator[tuple[str, bytes]]:
    """Yield the document as sent, without signature, alone and in its envelope."""
    start, end = span_of(taken.octets, "Signature", taken.start)
    yield "document-as-sent", _without_signature(taken)
    if taken.envelope is not None:
        yield "envelope-as-sent", taken.octets[:start] + taken.octets[end:]


_ALGORITHMS = {
    b"CanonicalizationMethod": (EXCLUSIVE, INCLUSIVE, f"{EXCLUSIVE}WithComments", f"{INCLUSIVE}#WithComments"),
    b"SignatureMethod": (*XmlSignatureAlgorithm, f"{DS}rsa-sha1", f"{DS}dsa-sha1"),
    b"DigestMethod": (SHA256, f"{DS}sha1", "http://www.w3.org/2001/04/xmlenc#sha512",
                      "http://www.w3.org/2001/04/xmldsig-more#sha384", f"{DS}sha256"),
    b"Transform": (EXCLUSIVE, INCLUSIVE, ENVELOPED, f"{EXCLUSIVE}WithComments"),
}  # fmt: skip


def _edited_info(info: bytes, document: bytes) -> Iterator[Candidate]:
    """Yield SignedInfo with values that it may have had when it was signed."""
    digest_value = re.compile(rb"(<(?:[\w.-]+:)?DigestValue>)[^<]*(?=<)")
    yield Candidate(Cause.DIGEST_FILLED_IN, "DigestValue-empty", digest_value.sub(rb"\1", info))
    for begin, end in ((b"", b"\n"), (b"\n", b"\n"), (b"", b"&#xD;\n"), (b"&#xD;\n", b"&#xD;\n")):
        broken = re.sub(rb"(<(?:[\w.-]+:)?DigestValue>)([^<]*)", rb"\g<1>" + begin + rb"\g<2>" + end, info)
        yield Candidate(Cause.SIGNED_INFO_CHANGED, "DigestValue-with-line-breaks", broken)
    right = base64.b64encode(hashlib.sha256(document).digest())
    yield Candidate(Cause.SIGNED_INFO_CHANGED, "another-DigestValue", digest_value.sub(rb"\g<1>" + right, info))
    for name, uris in _ALGORITHMS.items():
        for match in re.finditer(rb"<(?:[\w.-]+:)?" + name + rb'[^>]* Algorithm="([^"]*)"', info):
            for uri in uris:
                changed = info[: match.start(1)] + uri.encode() + info[match.end(1) :]
                yield Candidate(Cause.SIGNED_INFO_CHANGED, f"another-{name.decode()}", changed)
    for name in (b"URI", b"Id", b"Type"):
        without = re.sub(b" " + name + b'="[^"]*"', b"", info)
        yield Candidate(Cause.SIGNED_INFO_CHANGED, f"without-{name.decode()}", without)
    for match in re.finditer(rb"<((?:[\w.-]+:)?Transform) .*?</\1>", info):
        changed = info[: match.start()] + info[match.end() :]
        yield Candidate(Cause.SIGNED_INFO_CHANGED, "without-a-transform", changed)


def _other_parts(info: etree._Element, declared: Canonical) -> Iterator[Candidate]:
    """Yield other parts of the signature, which programs sign for SignedInfo."""
    for element in info.iter("*"):
        if element is not info:
            yield Candidate(Cause.OTHER_PART, etree.QName(element).localname, declared.octets(element))
    whole = declared.octets(info)
    yield Candidate(Cause.OTHER_PART, "content-of-SignedInfo", whole[whole.index(b">") + 1 : whole.rindex(b"</")])
    found = copy.deepcopy(info.getparent())
    if found is not None:
        yield Candidate(Cause.OTHER_PART, "Signature", declared.octets(found))
        for name in ("SignatureValue", "KeyInfo"):
            for part in found.findall(f"{{{DS}}}{name}"):
                signature.remove(part, found)
            yield Candidate(Cause.OTHER_PART, "Signature", declared.octets(found))


def _parts(base: etree._Element, declared: Canonical) -> Iterator[Candidate]:
    """Yield parts of the document that may have been digested alone."""
    yield Candidate(Cause.NOTHING_DIGESTED, "nothing", b"")
    whole = declared.whole(base)
    inner = whole[whole.find(b">") + 1 : whole.rfind(b"</")]
    text = "".join(str(one) for one in base.itertext())
    yield Candidate(Cause.PART_DIGESTED, "content-of-the-root", inner)
    yield Candidate(Cause.PART_DIGESTED, "texts-alone", text.encode())
    yield Candidate(Cause.PART_DIGESTED, "texts-without-white-space", "".join(text.split()).encode())
    yield Candidate(Cause.PART_DIGESTED, "length-in-characters", whole[: len(whole.decode("utf-8", "replace"))])
    yield Candidate(Cause.NOT_CANONICAL, "with-nul-at-the-end", whole + b"\0")
    yield Candidate(Cause.DIGEST_TWICE, "document-in-base64", base64.b64encode(whole))
    for element in islice(base.iterdescendants("*"), _MOST_PARTS):
        name = etree.QName(element).localname
        for form in (declared, Canonical(not declared.exclusive)):
            yield Candidate(Cause.PART_DIGESTED, name, form.octets(element))
        value = element.text or ""
        for octets in (value.encode(), value.strip().encode(), parser.decode_base64(value) or b""):
            if octets:
                yield Candidate(Cause.PART_DIGESTED, f"value-of-{name}", octets)


def _as_declared(base: etree._Element, declared: Canonical) -> Iterator[Candidate]:
    yield Candidate(None, DECLARED, declared.whole(base))


def _without_default(taken: SignedElement, written: Callable[[etree._Element], bytes]) -> Iterator[Candidate]:
    for alone in _alone(taken):
        yield Candidate(Cause.DEFAULT_NAMESPACE, "without-envelope", written(alone))


def _alone(taken: SignedElement) -> Iterator[etree._Element]:
    """Yield the payload cut without the envelope's default namespace, if it has one.

    The default namespace applies to elements that had no namespace.
    """
    if taken.envelope is None or None not in taken.declared_by_envelope(taken.root):
        return
    cut = taken.octets[taken.start : taken.end]
    outer = {prefix: uri for prefix, uri in taken.root.nsmap.items() if prefix not in {None, *taken.envelope.own}}
    used = "".join(f" xmlns:{prefix}={quoteattr(uri)}" for prefix, uri in outer.items() if uri != SOAP).encode()
    for octets in (cut, _FIRST_NAME.sub(lambda name: name[0] + used, cut, count=1)):
        with suppress(XmlRejected):
            yield parser.parse(octets)


def _changed(base: etree._Element, declared: Canonical) -> Iterator[Candidate]:
    for guess, name, changed in mutations(base):
        yield Candidate(guess, name, declared.whole(changed))
        if guess is Cause.UNINDENTED:
            other = Canonical(not declared.exclusive)
            yield Candidate(guess, name, other.whole(changed), also=_other(other))


def _changed_info(root: etree._Element, declared: Canonical) -> Iterator[Candidate]:
    visible_causes = _SHOWN_IN_INFO if declared.exclusive else _SHOWN_IN_INFO | _SHOWN_IN_INCLUSIVE_INFO
    for guess, name, changed in mutations(root):
        if guess in visible_causes:
            yield Candidate(guess, name, signature.signed_info(info_of(changed), declared))
    info = info_of(root)
    for guess, name, octets in other_prefixes(signature.signed_info(info, declared)):
        yield Candidate(guess, name, octets)
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
        for element in parent.findall(SIGNATURE):
            signature.remove(element, parent)
    return root


def _other(form: Canonical) -> Cause:
    return Cause.EXCLUSIVE if form.exclusive else Cause.INCLUSIVE


def _other_c14n(base: etree._Element, declared: Canonical) -> Iterator[Candidate]:
    other = Canonical(not declared.exclusive)
    yield Candidate(_other(other), "c14n", other.whole(base))
    if declared.prefixes:
        yield Candidate(Cause.PREFIX_LIST, "without-prefix-list", Canonical(exclusive=True).whole(base))
    for form in (declared, other):
        commented = etree.tostring(base.getroottree(), method="c14n", exclusive=form.exclusive, with_comments=True)
        yield Candidate(Cause.COMMENTS, "comments", commented)


def _in_envelope(taken: SignedElement, declared: Canonical) -> Iterator[Candidate]:
    if taken.envelope is None:
        return
    payload = _bare(taken.in_place())
    inherited = Candidate(Cause.IN_ENVELOPE, "inherited-declarations", Canonical(exclusive=False).octets(payload))
    # A PrefixList of all prefixes gives the same octets, but a signature without one hardly means it.
    if not declared.prefixes:
        yield inherited
    prefixes = [prefix or "#default" for prefix in payload.nsmap][:MOST_DECLARATIONS]
    for listed in chain(*(combinations(prefixes, size) for size in (1, 2))) if declared.exclusive else ():
        yield Candidate(
            Cause.PREFIX_LIST, "with-prefix-list", Canonical(exclusive=True, prefixes=listed).octets(payload)
        )
    yield inherited
    yield from _body_content(taken, declared.octets(payload))
    around = dict(zip(("body", "whole-envelope"), payload.iterancestors(), strict=True))
    for (name, element), form in product(around.items(), (declared, Canonical(not declared.exclusive))):
        yield Candidate(Cause.IN_ENVELOPE, name, form.octets(element))
    # As some libraries re-root a payload: all that the envelope declares, but SOAP's own.
    moved = declaring(payload, {prefix: uri for prefix, uri in payload.nsmap.items() if uri != SOAP})
    yield Candidate(Cause.IN_ENVELOPE, "all-declarations-but-soap", Canonical(exclusive=False).whole(moved))


def _body_content(taken: SignedElement, canonical: bytes) -> Iterator[Candidate]:
    """Yield the payload with the white space around it in the Body."""
    before, after = taken.octets[: taken.start], taken.octets[taken.end :]
    gap, end = before[len(before.rstrip()) :], after[: len(after) - len(after.lstrip())]
    for octets in (canonical, _without_signature(taken)) if gap or end else ():
        yield Candidate(Cause.IN_ENVELOPE, "content-of-the-body", gap + octets + end)


def _as_text(taken: SignedElement, base: etree._Element, declared: Canonical) -> Iterator[Candidate]:
    """Yield texts of the document that may have been signed without canonicalisation.

    They include what editors and libraries put around it.
    """
    if taken.envelope is not None:
        for name, octets in islice(_raw_texts(taken), 1, None):
            yield Candidate(Cause.IN_ENVELOPE, name, octets)
    bodies = {
        "as-sent": _without_signature(taken).strip(),
        "canonical": declared.whole(base),
        "canonical-exclusive": Canonical(exclusive=True).whole(base),
        **_serialised(base),
    }
    yield from _texts(bodies, Cause.NOT_CANONICAL)
    references = bodies["canonical"].decode().encode("ascii", "xmlcharrefreplace")
    hexadecimal = "".join(
        letter if letter.isascii() else f"&#x{ord(letter):X};" for letter in bodies["canonical"].decode()
    )
    for octets in (etree.tostring(base, with_tail=False), references, hexadecimal.encode()):
        yield Candidate(Cause.OTHER_ENCODING, "ascii-with-character-references", octets)
    for space, indentation in _SPACES.items():
        pretty = unindented(base)
        etree.indent(pretty, indentation)
        named = {f"indented-by-{space}-{name}": octets for name, octets in _serialised(pretty).items()}
        yield from _texts(named, Cause.UNINDENTED)


def _serialised(element: etree._Element) -> dict[str, bytes]:
    """Return an element as libraries write it, with short tags of empty elements."""
    octets = etree.tostring(element, encoding="utf-8", with_tail=False)
    return {"serialised": octets, "serialised-with-blanks": octets.replace(b"/>", b" />")}


def _texts(bodies: Mapping[str, bytes], guess: Cause) -> Iterator[Candidate]:
    """Yield texts with a start and an end that programs add, in several encodings."""
    numbered = {f"xml-declaration-{at}": octets for at, octets in enumerate(_DECLARATIONS)}
    marked = {"byte-order-mark": _BOM, "byte-order-mark-and-xml-declaration": _BOM + _DECLARATIONS[0]}
    starts = {"": b"", "\n": b"\n", **marked, **numbered}
    broken = guess if guess is Cause.UNINDENTED else Cause.LINE_ENDS
    for (body, octets), (start, first), (end, last) in product(bodies.items(), starts.items(), _ENDS.items()):
        if start and end == "blank-line":
            continue
        cause = (
            Cause.BYTE_ORDER_MARK if start.startswith("byte") else Cause.DECLARATION_SIGNED if start.strip() else guess
        )
        named = "-and-".join(filter(None, (body, start.rstrip("-0123456789\n"), end)))
        yield Candidate(cause, named, first + octets + last)
        lines = octets.replace(b"\r\n", b"\n")
        for end_of_line, changed in (("crlf", lines.replace(b"\n", b"\r\n")), ("lf", lines)):
            if changed != octets:
                yield Candidate(broken, f"{named}-with-{end_of_line}", first + changed + last)
    for (body, octets), encoding, first in product(
        bodies.items(), _ENCODINGS, (b"", *_DECLARATIONS[:3], *_OTHER_DECLARATIONS)
    ):
        with suppress(UnicodeError):
            text = (first + octets).decode()
            yield Candidate(Cause.OTHER_ENCODING, f"{body}-in-{encoding}", text.encode(encoding))
            if encoding == "utf-16-be":
                marked_text = f"\ufeff{text}".encode(encoding)
                yield Candidate(Cause.OTHER_ENCODING, f"{body}-in-{encoding}-with-mark", marked_text)


def _without_signature(taken: SignedElement) -> bytes:
    span = span_of(taken.octets, "Signature", taken.start)
    return taken.octets[taken.start : span[0]] + taken.octets[span[1] : taken.end]


def _with_signature(
    root: etree._Element, declared: Canonical, guess: Cause = Cause.SIGNATURE_LEFT_IN
) -> Iterator[Candidate]:
    """Yield forms with the signature still inside, before its values were known."""
    for keeps_value, keeps_key in product((True, False), (True, False)):
        draft = copied(root)
        for name in _VALUES:
            for element in list(draft.iter(name)):
                element.text = None
        dropped = {_VALUES[1]: keeps_value, _KEY_INFO: keeps_key}
        for parent in list(draft.iter("*")):
            for element in [element for element in parent if not dropped.get(str(element.tag), True)]:
                parent.remove(element)
        yield Candidate(guess, "signature-without-values", declared.whole(draft))
    for found in root.iter(SIGNATURE):
        found.clear()
    yield Candidate(guess, "signature-empty", declared.whole(root))


def _info_as_text(taken: SignedElement, info: etree._Element, declared: Canonical) -> Iterator[Candidate]:
    canonical = declared.octets(info)
    declaration = f' xmlns{":" + info.prefix if info.prefix else ""}="{DS}"'.encode()
    yield Candidate(Cause.NAMESPACE_MISSING, "without-its-declaration", canonical.replace(declaration, b"", 1))
    signature_start, _ = span_of(taken.octets, "Signature", taken.start)
    sent = taken.octets[slice(*span_of(taken.octets, "SignedInfo", signature_start))]
    name_end = len(b"<SignedInfo") + (len(info.prefix.encode()) + 1 if info.prefix else 0)
    bodies = {
        "canonical": canonical,
        "as-sent-with-its-declaration": sent[:name_end] + declaration + sent[name_end:],
        "single-quotes": canonical.replace(b'"', b"'"),
        "short-tags-single-quotes": _SHORT.sub(rb"\1/>", canonical).replace(b'"', b"'"),
        "short-tags": _SHORT.sub(rb"\1/>", canonical),
        "short-tags-with-blanks": _SHORT.sub(rb"\1 />", canonical),
        **_serialised(info),
    }
    for name in ("short-tags", "short-tags-with-blanks"):
        undeclared = bodies[name].replace(declaration, b"", 1)
        yield Candidate(Cause.NAMESPACE_MISSING, f"{name}-without-declaration", undeclared)
    yield Candidate(Cause.INFO_RAW if declaration in sent else Cause.NAMESPACE_MISSING, "as-sent", sent)
    for name, octets in (("base64", base64.b64encode(canonical)), ("hexadecimal", canonical.hex().encode())):
        yield Candidate(Cause.INFO_RAW, f"canonical-in-{name}", octets)
    for name, end in {**_ENDS, "nul": b"\0"}.items():
        yield Candidate(Cause.NOT_CANONICAL, f"canonical-and-{name}", canonical + end)
    yield from _texts(bodies, Cause.INFO_RAW)
    for gap, pattern in product(
        (b"\n", b"\n  ", b"\n    ", b"\n\t", b"\r\n", b"\r\n  ", b" "), (rb"><", rb">(?=<[^/])<")
    ):
        yield Candidate(Cause.UNINDENTED, "gaps-of-a-template", re.sub(pattern, b">" + gap + b"<", canonical))
    for (space, indentation), level in product(_SPACES.items(), range(4)):
        pretty = copy.deepcopy(info)
        etree.indent(pretty, indentation, level=level)
        for name, octets in {"canonical": declared.octets(pretty), **_serialised(pretty)}.items():
            yield Candidate(Cause.UNINDENTED, f"indented-by-{space}-{name}", octets)
