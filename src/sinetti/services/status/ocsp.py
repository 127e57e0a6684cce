"""OCSP: answers from the database, or signed on request (docs/relying/ocsp.md).

Answers are stored from the issuance on. The refresher signs answers that are half their life old anew, and adds
missing ones.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sinetti.ca.ocsp import (
    ErrorStatus,
    OcspRequest,
    OcspRequestError,
    Responder,
    attach_answer_signature,
    canonical_request,
    check_issuer,
    error_answer,
    parse_request,
    prepare_answer,
    sign_answer,
)
from sinetti.database.certificates.bulk_revocation import BulkRevocationCandidate
from sinetti.database.connection import DATABASE_UNAVAILABLE
from sinetti.database.issuance import ocsp_responses
from sinetti.database.issuance.ocsp_responses import OcspResponsePair, StoredResponse, Subject
from sinetti.domain.certificates.models import Certificate
from sinetti.domain.certificates.ocsp_status import (
    ANSWER_LIFE,
    GOOD,
    KEPT_UNTIL,
    CertIdHash,
    CertStatus,
    SingleResponse,
    is_acceptable,
    is_fresh,
)
from sinetti.pki.encoding import PrivateKey
from sinetti.pki.signers import SignerUnavailable
from sinetti.services.context import ServiceContext

INTERNAL_ERROR = error_answer(ErrorStatus.INTERNAL_ERROR)
"""The answer if the service itself failed."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class OcspReply:
    """An OCSP response (DER).

    `response` is None for an error. `kept` says that all requests without a nonce get the same response.
    """

    der: bytes = field(repr=False)
    response: SingleResponse | None = None
    kept: bool = False


def respond(octets: bytes, authority: str, ctx: ServiceContext, on_the_spot: Callable[[], bool]) -> OcspReply | None:
    """Answer a request (DER) at the address of a CA, or None for an unknown CA.

    `on_the_spot` counts an answer that cannot be stored, and returns True if it may be signed. These are answers with
    a nonce, about an unknown serial, or about an expired certificate. Raises database errors other than
    unavailability.
    """
    if authority not in ctx.responders:
        return None
    try:
        asked = parse_request(octets)
        check_issuer(asked, ctx.issuers[authority].certificate)
        return ctx.last_signed.read_or(
            lambda: _answered(asked, authority, ctx, on_the_spot), lambda: _last_answer(asked, authority, ctx)
        )
    except OcspRequestError as refused:
        return OcspReply(error_answer(refused.status))
    except (SignerUnavailable, *DATABASE_UNAVAILABLE) as away:
        _log.warning("an OCSP request must be repeated later: %s", away)
        return OcspReply(error_answer(ErrorStatus.TRY_LATER))


def recall(octets: bytes, authority: str, ctx: ServiceContext) -> OcspReply | None:
    """Return the answer to a request (DER) from memory, or None.

    It is what `respond` would read, or older than a revocation by NUMBER_COUNTS_FOR at most. The function waits for
    nothing. After None, call `respond`.
    """
    if authority not in ctx.responders:
        return None
    try:
        asked = parse_request(octets)
        check_issuer(asked, ctx.issuers[authority].certificate)
    except OcspRequestError:
        return None
    found = ctx.last_signed.find_current(authority, asked.serial, asked.hash) if asked.nonce is None else None
    if found is None or not is_fresh(found[0], found[0].status, ctx.now()):
        return None
    return OcspReply(found[1], found[0], kept=True)


@dataclass(frozen=True)
class PreparedAnswers:
    """Good answers for a certificate that is signed together with them."""

    subject: Subject
    response: SingleResponse
    responder: Responder
    data: Mapping[CertIdHash, bytes] = field(repr=False)

    @property
    def requests(self) -> list[tuple[PrivateKey, bytes]]:
        """Key and octets of each signature."""
        return [(self.responder.key, octets) for octets in self.data.values()]

    def finish(self, signatures: Sequence[bytes]) -> OcspResponsePair:
        """Return the answers with their signatures."""
        pairs = zip(self.data.items(), signatures, strict=True)
        ders = {one: attach_answer_signature(data, signature, self.responder) for (one, data), signature in pairs}
        return OcspResponsePair(self.subject.authority, self.subject.serial, self.response, ders)


def prepare_good(certificate: Certificate, ctx: ServiceContext) -> PreparedAnswers | None:
    """Return the good answers that are signed with a certificate, or None.

    None means that they cannot be signed; the first request then has them signed. The certificate is issued either
    way.
    """
    if certificate.authority not in ctx.responders:
        return None
    subject = Subject(certificate.authority, certificate.serial, GOOD, certificate.span.not_after)
    try:
        response, responder = _dated(StoredResponse(subject, None), ctx, ctx.now()), ctx.responders[subject.authority]()
    except (SignerUnavailable, *DATABASE_UNAVAILABLE) as away:
        _log.warning("%s is issued without OCSP responses: %s", certificate.serial, away)
        return None
    issuer = ctx.issuers[subject.authority].certificate
    asked = {cert_id_hash: canonical_request(subject.serial, cert_id_hash, issuer) for cert_id_hash in CertIdHash}
    data = {cert_id_hash: prepare_answer(each, issuer, response, responder) for cert_id_hash, each in asked.items()}
    return PreparedAnswers(subject, response, responder, data)


def presign_revoked(certificates: Iterable[Certificate | BulkRevocationCandidate], ctx: ServiceContext) -> None:
    """Replace stored answers by answers about a revocation.

    On failure the next request has them signed. No older answer leaves the service, since each read checks the
    certificate itself.
    """
    now = ctx.now()
    try:
        found = [
            ocsp_responses.find(ctx.db, certificate.authority, certificate.serial, CertIdHash.SHA1)
            for certificate in certificates
            if certificate.authority in ctx.responders
        ]
        resign([one for one in found if is_due(one, now)], ctx, now)
    except (SignerUnavailable, *DATABASE_UNAVAILABLE) as away:
        _log.warning("no OCSP response reports the revocation yet; the next request triggers a new one: %s", away)


def resign(responses: Iterable[StoredResponse], ctx: ServiceContext, now: datetime) -> None:
    """Sign and store answers about certificates in the state that was read.

    The state was read after `now`. Raises SignerUnavailable.
    """
    ocsp_responses.store(ctx.db, [_signed(response, ctx, now) for response in responses])


def is_cached(subject: Subject, now: datetime) -> bool:
    """Return True if answers about this certificate are stored.

    They are for our own certificates until these expire.
    """
    known = subject.status.cert_status is not CertStatus.UNKNOWN
    return known and subject.not_after is not None and now <= subject.not_after


def is_due(response: StoredResponse, now: datetime) -> bool:
    """Return True if an answer must be stored without a request.

    There is none, or it reports another status.
    """
    return is_cached(response.subject, now) and (
        response.response is None or response.response.status != response.subject.status
    )


def _answered(asked: OcspRequest, authority: str, ctx: ServiceContext, on_the_spot: Callable[[], bool]) -> OcspReply:
    # Taken before the database is read: the answer has every revocation that existed at thisUpdate.
    # So is the number: a revocation after it makes the answer in memory void.
    now, number = ctx.now(), ctx.last_signed.status_number
    response = ocsp_responses.find(ctx.db, authority, asked.serial, asked.hash)
    ctx.last_signed.remember(response, asked.hash, number)
    status, stored = response.subject.status, _stored(response) if asked.nonce is None else None
    if stored is not None and is_fresh(stored[0], status, now):
        return OcspReply(stored[1], stored[0], kept=True)
    # By a wrong clock no answer is old, and none gets new dates.
    if stored is not None and stored[0].status == status and not ctx.issuance_allowed():
        return OcspReply(stored[1], stored[0], kept=True)
    try:
        if asked.nonce is None and is_cached(response.subject, now):
            new = _anew(asked, response, ctx, now)
            ctx.last_signed.remember(replace(response, response=new.response, der=new.der), asked.hash, number)
            return new
        if not on_the_spot():
            return OcspReply(error_answer(ErrorStatus.TRY_LATER))
        unsigned_response = _dated(response, ctx, now)
        return OcspReply(_one(asked, unsigned_response, authority, ctx), unsigned_response)
    except SignerUnavailable:
        if stored is None or not is_acceptable(stored[0], status, now):
            raise
        _log.warning("the stored OCSP response is returned, because no new one can be signed", exc_info=True)
        return OcspReply(stored[1], stored[0], kept=True)


def _last_answer(asked: OcspRequest, authority: str, ctx: ServiceContext) -> OcspReply:
    """Return the last response from memory, or "try later"."""
    last = None
    if asked.nonce is None:
        last = ctx.last_signed.find_answer(authority, asked.serial, asked.hash, ctx.now())
    return OcspReply(error_answer(ErrorStatus.TRY_LATER)) if last is None else OcspReply(last[1], last[0], kept=True)


def _stored(response: StoredResponse) -> tuple[SingleResponse, bytes] | None:
    return None if response.response is None or response.der is None else (response.response, response.der)


def _anew(asked: OcspRequest, response: StoredResponse, ctx: ServiceContext, now: datetime) -> OcspReply:
    new = _signed(response, ctx, now)
    try:
        ocsp_responses.store(ctx.db, [new])
    except DATABASE_UNAVAILABLE:
        # Its status was read just now, so it is returned; the next request has it signed again.
        _log.warning("an OCSP response was signed but could not be stored", exc_info=True)
    return OcspReply(new.ders[asked.hash], new.response, kept=True)


def _dated(response: StoredResponse, ctx: ServiceContext, now: datetime) -> SingleResponse:
    """Return the SingleResponse with its dates, from now on.

    While the clock is not trusted it has the dates of the last one. A trusted clock gave those, and a revocation does
    not wait for the clock (as in services/status/crl.py).
    """
    status, last = response.subject.status, response.response
    if ctx.issuance_allowed():
        # Answers expire with the responder's certificate (RFC 6960, 4.2.2.2).
        return SingleResponse(status, now, min(now + ANSWER_LIFE, ctx.responders[response.subject.authority]().ends))
    if last is None:
        raise SignerUnavailable("no OCSP response is signed while the clock is not trusted")
    return SingleResponse(status, last.this_update, last.next_update)


def _signed(response: StoredResponse, ctx: ServiceContext, now: datetime) -> OcspResponsePair:
    subject, unsigned_response = response.subject, _dated(response, ctx, now)
    issuer = ctx.issuers[subject.authority].certificate
    asked = {cert_id_hash: canonical_request(subject.serial, cert_id_hash, issuer) for cert_id_hash in CertIdHash}
    ders = {cert_id_hash: _one(each, unsigned_response, subject.authority, ctx) for cert_id_hash, each in asked.items()}
    return OcspResponsePair(subject.authority, subject.serial, unsigned_response, ders)


def _one(asked: OcspRequest, unsigned_response: SingleResponse, authority: str, ctx: ServiceContext) -> bytes:
    return sign_answer(asked, ctx.issuers[authority].certificate, unsigned_response, ctx.responders[authority]())


BATCH = 100
"""Certificates whose answers are signed and stored together.

It takes a hundredth of a second and one short transaction.
"""

BATCHES_OF_A_LOOK = 20
"""Batches of each CA per round.

With one round every half minute, it is enough for two million certificates.
"""

WALKED = 1000
"""Certificates per round that are checked for missing answers."""


class OcspRefresher:
    """Position of one process in the certificates; it starts again at the end."""

    def __init__(self) -> None:
        self._after = 0

    def look(self, ctx: ServiceContext) -> int:
        """Sign due answers, in parts; return the number of certificates with new answers.

        Does nothing while the clock is not trusted. Raises the exceptions in DATABASE_UNAVAILABLE.
        """
        if not ctx.issuance_allowed():
            return 0
        done = 0
        for authority in ctx.responders:
            try:
                done += _renew(authority, ctx)
            except SignerUnavailable as away:
                _log.warning("OCSP responses about certificates of %s cannot be signed: %s", authority, away)
        return done + self._fill(ctx)

    def _fill(self, ctx: ServiceContext) -> int:
        now = ctx.now()
        walked = ocsp_responses.scan(ctx.db, self._after, WALKED)
        self._after = walked.until or 0
        due = [
            response
            for response in walked.found
            if response.subject.authority in ctx.responders and is_due(response, now)
        ]
        try:
            for start in range(0, len(due), BATCH):
                resign(due[start : start + BATCH], ctx, now)
        except SignerUnavailable as away:
            _log.warning("missing OCSP responses cannot be signed: %s", away)
            return 0
        return len(due)


def _renew(authority: str, ctx: ServiceContext) -> int:
    done = 0
    for _ in range(BATCHES_OF_A_LOOK):
        now = ctx.now()
        oldest = ocsp_responses.oldest(ctx.db, authority, now - KEPT_UNTIL, BATCH)
        going_on = [StoredResponse(subject, None) for subject in oldest if is_cached(subject, now)]
        resign(going_on, ctx, now)
        ocsp_responses.delete(ctx.db, [subject for subject in oldest if not is_cached(subject, now)])
        done += len(going_on)
        if len(oldest) < BATCH:
            break
    return done
