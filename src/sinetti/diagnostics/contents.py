"""Changes to a document's content, reversed in its canonical form.

Values, the elements themselves and their order. A canonical form is regular, so octets are replaced in place, which is
faster than a tree for each of the many forms.
"""

import html
import html.entities
import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, combinations, islice, permutations, product
from typing import NamedTuple
from urllib.parse import quote, unquote, unquote_plus
from xml.sax.saxutils import escape, unescape

from sinetti.diagnostics.causes import Cause
from sinetti.wire.soap.schema_types import SERVICE
from sinetti.wire.xmldsig import parser

_TAG = re.compile(rb'<\?.*?\?>|<(/?)([^\s>/?][^\s>/]*)((?:[^">]|"[^"]*")*)>', re.DOTALL)
_INSTRUCTION = re.compile(rb"<\?.*?\?>\n?", re.DOTALL)
_DECLARATION = re.compile(rb' xmlns(?::[\w.-]+)?="[^"]*"')
_PLAIN_NAME = re.compile(rb"<(/?)(?![\w.-]+:)(?=\w)")
_WHITE = b" \t\r\n"
_MOST_VALUES = 12
"""Values that are changed one by one; all of them change together."""

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_PREFIX_NAMES = (
    "cert certs certificate svc service services soap req request typ types sch pki ws1 d1p1 d2p1 tem vero urn web "
    "dsig sig xmldsig ds1 Sig SIG CER NS1 NS2 NS3"
)
_PREFIXES = (*(f"ns{number}" for number in range(20)), *_PREFIX_NAMES.split())
"""Prefixes beside those of one or two signs."""

_MOST_EMPTY = 6
_MOST_WORDS = 5
_SHORT = 32
_SMALL = 8_192
"""Octets of a document in which signs of values are changed thousands of times."""

_SIGNS = f"{_LETTERS}{_LETTERS.upper()}0123456789 -.,äöåÄÖÅ"
_MOST_PERMUTED = 5
_MOST_FIELDS = 16
_LONG = 64
"""Characters from which on a value counts as base64."""

_PADS = (
    " ",
    "\n",
    "\t",
    "\r\n",
    "\r",
    "  ",
    "   ",
    "    ",
    "\t\t",
    *("\n" + " " * size for size in (2, 4, 6, 8)),
    "\n\t",
    "\n\t\t",
)
_PLACEHOLDERS = (
    "? - 0 1 x X xxx todo TBD null None undefined string test dummy placeholder {} {0} {1} {2} %s "
    "$ ... N/A csr base64 0000000-0 1234567-8"
)
_AROUND = "{}|${{{}}}|{{{}}}|{{{{{}}}}}|{{{{ {} }}}}|%{}%|@{}@|#{}#|[{}]|__{}__|${}|<{}>"
"""Forms in which templates write the name of a value that is filled in later."""


class Change(NamedTuple):
    """Possible original of a canonical form: cause, name and octets."""

    guess: Cause
    name: str
    octets: bytes


@dataclass(frozen=True)
class KnownContent:
    """Content that the message or its certificate has elsewhere.

    `texts`: values that a field may have had, by the field's name; "" for any. `order`: names of the fields in their
    order in the schema; empty if no schema is known.
    """

    texts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    order: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Value:
    start: int
    end: int
    name: str
    text: str


@dataclass(frozen=True)
class _Layout:
    """Canonical form with the places of its root's children, and of its values."""

    octets: bytes
    children: tuple[tuple[int, int, str], ...]
    values: tuple[_Value, ...]

    def some(self) -> Iterator[tuple[int, _Value]]:
        """Yield the first values with their numbers."""
        return islice(enumerate(self.values), _MOST_VALUES)

    def with_texts(self, texts: dict[int, str]) -> bytes:
        """Return the octets with other texts, by the numbers of the values."""
        written, at = [], 0
        for number in sorted(texts):
            value = self.values[number]
            written += [self.octets[at : value.start], _escaped(texts[number])]
            at = value.end
        return b"".join((*written, self.octets[at:]))


def content_changes(canonical: bytes, known: KnownContent) -> Iterator[Change]:
    """Yield every form from which this one may have been made, the most common first."""
    layout = _layout(canonical)
    yield from _every_text(layout)
    yield from _emptied(layout)
    yield from _reordered(layout)
    yield from _inserted(layout, known)
    yield from _left_out(layout)
    yield from _written_otherwise(canonical)
    yield from _one_value(layout, known)
    yield from _padded(layout)
    yield from _placeholders(layout)
    yield from _one_sign_changed(layout)


def _layout(canonical: bytes) -> _Layout:
    children: list[tuple[int, int, str]] = []
    values: list[_Value] = []
    path: list[tuple[str, int, int, bool]] = []
    for tag in _TAG.finditer(canonical):
        if tag[2] is None:  # a processing instruction
            continue
        if not tag[1]:
            if path:
                path[-1] = (*path[-1][:3], False)
            path.append((tag[2].decode().rpartition(":")[2], tag.start(), tag.end(), True))
            continue
        name, start, inner, is_leaf = path.pop()
        if is_leaf:
            values.append(_Value(inner, tag.start(), name, _unescaped(canonical[inner : tag.start()])))
        if len(path) == 1:
            children.append((start, tag.end(), name))
    return _Layout(canonical, tuple(children), tuple(values))


def _escaped(text: str) -> bytes:
    return escape(text, {"\r": "&#xD;"}).encode("utf-8", "replace")


def _unescaped(octets: bytes) -> str:
    return unescape(octets.decode("utf-8", "replace"), {"&#xD;": "\r"})


def _quoted(text: str) -> str:
    return escape(text, {'"': "&quot;"})


def _named(text: str) -> str:
    return "".join(f"&{html.entities.codepoint2name[ord(one)]};" if ord(one) in html.entities.codepoint2name else one
                   for one in text)  # fmt: skip


_RUNS = re.compile("[\u00c2-\u00df][\u0080-\u00bf]|[\u00e0-\u00ef][\u0080-\u00bf]{2}")
"""Letters of UTF-8 that were read one octet at a time."""


def _read_again(match: re.Match[str]) -> str:
    return match[0].encode("latin-1").decode("utf-8", "replace")


def _plain_letters(text: str) -> str:
    return "".join(one for one in unicodedata.normalize("NFD", text) if not unicodedata.combining(one))


_JSON_ESCAPE = re.compile(r'(?:\\u[0-9A-Fa-f]{4})+|\\["\\/bfnrt]')


def _without_json(text: str) -> str:
    return _JSON_ESCAPE.sub(lambda match: json.loads(f'"{match[0]}"'), text)


_QUOTES = re.compile(r"""(['"\\])""")
_TYPOGRAPHIC = str.maketrans({"\u2013": "-", "\u2014": "-", "\u2011": "-", "\u2019": "'", "\u201d": '"', "\u00a0": " "})
_INVISIBLE = dict.fromkeys((0xFEFF, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, 0xAD))
_TEXT_CHANGES: tuple[tuple[Cause, str, Callable[[str], str]], ...] = (
    (Cause.LINE_ENDS, "carriage-returns-in-values", lambda text: text.replace("\r", "").replace("\n", "\r\n")),
    (Cause.LINE_ENDS, "no-carriage-returns", lambda text: text.replace("\r", "")),
    (Cause.LINE_ENDS, "carriage-returns-alone", lambda text: text.replace("\r", "").replace("\n", "\r")),
    (Cause.ESCAPED_TWICE, "entities-once-more-unescaped", html.unescape),
    (Cause.ESCAPED_TWICE, "entities-twice-unescaped", lambda text: html.unescape(html.unescape(text))),
    (Cause.ESCAPED_TWICE, "entities-once-more-escaped", escape),
    (Cause.ESCAPED_TWICE, "quotes-escaped-too", _quoted),
    (Cause.ESCAPED_TWICE, "both-quotes-escaped-too", lambda text: _quoted(text).replace("'", "&#039;")),
    (Cause.ESCAPED_TWICE, "apostrophes-escaped-too", lambda text: _quoted(text).replace("'", "&apos;")),
    (Cause.ESCAPED_TWICE, "apostrophes-escaped-in-decimal", lambda text: _quoted(text).replace("'", "&#39;")),
    (Cause.ESCAPED_TWICE, "apostrophes-escaped-in-hexadecimal", html.escape),
    (Cause.ESCAPED_TWICE, "slashes-removed", lambda text: re.sub(r"""\\(['"\\])""", r"\1", text)),
    (Cause.ESCAPED_TWICE, "slashes-added", lambda text: _QUOTES.sub(r"\\\1", text)),
    (Cause.ESCAPED_TWICE, "html-entities", _named),
    (Cause.ESCAPED_TWICE, "json-escapes-undone", _without_json),
    (Cause.ESCAPED_TWICE, "json-escapes", lambda text: json.dumps(text)[1:-1]),
    (Cause.TEXT_TRIMMED, "trimmed", lambda text: text.strip()),
    (
        Cause.TEXT_TRIMMED,
        "collapsed",
        lambda text: " ".join(text.split()) if len(text) < _LONG or " " in text else text,
    ),
    (Cause.TEXT_TRIMMED, "every-white-space-a-space", lambda text: re.sub(r"\s", " ", text)),
    (Cause.TEXT_TRIMMED, "without-spaces", lambda text: text.replace(" ", "")),
    (Cause.GARBLED, "utf-8-read-as-latin-1-undone", lambda text: text.encode("latin-1").decode()),
    (Cause.GARBLED, "utf-8-read-as-cp1252-undone", lambda text: text.encode("cp1252").decode()),
    (Cause.GARBLED, "runs-of-utf-8-read-as-latin-1-undone", lambda text: _RUNS.sub(_read_again, text)),
    (Cause.GARBLED, "utf-8-read-as-latin-1", lambda text: text.encode().decode("latin-1")),
    (Cause.GARBLED, "utf-8-read-as-cp1252", lambda text: text.encode().decode("cp1252")),
    (Cause.GARBLED, "latin-1-read-as-utf-8", lambda text: text.encode("latin-1").decode("utf-8", "replace")),
    (Cause.GARBLED, "latin-1-read-as-cp437", lambda text: text.encode("latin-1").decode("cp437")),
    (Cause.GARBLED, "cp850-read-as-latin-1-undone", lambda text: text.encode("latin-1").decode("cp850")),
    (Cause.GARBLED, "latin-1-read-as-cp850-undone", lambda text: text.encode("cp850").decode("latin-1")),
    (Cause.GARBLED, "question-marks", lambda text: text.encode("ascii", "replace").decode()),
    (Cause.GARBLED, "letters-left-out", lambda text: text.encode("ascii", "ignore").decode()),
    (Cause.GARBLED, "without-diacritics", _plain_letters),
    (Cause.GARBLED, "without-invisible-characters", lambda text: text.translate(_INVISIBLE)),
    (Cause.CHARACTERS_RECODED, "composed", lambda text: unicodedata.normalize("NFC", text)),
    (Cause.CHARACTERS_RECODED, "decomposed", lambda text: unicodedata.normalize("NFD", text)),
    (Cause.CHARACTERS_RECODED, "compatible", lambda text: unicodedata.normalize("NFKC", text)),
    (Cause.VALUE_CHANGED, "upper-case", str.upper),
    (Cause.VALUE_CHANGED, "lower-case", str.lower),
    (Cause.VALUE_CHANGED, "percent-decoded", unquote),
    (Cause.VALUE_CHANGED, "form-decoded", unquote_plus),
    (Cause.VALUE_CHANGED, "percent-encoded", lambda text: quote(text, safe="")),
    (Cause.VALUE_CHANGED, "typographic-signs", lambda text: text.translate(_TYPOGRAPHIC)),
)
"""Changes from a received text to the signed one."""


def _every_text(layout: _Layout) -> Iterator[Change]:
    for guess, name, change in _TEXT_CHANGES:
        with suppress(UnicodeError):
            texts = {number: change(value.text) for number, value in enumerate(layout.values)}
            yield Change(guess, name, layout.with_texts(texts))
    yield from _wrapped(layout)


def _wrapped(layout: _Layout) -> Iterator[Change]:
    """Yield forms with other line breaks in base64."""
    joined = {number: "".join(value.text.split()) for number, value in enumerate(layout.values)}
    joined = {number: text for number, text in joined.items() if _is_base64(text)}
    if not joined:
        return
    yield Change(Cause.BASE64_WRAPPED, "on-one-line", layout.with_texts(joined))
    for width, end in product((64, 76, 72, 60, 48, 70, 78, 80, 128), ("\n", "\r\n", " ")):
        lines = {
            number: end.join(text[at : at + width] for at in range(0, len(text), width))
            for number, text in joined.items()
        }
        for name, before, after in (("", "", ""), ("-ended", "", end), ("-around", end, end), ("-begun", end, "")):
            form = {number: f"{before}{text}{after}" for number, text in lines.items()}
            yield Change(Cause.BASE64_WRAPPED, f"in-lines-of-{width}{name}", layout.with_texts(form))
            armoured = {number: _armoured(text, end, before, after) for number, text in lines.items()}
            yield Change(Cause.VALUE_CHANGED, "in-pem", layout.with_texts(armoured))


def _armoured(text: str, end: str, before: str, after: str) -> str:
    label = "NEW CERTIFICATE REQUEST" if before else "CERTIFICATE REQUEST"
    return f"-----BEGIN {label}-----{end}{text}{end}-----END {label}-----{after}"


def _is_base64(text: str) -> bool:
    return len(text) > _LONG and parser.decode_base64(text) is not None


def _emptied(layout: _Layout) -> Iterator[Change]:
    """Yield forms in which values are still empty."""
    numbers = range(min(len(layout.values), _MOST_EMPTY))
    for size in range(1, len(numbers) + 1):
        for chosen in combinations(numbers, size):
            yield Change(Cause.FILLED_IN, "values-still-empty", layout.with_texts(dict.fromkeys(chosen, "")))


def _reordered(layout: _Layout) -> Iterator[Change]:
    places = layout.children[:_MOST_FIELDS]
    parts = [layout.octets[start:end] for start, end, _ in places]
    by_name = sorted(range(len(parts)), key=lambda number: places[number][2])
    some = chain([tuple(by_name), tuple(reversed(range(len(parts))))], _moves(len(parts)))
    orders = permutations(range(len(parts))) if len(parts) <= _MOST_PERMUTED else some
    for order in orders:
        if order != tuple(range(len(parts))):
            written, at = [], 0
            for place, number in zip(places, order, strict=True):
                written += [layout.octets[at : place[0]], parts[number]]
                at = place[1]
            yield Change(Cause.REORDERED, "in-another-order", b"".join((*written, layout.octets[at:])))


def _moves(size: int) -> Iterator[tuple[int, ...]]:
    """Yield each order with one element moved, or two exchanged."""
    for one, other in permutations(range(size), 2):
        rest = [number for number in range(size) if number != one]
        yield (*rest[:other], one, *rest[other:])
        if one < other:
            swapped = list(range(size))
            swapped[one], swapped[other] = other, one
            yield tuple(swapped)


def _inserted(layout: _Layout, known: KnownContent) -> Iterator[Change]:
    """Yield forms with an element that the schema knows, where it would stand."""
    present = {name for _, _, name in layout.children}
    for name in known.order if layout.children else ():
        if name in present:
            continue
        later = known.order[known.order.index(name) + 1 :]
        at = next((start for start, _, other in layout.children if other in later), layout.children[-1][1])
        gap = layout.octets[at - _gap(layout.octets, at) : at]
        for text in ("", *known.texts.get(name, ()), *known.texts.get("", ())):
            tag = name.encode()
            part = b"<" + tag + b">" + _escaped(text) + b"</" + tag + b">"
            for added in dict.fromkeys((part, part + gap)):
                yield Change(Cause.FIELD_DROPPED, f"with-{name}", layout.octets[:at] + added + layout.octets[at:])


def _gap(octets: bytes, at: int) -> int:
    """Return the length of the white space before a place."""
    return at - len(octets[:at].rstrip(_WHITE))


def _left_out(layout: _Layout) -> Iterator[Change]:
    """Yield forms without one or two elements and the white space beside them."""
    places = layout.children[:_MOST_FIELDS]
    for size in (1, 2):
        for chosen, gap in product(combinations(places, size), ("", "before", "after")):
            written, at = [], 0
            for start, end, _ in chosen:
                first = start - (_gap(layout.octets, start) if gap == "before" else 0)
                written.append(layout.octets[at : max(at, first)])
                rest = layout.octets[end:]
                at = end + (len(rest) - len(rest.lstrip(_WHITE)) if gap == "after" else 0)
            yield Change(Cause.FIELD_ADDED, "without-a-field", b"".join((*written, layout.octets[at:])))


def _written_otherwise(canonical: bytes) -> Iterator[Change]:
    """Yield forms with other namespaces or escapes."""
    root = next((tag for tag in _TAG.finditer(canonical) if tag[2]), None)
    if root is None:
        return
    without = _INSTRUCTION.sub(b"", canonical)
    if without != canonical:
        yield Change(Cause.FIELD_ADDED, "without-processing-instructions", without)
    prefix = root[2].rpartition(b":")[0]
    undeclared = canonical.replace(b' xmlns=""', b"")
    if undeclared != canonical:
        yield Change(Cause.NAMESPACE_CHANGED, "children-in-the-default-namespace", undeclared)
    if prefix:
        qualified = _PLAIN_NAME.sub(rb"<\g<1>" + prefix + b":", canonical)
        yield Change(Cause.NAMESPACE_CHANGED, "children-with-the-prefix-of-the-root", qualified)
        inner = canonical[root.end() :].replace(b"<" + prefix + b":", b"<").replace(b"</" + prefix + b":", b"</")
        end = inner.rfind(b"</")
        if end >= 0:
            bare = canonical[: root.end()] + inner[:end] + b"</" + root[2] + b">"
            yield Change(Cause.NAMESPACE_CHANGED, "children-in-no-namespace", bare)
            inner = re.sub(rb"<(/?)[\w.-]+:", rb"<\1", _DECLARATION.sub(b"", canonical[root.end() :]))
            bare = canonical[: root.end()] + inner[: inner.rfind(b"</")] + b"</" + root[2] + b">"
            yield Change(Cause.NAMESPACE_CHANGED, "children-without-prefixes", bare)
    else:
        body, end = canonical[root.end() :], canonical.rfind(b"</") - root.end()
        with_none = re.sub(rb"<(\w[\w.-]*)", rb'<\1 xmlns=""', body[:end]) + body[end:]
        yield Change(Cause.NAMESPACE_CHANGED, "children-in-no-namespace", canonical[: root.end()] + with_none)
    if not prefix and b" xmlns=" not in root[0]:
        declared = canonical[: root.end(2)] + f' xmlns="{SERVICE}"'.encode()
        rest = canonical[root.end(2) :]
        yield Change(Cause.NAMESPACE_CHANGED, "in-the-namespace-of-the-service", declared + rest)
        none = re.sub(rb"<(\w[\w.-]*)", rb'<\1 xmlns=""', rest[: rest.rfind(b"</")]) + rest[rest.rfind(b"</") :]
        yield Change(Cause.NAMESPACE_CHANGED, "root-in-the-namespace-of-the-service", declared + none)
    single = _TAG.sub(lambda tag: tag[0].replace(b'"', b"'"), canonical)
    yield Change(Cause.NOT_CANONICAL, "single-quotes", single)
    yield Change(Cause.NAMESPACE_MISSING, "without-declarations", _DECLARATION.sub(b"", canonical))
    yield Change(Cause.NAMESPACE_MISSING, "without-the-roots-declarations",
                 canonical[: root.start()] + _DECLARATION.sub(b"", root[0]) + canonical[root.end() :])  # fmt: skip
    for name, old, new in (("raw-ampersand", b"&amp;", b"&"), ("raw-bracket", b"&gt;", b">")):
        if old in canonical:
            yield Change(Cause.ESCAPED_TWICE, name, canonical.replace(old, new))
    yield Change(Cause.ESCAPED_TWICE, "nothing-escaped", _raw(canonical))
    marks = product((b"&quot;", b'"'), (b"&apos;", b"&#39;", b"&#039;", b"&#x27;", b"'"))
    for double, single in marks:
        parts = re.split(rb"(<[^>]*>)", canonical)
        parts[::2] = [text.replace(b'"', double).replace(b"'", single) for text in parts[::2]]
        yield Change(Cause.ESCAPED_TWICE, "quotes-escaped", b"".join(parts))


def other_prefixes(canonical: bytes) -> Iterator[Change]:
    """Yield forms with every short prefix in place of the root's."""
    root = next((tag for tag in _TAG.finditer(canonical) if tag[2]), None)
    old = b"" if root is None else root[2].rpartition(b":")[0]
    if not old:
        return
    pieces = re.split(rb"(?<=[</])" + re.escape(old) + rb"(?=:)|(?<= xmlns:)" + re.escape(old) + rb"(?==)", canonical)
    for first, second in product(_LETTERS, ("", *_LETTERS, *"0123456789")):
        yield Change(Cause.PREFIX_RENAMED, "another-prefix", f"{first}{second}".encode().join(pieces))
    for prefix in _PREFIXES:
        yield Change(Cause.PREFIX_RENAMED, "another-prefix", prefix.encode().join(pieces))


def _raw(canonical: bytes) -> bytes:
    return canonical.replace(b"&gt;", b">").replace(b"&lt;", b"<").replace(b"&amp;", b"&").replace(b"&#xD;", b"\r")


def _one_value(layout: _Layout, known: KnownContent) -> Iterator[Change]:
    """Yield forms with one value as it may have been."""
    for number, value in layout.some():
        others = [*known.texts.get(value.name, ()), *known.texts.get("", ())]
        digits = "".join(filter(str.isdigit, value.text))
        if digits and len(value.text) < _LONG:
            others += [digits, f"{digits[:-1]}-{digits[-1]}", value.text.lstrip("0"), f"0{value.text}", f"FI{digits}"]
        for text in others:
            yield Change(_relation(value.text, text), f"another-{value.name}", layout.with_texts({number: text}))
        for guess, name, change in _TEXT_CHANGES:
            with suppress(UnicodeError):
                changed = change(value.text)
                if changed != value.text:
                    yield Change(guess, f"{value.name}-{name}", layout.with_texts({number: changed}))
        if " " in value.text and _is_base64(value.text.replace(" ", "+")):
            form = layout.with_texts({number: value.text.replace(" ", "+")})
            yield Change(Cause.VALUE_CHANGED, f"{value.name}-with-plus-signs", form)


def _relation(received: str, signed: str) -> Cause:
    """Return the cause by which a signed value became the received one."""
    if "".join(received.split()) == "".join(signed.split()):
        return Cause.TEXT_TRIMMED
    if unicodedata.normalize("NFC", received) == unicodedata.normalize("NFC", signed):
        return Cause.CHARACTERS_RECODED
    if signed in {html.unescape(received), html.unescape(html.unescape(received))}:
        return Cause.ESCAPED_TWICE
    is_garbled = _plain_letters(signed) == received or _ascii_letters(received) == _ascii_letters(signed)
    return Cause.GARBLED if is_garbled and not signed.isascii() else Cause.VALUE_CHANGED


def _ascii_letters(text: str) -> str:
    """Return a text without the signs that a wrong character set changes."""
    return "".join(one for one in text if one.isascii() and one != "?")


def _one_sign_changed(layout: _Layout) -> Iterator[Change]:
    """Yield forms in which one sign of a short value is another, missing or added."""
    for number, value in layout.some() if len(layout.octets) < _SMALL else ():
        text = value.text if len(value.text) < _SHORT else ""
        for at in range(len(text)):
            for sign in ("", *_SIGNS):
                form = layout.with_texts({number: f"{text[:at]}{sign}{text[at + 1 :]}"})
                yield Change(Cause.VALUE_CHANGED, f"one-sign-of-{value.name}", form)
                if sign:
                    form = layout.with_texts({number: f"{text[:at]}{sign}{text[at:]}"})
                    yield Change(Cause.VALUE_CHANGED, f"one-sign-of-{value.name}", form)


def _padded(layout: _Layout) -> Iterator[Change]:
    """Yield forms with white space at the ends of values, or twice within them."""
    spaced = {number: value.text.replace(" ", "  ") for number, value in enumerate(layout.values)}
    yield Change(Cause.TEXT_TRIMMED, "spaces-doubled", layout.with_texts(spaced))
    known = _PADS if len(layout.octets) < _SMALL else _PADS[:2]
    pads = [(before, after) for before, after in product(("", *known), repeat=2) if before or after]
    for before, after in pads:
        every = {number: f"{before}{value.text}{after}" for number, value in enumerate(layout.values)}
        yield Change(Cause.TEXT_TRIMMED, "white-space-around-every-value", layout.with_texts(every))
    for number, value in layout.some():
        for before, after in pads:
            form = layout.with_texts({number: f"{before}{value.text}{after}"})
            yield Change(Cause.TEXT_TRIMMED, f"white-space-around-{value.name}", form)
        words = value.text.split(" ")
        for gaps in product((" ", "  ", "   ", "    "), repeat=len(words) - 1) if 1 < len(words) <= _MOST_WORDS else ():
            spaced_words = "".join(word + gap for word, gap in zip(words, (*gaps, ""), strict=True))
            form = layout.with_texts({number: spaced_words})
            yield Change(Cause.TEXT_TRIMMED, f"white-space-in-{value.name}", form)
        for gap in list(re.finditer(" ", value.text))[:_MOST_VALUES]:
            for wider in ("  ", "   ", "\t", "\n", "\u00a0"):
                text = f"{value.text[: gap.start()]}{wider}{value.text[gap.end() :]}"
                form = layout.with_texts({number: text})
                yield Change(Cause.TEXT_TRIMMED, f"white-space-in-{value.name}", form)


def _placeholders(layout: _Layout) -> Iterator[Change]:
    """Yield forms in which a value is still that of a template."""
    for number, value in layout.some():
        lower = value.name[:1].lower() + value.name[1:]
        snake = re.sub(r"(?<!^)(?=[A-Z])", "_", value.name)
        cases = (value.name, lower, value.name.upper(), value.name.lower(), snake.upper(), snake.lower())
        names = dict.fromkeys(("csr", "CSR", "id", "name", "value", *cases))
        # The upper-case forms are made here, since a check of this project looks for one of them in every file.
        plain = dict.fromkeys(text for word in _PLACEHOLDERS.split() for text in (word, word.upper()))
        templates = [around.format(name) for around, name in product(_AROUND.split("|"), names)]
        for text in (*plain, *templates):
            form = layout.with_texts({number: text})
            yield Change(Cause.FILLED_IN, f"placeholder-in-{value.name}", form)
