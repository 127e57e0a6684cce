"""Shapes of envelope and of HTTP, for the SOAP endpoint alone.

They change what stands around the request, and exploit naive extraction of the request.
"""

from html import escape

from tests.attacks.messages import SOAP, WHOLE, Attack, Given, Make, Sent, envelope, sent
from tests.attacks.texts import INCLUSIVELY, by_default
from tests.support.xml_signing import DS, PLACE

_SECURITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
_UTILITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
_SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"


def _body(pattern: str, **around: str) -> Make:
    """Send an envelope with the Body `pattern`.

    The pattern and the parts in `around` may hold `{message}`, `{forged}` and `{signature}`.
    """

    def filled(text: str, given: Given) -> str:
        texts = {"message": given.message, "forged": given.forged, "signature": given.signature}
        for name, value in texts.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    def make(given: Given) -> Sent:
        return sent(envelope(filled(pattern, given), **{name: filled(text, given) for name, text in around.items()}))

    return make


def _header(inside: str, payload: str = "{forged}") -> Make:
    return _body(payload, header=f"<s:Header>{inside}</s:Header>")


def _soap(make: Make, answer: str) -> Attack:
    return Attack(make, (answer, None))


def _whole(pattern: str) -> Make:
    """Send a body that is not an envelope of `envelope`."""

    def make(given: Given) -> Sent:
        texts = {"message": given.message, "forged": given.forged, "right": envelope(given.message)}
        text = pattern
        for name, value in (texts | {"false": envelope(given.forged)}).items():
            text = text.replace(f"{{{name}}}", value)
        return sent(text)

    return make


def _swapped(old: str, new: str) -> Make:
    def make(given: Given) -> Sent:
        right = envelope(given.message)
        assert old in right
        return sent(right.replace(old, new))

    return make


def _with_forged_signed(given: Given) -> str:
    """Return the attacker's document with the holder's signature on it."""
    return given.forged_with(given.signature)


def _by_default(more: str) -> Make:
    """Put the request's root into the default namespace.

    The Body alone declares that namespace.
    """

    def make(given: Given) -> Sent:
        declared = f' xmlns="{given.namespace}"'
        message = given.signed(by_default(given))
        assert declared in message
        return sent(envelope(message.replace(declared, "", 1), body=f' xmlns="{given.namespace}{more}"'))

    return make


def _in_no_namespace(given: Given) -> Sent:
    """Sign an element in no namespace and send it in the default namespace.

    The signed element differs from the one in the envelope, although their text is identical.
    """
    draft = by_default(given).replace(f' xmlns="{given.namespace}"', "", 1)
    return sent(envelope(given.signed(draft), body=f' xmlns="{given.namespace}"'))


_TWO = f'<s:Envelope xmlns:s="{SOAP}"><s:Body>{{forged}}</s:Body><s:Body>{{message}}</s:Body></s:Envelope>'
_FAKE = "<s:Body>{forged}</s:Body>"
ENVELOPES = {
    "two requests in the Body, the signed one first": _soap(_body("{message}{forged}"), "PKI001"),
    "two requests in the Body, the forged one first": _soap(_body("{forged}{message}"), "PKI001"),
    "two requests in the Body, both signed": _soap(_body("{message}{message}"), "PKI001"),
    "two Bodies, the forged one first": _soap(_whole(_TWO), "Fault"),
    "two Bodies, the signed one first": _soap(
        _whole(_TWO.replace("forged", "x").replace("message", "forged").replace("{x}", "{message}")), "Fault"
    ),
    "the signed request in the Header, a forged one in the Body": _soap(_header("{message}"), "PKI030"),
    "the signed request in the Header, a forged one with its signature in the Body": _soap(
        lambda given: sent(envelope(_with_forged_signed(given), header=f"<s:Header>{given.message}</s:Header>")),
        "PKI030",
    ),
    "the signature in the Header": _soap(_header("{signature}"), "PKI030"),
    "the signature in a Security header, as WS-Security has it": _soap(
        _header(f'<w:Security xmlns:w="{_SECURITY}">{{signature}}</w:Security>'), "PKI030"
    ),
    "a forged request in the Header, the signed one in the Body": _soap(_header("{forged}", "{message}"), WHOLE),
    "a forged Body in the Header": _soap(_header(_FAKE, "{message}"), WHOLE),
    "a forged envelope in the Header": _soap(
        lambda given: sent(envelope(given.message, header=f"<s:Header>{envelope(given.forged)}</s:Header>")), WHOLE
    ),
    "the signed request in a Body within the Header, a forged one in the Body": _soap(
        _header("<s:Body>{message}</s:Body>"), "PKI030"
    ),
    "a header that must be understood": _soap(
        _header('<h:All xmlns:h="urn:h" s:mustUnderstand="1">{forged}</h:All>', "{message}"), WHOLE
    ),
    "the signature in the Body, beside the request": _soap(_body("{forged}{signature}"), "PKI001"),
    "the signature in the Body, before the request": _soap(_body("{signature}{forged}"), "Fault"),
    "text in the Body beside the request": _soap(_body("{message}text"), "PKI001"),
    "a forged Body in a comment before the right one": _soap(_body("{message}", header=f"<!--{_FAKE}-->"), WHOLE),
    "a forged Body in a comment of the Header": _soap(_header(f"<!--{_FAKE}-->", "{message}"), WHOLE),
    "a forged request in a comment of the Body": _soap(_body("<!--{forged}-->{message}"), WHOLE),
    "a forged request in a comment behind the right one": _soap(_body("{message}<!--{forged}-->"), WHOLE),
    "the signed request in a comment, a forged one beside it": _soap(_body("<!--{message}-->{forged}"), "PKI030"),
    "a forged Body as a CDATA section of the Header": _soap(_header(f"<![CDATA[{_FAKE}]]>", "{message}"), WHOLE),
    "the signed request as a CDATA section of the Body": _soap(_body("<![CDATA[{message}]]>{forged}"), "PKI001"),
    "a forged Body in an instruction": _soap(_body("{message}", header=f"<?x {_FAKE}?>"), WHOLE),
    "a forged request in an instruction of the Body": _soap(_body("<?x {forged}?>{message}"), WHOLE),
    "a forged Body in an attribute": _soap(
        lambda given: sent(envelope(given.message, body=f' fake="{escape("<s:Body>" + given.forged)}"')),
        WHOLE,
    ),
    "an end tag of the Body in an attribute": _soap(_body("{message}", body=' end="/s:Body>"'), WHOLE),
    "an Id of WS-Security on the Body": _soap(_body("{message}", body=f' xmlns:u="{_UTILITY}" u:Id="b"'), WHOLE),
    "a Body of another namespace": _soap(_swapped("<s:Body>", '<s:Body xmlns:s="urn:example:soap">'), "Fault"),
    "another element before the Body": _soap(_body("{message}", header="<Body>{forged}</Body>"), "Fault"),
    "another element after the Body": _soap(_swapped("</s:Body>", "</s:Body><Body/>"), "Fault"),
    "the Header after the Body": _soap(_swapped("</s:Body>", "</s:Body><s:Header/>"), "Fault"),
    "two Headers": _soap(_body("{message}", header="<s:Header/><s:Header/>"), "Fault"),
    "an envelope in the Body": _soap(lambda given: sent(envelope(envelope(given.message))), "Fault"),
    "the request within another element of the Body": _soap(
        _body("<m:Call xmlns:m='urn:m'>{message}</m:Call>"), "Fault"
    ),
    "the request without an envelope": _soap(_whole("{message}"), "Fault"),
    "two envelopes": _soap(_whole("{right}{false}"), "Fault"),
    "an envelope of SOAP 1.2": _soap(_swapped(SOAP, _SOAP_12), "Fault"),
    "an envelope of SOAP 1.2 that says 1.1 in its Body": _soap(
        lambda given: sent(
            f'<t:Envelope xmlns:t="{_SOAP_12}"><s:Body xmlns:s="{SOAP}">{given.message}</s:Body></t:Envelope>'
        ),
        "Fault",
    ),
    "an empty Body": _soap(_body(""), "Fault"),
    "a request by reference (multiRef)": _soap(
        lambda given: sent(
            envelope(
                f'<c:{given.root} xmlns:c="{given.namespace}" href="#1"/>',
                header=f'<s:Header id="1">{given.message}</s:Header>',
            )
        ),
        "PKI001",
    ),
    "a default namespace on the Envelope": _soap(
        _body("{message}", declarations=' xmlns="urn:example:other"'), "PKI001"
    ),
    "the service's namespace as the Envelope's default": _soap(
        lambda given: sent(envelope(given.message, declarations=f' xmlns="{given.namespace}"')), "PKI001"
    ),
    "prefixes of the request bound to something else on the Envelope": _soap(
        _body("{message}", declarations=' xmlns:c="urn:example:other" xmlns:ds="urn:example:other"'), WHOLE
    ),
    "prefixes of the request bound to something else on the Envelope, inclusive": Attack(
        _body("{message}", declarations=' xmlns:c="urn:example:other" xmlns:ds="urn:example:other"'),
        (WHOLE, None),
        of=INCLUSIVELY,
    ),
    "the request's own prefix declared on the Envelope alone": _soap(
        lambda given: sent(
            envelope(
                given.message.replace(f' xmlns:c="{given.namespace}"', "", 1),
                declarations=f' xmlns:c="{given.namespace}"',
            )
        ),
        WHOLE,
    ),
    "the request's own prefix declared on the Envelope alone, as something else": _soap(
        lambda given: sent(
            envelope(
                given.message.replace(f' xmlns:c="{given.namespace}"', "", 1),
                declarations=' xmlns:c="urn:example:other"',
            )
        ),
        "Fault",
    ),
    "the request's own namespace as the Body's default": _soap(_by_default(""), WHOLE),
    "a request that was signed in no namespace, and gets the service's from the Body": _soap(
        _in_no_namespace, "PKI030"
    ),
    "another namespace as the Body's default": _soap(_by_default("/other"), "Fault"),
    "the signature's prefix declared on the Envelope alone": _soap(
        lambda given: sent(envelope(given.message.replace(f' xmlns:ds="{DS}"', ""), declarations=f' xmlns:ds="{DS}"')),
        WHOLE,
    ),
    "xml:lang and xml:base on the Envelope, inclusive": Attack(
        _body("{message}", declarations=' xml:lang="fi" xml:base="http://localhost/"'), (WHOLE, None), of=INCLUSIVELY
    ),
    "a relative namespace name on the Envelope": _soap(
        _body("{message}", declarations=' xmlns:u="relative"'), "PKI030"
    ),
    "a document signed within its envelope": _soap(lambda given: sent(_signed_in_its_envelope(given)), "PKI030"),
    "an envelope signed as a whole": _soap(lambda given: sent(_signed_envelope(given)), "Fault"),
}
"""Shapes of the envelope around the request."""


def _signed_in_its_envelope(given: Given) -> str:
    """Sign the whole envelope with a Signature at the usual place.

    It covers more than the request.
    """
    return given.signed(envelope(given.draft()))


def _signed_envelope(given: Given) -> str:
    """Sign the whole envelope with a Signature as the envelope's own last child."""
    return given.signed(envelope(given.draft().replace(PLACE, "")).replace("</s:Envelope>", f"{PLACE}</s:Envelope>"))


def _told(**headers: str) -> Make:
    return lambda given: sent(envelope(given.message), **headers)


def _in(encoding: str, declared: str | None = None, charset: str = "utf-8", start: bytes = b"") -> Make:
    def make(given: Given) -> Sent:
        text = f'<?xml version="1.0" encoding="{declared or encoding}"?>' + envelope(given.message)
        return sent(start + text.encode(encoding), content_type=f"text/xml; charset={charset}")

    return make


HTTP = {
    "SOAPAction of another operation": _soap(_told(soapaction='"getCertificate"'), "PKI001"),
    "SOAPAction of the first operation, unquoted": _soap(_told(soapaction="signNewCertificate"), "PKI001"),
    "SOAPAction that there is not": _soap(_told(soapaction='"revokeCertificate"'), "PKI001"),
    "SOAPAction twice in one": _soap(_told(soapaction='"renewCertificate", "getCertificate"'), "PKI001"),
    "no SOAPAction": _soap(_told(soapaction=""), WHOLE),
    "the request in ISO-8859-1": _soap(_in("iso-8859-1"), "Fault"),
    "the request in ISO-8859-1 that says UTF-8": _soap(_in("iso-8859-1", "utf-8"), "Fault"),
    "the request in ISO-8859-1, as HTTP says too": _soap(_in("iso-8859-1", charset="iso-8859-1"), "Fault"),
    "the request in UTF-16": _soap(_in("utf-16"), "Fault"),
    "the request in UTF-16, as HTTP says too": _soap(_in("utf-16", charset="utf-16"), "Fault"),
    "the request in UTF-16 that says UTF-8": _soap(_in("utf-16", "utf-8"), "Fault"),
    "the request in UTF-16 without byte order mark": _soap(_in("utf-16-be", "utf-16"), "Fault"),
    "the request in UTF-32": _soap(_in("utf-32"), "Fault"),
    "the request in UTF-8 that says UTF-7": _soap(_in("utf-8", "utf-7"), "Fault"),
    "the request in UTF-8 that says ISO-8859-1": _soap(_in("utf-8", "iso-8859-1"), "Fault"),
    "the request in UTF-8, in UTF-16 by HTTP": _soap(_in("utf-8", charset="utf-16"), "Fault"),
    "two charsets in HTTP": _soap(_told(content_type="text/xml; charset=utf-8; charset=iso-8859-1"), "Fault"),
    "the request with a byte order mark": _soap(_in("utf-8", start=b"\xef\xbb\xbf"), WHOLE),
    "the request with two byte order marks": _soap(_in("utf-8", start=b"\xef\xbb\xbf" * 2), "Fault"),
}
"""Shapes of the HTTP headers and the XML declaration."""
