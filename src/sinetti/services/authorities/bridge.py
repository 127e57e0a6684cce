"""Bridge of a distrusted CA: OCSP answers about its certificates.

The responder of a services CA signs them. They say "good" only of a certificate that the register recorded before the
key was stolen, and name it by its hash (docs/operators/succession.md). None is stored, since each is fresh.
"""

import logging
from collections.abc import Callable, Mapping

from sinetti.ca.ocsp import (
    ErrorStatus,
    OcspRequest,
    OcspRequestError,
    attach_answer_signature,
    check_issuer,
    error_answer,
    parse_request,
    prepare_answer,
)
from sinetti.database.authorities import distrust
from sinetti.database.authorities.distrust import DistrustRow
from sinetti.database.connection import DATABASE_UNAVAILABLE
from sinetti.database.evidence import log_tree
from sinetti.domain.authorities.distrust import (
    ANSWER_LIFE,
    RecordedCertificate,
    bridge_status,
    names_to_root,
)
from sinetti.domain.certificates.ocsp_status import CertStatus, SingleResponse
from sinetti.pki.signers import SignerUnavailable
from sinetti.services.authorities.distrust_list import find_responder
from sinetti.services.context import ServiceContext
from sinetti.services.status.ocsp import OcspReply
from sinetti.wire.transparency.entries import parse_entry
from sinetti.wire.transparency.merkle import ProofError, check_inclusion, inclusion_proof, leaf_hash
from sinetti.wire.transparency.notes import Checkpoint, NoteError

_log = logging.getLogger(__name__)


def respond_for_bridge(
    octets: bytes, name: str, ctx: ServiceContext, on_the_spot: Callable[[], bool]
) -> OcspReply | None:
    """Answer a request (DER) at the bridge of a distrusted CA; None for any other CA.

    The request may be about a certificate of the CA itself or of one below it. `on_the_spot` counts the answer, and
    returns True if it may be signed. Raises database errors other than unavailability.
    """
    try:
        rows = {one.name: one for one in distrust.list_distrust(ctx.db)}
        if name not in rows or rows[name].period is None:
            return None
        asked = parse_request(octets)
        authority = _find_issuer(asked, name, rows, ctx)
        if not on_the_spot():
            return OcspReply(error_answer(ErrorStatus.TRY_LATER))
        return _answer(asked, authority, rows, ctx)
    except OcspRequestError as refused:
        return OcspReply(error_answer(refused.status))
    except (SignerUnavailable, *DATABASE_UNAVAILABLE) as away:
        _log.warning("a request to the bridge of %s must be repeated later: %s", name, away)
        return OcspReply(error_answer(ErrorStatus.TRY_LATER))


def _find_issuer(asked: OcspRequest, name: str, rows: Mapping[str, DistrustRow], ctx: ServiceContext) -> str:
    """Return the CA that a request names: the distrusted one, or one below it.

    Raises OcspRequestError.
    """
    parents = {row.name: row.issuer for row in rows.values()}
    for issuer_name, issuer in ctx.issuers.items():
        if name in names_to_root(issuer_name, parents):
            try:
                check_issuer(asked, issuer.certificate)
            except OcspRequestError:
                continue
            return issuer_name
    raise OcspRequestError(ErrorStatus.UNAUTHORIZED, "the request is about certificates of another issuer")


def _answer(asked: OcspRequest, authority: str, rows: Mapping[str, DistrustRow], ctx: ServiceContext) -> OcspReply:
    if not ctx.issuance_allowed():
        raise SignerUnavailable("no answer of a bridge is signed while the clock is not trusted")
    # Taken before the database is read: the answer has every revocation that existed at thisUpdate.
    now = ctx.now().replace(microsecond=0)
    period = distrust.find_period(rows, authority)
    assert period is not None  # noqa: S101 - the bridge's CA is in the chain
    found = distrust.find_recorded(ctx.db, authority, asked.serial)
    if found is not None and not all(_is_under(one, asked, found, ctx) for one in period.checkpoints):
        found = None
    status, der, digest = bridge_status(found, period, now), None, None
    if found is not None and found.sha256 is not None and status.cert_status is CertStatus.GOOD:
        der, digest = found.der, bytes.fromhex(found.sha256)
    _, responder = find_responder(rows.values(), ctx, (authority,))
    response = SingleResponse(status, now, min(now + ANSWER_LIFE, responder.ends), digest)
    data = prepare_answer(asked, ctx.issuers[authority].certificate, response, responder)
    return OcspReply(attach_answer_signature(data, ctx.sign_bridge(responder, data, der), responder), response)


def _is_under(text: str, asked: OcspRequest, found: RecordedCertificate, ctx: ServiceContext) -> bool:
    """Return True if the issue of a certificate is in the log under a checkpoint.

    Neither the register nor the tree is believed: the entry has the certificate's hash, and its path leads to the root
    of the checkpoint, which witnesses have seen.
    """
    leaf = log_tree.find_leaf(ctx.db, f"certificate:{asked.serial}", "certificate-issued")
    if leaf is None or leaf.row is None:
        return False
    try:
        checkpoint, octets = Checkpoint.parse(text), bytes(leaf.row.octets)
        path = inclusion_proof(leaf.index, checkpoint.size, log_tree.lookup(ctx.db, checkpoint.size))
        check_inclusion(leaf_hash(octets), leaf.index, checkpoint.size, path, checkpoint.root)
        return parse_entry(octets).facts.get("sha256") == found.sha256
    except (NoteError, ProofError, ValueError):
        return False
