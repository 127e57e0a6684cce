"""Invariants that hold after any kill.

Each check compares the answers to clients with the state seen from outside.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise

from tests.kills.history import ACCEPTED, CERTIFICATE, GET, NEW, RENEW, Answer, Asked, History
from tests.kills.outside import Row, Seen

Check = Callable[[History, Seen], Iterator[str]]
PASSING = {"PKI021", "PKI090", "PKI092", "PKI099"}
"""Codes after which the client repeats the same request."""

DUE_TO_REVOCATION = {"PKI006", "PKI033"}
SUPERSEDED, TOO_EARLY, RENEWED, KEY_REUSED = "PKI022", "PKI034", "PKI035", "PKI012"


def one_certificate_per_request(history: History, seen: Seen) -> Iterator[str]:
    """Check that each accepted request has exactly one certificate, for its key.

    No certificate exists without a request for it.
    """
    rows = defaultdict(list)
    for row in seen.rows:
        rows[row.retrieval_id].append(row)
    for asked, ids in history.accepted().items():
        if len(ids) != 1:
            yield f"{asked} was answered with {len(ids)} retrieval ids"
        for one in ids:
            found = rows[one]
            if len(found) != 1:
                yield f"{asked}: {len(found)} certificates have its retrieval id {one}"
            elif found[0].key != asked.key:
                yield f"{asked}: certificate {found[0].serial} is for another key"
            elif _origin(asked, found[0], seen) != asked.subject:
                yield f"{asked}: certificate {found[0].serial} came of something else"
    keys = Counter(row.key for row in seen.rows if row.der is not None)
    yield from (f"{number} certificates for the key {key}" for key, number in keys.items() if number > 1)
    asked_for = {asked.key for asked in history.asked} | history.client_keys
    yield from (
        f"nobody asked for certificate {row.serial}" for row in seen.rows if row.key and row.key not in asked_for
    )


def _origin(asked: Asked, row: Row, seen: Seen) -> str | None:
    if asked.operation == RENEW:
        return row.predecessor
    return asked.subject if seen.pairs.get(asked.subject) == row.order else None


def voided_are_counted(_history: History, seen: Seen) -> Iterator[str]:
    """Check for one live certificate per order, and one live renewal per certificate.

    A void certificate was superseded by a later one.
    """
    live = Counter(row.order or f"renewal of {row.predecessor}" for row in seen.rows if _live(row))
    yield from (f"{number} live certificates of {of}" for of, number in live.items() if number > 1)
    line: dict[str | None, list[Row]] = defaultdict(list)
    for row in seen.rows:
        line[row.predecessor].append(row)
    for predecessor, rows in line.items():
        void = [row for row in rows if row.state == "void" and row.reason == "superseded"]
        if predecessor is not None and len(void) > 3:
            yield f"{len(void)} renewals of {predecessor} were voided: three are allowed"
        if predecessor is not None and void and len(void) == len(rows):
            yield f"the renewal {void[-1].serial} was voided for nothing"
        yield from (f"certificate {row.serial} was fetched and voided" for row in void if row.fetched)


def _live(row: Row) -> bool:
    return row.state != "void" and not (row.revoked and row.predecessor)


def retrieval_ids_lead_somewhere(history: History, seen: Seen) -> Iterator[str]:
    """Check that every retrieval id gives its certificate, or PKI022 if that is void."""
    last = {one.asked.subject: one for one in history.answers if one.asked.operation == GET and one.kind not in PASSING}
    rows = {row.retrieval_id: row for row in seen.rows}
    for retrieval_id, asked in history.handed_out().items():
        answer, row = last.get(retrieval_id), rows.get(retrieval_id)
        if answer is None:
            yield f"nothing but PKI021 or PKI090 for the retrieval id of {asked}"
        elif answer.kind == SUPERSEDED:
            if row is not None and row.state != "void":
                yield f"PKI022 for the retrieval id of {asked}, whose certificate is {row.state}"
        elif answer.kind != CERTIFICATE:
            yield f"{answer.kind} for the retrieval id of {asked}"
        elif row is None or row.sha256 != answer.value:
            yield f"another certificate than the register's for the retrieval id of {asked}"


def no_serial_twice(history: History, seen: Seen) -> Iterator[str]:
    """Check that a serial denotes one certificate in database, journals and clients."""
    numbers = Counter((row.authority, row.serial) for row in seen.rows)
    yield from (f"{number} rows have the serial {serial}" for (_, serial), number in numbers.items() if number > 1)
    known: dict[str, set[str]] = defaultdict(set)
    for row in seen.rows:
        if row.der is not None:
            known[row.serial].add(hashlib.sha256(row.der).hexdigest())
            if row.sha256 != hashlib.sha256(row.der).hexdigest():
                yield f"the row of {row.serial} has another digest than its octets"
    for serial, digests in seen.journal.issued.items():
        known[serial] |= digests
    yield from (f"{len(all_)} certificates have the serial {serial}" for serial, all_ in known.items() if len(all_) > 1)
    stored = {digest for digests in known.values() for digest in digests}
    yield from (f"certificate {sha256} is in somebody's hands alone" for sha256 in history.ders if sha256 not in stored)


def no_ids_burnt(history: History, seen: Seen) -> Iterator[str]:
    """Check that a spent order has its certificate, and an open order has none.

    The order of accepted transfer ids is spent.
    """
    of: dict[str | None, list[Row]] = defaultdict(list)
    for row in seen.rows:
        of[row.order].append(row)
    for order, (_, state) in seen.orders.items():
        live = [row for row in of[order] if row.state != "void"]
        if state == "spent" and len(live) != 1:
            yield f"order {order} is spent, and has {len(live)} certificates"
        elif state == "spent" and live[0].der is None and not live[0].revoked:
            yield f"order {order} is spent on a certificate that is not there"
        elif state == "open" and live:
            yield f"order {order} is open, and has a certificate"
    for asked in history.accepted():
        if asked.operation == NEW and seen.orders.get(seen.pairs.get(asked.subject, ""), ("", ""))[1] != "spent":
            yield f"the ids of {asked} are not spent"


STAGES = ("ordered", "certificate-reserved", "certificate-issued", "certificate-fetched")


def audit_is_complete_and_in_order(history: History, seen: Seen) -> Iterator[str]:
    """Check that each state has its audit rows once and in order, in each lineage."""
    trail: dict[str, list[str]] = defaultdict(list)
    for one in seen.audit:
        if not one.whole:
            yield f"audit row {one.sequence} is not what was written"
        trail[one.object].append(one.action)
    yield from (
        f"audit rows {a.sequence} and {b.sequence} are out of order"
        for a, b in pairwise(seen.audit)
        if a.sequence >= b.sequence
    )
    for row in seen.rows:
        told = trail[f"certificate:{row.serial}"]
        if "certificate-restored" in told:
            continue
        wanted = ["certificate-reserved"]
        wanted += ["certificate-issued"] if row.der is not None else []
        wanted += ["certificate-fetched"] if row.fetched else []
        if [action for action in told if action in STAGES] != wanted:
            yield f"certificate {row.serial}: the audit trail says {told}, its state {wanted}"
        end = Counter(action for action in told if action not in STAGES)
        ends = {"certificate-voided": row.state == "void" and row.revoked}
        ends["certificate-revoked"] = row.revoked and row.state != "void"
        yield from (
            f"certificate {row.serial}: {action} is written {end[action]} times"
            for action, due in ends.items()
            if end[action] != due
        )
        if row.order and not history.restored and trail[f"order:{row.order}"][:1] != ["ordered"]:
            yield f"the order of {row.serial} has no audit row"
    yield from _lineages_in_order(seen)


def _lineages_in_order(seen: Seen) -> Iterator[str]:
    """Check that a renewal is reserved after its predecessor was issued.

    Other certificates are reserved after their order.
    """
    first: dict[tuple[str, str], int] = {}
    for one in seen.audit:
        first.setdefault((one.object, one.action), one.sequence)
    for row in seen.rows:
        reserved = first.get((f"certificate:{row.serial}", "certificate-reserved"))
        before = (
            (f"certificate:{row.predecessor}", "certificate-issued")
            if row.predecessor
            else (f"order:{row.order}", "ordered")
        )
        if reserved is not None and first.get(before, reserved - 1) >= reserved:
            yield f"certificate {row.serial} was reserved before {before[0]} was {before[1]}"


def journals_agree(_history: History, seen: Seen) -> Iterator[str]:
    """Check that the journals are complete and agree with the database.

    They agree on issued, retrieved and revoked certificates.
    """
    told = seen.journal
    yield from told.faults
    rows = {row.serial: row for row in seen.rows}
    for row in seen.rows:
        if row.der is not None and row.sha256 not in told.issued.get(row.serial, ()):
            yield f"no journal has the certificate {row.serial}"
        if row.der is not None and told.retrieval_ids.get(row.serial, {row.retrieval_id}) != {row.retrieval_id}:
            yield f"the journals have another retrieval id of {row.serial}"
        if row.fetched and row.serial not in told.fetched:
            yield f"no journal says that {row.serial} was fetched"
        if row.revoked and row.serial not in told.revoked:
            yield f"no journal says that {row.serial} was revoked"
    yield from (f"the register lacks {serial}, which a journal has" for serial in told.issued if serial not in rows)
    yield from (
        f"a journal says that {serial} was fetched, the register not"
        for serial in told.fetched
        if serial in rows and not rows[serial].fetched
    )
    yield from (
        f"a journal says that {serial} was revoked, the register not"
        for serial in told.revoked
        if serial in rows and not rows[serial].revoked
    )


def no_answer_is_contradicted(history: History, seen: Seen) -> Iterator[str]:
    """Check that later answers agree with earlier ones.

    The same request has the same retrieval id and certificate. Every rejection has its reason in the database.
    """
    before: dict[Asked, Answer] = {}
    rows = {row.serial: row for row in seen.rows}
    by_id = {row.retrieval_id: row for row in seen.rows}
    for one in history.answers:
        if one.kind in PASSING:
            continue
        earlier = before.get(one.asked)
        if (
            earlier is not None
            and earlier.kind in {ACCEPTED, CERTIFICATE}
            and one.kind in {ACCEPTED, CERTIFICATE}
            and earlier != one
        ):
            yield f"{one.asked}: first {earlier.value}, later {one.value}"
        if earlier is not None and earlier.kind == SUPERSEDED and one.kind == CERTIFICATE:
            yield f"{one.asked}: first {earlier.kind}, later a certificate"
        if earlier is not None and earlier.kind == CERTIFICATE and one.kind != CERTIFICATE:
            yield f"{one.asked}: first a certificate, later {one.kind}"
        if one.kind not in {ACCEPTED, CERTIFICATE} and not _has_reason(one, rows, by_id, history):
            yield f"{one.asked}: {one.kind} without a reason"
        before[one.asked] = one


def _has_reason(one: Answer, rows: dict[str, Row], by_id: dict[str, Row], history: History) -> bool:
    """Return True if the database shows the reason of a rejection."""
    subject = rows.get(one.asked.subject)
    renewals = [row for row in rows.values() if row.predecessor == one.asked.subject]
    if one.kind == TOO_EARLY:
        return history.clock_moved
    if one.kind == "PKI004":
        # A restore loses transfer ids that were ordered after the backup and have no accepted request.
        return history.restored and one.asked not in history.accepted()
    if one.asked.operation == GET:
        row = by_id.get(one.asked.subject)
        return one.kind == SUPERSEDED and (row is None or row.state == "void")
    if one.asked.operation == RENEW and one.kind in {SUPERSEDED, RENEWED, KEY_REUSED}:
        return len(renewals) > 1 or (one.kind == RENEWED and bool(renewals))
    if one.kind in DUE_TO_REVOCATION:
        mine = [row for row in rows.values() if row.key == one.asked.key]
        return (subject is not None and subject.revoked) or any(row.revoked for row in (*mine, *renewals))
    return False


def revocations_stand(history: History, seen: Seen) -> Iterator[str]:
    """Check that revocations stay in the database and on the served CRLs.

    CRL numbers never fall.
    """
    rows = {row.serial: row for row in seen.rows}
    newest = {name: lists[-1].serials for name, lists in seen.lists.items() if lists}
    for serial in history.revoked:
        row = rows.get(serial)
        if row is None or not row.revoked:
            yield f"certificate {serial} was revoked, and is not"
    for row in seen.rows:
        if row.revoked and row.der and row.serial not in newest.get(row.authority, {row.serial}):
            yield f"certificate {row.serial} is revoked, and not on the list"
    for name, lists in seen.lists.items():
        yield from (
            f"list {b.number} of {name} came after {a.number}" for a, b in pairwise(lists) if b.number < a.number
        )
        yield from (f"list {b.number} of {name} lacks {s}" for a, b in pairwise(lists) for s in a.serials - b.serials)


def stores_hold_a_matching_set(history: History, seen: Seen) -> Iterator[str]:
    """Check that key, certificate and chain of the client's store match.

    They are the newest of their lineage.
    """
    rows = {row.sha256: row for row in seen.rows}
    renewed = {row.predecessor for row in seen.rows if row.state != "void"}
    for store in history.stores:
        row = rows.get(store.sha256)
        if store.key != store.certificate_key:
            yield f"{store.name}: the key is another one than the certificate's"
        if not store.vouched:
            yield f"{store.name}: the chain does not go up"
        if row is None or not row.fetched:
            yield f"{store.name}: its certificate is not a fetched one of the register"
        elif row.serial in renewed and not store.under_way:
            yield f"{store.name}: its certificate was renewed, and the renewal is not in use"


def log_is_one_tree(history: History, seen: Seen) -> Iterator[str]:
    """Check that the log has no gap, and that each head ever seen signs its first entries."""
    yield from seen.log.faults
    history.heads |= {size: root for size, root in seen.log.heads.items() if size not in history.heads}
    newest = dict(sorted(history.heads.items())[-HEADS_CHECKED:])
    for size, root in newest.items():
        if size > len(seen.log.leaves):
            yield f"the log had {size} entries, and has {len(seen.log.leaves)}"
        elif seen.log.root(size) != root:
            yield f"the first {size} entries of the log are others than its checkpoint signed"


HEADS_CHECKED = 20
"""Heads that one look computes anew; every look begins with those seen last."""


def no_certificate_of_a_closed_ca(history: History, seen: Seen) -> Iterator[str]:
    """Check that each certificate was reserved while its CA issued.

    A CA of the founding issues from the beginning, a successor from its activation, and both until the command that
    closed them has returned. Until then a reservation that began before may be committed.
    """
    of = {row.serial: row.authority for row in seen.rows}
    waiting = {one.object for one in seen.audit if one.action == "ca-installed"}
    for one in seen.audit:
        kind, _, name = one.object.partition(":")
        if one.action == "ca-activated":
            waiting.discard(one.object)
        elif one.action == "certificate-reserved" and kind == "certificate":
            issuer = of.get(name)
            if f"authority:{issuer}" in waiting or one.sequence > history.closed.get(issuer, one.sequence):
                yield f"certificate {name} was reserved for {issuer}, which did not issue"


def every_ca_has_lists(_history: History, seen: Seen) -> Iterator[str]:
    """Check that each CA that issued has its list, and that of its first shard."""
    for name in sorted({row.authority for row in seen.rows if row.der is not None}):
        yield from (f"{name} has no list of shard {s}" for s in (0, 1) if (name, s) not in seen.published)


CHECKS: tuple[Check, ...] = (
    one_certificate_per_request,
    voided_are_counted,
    retrieval_ids_lead_somewhere,
    no_serial_twice,
    no_ids_burnt,
    audit_is_complete_and_in_order,
    journals_agree,
    no_answer_is_contradicted,
    revocations_stand,
    stores_hold_a_matching_set,
    log_is_one_tree,
    no_certificate_of_a_closed_ca,
    every_ca_has_lists,
)


def complaints(history: History, seen: Seen) -> list[str]:
    """Return the faults that all checks find."""
    return [f"{check.__name__}: {one}" for check in CHECKS for one in check(history, seen)]
