"""Storage of signed trust lists, and the list of anchors.

See docs/operators/succession.md.
"""

from collections.abc import Callable

from sinetti.ca.trust_lists import ListHead, build_anchors, missing_links, sign_by_roots
from sinetti.database.authorities import register, trust_lists
from sinetti.database.authorities.trust_lists import StoredTrustList
from sinetti.database.connection import Database
from sinetti.pki.encoding import load_certificate
from sinetti.pki.trust_lists.lists import (
    AnchorRole,
    AnchorsList,
    DistrustList,
    TrustListKind,
    parse_anchors,
    parse_distrust,
    parse_signed,
)
from sinetti.services.context import ServiceContext


class TrustListConflict(ValueError):
    """Another list was stored meanwhile; the text is a sentence."""


def newest_list(kind: TrustListKind, db: Database) -> StoredTrustList | None:
    """Return the newest list of a kind as it is served, or None before the first."""
    return trust_lists.find_newest_list(db, kind)


def newest_anchors(db: Database) -> AnchorsList | None:
    """Return the content of the newest list of anchors, or None before the first."""
    found = newest_list(TrustListKind.ANCHORS, db)
    return parse_anchors(parse_signed(found.octets).payload) if found else None


def newest_distrust(db: Database) -> DistrustList | None:
    """Return the content of the newest list of distrust, or None before the first."""
    found = newest_list(TrustListKind.DISTRUST, db)
    return parse_distrust(parse_signed(found.octets).payload) if found else None


def next_number(before: AnchorsList | DistrustList | None, ctx: ServiceContext) -> int:
    """Return the number of the list after `before`: max(last + 1, Unix time).

    The number therefore never decreases after a restore of the database.
    """
    return max((before.number if before else 0) + 1, int(ctx.machine_now().timestamp()))


def store_list(
    new: AnchorsList | DistrustList, octets: bytes, before: int, ctx: ServiceContext, audit: tuple[str, str]
) -> None:
    """Store the signed octets of a list that was made after the one numbered `before`.

    `audit` is actor and request. The same list again changes nothing. Raises TrustListConflict if another list came
    first; the caller makes the list again.
    """
    stored = StoredTrustList(new.number, octets)
    if not trust_lists.insert_list(ctx.db, new.kind, stored, before, ctx.audit_entry(*audit)):
        raise TrustListConflict(f"another list of {new.kind} was stored meanwhile: run the command again")
    keep_lists(ctx)


def keep_lists(ctx: ServiceContext) -> None:
    """Keep both lists in the files of `last_signed`. Raises OSError."""
    for kind in TrustListKind:
        if (found := newest_list(kind, ctx.db)) is not None:
            ctx.last_signed.keep(f"trust/{kind}", found.octets)


def find_kept_list(kind: TrustListKind, ctx: ServiceContext) -> StoredTrustList | None:
    """Return the list in the files of `last_signed`, or None."""
    octets = ctx.last_signed.find(f"trust/{kind}")
    if octets is None:
        return None
    payload = parse_signed(octets).payload
    content = parse_anchors(payload) if kind is TrustListKind.ANCHORS else parse_distrust(payload)
    return StoredTrustList(content.number, octets)


def publish_anchors(ctx: ServiceContext, sign: Callable[[str, bytes], bytes], audit: tuple[str, str]) -> AnchorsList:
    """Sign and store the list of all CAs, unless the newest one says the same.

    A new root and the one before it certify each other first. `sign` signs octets with the key of the root of a name.
    Raises TrustListConflict and what `sign` raises.
    """
    before = newest_anchors(ctx.db)
    views = register.list_authorities(ctx.db)
    cas = {load_certificate(ca.certificate): ca for ca in views}
    of_root = [(one, view) for one, view in cas.items() if view.role == AnchorRole.ROOT]
    of_root.sort(key=lambda pair: (pair[1].signs_from, pair[1].generation))
    roots = {certificate: view.name for certificate, view in of_root}
    first = next(view.sha256 for view in views if view.name in roots.values())
    head = ListHead(ctx.environment, first, next_number(before, ctx), ctx.now())
    known = before.links if before else ()
    links = (*known, *missing_links([ctx.issuers[name] for name in roots.values()], known, sign))
    new = build_anchors(head, ((certificate, view.state) for certificate, view in cas.items()), links)
    if before is not None and (before.authorities, before.links) == (new.authorities, new.links):
        return before
    octets = sign_by_roots(new, tuple(roots), links, lambda root, to_be_signed: sign(roots[root], to_be_signed))
    store_list(new, octets, before.number if before else 0, ctx, audit)
    return new
