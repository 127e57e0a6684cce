"""Floor of the benchmark: only the signatures and verifications of a renewal.

They run in as many processes as the server has. Two floors differ in the library that checks the CA's signature:
cryptography alone, or AWS-LC beside it.
"""

import multiprocessing
from base64 import b64decode
from collections.abc import Callable
from multiprocessing.connection import Connection

from cryptography import x509

from bench.scene import Holder
from sinetti.authority.bootstrap import Authority
from sinetti.ca.profiles import ca_key
from sinetti.domain.values import Channel
from sinetti.infra.clock import monotonic_seconds
from sinetti.pki import second_library
from sinetti.pki.encoding import PublicKey, load_certificate, verify

Check = Callable[[PublicKey, bytes, bytes], bool]


def floors(authority: Authority, holder: Holder, processes: int, seconds: float) -> dict[str, float]:
    """Return the renewals a second that cryptography alone allows.

    There is one rate for each library that checks.
    """
    found = {"cryptography": _floor(authority, holder, processes, seconds, verify)}
    if second_library.library() not in found:
        found[second_library.library()] = _floor(authority, holder, processes, seconds, second_library.verify)
    return found


def _floor(authority: Authority, holder: Holder, processes: int, seconds: float, check: Check) -> float:
    authority.ctx.db.close()
    context, parts = multiprocessing.get_context("fork"), []
    for _ in range(processes):
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(authority, holder, seconds, check, sender))
        process.start()
        parts.append((process, receiver))
    rate = sum(receiver.recv() for _, receiver in parts)
    for process, _ in parts:
        process.join()
    return float(rate)


def _work(authority: Authority, holder: Holder, seconds: float, check: Check, sender: Connection) -> None:
    ctx, seal = authority.ctx, authority.responses.seal()
    issuer = ctx.issuers[ctx.issuing[Channel.WS]]
    theirs = ca_key(load_certificate(holder.der))
    done, begun = 0, monotonic_seconds()
    while monotonic_seconds() - begun < seconds:
        # 2: the holder's signature. A wrong one of the right length takes as long.
        verify(theirs, holder.to_be_signed, b"\1" * 256)
        # 5: the request's own. It is loaded again, because a loaded request caches its check.
        if not x509.load_der_x509_csr(request_of(holder)).is_signature_valid:
            raise RuntimeError
        # 10: the certificate's, and its verification with the CA's key.
        if not check(
            ca_key(issuer.certificate), holder.to_be_signed, ctx.signer.sign(issuer.key_name, holder.to_be_signed)
        ):
            raise RuntimeError
        # 12: the response's.
        seal.sign(holder.to_be_signed)
        done += 1
    sender.send(done / (monotonic_seconds() - begun))


def request_of(holder: Holder) -> bytes:
    """Return the PKCS#10 request (DER) of a holder's message."""
    begin, end = b"<CertificateRequest>", b"</CertificateRequest>"
    start = holder.request.index(begin) + len(begin)
    return b64decode(holder.request[start : holder.request.index(end)])
