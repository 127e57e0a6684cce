"""WSGI applications behind the edge: environ (PEP 3333), and their answers."""

import io
from wsgiref.validate import validator

import pytest

from sinetti.server.http import Request
from sinetti.server.wsgi_adapter import WsgiEndpoint

ADDRESS = "https://people.sinetti.example:8444"


def asked(application, **changes):
    values = {
        "method": "POST",
        "path": "/m/å",
        "query": "lang=fi",
        "headers": {"host": "people.sinetti.example:8444", "content-type": "text/plain", "content-length": "99"},
        "request_id": "0" * 32,
        "body": b"two words",
    } | changes
    return WsgiEndpoint(application, ADDRESS, {"sinetti.office": "the office"})(Request(**values))


def told(**changes):
    seen = {}

    def application(environ, start_response):
        seen.update(environ, body=environ["wsgi.input"].read())
        start_response("204 No Content", [])
        return []

    asked(application, **changes)
    return seen


def test_what_an_application_is_told():
    seen = told()
    assert (seen["REQUEST_METHOD"], seen["PATH_INFO"], seen["QUERY_STRING"]) == ("POST", "/m/Ã¥", "lang=fi")
    assert (seen["SERVER_NAME"], seen["SERVER_PORT"], seen["wsgi.url_scheme"]) == (
        "people.sinetti.example",
        "8444",
        "https",
    )
    assert (seen["CONTENT_TYPE"], seen["CONTENT_LENGTH"], seen["body"]) == ("text/plain", "9", b"two words")
    assert (seen["HTTP_HOST"], seen["sinetti.office"], seen["sinetti.request_id"]) == (
        "people.sinetti.example:8444",
        "the office",
        "0" * 32,
    )


def test_a_header_with_an_underscore_passes_for_no_other():
    seen = told(headers={"x_forwarded_for": "192.0.2.1", "content_length": "3", "host": "a"})
    assert not [name for name in seen if "FORWARDED" in name]
    assert seen["CONTENT_LENGTH"] == "9"


HOSTS = {
    "without the port, as nginx writes $host": ("people.sinetti.example", "people.sinetti.example:8444"),
    "in capitals": ("People.sinetti.example", "People.sinetti.example:8444"),
    "with the port": ("people.sinetti.example:8444", "people.sinetti.example:8444"),
    "with another port": ("people.sinetti.example:1", "people.sinetti.example:1"),
    "of another host": ("other.example", "other.example"),
}


@pytest.mark.parametrize(("sent", "seen"), HOSTS.values(), ids=HOSTS)
def test_the_port_of_the_address_may_be_lost_in_the_proxy(sent, seen):
    """Django compares the host with the origin of a form, which has the port."""
    assert told(headers={"host": sent})["HTTP_HOST"] == seen


CHARSETS = {
    "none": ("application/x-www-form-urlencoded", 204),
    "the one that forms have": ('multipart/form-data; boundary=a; charset="UTF-8"', 204),
    "one that decodes no text": ("text/plain; charset=rot13", 415),
    "one that cannot be a name": ("text/plain; Charset = utf-8\0", 415),
    "two": ("text/plain; charset=utf-8; charset=utf-7", 415),
}


@pytest.mark.parametrize(("kind", "status"), CHARSETS.values(), ids=CHARSETS)
def test_text_in_another_charset_is_not_taken(kind, status):
    def application(_environ, start_response):
        start_response("204 No Content", [])
        return []

    assert asked(application, headers={"content-type": kind}).status == status


def test_headers_cookies_and_body_go_on():
    closed = []

    class Body:
        def __iter__(self):
            return iter([b"one ", b"two"])

        def close(self):
            closed.append(True)

    def application(environ, start_response):
        start_response("500 Fault", [])
        headers = [("Content-Type", "text/html"), ("Set-Cookie", "a=1"), ("Set-Cookie", " b=2"), ("X-Own", "x")]
        start_response("200 OK", [*headers, ("Content-Length", "3")], ())
        return Body()

    reply = asked(application)
    assert (reply.status, reply.content_type, reply.body) == (200, "text/html", b"one two")
    assert (reply.headers, reply.cookies, closed) == ({"x-own": "x"}, ("a=1", "b=2"), [True])


def test_a_path_that_is_no_text_is_refused():
    assert asked(None, path="/\udcff").status == 400


SHOWN = {
    "ours": ("200 OK", "/m/secret", "/m"),
    "moved": ("303 See Other", "/stop/a/secret", "/stop"),
    "the first page": ("200 OK", "/", "/"),
    "not ours": ("404 Not Found", "/secret", "/…"),
    "no path": ("200 OK", "*", "/…"),
}


@pytest.mark.parametrize(("status", "path", "shown"), SHOWN.values(), ids=SHOWN)
def test_what_the_log_says_of_a_path(status, path, shown):
    def application(environ, start_response):
        start_response(status, [])
        return []

    assert asked(application, path=path).log_fields == {"path": shown}


@pytest.mark.filterwarnings("ignore::wsgiref.validate.WSGIWarning")
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_judge_of_wsgi_finds_nothing(method):
    def application(environ, start_response):
        environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"fine"]

    assert asked(validator(application), method=method).body == b"fine"


def test_what_an_application_raises_comes_to_the_edge():
    def application(environ, start_response):
        raise io.UnsupportedOperation

    with pytest.raises(io.UnsupportedOperation):
        asked(application)
