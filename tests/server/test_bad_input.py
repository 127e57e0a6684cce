"""Answers to input that is no message: a Fault, 413, 408 or 405.

An answer has no trace of the service and is never long.
"""

import asyncio
import gzip
from threading import Event

import pytest

from sinetti.infra.clock import monotonic_seconds
from sinetti.server.asgi import AsgiApp, RequestLimits
from sinetti.server.http import Request, Response
from tests.api import messages
from tests.api.counter import fault
from tests.api.drafts import new_draft
from tests.api.edges import GONE, STALLED, Sent, sent_through, through
from tests.support.scene import REQUEST

LIMIT = 128 * 1024
SOON = 60.0
"""Seconds that only a call without an end takes, on a busy machine too."""

SERVICE, SOAP = messages.SERVICE, messages.SOAP
GET = messages.element("GetCertificateRequest", {"Environment": "TEST", "CustomerId": "0123456-7", "RetrievalId": "x"})
GOOD = messages.enveloped(GET)


def text(envelope: str) -> bytes:
    return envelope.encode()


def with_doctype(subset: str, inside: str = "") -> bytes:
    start = f'<?xml version="1.0"?><!DOCTYPE s:Envelope [{subset}]>'
    return messages.enveloped(GET.replace(">x<", f">{inside}<"), start=start)


def bomb() -> bytes:
    entities = '<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    return with_doctype(entities, "&a11;")


def nested(count: int) -> bytes:
    return messages.enveloped("<a>" * count + "</a>" * count)


def with_header(xml: str) -> bytes:
    return GOOD.replace(b"<s:Body>", f"<s:Header>{xml}</s:Header><s:Body>".encode())


NO_SOAP = {
    "nothing": b"",
    "white space": b" \r\n\t ",
    "no XML": b"Hello",
    "JSON": b'{"Environment": "TEST"}',
    "a form": b"Environment=TEST&CustomerId=0123456-7",
    "gzip": gzip.compress(GOOD, mtime=0),
    "octets of no kind": bytes(range(256)),
    "a NUL within": GOOD.replace(b">TEST<", b">TE\0ST<"),
    "another XML": b"<html/>",
    "the payload without an envelope": text(GET),
    "SOAP 1.2": GOOD.replace(SOAP.encode(), b"http://www.w3.org/2003/05/soap-envelope"),
    "an envelope without a Body": text(f'<s:Envelope xmlns:s="{SOAP}"/>'),
    "an empty Body": text(f'<s:Envelope xmlns:s="{SOAP}"><s:Body/></s:Envelope>'),
    "a Body with text alone": text(f'<s:Envelope xmlns:s="{SOAP}"><s:Body>TEST</s:Body></s:Envelope>'),
    "two Bodies": GOOD.replace(b"</s:Envelope>", b"<s:Body/></s:Envelope>"),
    "an unknown operation": GOOD.replace(b"GetCertificateRequest", b"RevokeCertificateRequest"),
    "an operation of another namespace": GOOD.replace(b"/2017/10/", b"/2018/10/"),
    "an operation of no namespace": messages.enveloped("<GetCertificateRequest/>"),
    "a Fault": text(f'<s:Envelope xmlns:s="{SOAP}"><s:Body><s:Fault/></s:Body></s:Envelope>'),
    "a DOCTYPE": with_doctype(""),
    "an external DTD": GOOD.replace(b"<s:Envelope", b'<!DOCTYPE e SYSTEM "file:///etc/passwd"><s:Envelope', 1),
    "an external entity": with_doctype('<!ENTITY x SYSTEM "file:///etc/passwd">', "&x;"),
    "a parameter entity": with_doctype('<!ENTITY % x SYSTEM "http://127.0.0.1:1/x"> %x;'),
    "an entity bomb": bomb(),
    "an undeclared entity": GOOD.replace(b">x<", b">&x;<"),
    "UTF-16": GOOD.decode().encode("utf-16"),
    "UTF-16 without a byte order mark": GOOD.decode().encode("utf-16-le"),
    "UTF-32": GOOD.decode().encode("utf-32"),
    "UTF-7 declared": b'<?xml version="1.0" encoding="UTF-7"?>' + GOOD,
    "ISO-8859-1 declared": b'<?xml version="1.0" encoding="ISO-8859-1"?>' + GOOD,
    "ISO-8859-1 declared and used": b'<?xml version="1.0" encoding="ISO-8859-1"?>' + GOOD.replace(b">x<", b">\xe4<"),
    "ISO-8859-1 used": GOOD.replace(b">x<", b">\xe4<"),
    "an overlong form in UTF-8": GOOD.replace(b">x<", b">\xc0\x80<"),
    "a surrogate in UTF-8": GOOD.replace(b">x<", b">\xed\xa0\x80<"),
    "XML 1.1": b'<?xml version="1.1"?>' + GOOD,
    "a prefix that is not declared": GOOD.replace(b"<Environment>", b"<q:Environment>"),
    "an attribute twice": GOOD.replace(b"<Environment>", b'<Environment a="1" a="2">'),
    "truncated in the middle": GOOD[: len(GOOD) // 2],
    "the last octet missing": GOOD[:-1],
    "something after the end": GOOD + b"<more/>",
    "two messages": GOOD + GOOD,
    "10,000 nested elements": nested(10_000),
    "10,000 nested elements that never end": messages.enveloped("").replace(b"</s:Body></s:Envelope>", b"<a>" * 10_000),
    "10,000 elements beside each other": with_header("<a/>" * 10_000),
    "5,000 namespaces in scope": GOOD.replace(
        b"<s:Body>", b"<s:Body " + b" ".join(b'xmlns:p%d="u:%d"' % (n, n) for n in range(5_000)) + b">"
    ),
    "5,000 attributes": GOOD.replace(b"<s:Body>", b"<s:Body " + b" ".join(b'a%d=""' % n for n in range(5_000)) + b">"),
}


@pytest.mark.parametrize("body", NO_SOAP.values(), ids=NO_SOAP)
def test_what_is_no_soap_gets_a_fault(body, counter):
    assert len(body) <= LIMIT
    begun = monotonic_seconds()
    code, told = fault(counter.post(body))
    assert monotonic_seconds() - begun < SOON
    assert code == "SOAP-ENV:Client"
    assert 0 < len(told) < 255
    assert "Traceback" not in told
    assert not any(word in told for word in ("passwd", "0123456", "Revoke", "Hello")), "nothing of the request"


CHARSETS = {
    "ISO-8859-1": "text/xml; charset=ISO-8859-1",
    "UTF-16": 'text/xml; charset="utf-16"',
    "a second one": "text/xml; charset=utf-8; charset=ascii",
    "an empty one": "text/xml; charset=",
}


@pytest.mark.parametrize("content_type", CHARSETS.values(), ids=CHARSETS)
def test_another_charset_gets_a_fault(content_type, counter):
    code, told = fault(counter.post(GOOD, {"content-type": content_type}))
    assert code == "SOAP-ENV:Client"
    assert "UTF-8" in told


TAKEN = {
    "a byte order mark": (b"\xef\xbb\xbf" + GOOD, "text/xml"),
    "a byte order mark and a declaration": (b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?>' + GOOD, "text/xml"),
    "UTF-8 in capitals": (
        b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\r\n' + GOOD,
        "text/xml;charset=UTF-8",
    ),
    "UTF-8 in quotes": (GOOD, 'text/xml; charset="utf-8"'),
    "no charset": (GOOD, "text/xml"),
    "another type": (GOOD, "application/octet-stream"),
    "CRLF between elements": (GOOD.replace(b"><", b">\r\n<"), "text/xml"),
    "comments everywhere": (GOOD.replace(b"><", b"><!-- a word --><"), "text/xml"),
    "a Header with something in it": (with_header('<w:x xmlns:w="urn:w">y</w:x>'), "text/xml"),
    "a processing instruction": (b"<?some thing?>" + GOOD, "text/xml"),
}


@pytest.mark.parametrize(("body", "content_type"), TAKEN.values(), ids=TAKEN)
def test_what_is_soap_all_the_same(body, content_type, counter):
    assert counter.ask(body, {"content-type": content_type}).code == "PKI020"


def test_no_content_type_at_all(counter):
    assert counter.ask(GOOD, {"host": "localhost"}).code == "PKI020"


ACTIONS = {
    "quoted": ('"signNewCertificate"', None),
    "unquoted": ("signNewCertificate", None),
    "empty": ("", None),
    "empty in quotes": ('""', None),
    "absent": (None, None),
    "of another operation": ('"getCertificate"', "PKI001"),
    "of another operation, unquoted": ("renewCertificate", "PKI001"),
    "unknown": ('"revokeCertificate"', "PKI001"),
    "in another case": ('"SignNewCertificate"', "PKI001"),
    "twice": ('"signNewCertificate", "signNewCertificate"', "PKI001"),
}


@pytest.mark.parametrize(("action", "code"), ACTIONS.values(), ids=ACTIONS)
def test_soap_action(action, code, counter):
    draft = new_draft(counter)
    draft.action = action
    answer = draft.ask(**{"accept-language": "en"})
    assert answer.code == code
    assert code is None or "SOAPAction" in answer.message


SCHEMA = {
    "a value left out": ("<CustomerId>0123456-7</CustomerId>", "", "CustomerId"),
    "a value of spaces": (">x<", ">  <", "RetrievalId"),
    "a value too long": (">x<", f">{'x' * 33}<", "RetrievalId"),
    "an element within a value": (">x<", "><b/>x<", "RetrievalId"),
    "an element that we do not know": ("<RetrievalId>", "<Wish>y</Wish><RetrievalId>", "RetrievalId"),
    "an element twice": ("<RetrievalId>", "<RetrievalId>y</RetrievalId><RetrievalId>", "RetrievalId"),
    "another order": ("<Environment>TEST</Environment>", "", "Environment"),
    "an environment that there is not": (">TEST<", ">DEVELOPMENT<", "Environment"),
    "text between the elements": ("<RetrievalId>", "Qqwwqq<RetrievalId>", "GetCertificateRequest"),
    "a child in our namespace": ("RetrievalId>", "c:RetrievalId>", "RetrievalId"),
    "an attribute": ("<RetrievalId>", '<RetrievalId wish="y">', "RetrievalId"),
}


@pytest.mark.parametrize(("part", "changed", "element"), SCHEMA.values(), ids=SCHEMA)
def test_what_breaks_the_schema_is_named_from_the_schema(part, changed, element, counter):
    body = GOOD.decode().replace(part, changed).encode()
    assert body != GOOD
    answer = counter.ask(body)
    assert answer.code == "PKI001"
    assert element in answer.message
    assert "wish" not in answer.message.casefold()


def test_a_comment_inside_a_value_does_not_cut_it(counter):
    draft = new_draft(counter)
    name, password = "TransferPassword", draft.values["TransferPassword"] or ""
    draft.values[name] = f"{password[:3]}<!-- cut? -->{password[3:]}"
    assert draft.ask().status == "OK"


class Waiting:
    """Endpoint that records its requests."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def __call__(self, request: Request) -> Response:
        self.requests.append(request)
        return Response(200, "text/plain", b"done")


SIZES = {"one octet less": (LIMIT - 1, 200), "exactly the limit": (LIMIT, 200), "one octet more": (LIMIT + 1, 413)}


@pytest.mark.parametrize("piece", [LIMIT * 2, 4096, 1000])
@pytest.mark.parametrize(("size", "status"), SIZES.values(), ids=SIZES)
def test_the_size_of_a_body(size, status, piece):
    door = Waiting()
    pieces = [bytes(min(piece, size - at)) for at in range(0, size, piece)]
    sent = through(AsgiApp(door), pieces)
    assert sent is not None
    assert sent.status == status
    assert [len(request.body) for request in door.requests] == ([size] if status == 200 else [])


def test_a_padded_message_of_exactly_the_limit_is_answered(counter):
    """The endpoint itself accepts everything that the edge lets through."""
    padded = GOOD + b" " * (LIMIT - len(GOOD))
    sent = through(AsgiApp(counter.door), [padded])
    assert sent is not None
    assert sent.status == 200
    assert b"PKI020" in sent.body


def test_too_much_is_read_and_thrown_away():
    """The service reads up to 1 MiB from the sender, who then reads the answer."""
    door, pieces = Waiting(), [bytes(64 * 1024)] * 12
    sent = through(AsgiApp(door), pieces)
    assert sent is not None
    assert sent.status == 413
    assert sent.headers["connection"] == "close"
    assert not pieces, "all of it was read"


def test_an_attribute_of_10_megabytes_is_not_read_to_its_end():
    door = Waiting()
    pieces = [b'<a b="', *[b"x" * 64 * 1024] * 160]
    sent = through(AsgiApp(door), pieces)
    assert sent is not None
    assert (sent.status, door.requests) == (413, [])
    assert len(pieces) > 100


def test_a_slow_sender():
    sent = through(AsgiApp(Waiting(), RequestLimits(collecting=0.05)), [b"<a", STALLED])
    assert sent is not None
    assert (sent.status, sent.headers["connection"]) == (408, "close")


def test_a_sender_that_goes_away():
    """The sender does not read the answer, unless it sent no HTTP.

    The endpoint is never called.
    """
    door = Waiting()
    sent = through(AsgiApp(door), [b"<a", GONE])
    assert sent is not None
    assert (sent.status, sent.headers["connection"], door.requests) == (400, "close", [])


def test_a_door_that_breaks_tells_nothing_of_itself(caplog):
    def broken(_request: Request) -> Response:
        secret = "a secret that must not leave"
        raise RuntimeError(secret)

    sent = through(AsgiApp(broken), [b"x"])
    assert sent is not None
    assert sent.status == 500
    assert sent.headers["x-request-id"] in sent.body.decode()
    assert b"secret" not in sent.body
    assert b"Traceback" not in sent.body
    assert "a secret that must not leave" in caplog.text, "it stays in the log"


def test_a_door_that_takes_too_long():
    let_go = Event()

    def slow(_request: Request) -> Response:
        assert let_go.wait(SOON)
        return Response(200, "text/plain", b"done")

    sent = through(AsgiApp(slow, RequestLimits(answering=0.05)), [b"x"])
    let_go.set()
    assert sent is not None
    assert (sent.status, sent.headers["retry-after"]) == (503, "15")


def test_more_than_may_wait():
    """A request above the limit gets the answer at once to come again.

    There is room when the others are done.
    """
    let_go, inside = Event(), []

    def waits(request: Request) -> Response:
        inside.append(request)
        assert let_go.wait(SOON)
        return Response(200, "text/plain", b"done")

    edge = AsgiApp(waits, RequestLimits(waiting=3), threads=2)

    async def crowd() -> list[Sent | None]:
        early = [asyncio.create_task(sent_through(edge, [b"x"])) for _ in range(3)]
        await asyncio.sleep(0)
        late = await sent_through(edge, [b"x"])
        let_go.set()
        return [late, *[await one for one in early], await sent_through(edge, [b"x"])]

    late, *others = asyncio.run(crowd())
    assert late is not None
    assert (late.status, late.headers["retry-after"]) == (503, "5")
    assert [one.status for one in others if one is not None] == [200] * 4
    assert len(inside) == 4


def test_without_the_key_that_signs_answers_there_is_a_fault(counter, caplog):
    """No client could trust a FAIL that is not signed."""

    def away():
        secret = "/keys/services.pem cannot be read"
        raise OSError(secret)

    door = type(counter.door)(counter.door.ctx, counter.door.address, counter.door.recipe, away)
    code, told = fault(door(Request("POST", "/2017/10/CertificateServices", "", {}, REQUEST, GOOD)))
    assert code == "SOAP-ENV:Server"
    assert "pem" not in told
    assert "/keys/services.pem" in caplog.text
