"""Reasons of failures in the reader's language, as a closed list.

An unknown reason is shown as received.
"""

import errno
import http.client
import os
import re
import socket
import ssl
from pathlib import Path

from sinetti.client.messages import messages
from sinetti.client.messages.messages import Message, Value, make_message
from sinetti.i18n.translate import gettext_noop

DISK_FULL, LATE, ELSEWHERE = (
    gettext_noop("the disk is full"),
    gettext_noop("the server did not answer in time"),
    gettext_noop("there is no network route to the server"),
)
NO_FOLDER = gettext_noop("the folder does not exist")
NO_RIGHT, BROKEN_OFF = gettext_noop("permission denied"), gettext_noop("the connection was lost")

SYSTEM = {
    errno.ENOENT: gettext_noop("it does not exist"),
    errno.EACCES: NO_RIGHT,
    errno.EPERM: NO_RIGHT,
    errno.EISDIR: gettext_noop("it is a folder"),
    errno.EFBIG: gettext_noop("it is too large"),
    errno.ENXIO: gettext_noop("it is a pipe or a device, not a file"),
    errno.ENOTDIR: gettext_noop("a part of the path is not a folder"),
    errno.EEXIST: gettext_noop("the name is already in use"),
    errno.ELOOP: gettext_noop("its links lead in a circle"),
    errno.ENOSPC: DISK_FULL,
    errno.EDQUOT: DISK_FULL,
    errno.EROFS: gettext_noop("the disk is read-only"),
    errno.EADDRINUSE: gettext_noop("another program is listening there"),
    errno.EADDRNOTAVAIL: gettext_noop("this computer does not have the address"),
    errno.ECONNREFUSED: gettext_noop("no program is listening there"),
    errno.ETIMEDOUT: LATE,
    errno.ECONNRESET: BROKEN_OFF,
    errno.EPIPE: BROKEN_OFF,
    errno.EHOSTUNREACH: ELSEWHERE,
    errno.ENETUNREACH: ELSEWHERE,
}
"""Errors of the operating system by their number."""

UNKNOWN_HOST = gettext_noop("the host name is unknown")
NO_HTTP = gettext_noop("the answer is not HTTP")
TLS_FAILED = gettext_noop("the TLS handshake failed ({detail})")

NO_CA, OTHER_NAME = gettext_noop("it was not issued by a trusted CA"), gettext_noop("it was issued for another name")
TLS = {
    9: gettext_noop("it is not valid yet"),
    10: gettext_noop("it has expired"),
    18: NO_CA,
    19: NO_CA,
    20: NO_CA,
    21: NO_CA,
    62: OTHER_NAME,
    64: OTHER_NAME,
}
"""OpenSSL's numbers for what is wrong with a server's certificate (X509_V_ERR_…)."""

SAID = (
    # Signatures: wire/xmldsig/errors.py has the same list.
    gettext_noop("there is no signature"),
    gettext_noop("the document must have one signature, as the last child of its root element"),
    gettext_noop("the signature covers something other than the document"),
    gettext_noop("the signed element cannot be extracted from its envelope"),
    gettext_noop("the structure of the signature is not accepted"),
    gettext_noop("the signature method is not accepted"),
    gettext_noop("the digest method is not accepted"),
    gettext_noop("the canonicalisation method is not accepted"),
    gettext_noop("the transforms are not accepted"),
    gettext_noop("a value in the signature is not base64"),
    gettext_noop("there must be exactly one X509Certificate"),
    gettext_noop("the certificate is not inside an X509Data element"),
    gettext_noop("the certificate is too long"),
    gettext_noop("the certificate cannot be read"),
    gettext_noop("the signer's certificate is not accepted"),
    gettext_noop("the signature does not match"),
    gettext_noop("the digest does not match"),
    # XML, SOAP and receipts, reported by wire.
    gettext_noop("it is not a receipt"),
    gettext_noop("the XML is not well-formed in line {line}"),
    gettext_noop("the XML is not well-formed, or too deep or too long in one place"),
    gettext_noop("too many namespace declarations are in scope"),
    gettext_noop("a namespace name is too long"),
    gettext_noop("a relative namespace name has no canonical form"),
    gettext_noop("a namespace name contains a character that canonical forms write differently"),
    gettext_noop("it is not XML 1.0"),
    gettext_noop("the declared encoding is not UTF-8"),
    gettext_noop("a DOCTYPE is not accepted"),
    gettext_noop("it is not a SOAP 1.1 envelope"),
    gettext_noop("the Body is empty"),
    gettext_noop("it is too deep, or has too many elements or attributes"),
    gettext_noop("it does not answer the request"),
    gettext_noop("{element} is missing, misplaced or malformed"),
    gettext_noop("the document already has a signature"),
    gettext_noop("the document is a message to the certificate service and cannot be sealed as a document"),
    # Keys and certificates, reported by pki.
    gettext_noop("the key is encrypted, and its passphrase is missing"),
    gettext_noop("the key is not encrypted, so it needs no passphrase"),
    gettext_noop("the passphrase is wrong"),
    gettext_noop("this is not a private key in PEM"),
    gettext_noop("this is not a private key in DER or PEM"),
    gettext_noop("the key is neither RSA nor EC"),
    gettext_noop("this is not an X.509 certificate in DER or PEM"),
    gettext_noop("its serial number is negative"),
    gettext_noop("the name in it cannot be read"),
    gettext_noop("this is not a certificate revocation list in DER or PEM"),
    gettext_noop("none of its certificates belongs to a CA that may issue certificates"),
    gettext_noop("this file contains no PEM certificate"),
    gettext_noop("a certificate in this PEM file cannot be read"),
    gettext_noop("its key describes an elliptic curve instead of naming it (RFC 5480, 2.1.1)"),
    # The log of an authority, reported by wire.
    gettext_noop("{count} of the named witnesses cosigned it, and {needed} must"),
    gettext_noop("{origin} is not there"),
    gettext_noop("the signature of {name} does not match the text"),
    # Files for `sinetti inspect`.
    gettext_noop("it contains no certificate, request, revocation list, key store or XML message"),
    gettext_noop("it is not valid TOML ({error})"),
    gettext_noop("it is empty"),
    gettext_noop("it is longer than 64 MiB"),
    gettext_noop("this Java key store is damaged"),
    gettext_noop("this Java key store contains a secret key, which only Java can read"),
    # Addresses and settings.
    gettext_noop("its host name or port is not valid"),
    gettext_noop("the address must begin with https:// and contain a host name"),
    gettext_noop("the address must not contain a user name, a password or a fragment"),
    gettext_noop("the address must not contain spaces or characters outside ASCII"),
    gettext_noop("http:// works only for this machine itself (127.0.0.1), so use https://"),
    gettext_noop("the value must be text"),
    gettext_noop("the value must be a list of texts"),
    gettext_noop("the value must be a file mode such as 0600 or 0640"),
    gettext_noop("PKCS#12 needs a password file"),
    gettext_noop("the key is in a token and cannot leave it"),
    gettext_noop("a token needs the settings token_module, token_label and token_pin_file"),
    # Tokens, reported by pki/signers.
    gettext_noop("this is not the URI of a key in a token"),
    gettext_noop("the token {label} cannot be used: {why}"),
    gettext_noop("the token {label} contains another key with the ID {key_id}"),
    gettext_noop("the PIN file of the token {label} cannot be read: {why}"),
    gettext_noop("the PIN file of the token {label} contains no PIN"),
    gettext_noop("other users can read the PIN file of the token {label}; run chmod 600 {path}"),
    gettext_noop("the module of the token {label} was not loaded, because other users can change {path}"),
    gettext_noop("the token does not accept the PIN"),
    gettext_noop("the PIN is locked after too many wrong attempts, so the token's administrator must reset it"),
    gettext_noop("the PIN must be changed before the token can be used"),
    gettext_noop("no user PIN has been set for the token yet"),
    gettext_noop("no token has that label"),
    gettext_noop("the token was removed"),
    gettext_noop("several tokens have that label"),
    gettext_noop("it contains several keys with the same ID"),
    gettext_noop("it does not contain the key"),
    gettext_noop("it has no room for another key"),
    gettext_noop("it does not accept new keys"),
    gettext_noop("it does not support keys of this type"),
    gettext_noop("its module cannot be loaded"),
    gettext_noop("its module reports a general error, so check the token and the module's settings"),
    gettext_noop("it returned a wrong signature"),
    gettext_noop("one more wrong PIN would lock it, so log in once by hand and then try again"),
    gettext_noop("the value must be one of {choices}"),
    # The store.
    gettext_noop("it does not point to a certificate"),
    gettext_noop("the private key does not match the certificate"),
    gettext_noop("its content is not valid"),
    gettext_noop("it is not a valid request journal"),
    gettext_noop("it is not the key of this request"),
    gettext_noop("it does not have the expected content"),
    gettext_noop("it does not point to a certificate of this name"),
    gettext_noop("it is not the chain of the certificate"),
    gettext_noop("it is not in PEM"),
    gettext_noop("it is not the certificate of this request"),
    gettext_noop("the numbers in the key do not match each other"),
    gettext_noop("an extension of the certificate cannot be read"),
    gettext_noop("icacls cannot restrict it to its owner"),
)
"""Texts of Sinetti's own parsers, word for word.

A placeholder stands for a variable part.
"""

SETTING = gettext_noop("{setting}: {why}")

_BY_WORDS = {os.strerror(number): message_id for number, message_id in SYSTEM.items()}
"""Errors of the system in its own words, as packages without messages report them."""


def translate_reason(why: BaseException | str) -> Value:
    """Return a reason as a message of the catalogues, or as received.

    In the second case it is in English, without control characters.
    """
    if isinstance(why, OSError | http.client.HTTPException):
        return _of_system(why)
    text = messages.strip_control_chars(str(why))
    for message_id in SAID:
        match = _PATTERNS[message_id].fullmatch(text)
        if match:
            return make_message(
                message_id,
                **{name: translate_reason(part) if name == "why" else part for name, part in match.groupdict().items()},
            )
    if text in _BY_WORDS:
        return make_message(_BY_WORDS[text])
    setting, colon, rest = text.partition(": ")
    return (
        make_message(SETTING, setting=setting, why=translate_reason(rest)) if colon and setting.isidentifier() else text
    )


def store_unusable(bad: OSError, place: Path | str) -> Message:
    """Return the message on an unusable store, at `place` unless the error names one."""
    return make_message(messages.STORE_UNUSABLE, path=str(bad.filename or place), why=translate_reason(bad))


def _of_system(bad: OSError | http.client.HTTPException) -> Value:
    match bad:
        case ssl.SSLCertVerificationError():
            known = TLS.get(bad.verify_code)
            return messages.strip_control_chars(bad.verify_message) if known is None else make_message(known)
        case ssl.SSLError():
            return make_message(
                TLS_FAILED, detail=messages.strip_control_chars(getattr(bad, "reason", None) or str(bad))
            )
        case TimeoutError():
            return make_message(LATE)
        case socket.gaierror():
            return make_message(UNKNOWN_HOST)
        case ConnectionResetError() | http.client.IncompleteRead():
            return make_message(BROKEN_OFF)
        case http.client.HTTPException():
            return make_message(NO_HTTP)
    known = SYSTEM.get(bad.errno or 0)
    return (
        make_message(known)
        if known is not None
        else messages.strip_control_chars(bad.strerror or str(bad) or type(bad).__name__)
    )


_PATTERNS = {
    message_id: re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", re.escape(message_id))) for message_id in SAID
}
