"""The watchdog and OCSP as it is really served: what is asked, and whether the answer is as it has to be."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from sinetti.database.operations import monitoring
from sinetti.domain.operations.monitoring import FindingKind, MonitoringFinding, is_past_half_life
from sinetti.domain.values import Serial
from sinetti.pki.chain import extension_value, issuers_of
from sinetti.pki.encoding import PublicKey, load_certificate
from sinetti.pki.signatures import verify
from sinetti.services.context import ServiceContext


@dataclass(frozen=True, slots=True)
class OcspProbe:
    """One request (DER) about one certificate, at `path`, and what has to be answered."""

    authority: str
    serial: Serial
    revoked: bool
    der: bytes = field(repr=False)

    @property
    def path(self) -> str:
        """Where it is asked."""
        return f"/ocsp/{self.authority}"


def questions(ctx: ServiceContext) -> tuple[OcspProbe, ...]:
    """What to ask: of each CA that issues, about its newest certificate in force and the newest that is revoked."""
    return tuple(_questions(ctx))


def check_response(question: OcspProbe, der: bytes, ctx: ServiceContext) -> MonitoringFinding | None:
    """Judge the answer to a question; None where all is well."""
    about = f"{question.path} about {question.serial}"
    try:
        one = _answer(question, der, load_certificate(ctx.certificates[question.authority]))
        ends = one.next_update_utc or one.this_update_utc
    except ValueError as wrong:
        sentence = f"{about}: {wrong}: see in the log of sinetti authority serve why"
        return MonitoringFinding(FindingKind.ANSWER_WRONG, question.authority, sentence)
    told = one.certificate_status
    if told is not (ocsp.OCSPCertStatus.REVOKED if question.revoked else ocsp.OCSPCertStatus.GOOD):
        should = "revoked" if question.revoked else "good"
        sentence = f"{about}: it is {should}, and the answer says {told.name.lower()}: stop the service and look why"
        return MonitoringFinding(FindingKind.ANSWER_WRONG, question.authority, sentence)
    if is_past_half_life(one.this_update_utc, ends, ctx.now()):
        sentence = (
            f"{about}: the answer is from {one.this_update_utc:%Y-%m-%dT%H:%M:%SZ} and half its life is over: see in "
            "the log of sinetti authority serve why none is signed"
        )
        return MonitoringFinding(FindingKind.ANSWER_OLD, question.authority, sentence)
    return None


def _questions(ctx: ServiceContext) -> Iterator[OcspProbe]:
    now = ctx.now()
    for name in sorted({*ctx.issuing.values()} & {*ctx.responders}):
        issuer = load_certificate(ctx.certificates[name])
        for is_revoked in (False, True):
            serial = monitoring.newest_of(ctx.db, name, now, is_revoked=is_revoked)
            if serial is not None:
                yield OcspProbe(name, serial, is_revoked, _request(serial, issuer))


def _request(serial: Serial, issuer: x509.Certificate) -> bytes:
    """Write a request with a CertID of SHA-1, as most programs do (RFC 5019, 2.1.1)."""
    digest = hashes.SHA1()  # noqa: S303 - it names the issuer, it protects nothing
    names = hashes.Hash(digest)
    names.update(issuer.subject.public_bytes())
    key = x509.SubjectKeyIdentifier.from_public_key(issuer.public_key()).digest
    builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(names.finalize(), key, int(serial, 16), digest)
    return builder.build().public_bytes(Encoding.DER)


def _answer(question: OcspProbe, der: bytes, issuer: x509.Certificate) -> ocsp.OCSPResponse:
    """Read an answer about this certificate, signed by a responder of its CA (RFC 6960, 4.2.2.2). Raises ValueError."""
    response = ocsp.load_der_ocsp_response(der)
    if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        why = f"no answer, but {response.response_status.name.lower()}"
        raise ValueError(why)
    if response.serial_number != int(question.serial, 16):
        why = "the answer is about another certificate"
        raise ValueError(why)
    responders = [one for one in response.certificates if _answers_for(one, issuer)]
    keys = [one.public_key() for one in responders]
    signed = (response.tbs_response_bytes, response.signature)
    if not any(isinstance(key, PublicKey) and verify(key, *signed) for key in keys):
        why = "the answer is not signed by a responder of this CA"
        raise ValueError(why)
    return response


def _answers_for(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    usage = extension_value(certificate, x509.ExtendedKeyUsage)
    return bool(issuers_of(certificate, [issuer])) and ExtendedKeyUsageOID.OCSP_SIGNING in (usage or ())
