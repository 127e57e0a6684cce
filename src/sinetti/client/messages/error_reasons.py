"""Reasons of failures in the reader's language, as a closed list.

An unknown reason is shown as received.
"""

import errno
import http.client
import os
import re
import socket
import ssl

from sinetti.client.messages import messages
from sinetti.client.messages.messages import Value, make_message
from sinetti.i18n.translate import gettext_noop

DISK_FULL, LATE, ELSEWHERE = (
    gettext_noop("the disk is full"),
    gettext_noop("no answer came in time"),
    gettext_noop("there is no way to it in the network"),
)
NO_FOLDER = gettext_noop("its folder does not exist")
NO_RIGHT, BROKEN_OFF = gettext_noop("the rights do not allow it"), gettext_noop("the connection broke off")

SYSTEM = {
    errno.ENOENT: gettext_noop("it does not exist"),
    errno.EACCES: NO_RIGHT,
    errno.EPERM: NO_RIGHT,
    errno.EISDIR: gettext_noop("it is a folder"),
    errno.ENXIO: gettext_noop("it is a pipe or a device, not a file"),
    errno.ENOTDIR: gettext_noop("a part of its path is no folder"),
    errno.EEXIST: gettext_noop("something of that name is there already"),
    errno.ENOSPC: DISK_FULL,
    errno.EDQUOT: DISK_FULL,
    errno.EROFS: gettext_noop("the disk is read-only"),
    errno.ECONNREFUSED: gettext_noop("nothing listens there"),
    errno.ETIMEDOUT: LATE,
    errno.ECONNRESET: BROKEN_OFF,
    errno.EPIPE: BROKEN_OFF,
    errno.EHOSTUNREACH: ELSEWHERE,
    errno.ENETUNREACH: ELSEWHERE,
}
"""Errors of the operating system by their number."""

UNKNOWN_HOST = gettext_noop("its name is not known")
NO_HTTP = gettext_noop("what answered speaks no HTTP")
TLS_FAILED = gettext_noop("no TLS connection came about ({detail})")

NO_CA, OTHER_NAME = gettext_noop("none of the CAs that count issued it"), gettext_noop("it is for another name")
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
    gettext_noop("the signature is not the only one and the last child of the root"),
    gettext_noop("the signature covers something else than the document"),
    gettext_noop("the signed element cannot be taken out of its envelope"),
    gettext_noop("its parts are not the known ones"),
    gettext_noop("signature method not taken"),
    gettext_noop("digest method not taken"),
    gettext_noop("canonicalisation method not taken"),
    gettext_noop("transforms not taken"),
    gettext_noop("what should be base64 is not"),
    gettext_noop("not exactly one X509Certificate"),
    gettext_noop("no X509Data around the certificate"),
    gettext_noop("the certificate is too long"),
    gettext_noop("the certificate cannot be read"),
    gettext_noop("the presented certificate or its key is not accepted"),
    gettext_noop("the signature does not fit"),
    gettext_noop("the digest does not fit"),
    # XML, SOAP and receipts, reported by wire.
    gettext_noop("it is no receipt"),
    gettext_noop("not well-formed in line {line}"),
    gettext_noop("not well-formed, or too deep or too long in one place"),
    gettext_noop("more namespace declarations in scope than any program needs"),
    gettext_noop("a namespace name longer than any program has"),
    gettext_noop("a relative namespace name has no canonical form"),
    gettext_noop("a namespace name holds a character that canonical forms differ in"),
    gettext_noop("not XML 1.0"),
    gettext_noop("an encoding other than UTF-8 is declared"),
    gettext_noop("a DOCTYPE is never taken"),
    gettext_noop("not a SOAP 1.1 envelope"),
    gettext_noop("the Body is empty"),
    gettext_noop("deeper, or with more elements or attributes, than any message has"),
    gettext_noop("it is no answer to what was asked"),
    gettext_noop("{element} is missing, misplaced or not of the right form"),
    gettext_noop("the document holds a signature already"),
    gettext_noop("the document is a message of the certificate service, which nobody seals as a document"),
    # Keys and certificates, reported by pki.
    gettext_noop("the key is encrypted and no passphrase was given, or the other way round"),
    gettext_noop("this is no PEM private key, or the passphrase is wrong"),
    gettext_noop("the key is neither RSA nor EC"),
    gettext_noop("this is no X.509 certificate, neither DER nor PEM"),
    gettext_noop("its serial number is negative"),
    gettext_noop("the name in it cannot be read"),
    gettext_noop("this is no certificate revocation list, neither DER nor PEM"),
    gettext_noop("none of the anchors is a CA's certificate that may issue"),
    gettext_noop("this is no PEM bundle of certificates: it holds none, or one of them cannot be read"),
    gettext_noop("its key describes an elliptic curve instead of naming it (RFC 5480, 2.1.1)"),
    # Addresses and settings.
    gettext_noop("its host or its port cannot be read"),
    gettext_noop("an address starts with https:// and names a host"),
    gettext_noop("an address holds no user name, no password and no fragment"),
    gettext_noop("an address holds neither blanks nor letters outside ASCII"),
    gettext_noop("http:// is only for this machine itself (127.0.0.1); use https://"),
    gettext_noop("a text is needed here"),
    gettext_noop("a list of texts is needed here"),
    gettext_noop("a mode such as 0600 or 0640 is needed here"),
    gettext_noop("PKCS#12 needs a file with its password"),
    gettext_noop("the key is in a token and does not leave it"),
    gettext_noop("a token needs token_module, token_label and token_pin_file"),
    # Tokens, reported by pki/signers.
    gettext_noop("this is no URI of a key in a token"),
    gettext_noop("the token {label} cannot be used: {why}"),
    gettext_noop("the token {label} holds another key of the ID {key_id}"),
    gettext_noop("the file of the PIN of the token {label} cannot be read: {why}"),
    gettext_noop("the file of the PIN of the token {label} holds no PIN"),
    gettext_noop("the file of the PIN of the token {label} can be read by others: chmod 600 {path}"),
    gettext_noop("the module of the token {label} is not loaded: others can write {path}"),
    gettext_noop("the token does not take the PIN"),
    gettext_noop("the PIN is locked after too many wrong ones; whoever looks after the token sets another"),
    gettext_noop("the PIN has to be changed before the token is used"),
    gettext_noop("the token has no PIN for its user yet"),
    gettext_noop("there is no token of that label"),
    gettext_noop("the token was taken out"),
    gettext_noop("there are several tokens of that label"),
    gettext_noop("it holds several keys of one ID"),
    gettext_noop("it does not hold the key"),
    gettext_noop("there is no room for another key"),
    gettext_noop("it takes no new keys"),
    gettext_noop("it cannot make or use keys of this type"),
    gettext_noop("its module cannot be loaded"),
    gettext_noop("one wrong PIN more would lock it; log in by hand once, then again"),
    gettext_noop("one of {choices} is needed here"),
    # The store.
    gettext_noop("it points at no certificate"),
    gettext_noop("key and certificate do not belong together"),
    gettext_noop("these are no notes"),
    gettext_noop("it is no journal"),
    gettext_noop("it is not the key that the journal names"),
    gettext_noop("it differs from what belongs there"),
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
        found = _PATTERNS[message_id].fullmatch(text)
        if found:
            return make_message(
                message_id,
                **{name: translate_reason(part) if name == "why" else part for name, part in found.groupdict().items()},
            )
    if text in _BY_WORDS:
        return make_message(_BY_WORDS[text])
    setting, colon, rest = text.partition(": ")
    return (
        make_message(SETTING, setting=setting, why=translate_reason(rest)) if colon and setting.isidentifier() else text
    )


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


def _pattern(message_id: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", re.escape(message_id)))


_PATTERNS = {message_id: _pattern(message_id) for message_id in SAID}
