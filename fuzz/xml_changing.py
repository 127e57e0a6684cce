"""Changes XML so that it mostly stays XML, and signs it again.

So inputs reach the code behind the verification of the signature.
"""

import base64
import hashlib
import re
from random import Random

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from fuzz import material
from fuzz.opinions import DS, HASHES
from fuzz.xml_reading import Element, Form, NotRead, read

_TOKENS = re.compile(rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<[^<>]*>|[^<]+|<", re.DOTALL)
_START, _END = re.compile(rb"<([\w:.-]+)[^<>]*?(/?)>"), re.compile(rb"</([\w:.-]+)\s*>")
_VALUE = re.compile(rb'="[^"]*"')
_BODY = re.compile(rb"(<([\w.-]+:)?Body[^<>]*>)(.*)(</(?:[\w.-]+:)?Body>)", re.DOTALL)
_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_METHODS = [_MORE + kind + size for kind in ("rsa-sha", "ecdsa-sha", "hmac-sha") for size in ("1", "256", "384", "512")]

PIECES = [
    b"<!--c-->",
    b"<![CDATA[]]>",
    b"<![CDATA[x]]>",
    b"<?p d?>",
    b"<?p?>",
    b"&#13;",
    b"&#x9;",
    b"&#10;",
    b"&amp;",
    b"&lt;",
    b"&e;",
    b"\r\n",
    b"\xc2\x85",
    b"\xe2\x80\xa8",
    b"\xef\xbb\xbf",
    b"\xc3\xa4",
    b"\xf0\x9f\x94\x91",
    b"<x/>",
    b"<x>y</x>",
    b'<x xmlns="urn:x"/>',
    b'<?xml version="1.0" encoding="utf-8"?>',
    b"<!DOCTYPE x []>",
    b"]]>",
    b" ",
    b"0",
]
ATTRIBUTES = [
    b' xmlns="urn:d"',
    b' xmlns=""',
    b' xmlns:p="urn:p"',
    b' xmlns:ds="http://www.w3.org/2000/09/xmldsig#"',
    b' xmlns:p="relative"',
    b' xml:lang="fi"',
    b' xml:space="preserve"',
    b' xml:id="i"',
    b' xml:base="b/"',
    b' Id="i"',
    b' a="&#13;&#10;&#9;&quot;&lt;"',
    b' p:a="1" xmlns:p="urn:p"',
    b' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a b"',
    b' xmlns:xml="http://www.w3.org/XML/1998/namespace"',
]
VALUES = [
    *(one.encode() for one in _METHODS),
    b"http://www.w3.org/2001/10/xml-exc-c14n#",
    b"http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
    b"http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
    b"http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments",
    b"http://www.w3.org/2006/12/xml-c14n11",
    b"http://www.w3.org/2000/09/xmldsig#enveloped-signature",
    b"http://www.w3.org/2000/09/xmldsig#base64",
    b"http://www.w3.org/TR/1999/REC-xslt-19991116",
    b"http://www.w3.org/TR/1999/REC-xpath-19991116",
    b"http://www.w3.org/2001/04/xmlenc#sha256",
    b"http://www.w3.org/2001/04/xmldsig-more#sha384",
    b"http://www.w3.org/2001/04/xmlenc#sha512",
    b"http://www.w3.org/2000/09/xmldsig#sha1",
    b"",
    b"#i",
    b"#xpointer(/)",
    b"ds soap #default p",
    b"#default",
]


def change(octets: bytes, chance: Random) -> bytes:
    """Change a message or a document a little, and sign it again in half of the cases."""
    for _ in range(chance.choice((1, 1, 2, 4))):
        tokens = _TOKENS.findall(octets)
        if tokens:
            octets = b"".join(chance.choice(_WAYS)(tokens, chance))
    return signed_again(octets, chance) if chance.random() < 1 / 2 else octets


def _insert(tokens: list[bytes], chance: Random) -> list[bytes]:
    """Insert a piece between two tokens."""
    tokens.insert(chance.randrange(len(tokens) + 1), chance.choice(PIECES))
    return tokens


def _insert_within(tokens: list[bytes], chance: Random) -> list[bytes]:
    """Insert a piece into a text: a value that must be read whole."""
    at = chance.randrange(len(tokens))
    cut = chance.randrange(len(tokens[at]) + 1)
    tokens[at] = tokens[at][:cut] + chance.choice(PIECES) + tokens[at][cut:]
    return tokens


def _declare(tokens: list[bytes], chance: Random) -> list[bytes]:
    """Insert an attribute or a declaration into a start tag."""
    starts = [at for at, token in enumerate(tokens) if _START.fullmatch(token)]
    if starts:
        at = chance.choice(starts)
        token = tokens[at]
        end = len(token) - 2 if token.endswith(b"/>") else len(token) - 1
        tokens[at] = token[:end] + chance.choice(ATTRIBUTES) + token[end:]
    return tokens


def _set_value(tokens: list[bytes], chance: Random) -> list[bytes]:
    """Set an attribute to another value that programs know."""
    there = [at for at, token in enumerate(tokens) if _START.fullmatch(token) and b'="' in token]
    if there:
        at = chance.choice(there)
        spans = [found.span() for found in _VALUE.finditer(tokens[at])]
        begin, end = chance.choice(spans or [(0, 0)])
        tokens[at] = tokens[at][:begin] + b'="' + chance.choice(VALUES) + b'"' + tokens[at][end:]
    return tokens


def _move(tokens: list[bytes], chance: Random) -> list[bytes]:
    """Remove, repeat, move, wrap or unwrap an element, as wrapping attacks do."""
    spans = _elements(tokens)
    if not spans:
        return tokens
    begin, end = chance.choice(spans)
    element = tokens[begin:end]
    match chance.randrange(5):
        case 0:
            del tokens[begin:end]
        case 1:
            at = chance.randrange(len(tokens) + 1)
            tokens[at:at] = element
        case 2:
            del tokens[begin:end]
            at = chance.randrange(len(tokens) + 1)
            tokens[at:at] = element
        case 3:
            tokens[begin:end] = [b"<w>", *element, b"</w>"]
        case _:
            tokens[begin:end] = element[1:-1]
    return tokens


def _flip(tokens: list[bytes], chance: Random) -> list[bytes]:
    """Change one octet, anywhere."""
    at = chance.randrange(len(tokens))
    token = bytearray(tokens[at])
    token[chance.randrange(len(token))] = chance.choice(b" \t\r\n<>&;:/=\"'#x0aZ\xc3\xa4\x00\xff")
    tokens[at] = bytes(token)
    return tokens


def _rename(tokens: list[bytes], chance: Random) -> list[bytes]:
    """Rename a prefix or a name, everywhere in its element."""
    names = [found[1] for token in tokens if (found := _START.fullmatch(token))]
    if not names:
        return tokens
    old, new = chance.choice(names), chance.choice([*names, b"x", b"p:x", b"ds:Object"])
    return [token.replace(old, new) if token.startswith(b"<") else token for token in tokens]


_WAYS = [_insert, _insert_within, _insert_within, _declare, _declare, _set_value, _move, _move, _flip, _rename]


def _elements(tokens: list[bytes]) -> list[tuple[int, int]]:
    """Return where elements begin and end among the tokens."""
    found, opened = [], []
    for at, token in enumerate(tokens):
        if start := _START.fullmatch(token):
            if start[2]:
                found.append((at, at + 1))
            else:
                opened.append(at)
        elif _END.fullmatch(token) and opened:
            found.append((opened.pop(), at + 1))
    return found


def signed_again(octets: bytes, chance: Random) -> bytes:
    """Make digest and signature fit, by the methods that the document names.

    The signed element is the document, or the content of the Body. The octets stay as they are if that fails.
    """
    inside = _BODY.search(octets)
    payload = inside[3].strip() if inside else octets
    try:
        signed = _sign(payload, chance)
    except (NotRead, KeyError, IndexError, ValueError, RecursionError):
        return octets
    if inside is None:
        return signed
    return octets[: inside.start(3)] + signed + octets[inside.end(3) :]


def _sign(payload: bytes, chance: Random) -> bytes:
    kind = next(
        (one for one in material.KINDS if base64.b64encode(material.der(one))[40:80] in _unwrapped(payload)), ""
    )
    key = material.key(kind or chance.choice(material.KINDS))
    document = read(payload)
    (signature,) = [one for one in document.root.below() if (one.name.uri, one.name.local) == (DS, "Signature")]
    above = signature.parent
    if above is None:
        return payload
    info = signature.elements[0]
    transforms, method, _ = info.elements[2].elements
    form = _form(transforms.elements[1]) if len(transforms.elements) > 1 else Form(exclusive=False)
    place = above.content.index(signature)
    del above.content[place]
    hashing = hashlib.new("sha" + _algorithm(method)[-3:], form.whole(document))
    payload = _put(payload, b"DigestValue", hashing.digest())
    again = read(payload)
    (info,) = [one for one in again.root.below() if (one.name.uri, one.name.local) == (DS, "SignedInfo")]
    octets = _form(info.elements[0]).part(info)
    return _put(payload, b"SignatureValue", _value(key, _algorithm(info.elements[1]), octets))


def _value(key: object, algorithm: str, octets: bytes) -> bytes:
    hashing = HASHES[algorithm[-3:]]()
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(octets, padding.PKCS1v15(), hashing)
    assert isinstance(key, ec.EllipticCurvePrivateKey)  # noqa: S101 - material has no others
    width = (key.curve.key_size + 7) // 8
    numbers = decode_dss_signature(key.sign(octets, ec.ECDSA(hashing, deterministic_signing=True)))
    return b"".join(number.to_bytes(width, "big") for number in numbers)


def _form(method: Element) -> Form:
    kept = [value.split() for one in method.elements for name, value in one.attributes if name.local == "PrefixList"]
    return Form("exc-c14n" in _algorithm(method), tuple(kept[0]) if kept else ())


def _algorithm(method: Element) -> str:
    return next((value for name, value in method.attributes if name.written == "Algorithm"), "")


def _put(payload: bytes, name: bytes, octets: bytes) -> bytes:
    wanted = rb"(<(?:[\w.-]+:)?" + name + rb"[^<>]*>)[^<]*(</)"
    return re.sub(wanted, lambda found: found[1] + base64.b64encode(octets) + found[2], payload, count=1)


def _unwrapped(octets: bytes) -> bytes:
    return octets.translate(None, b" \t\r\n")
