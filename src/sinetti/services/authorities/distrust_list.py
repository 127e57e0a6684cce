"""List of distrusted CAs, signed at once by the OCSP responder of a services CA.

The declarations are rows of the register; the list follows them. A process that was killed in between publishes it with
the next call, which each round of upkeep makes (docs/operators/succession.md).
"""

import logging
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from cryptography import x509

from sinetti.ca.ocsp import Responder
from sinetti.database.authorities import distrust
from sinetti.database.authorities.distrust import DistrustRow
from sinetti.database.connection import Database
from sinetti.database.evidence import log_tree
from sinetti.domain.authorities.distrust import DistrustRefused, names_to_root
from sinetti.domain.authorities.lifecycle import CaState
from sinetti.domain.values import Sha256
from sinetti.pki.policy_oids import is_ocsp_responder, signs_responses
from sinetti.pki.signers import ActApproval, SignerUnavailable
from sinetti.pki.trust_lists.lists import (
    DistrustEntry,
    DistrustList,
    ListSignature,
    SignedList,
    TrustListKind,
    octets_to_sign,
    parse_distrust,
    parse_signed,
)
from sinetti.services.authorities.trust_lists import (
    TrustListConflict,
    newest_anchors,
    newest_list,
    next_number,
    store_list,
)
from sinetti.services.context import ServiceContext
from sinetti.wire.transparency.merkle import ProofError, check_consistency, consistency_proof
from sinetti.wire.transparency.notes import Checkpoint, NoteError, VerifierKey, open_checkpoint

SIGNED_ANEW_BEFORE = timedelta(days=30)
"""Time before the end of its signer's certificate at which a list is signed anew.

A reader takes a list only while the signer's certificate is valid.
"""

_TRIES = 5
_log = logging.getLogger(__name__)


def publish_distrust(ctx: ServiceContext, audit: tuple[str, str], approval: ActApproval | None = None) -> int:
    """Sign and store the list of all declared compromises, if it has changed.

    `audit` is actor and request. `approval` proves the declaration to a signer with its own rules. Return the number of
    the newest list, 0 without any declaration. Raises SignerUnavailable.
    """
    for _ in range(_TRIES):
        before, rows = newest_list(TrustListKind.DISTRUST, ctx.db), distrust.list_distrust(ctx.db)
        last = None if before is None else parse_distrust(parse_signed(before.octets).payload)
        wanted = declared_entries(rows, last)
        if not wanted or (before is not None and _is_current(before.octets, wanted, ctx)):
            return 0 if before is None else before.number
        new = DistrustList(ctx.environment, _first_root(rows), next_number(last, ctx), ctx.now(), wanted)
        try:
            octets = _signed(new, rows, ctx, approval)
            ctx.step("distrust-signed")
            store_list(new, octets, 0 if before is None else before.number, ctx, audit)
        except TrustListConflict:
            continue
        _log.warning(
            "the list of distrust %d names %s", new.number, ", ".join(distrust_entry.name for distrust_entry in wanted)
        )
        return new.number
    raise TrustListConflict("other commands change the list of distrust all the time: run the command again")


def read_checkpoint(octets: bytes, since: datetime, witnesses: Collection[VerifierKey], db: Database) -> str:
    """Return the text of a checkpoint that limits a bridge.

    One of the log's keys signed it, a witness cosigned it before `since`, and the present log continues it. Raises
    DistrustRefused.
    """
    try:
        checkpoint, note = open_checkpoint(octets, *log_tree.log_keys(db))
        instants = [note.cosigned_at(key) for key in note.signers(witnesses)]
        newest = log_tree.find_head(db)
        head = (0, b"") if newest is None else Checkpoint.parse(newest.text).head
        proof = consistency_proof(checkpoint.size, head[0], log_tree.lookup(db, head[0]))
        check_consistency(checkpoint.head, head, proof)
    except (NoteError, ProofError, ValueError) as bad:
        raise DistrustRefused(f"the file is no checkpoint of this log: {bad}") from None
    if not any(at is not None and at < since for at in instants):
        raise DistrustRefused(f"no witness cosigned the checkpoint before {since:%Y-%m-%dT%H:%M:%SZ}: take another one")
    return checkpoint.text


def declared_entries(rows: Collection[DistrustRow], last: DistrustList | None) -> tuple[DistrustEntry, ...]:
    """Return the entries of all declared CAs, and those of the last list, by name.

    A restored register may lack some of the last list. Those on it keep its instants.
    """
    distrust_entries = {} if last is None else {authority.sha256: authority for authority in last.authorities}
    for row in rows:
        if row.period is not None and row.sha256 not in distrust_entries:
            since, until = (each.replace(microsecond=0) for each in (row.period.since, row.period.bridge_until))
            distrust_entries[row.sha256] = DistrustEntry(row.sha256, row.name, since, until)
    return tuple(sorted(distrust_entries.values(), key=lambda one: one.name))


def find_responder(
    rows: Collection[DistrustRow], ctx: ServiceContext, excluded: Collection[str] = ()
) -> tuple[str, Responder]:
    """Return a services CA with its OCSP responder in force.

    It is neither distrusted nor one of `excluded`. Those below no distrusted CA come first, and of these one that
    issues. Readers know a services CA by its certificate, so one below a distrusted CA may count for them. Raises
    SignerUnavailable.
    """
    parents: Mapping[str, str | None] = {row.name: row.issuer for row in rows}
    refused = {row.name for row in rows if row.period is not None} | set(excluded)
    names = [
        name
        for name in ctx.responders
        if name in ctx.issuers
        and signs_responses(ctx.issuers[name].certificate, ctx.environment)
        and name not in refused
    ]

    def rank(name: str) -> tuple[bool, bool]:
        is_below = bool(refused & set(names_to_root(name, parents)))
        return is_below, ctx.states.get(name, CaState.ISSUING) is not CaState.ISSUING

    found: SignerUnavailable | None = None
    for name in sorted(names, key=rank):
        try:
            return name, ctx.responders[name]()
        except SignerUnavailable as away:
            found = away
    sentence = "no services CA that is trusted has an OCSP responder: make a successor (sinetti authority ca begin)"
    raise found or SignerUnavailable(sentence)


def _is_current(octets: bytes, wanted: tuple[DistrustEntry, ...], ctx: ServiceContext) -> bool:
    """Return True if a list has these CAs, and its signer is valid for long enough."""
    signed = parse_signed(octets)
    responders = [signature.certificate for signature in signed.signatures if is_ocsp_responder(signature.certificate)]
    lasting = ctx.now() + SIGNED_ANEW_BEFORE
    is_lasting = len(responders) < len(signed.signatures) or any(
        responder.not_valid_after_utc > lasting for responder in responders
    )
    return is_lasting and parse_distrust(signed.payload).authorities == wanted


def _first_root(rows: Collection[DistrustRow]) -> Sha256:
    """Return the name of this authority in its lists."""
    return min((row for row in rows if row.issuer is None), key=lambda distrust: distrust.generation).sha256


def _signed(
    new: DistrustList, rows: Collection[DistrustRow], ctx: ServiceContext, approval: ActApproval | None
) -> bytes:
    """Return the file of a list.

    Readers of an earlier root follow the link to the present one.
    """
    name, responder = find_responder(rows, ctx)
    signature = ctx.sign_distrust(responder, octets_to_sign(new.kind, new.payload), approval)
    parents: Mapping[str, str | None] = {row.name: row.issuer for row in rows}
    *way, root = (ctx.issuers[issuer_name].certificate for issuer_name in names_to_root(name, parents))
    chains: list[tuple[x509.Certificate, ...]] = [tuple(way)]
    anchors = newest_anchors(ctx.db)
    links = () if anchors is None else anchors.links
    named = (root.subject, root.public_key())
    chains += [(*way, link) for link in links if (link.subject, link.public_key()) == named]
    signatures = tuple(ListSignature(responder.certificate, chain, signature) for chain in chains)
    return SignedList(new.payload, signatures).octets
