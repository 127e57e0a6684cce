"""Reasons of errors from systems, TLS and our parsers.

Each becomes a message of the catalogues, or stays as it came.
"""

import errno
import http.client
import socket
import ssl

import pytest

from sinetti.client.messages import error_reasons, messages
from sinetti.client.messages.messages import Message, make_message
from sinetti.domain.values import Language
from sinetti.wire.xmldsig.errors import SignatureErrorCode


@pytest.mark.parametrize("flaw", SignatureErrorCode)
def test_every_flaw_of_a_signature_is_said_in_every_language(flaw):
    message = error_reasons.translate_reason(flaw)
    assert message == Message(flaw.value)
    assert len({messages.render(message, language) for language in Language}) == len(Language)


def verification(code, said="certificate verify failed"):
    bad = ssl.SSLCertVerificationError(1, said)
    bad.verify_code, bad.verify_message = code, said
    return bad


REASONS = {
    "no listener": (
        ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"),
        "no program is listening there",
    ),
    "an unknown host": (socket.gaierror(-2, "Name or service not known"), "the host name is unknown"),
    "too late": (TimeoutError(), "the server did not answer in time"),
    "a reset": (ConnectionResetError(errno.ECONNRESET, "reset"), "the connection was lost"),
    "no answer at all": (http.client.RemoteDisconnected(""), "the connection was lost"),
    "half an answer": (http.client.IncompleteRead(b""), "the connection was lost"),
    "no HTTP": (http.client.BadStatusLine("hello"), "the answer is not HTTP"),
    "a strange CA": (verification(19), "it was not issued by a trusted CA"),
    "a strange fault of TLS": (verification(3, "unable to get \x1b CRL"), "unable to get   CRL"),
    "no TLS": (ssl.SSLError(1, "[SSL] wrong version number"), "the TLS handshake failed ([SSL] wrong version"),
    "no file": (FileNotFoundError(errno.ENOENT, "No such file or directory"), "it does not exist"),
    "a full disk": (OSError(errno.ENOSPC, "No space left on device"), "the disk is full"),
    "a strange fault of the system": (OSError(errno.EMFILE, "Too many open files"), "Too many open files"),
    "a fault without a word": (OSError(), "OSError"),
    "a line": (ValueError("the XML is not well-formed in line 7"), "the XML is not well-formed in line 7"),
    "a setting": (
        ValueError("service: the address must begin with https:// and contain a host name"),
        "service: the address must begin",
    ),
    "anything else": (ValueError("Expected '=' after a key (at line 1)"), "Expected '=' after a key (at line 1)"),
}


@pytest.mark.parametrize(("bad", "read"), REASONS.values(), ids=REASONS)
def test_reasons(bad, read):
    message = make_message("{why}", why=error_reasons.translate_reason(bad))
    assert messages.render(message, Language.EN).startswith(read)


FINNISH = {
    "a line": ("the XML is not well-formed in line 7", "XML on virheellistä rivillä 7"),
    "a setting": ("trust_holders: the value must be text", "trust_holders: arvon on oltava tekstiä"),
    "an element": ("CustomerId is missing, misplaced or malformed", "CustomerId puuttuu, on väärässä"),
}


@pytest.mark.parametrize(("said", "read"), FINNISH.values(), ids=FINNISH)
def test_what_differs_is_kept_and_the_rest_translated(said, read):
    assert messages.render(make_message("{why}", why=error_reasons.translate_reason(said)), Language.FI).startswith(
        read
    )
