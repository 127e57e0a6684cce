"""Why something failed, in the reader's language: a closed list of reasons. What is not in it is given as it came."""

import errno
import http.client
import os
import re
import socket
import ssl

from sinetti.client.messages import messages
from sinetti.client.messages.messages import Value, say
from sinetti.i18n.translate import mark

DISK_FULL, LATE, ELSEWHERE = (
    mark("the disk is full"),
    mark("no answer came in time"),
    mark("there is no way to it in the network"),
)
NO_FOLDER = mark("its folder does not exist")
NO_RIGHT, BROKEN_OFF = mark("the rights do not allow it"), mark("the connection broke off")

SYSTEM = {
    errno.ENOENT: mark("it does not exist"),
    errno.EACCES: NO_RIGHT,
    errno.EPERM: NO_RIGHT,
    errno.EISDIR: mark("it is a folder"),
    errno.ENXIO: mark("it is a pipe or a device, not a file"),
    errno.ENOTDIR: mark("a part of its path is no folder"),
    errno.EEXIST: mark("something of that name is there already"),
    errno.ENOSPC: DISK_FULL,
    errno.EDQUOT: DISK_FULL,
    errno.EROFS: mark("the disk is read-only"),
    errno.ECONNREFUSED: mark("nothing listens there"),
    errno.ETIMEDOUT: LATE,
    errno.ECONNRESET: BROKEN_OFF,
    errno.EPIPE: BROKEN_OFF,
    errno.EHOSTUNREACH: ELSEWHERE,
    errno.ENETUNREACH: ELSEWHERE,
}
"""Errors of the operating system by their number."""

UNKNOWN_HOST = mark("its name is not known")
NO_HTTP = mark("what answered speaks no HTTP")
TLS_FAILED = mark("no TLS connection came about ({detail})")

NO_CA, OTHER_NAME = mark("none of the CAs that count issued it"), mark("it is for another name")
TLS = {
    9: mark("it is not valid yet"),
    10: mark("it has expired"),
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
    mark("there is no signature"),
    mark("the signature is not the only one and the last child of the root"),
    mark("the signature covers something else than the document"),
    mark("the signed element cannot be taken out of its envelope"),
    mark("its parts are not the known ones"),
    mark("signature method not taken"),
    mark("digest method not taken"),
    mark("canonicalisation method not taken"),
    mark("transforms not taken"),
    mark("what should be base64 is not"),
    mark("not exactly one X509Certificate"),
    mark("no X509Data around the certificate"),
    mark("the certificate is too long"),
    mark("the certificate cannot be read"),
    mark("the presented certificate or its key is not accepted"),
    mark("the signature does not fit"),
    mark("the digest does not fit"),
    # XML, SOAP and receipts, told by wire.
    mark("it is no receipt"),
    mark("not well-formed in line {line}"),
    mark("not well-formed, or too deep or too long in one place"),
    mark("more namespace declarations in scope than any program needs"),
    mark("a namespace name longer than any program has"),
    mark("a relative namespace name has no canonical form"),
    mark("a namespace name holds a character that canonical forms differ in"),
    mark("not XML 1.0"),
    mark("an encoding other than UTF-8 is declared"),
    mark("a DOCTYPE is never taken"),
    mark("not a SOAP 1.1 envelope"),
    mark("the Body is empty"),
    mark("deeper, or with more elements or attributes, than any message has"),
    mark("it is no answer to what was asked"),
    mark("{element} is missing, misplaced or not of the right form"),
    mark("the document holds a signature already"),
    mark("the document is a message of the certificate service, which nobody seals as a document"),
    # Keys and certificates, told by pki.
    mark("the key is encrypted and no passphrase was given, or the other way round"),
    mark("this is no PEM private key, or the passphrase is wrong"),
    mark("the key is neither RSA nor EC"),
    mark("this is no X.509 certificate, neither DER nor PEM"),
    mark("its serial number is negative"),
    mark("the name in it cannot be read"),
    mark("this is no certificate revocation list, neither DER nor PEM"),
    mark("none of the anchors is a CA's certificate that may issue"),
    mark("this is no PEM bundle of certificates: it holds none, or one of them cannot be read"),
    mark("its key describes an elliptic curve instead of naming it (RFC 5480, 2.1.1)"),
    # Addresses and settings.
    mark("its host or its port cannot be read"),
    mark("an address starts with https:// and names a host"),
    mark("an address holds no user name, no password and no fragment"),
    mark("an address holds neither blanks nor letters outside ASCII"),
    mark("http:// is only for this machine itself (127.0.0.1); use https://"),
    mark("a text is needed here"),
    mark("a list of texts is needed here"),
    mark("a mode such as 0600 or 0640 is needed here"),
    mark("PKCS#12 needs a file with its password"),
    mark("the key is in a token and does not leave it"),
    mark("a token needs token_module, token_label and token_pin_file"),
    # Tokens, told by pki/signers.
    mark("this is no URI of a key in a token"),
    mark("the token {label} cannot be used: {why}"),
    mark("the token {label} holds another key of the ID {key_id}"),
    mark("the file of the PIN of the token {label} cannot be read: {why}"),
    mark("the file of the PIN of the token {label} holds no PIN"),
    mark("the file of the PIN of the token {label} can be read by others: chmod 600 {path}"),
    mark("the module of the token {label} is not loaded: others can write {path}"),
    mark("the token does not take the PIN"),
    mark("the PIN is locked after too many wrong ones; whoever looks after the token sets another"),
    mark("the PIN has to be changed before the token is used"),
    mark("the token has no PIN for its user yet"),
    mark("there is no token of that label"),
    mark("the token was taken out"),
    mark("there are several tokens of that label"),
    mark("it holds several keys of one ID"),
    mark("it does not hold the key"),
    mark("there is no room for another key"),
    mark("it takes no new keys"),
    mark("it cannot make or use keys of this type"),
    mark("its module cannot be loaded"),
    mark("one wrong PIN more would lock it; log in by hand once, then again"),
    mark("one of {choices} is needed here"),
    # The store.
    mark("it points at no certificate"),
    mark("key and certificate do not belong together"),
    mark("these are no notes"),
    mark("it is no journal"),
    mark("it is not the key that the journal names"),
    mark("it differs from what belongs there"),
)
"""What our own parsers say, word for word; a placeholder stands for what differs from time to time."""

SETTING = mark("{setting}: {why}")

_BY_WORDS = {os.strerror(number): message_id for number, message_id in SYSTEM.items()}
"""Errors of the system in its own words, as rooms tell them that have no messages."""


def of(why: BaseException | str) -> Value:
    """Give a reason as a message of the catalogues, or as it came: made fit for a terminal, in English."""
    if isinstance(why, OSError | http.client.HTTPException):
        return _of_system(why)
    said = messages.plain(str(why))
    for message_id in SAID:
        found = _PATTERNS[message_id].fullmatch(said)
        if found:
            return say(
                message_id, **{name: of(part) if name == "why" else part for name, part in found.groupdict().items()}
            )
    if said in _BY_WORDS:
        return say(_BY_WORDS[said])
    setting, colon, rest = said.partition(": ")
    return say(SETTING, setting=setting, why=of(rest)) if colon and setting.isidentifier() else said


def _of_system(bad: OSError | http.client.HTTPException) -> Value:
    match bad:
        case ssl.SSLCertVerificationError():
            known = TLS.get(bad.verify_code)
            return messages.plain(bad.verify_message) if known is None else say(known)
        case ssl.SSLError():
            return say(TLS_FAILED, detail=messages.plain(getattr(bad, "reason", None) or str(bad)))
        case TimeoutError():
            return say(LATE)
        case socket.gaierror():
            return say(UNKNOWN_HOST)
        case ConnectionResetError() | http.client.IncompleteRead():
            return say(BROKEN_OFF)
        case http.client.HTTPException():
            return say(NO_HTTP)
    known = SYSTEM.get(bad.errno or 0)
    return say(known) if known is not None else messages.plain(bad.strerror or str(bad) or type(bad).__name__)


def _pattern(message_id: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", re.escape(message_id)))


_PATTERNS = {message_id: _pattern(message_id) for message_id in SAID}
