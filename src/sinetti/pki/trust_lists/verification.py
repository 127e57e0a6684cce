"""Decision whether a trust list counts for a reader.

A list of anchors counts if a root signed it that the reader trusts. Another root counts through cross-certificates
alone (newWithOld, RFC 9810, 4.4). The OCSP responder of the services CA may sign a list of distrust too: such a list
makes fewer certificates acceptable, never more.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from sinetti.domain.authorities.distrust import LONGEST_BRIDGE
from sinetti.domain.values import Environment, Sha256
from sinetti.pki.chain import (
    can_sign,
    extension_value,
    find_issuer,
    is_self_signed,
    is_valid_at,
    issuers_of,
)
from sinetti.pki.encoding import PublicKey, certificate_der, sha256_hex, verify
from sinetti.pki.policy_oids import is_ocsp_responder, signs_responses
from sinetti.pki.trust_lists.lists import (
    AnchorRole,
    AnchorsList,
    DistrustList,
    InvalidTrustList,
    ListSignature,
    TrustList,
    TrustListKind,
    octets_to_sign,
    parse_anchors,
    parse_distrust,
    parse_signed,
)

MOST_AHEAD = timedelta(hours=1)
"""Time by which a number may be ahead of the reader's clock.

Without a bound, a thief of the online status key could use up all numbers, and no later list would be taken.
"""


@dataclass(frozen=True)
class ListReader:
    """Trust of a reader before a list.

    `roots` are the self-signed roots that it trusts. `authority` is None until a root has named it in a list.
    `distrusted` are the SHA-256 of CAs that its last list of distrust has; none of them signs a list. Only what a root
    has signed can say so of a root: `distrusted_by_root`.
    """

    environment: Environment
    roots: tuple[x509.Certificate, ...]
    authority: Sha256 | None = None
    distrusted: Collection[Sha256] = frozenset()
    distrusted_by_root: Collection[Sha256] = frozenset()


@dataclass(frozen=True)
class HeldLists:
    """Lists that a reader has.

    `is_by_root` is True if a root signed the list of distrust, and not a responder alone.
    """

    anchors: AnchorsList | None = None
    distrust: DistrustList | None = None
    is_by_root: bool = False


def verify_next(
    kind: TrustListKind, octets: bytes, held: HeldLists, reader: ListReader, now: datetime
) -> TrustList | None:
    """Return a list that counts after the held ones; None for the one that is held.

    `reader` has environment and roots. Raises InvalidTrustList.
    """
    distrusted = (
        frozenset(authority.sha256 for authority in held.distrust.authorities) if held.distrust else frozenset()
    )
    by_root = held.distrust if held.is_by_root else None
    authority = next((one.authority for one in (held.anchors, by_root) if one is not None), None)
    by_root_alone = distrusted if held.is_by_root else frozenset()
    reader = replace(reader, authority=authority, distrusted=distrusted, distrusted_by_root=by_root_alone)
    verify = verify_anchors if kind is TrustListKind.ANCHORS else verify_distrust
    new: TrustList = verify(octets, reader, now)
    before: TrustList | None = held.anchors if kind is TrustListKind.ANCHORS else held.distrust
    if new == before:
        return None
    check_number(new, now)
    if isinstance(new, DistrustList):
        _check_entries(new, held.distrust, now)
    if before is not None:
        corrects = isinstance(new, DistrustList) and _corrects(octets, held, reader, now)
        check_newer(before, new, corrects=corrects)
    return new


def _check_entries(new: DistrustList, before: DistrustList | None, now: datetime) -> None:
    """Check new entries: from the past, and with a bridge of 72 hours at most.

    Raises InvalidTrustList. While a bridge is open, lists of its CA count for nothing.
    """
    known = before.authorities if before is not None else ()
    latest = now + MOST_AHEAD
    for authority in new.authorities:
        if authority not in known and (
            authority.since > latest or authority.bridge_until > latest + timedelta(hours=LONGEST_BRIDGE)
        ):
            raise InvalidTrustList(
                f"the bridge of {authority.name} would be open for more than {LONGEST_BRIDGE} hours: "
                "check the clock here"
            )


def _corrects(octets: bytes, held: HeldLists, reader: ListReader, now: datetime) -> bool:
    """Return True for a list of distrust that may take entries of the last one back."""
    if held.is_by_root or held.distrust is None:
        return False
    is_foreign = held.anchors is not None and held.anchors.authority != held.distrust.authority
    return is_foreign or is_signed_by_root(octets, reader, now)


def verify_anchors(octets: bytes, reader: ListReader, now: datetime) -> AnchorsList:
    """Return a list of anchors, all of whose CAs count for the reader.

    Each root in it is one of the reader's, or is connected with one by links. Each other CA is below a CA of the list.
    The caller compares the number (`check_newer`). Raises InvalidTrustList, and then nothing of the list counts.
    """
    signed = parse_signed(octets)
    anchors = parse_anchors(signed.payload)
    _check_reader(anchors, reader)
    if not any(
        _is_signed(anchors, signature, lambda list_signature: _is_by_root(list_signature, reader, now))
        for signature in signed.signatures
    ):
        raise InvalidTrustList(
            "no root that is trusted here has signed the list of anchors: get a new bundle from the authority"
        )
    _check_authorities(anchors, reader.roots)
    return anchors


def verify_distrust(octets: bytes, reader: ListReader, now: datetime) -> DistrustList:
    """Return a list of distrust that counts for the reader.

    The caller compares it with the last one (`check_newer`). Raises InvalidTrustList.
    """
    signed = parse_signed(octets)
    distrust = parse_distrust(signed.payload)
    _check_reader(distrust, reader)

    def counts(list_signature: ListSignature) -> bool:
        return _is_by_root(list_signature, reader, now) or _is_by_responder(list_signature, reader, now)

    if not any(_is_signed(distrust, signature, counts) for signature in signed.signatures):
        raise InvalidTrustList(
            "neither a trusted root nor the OCSP responder of the services CA has signed the list of distrust"
        )
    return distrust


def verify_stored_anchors(octets: bytes, reader: ListReader) -> AnchorsList:
    """Return a list of anchors that was verified when it was taken.

    Its signer was valid then, and may have ended since. Raises InvalidTrustList.
    """
    return verify_anchors(octets, reader, parse_anchors(parse_signed(octets).payload).issued)


def is_signed_by_root(octets: bytes, reader: ListReader, now: datetime) -> bool:
    """Return True if a root signed a list of distrust, and not a responder alone.

    Raises InvalidTrustList.
    """
    signed = parse_signed(octets)
    distrust = parse_distrust(signed.payload)
    return any(
        _is_signed(distrust, signature, lambda list_signature: _is_by_root(list_signature, reader, now))
        for signature in signed.signatures
    )


def check_number(new: TrustList, now: datetime) -> None:
    """Raise InvalidTrustList for a number ahead of the clock by more than MOST_AHEAD.

    The authority's numbers are Unix times, or one above the last one.
    """
    if new.number > (now + MOST_AHEAD).timestamp():
        raise InvalidTrustList(
            f"the list has the number {new.number}, which is in the future: check the clock of this machine"
        )


def check_newer(before: TrustList, new: TrustList, *, corrects: bool = False) -> None:
    """Raise InvalidTrustList unless a list follows the last one of its kind.

    Its number is higher. A list of distrust keeps each CA, and moves neither instant of it to later, unless it
    `corrects` the last one: a root signed it, and a responder alone the last one, or that is of another authority than
    the list of anchors.
    """
    is_same = corrects or new.authority == before.authority
    if not is_same or new.number <= before.number:
        raise InvalidTrustList(
            f"the list has the number {new.number}, and {before.number} was taken before: it is an old one"
        )
    if corrects:
        return
    if isinstance(before, DistrustList) and isinstance(new, DistrustList):
        kept = {authority.sha256: authority for authority in new.authorities}
        for authority in before.authorities:
            after = kept.get(authority.sha256)
            if after is None or after.since > authority.since or after.bridge_until > authority.bridge_until:
                raise InvalidTrustList(
                    f"the list has {authority.name} not as before, and an entry of distrust is never taken back"
                )


def is_root_link(certificate: x509.Certificate) -> bool:
    """Return True if a certificate can be newWithOld or oldWithNew.

    As the root's own, it has neither a path length nor policies. Every intermediate CA has both, and is no root.
    Raises ValueError if its extensions cannot be read.
    """
    basic = extension_value(certificate, x509.BasicConstraints)
    is_free = basic is not None and basic.path_length is None
    return is_free and can_sign(certificate) and extension_value(certificate, x509.CertificatePolicies) is None


def _check_reader(trust_list: TrustList, reader: ListReader) -> None:
    if trust_list.environment is not reader.environment or reader.authority not in {None, trust_list.authority}:
        raise InvalidTrustList(
            f"the list is of another authority or environment ({trust_list.environment}): check the address"
        )


def _is_signed(trust_list: TrustList, list_signature: ListSignature, counts: Callable[[ListSignature], bool]) -> bool:
    """Return True for a signer that counts; its path is verified before its signature."""
    try:
        key = list_signature.certificate.public_key() if counts(list_signature) else None
    except ValueError:  # extensions that cannot be read
        return False
    return isinstance(key, PublicKey) and verify(
        key, octets_to_sign(trust_list.kind, trust_list.payload), list_signature.signature
    )


def _is_by_root(list_signature: ListSignature, reader: ListReader, now: datetime) -> bool:
    reader = replace(reader, distrusted=reader.distrusted_by_root)
    if list_signature.certificate in reader.roots:
        return (
            not list_signature.chain
            and is_valid_at(list_signature.certificate, now)
            and not _is_distrusted([list_signature.certificate], reader)
        )
    return all(map(is_root_link, (list_signature.certificate, *list_signature.chain))) and _has_path(
        list_signature, reader, now
    )


def _is_by_responder(list_signature: ListSignature, reader: ListReader, now: datetime) -> bool:
    is_named = bool(list_signature.chain) and is_ocsp_responder(list_signature.certificate)
    return (
        is_named
        and signs_responses(list_signature.chain[0], reader.environment)
        and _has_path(list_signature, reader, now)
    )


def _has_path(list_signature: ListSignature, reader: ListReader, now: datetime) -> bool:
    """Return True if the chain leads to a trusted root, and all of it is valid now.

    It is verified from the root down, so that no key counts before it was certified.
    """
    way = (list_signature.certificate, *list_signature.chain)
    root = find_issuer(way[-1], reader.roots, now)
    if root is None or _is_distrusted((*way, root), reader):
        return False
    steps = reversed(list(pairwise(way)))
    return is_valid_at(way[-1], now) and all(
        find_issuer(below, (above,), now) is not None and is_valid_at(below, now) for below, above in steps
    )


def _is_distrusted(way: Iterable[x509.Certificate], reader: ListReader) -> bool:
    return any(sha256_hex(certificate_der(certificate)) in reader.distrusted for certificate in way)


def _check_authorities(anchors_list: AnchorsList, trusted: Sequence[x509.Certificate]) -> None:
    """Raise InvalidTrustList for a root or another CA that has no issuer here.

    Dates do not count, since each use of a CA checks its own.
    """
    roots = [authority.certificate for authority in anchors_list.authorities if authority.role is AnchorRole.ROOT]
    known = list(trusted)
    try:
        is_fit = all(map(is_root_link, anchors_list.links)) and all(map(is_self_signed, roots))
        while new := [
            root
            for root in roots
            if root not in known
            and any(
                (link.subject, link.public_key()) == (root.subject, root.public_key()) and issuers_of(link, known)
                for link in anchors_list.links
            )
        ]:
            known += new
    except (ValueError, TypeError, UnsupportedAlgorithm):  # names, keys and extensions are parsed at access
        is_fit = False
    if not is_fit or any(root not in known for root in roots):
        raise InvalidTrustList(
            "the list has a root that no link certifies under a trusted one: get a new bundle from the authority"
        )
    between = [
        authority.certificate for authority in anchors_list.authorities if authority.role is AnchorRole.INTERMEDIATE
    ]
    for authority in anchors_list.authorities:
        above = roots if authority.role is AnchorRole.INTERMEDIATE else [*roots, *between]
        if authority.role is not AnchorRole.ROOT and not issuers_of(authority.certificate, above):
            raise InvalidTrustList("the list has a CA whose issuer is not in it: report this to the authority")
