"""Program that verifies one document and prints its peak memory; and a long CRL."""

import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from sinetti.gateway.gateway import Gateway
from sinetti.pki import chain
from sinetti.pki.encoding import algorithm_identifier

MOST = 150
"""Limit of memory in MB."""

_STEP = 0x10001
_ENDS_SHORT = 0x80


def main() -> int:
    """Print the peak memory (kB) before and after the document is verified."""
    folder, now = Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2])
    gateway = Gateway(chain.load_bundle((folder / "anchors.pem").read_bytes()))
    before = _greatest()
    found = gateway.verify((folder / "document.xml").read_bytes(), now)
    print(before, _greatest())
    return 0 if found.verdict.accepted else 1


def _greatest() -> int:
    """Return VmHWM, the process's peak memory in kB.

    ru_maxrss of getrusage includes the process that started this one.
    """
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def long_list(issuer: x509.Certificate, sign: Callable[[bytes], bytes], now: datetime, entries: int) -> bytes:
    """Sign a CRL of so many entries.

    It is joined by hand, because a builder takes minutes for it.
    """
    key = issuer.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        why = "the bench's CA has an EC key"
        raise TypeError(why)
    when = _tlv(0x17, now.strftime("%y%m%d%H%M%SZ").encode())
    ends = _tlv(0x17, (now + timedelta(days=7)).strftime("%y%m%d%H%M%SZ").encode())
    algorithm = algorithm_identifier(key)
    rows = b"".join(
        b"\x30\x24\x02\x13" + (((1 << 150) | number * _STEP).to_bytes(19, "big")) + when for number in range(entries)
    )
    head = _tlv(2, b"\x01") + algorithm + issuer.subject.public_bytes() + when + ends
    tbs = _tlv(0x30, head + _tlv(0x30, rows))
    der = _tlv(0x30, tbs + algorithm + _tlv(3, b"\x00" + sign(tbs)))
    return x509.load_der_x509_crl(der).public_bytes(Encoding.DER)


def _tlv(tag: int, content: bytes) -> bytes:
    if len(content) < _ENDS_SHORT:
        return bytes([tag, len(content)]) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([tag, _ENDS_SHORT | len(length)]) + length + content


if __name__ == "__main__":
    sys.exit(main())
