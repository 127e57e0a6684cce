"""Tests of the checks: each of them finds a forged history.

None complains about the correct history.
"""

import hashlib
import json
from dataclasses import replace

import pytest

from sinetti.pki.encoding import certificate_der
from tests.kills import checks
from tests.kills.history import ACCEPTED, CERTIFICATE, GET, NEW, RENEW, Answer, Asked, History, Store
from tests.kills.outside import Audit, JournalReader, Listed, Row, Seen, key_of
from tests.support.authority import holder_certificate, holder_key

FIRST, SECOND, THIRD = (certificate_der(holder_certificate(holder_key(number))) for number in (1, 2, 3))


def digest(der):
    return hashlib.sha256(der).hexdigest()


def row(serial, der, **changes):
    one = Row(serial, "CA", "h", "fetched", None, None, f"id-{serial}", False, "", True, der, digest(der))
    return replace(one, **changes)


def trail(*rows):
    told = [("ordered", "order:o", "h")]
    for one in rows:
        told += [(f"certificate-{name}", f"certificate:{one.serial}", "h") for name in ("reserved", "issued")]
        told += [("certificate-voided", f"certificate:{one.serial}", None)] if one.state == "void" else []
        told += [("certificate-fetched", f"certificate:{one.serial}", None)] if one.fetched else []
        told += (
            [("certificate-revoked", f"certificate:{one.serial}", None)] if one.revoked and one.state != "void" else []
        )
    return [
        Audit(number, action, about, lineage, whole=True) for number, (action, about, lineage) in enumerate(told, 1)
    ]


def honest():
    """Return the history of one order, enrolled and renewed twice.

    The second renewal superseded the first, and was revoked at the end.
    """
    a = row("a1", FIRST, order="o")
    b = row("b2", SECOND, predecessor="a1", state="void", revoked=True, reason="superseded", fetched=False)
    c = row("c3", THIRD, predecessor="a1", revoked=True, reason="cessationOfOperation")
    seen = Seen([a, b, c], {"o": ("h", "spent")}, {"ids": "o"}, trail(a, b, c))
    for one in seen.rows:
        seen.journal.issued[one.serial], seen.journal.retrieval_ids[one.serial] = {one.sha256}, {one.retrieval_id}
    seen.journal.fetched, seen.journal.revoked = {"a1", "c3"}, {"b2", "c3"}
    seen.lists = {"CA": [Listed(1, frozenset({"b2"})), Listed(2, frozenset({"b2", "c3"}))]}
    seen.published = {("CA", 0), ("CA", 1)}
    seen.log.leaves = [hashlib.sha256(bytes([number])).digest() for number in range(5)]
    seen.log.heads = {size: seen.log.root(size) for size in (2, 5)}
    history = History(stores=[Store("s", "k", "k", digest(THIRD), vouched=True)], revoked={"c3"})
    asked = [Asked(NEW, "ids", key_of(FIRST)), *(Asked(RENEW, "a1", key_of(one)) for one in (SECOND, THIRD))]
    history.asked = set(asked)
    history.answers = [Answer(one, ACCEPTED, f"id-{at.serial}") for one, at in zip(asked, seen.rows, strict=True)]
    history.answers += [got("a1", FIRST), Answer(Asked(GET, "id-b2", "us"), "PKI022"), got("c3", THIRD)]
    history.ders = {digest(one): one for one in (FIRST, THIRD)}
    return history, seen


def got(serial, der):
    return Answer(Asked(GET, f"id-{serial}", "us"), CERTIFICATE, digest(der))


def test_nobody_complains_of_an_honest_history():
    assert checks.complaints(*honest()) == []


def test_nobody_complains_of_a_successor():
    history, seen = honest()
    ca_moves("ca-installed", "ca-activated")(history, seen)
    assert list(checks.no_certificate_of_a_closed_ca(history, seen)) == []


def change(number, **changes):
    """Forge a certificate row of the database."""

    def forge(_history, seen):
        seen.rows[number] = replace(seen.rows[number], **changes)

    return forge


def answered(asked, kind, value=""):
    """Forge one more answer."""
    return lambda history, _seen: history.answers.append(Answer(asked, kind, value))


def drop(number):
    """Forge the audit trail by removing one row."""
    return lambda _history, seen: seen.audit.pop(number)


def swap(history, seen):
    seen.audit[1], seen.audit[2] = (
        replace(seen.audit[2], sequence=seen.audit[1].sequence),
        replace(seen.audit[1], sequence=seen.audit[2].sequence),
    )


def told(kind, *serials):
    """Forge the content of the journals."""
    return lambda _history, seen: setattr(seen.journal, kind, set(serials))


def two_live_renewals(history, seen):
    for number in (1, 2):
        change(number, state="issued", revoked=False)(history, seen)


def store(**changes):
    """Forge the client's store."""

    def forge(history, _seen):
        history.stores[0] = replace(history.stores[0], **changes)

    return forge


ENROLMENT, FETCH = Asked(NEW, "ids", key_of(FIRST)), Asked(GET, "id-a1", "us")


def other_leaf(_history, seen):
    seen.log.leaves[1] = seen.log.leaves[2]


def rewound_log(history, seen):
    history.heads[6] = bytes(32)


def forked_log(history, seen):
    history.heads[3] = bytes(32)


def ca_moves(*actions):
    """Forge moves of the CA before all other audit rows."""

    def forge(_history, seen):
        rows = [Audit(number - len(actions), one, "authority:CA", None, True) for number, one in enumerate(actions)]
        seen.audit[:0] = rows

    return forge


FORGED = {
    "a certificate of a CA that was closed": (
        checks.no_certificate_of_a_closed_ca,
        lambda history, _: history.closed.update(CA=1),
    ),
    "a certificate of a standby": (checks.no_certificate_of_a_closed_ca, ca_moves("ca-installed")),
    "a CA without a list": (checks.every_ca_has_lists, lambda _, seen: seen.published.discard(("CA", 1))),
    "a log with another entry": (checks.log_is_one_tree, other_leaf),
    "a log that was rewound": (checks.log_is_one_tree, rewound_log),
    "a log with two heads of a size": (checks.log_is_one_tree, forked_log),
    "an entry at another place": (checks.log_is_one_tree, lambda _, seen: seen.log.faults.append("entry 1")),
    "a request has two retrieval ids": (checks.one_certificate_per_request, answered(ENROLMENT, ACCEPTED, "id-b2")),
    "a retrieval id without a certificate": (checks.one_certificate_per_request, change(0, retrieval_id="other")),
    "a certificate for another key": (checks.one_certificate_per_request, change(0, der=SECOND)),
    "a certificate of another order": (checks.one_certificate_per_request, lambda _, seen: seen.pairs.update(ids="p")),
    "a certificate that nobody asked for": (
        checks.one_certificate_per_request,
        lambda history, _: history.asked.discard(ENROLMENT),
    ),
    "two live renewals": (checks.voided_are_counted, two_live_renewals),
    "two live certificates of an order": (checks.voided_are_counted, change(2, order="o", predecessor=None)),
    "a renewal that was voided for nothing": (checks.voided_are_counted, lambda _, seen: seen.rows.pop()),
    "a fetched certificate that was voided": (checks.voided_are_counted, change(1, fetched=True)),
    "a retrieval id that leads nowhere": (
        checks.retrieval_ids_lead_somewhere,
        lambda history, _: history.answers.pop(3),
    ),
    "a retrieval id that is not known": (checks.retrieval_ids_lead_somewhere, answered(FETCH, "PKI020")),
    "PKI022 for what is not void": (checks.retrieval_ids_lead_somewhere, answered(FETCH, "PKI022")),
    "another certificate for a retrieval id": (checks.retrieval_ids_lead_somewhere, change(0, sha256=digest(SECOND))),
    "a serial twice": (checks.no_serial_twice, change(1, serial="a1")),
    "a serial twice in a journal": (
        checks.no_serial_twice,
        lambda _, seen: seen.journal.issued["a1"].add(digest(SECOND)),
    ),
    "a certificate that only its holder has": (
        checks.no_serial_twice,
        lambda history, _: history.ders.update({digest(b"forged"): b"forged"}),
    ),
    "ids that were burnt": (checks.no_ids_burnt, lambda _, seen: seen.rows.pop(0)),
    "ids that were spent on nothing": (checks.no_ids_burnt, change(0, der=None)),
    "ids that are open again": (checks.no_ids_burnt, lambda _, seen: seen.orders.update(o=("h", "open"))),
    "an audit row that is missing": (checks.audit_is_complete_and_in_order, drop(2)),
    "an audit row too many": (
        checks.audit_is_complete_and_in_order,
        lambda _, seen: seen.audit.append(replace(seen.audit[2], sequence=99)),
    ),
    "audit rows that changed places": (checks.audit_is_complete_and_in_order, swap),
    "an audit row that was changed": (
        checks.audit_is_complete_and_in_order,
        lambda _, seen: seen.audit.append(replace(seen.audit[0], sequence=99, whole=False)),
    ),
    "an order that nobody placed": (checks.audit_is_complete_and_in_order, drop(0)),
    "a revocation without an audit row": (checks.audit_is_complete_and_in_order, drop(-1)),
    "a renewal reserved before its predecessor was issued": (
        checks.audit_is_complete_and_in_order,
        lambda _, seen: seen.audit.insert(0, replace(seen.audit[4], sequence=0)),
    ),
    "a certificate that no journal has": (checks.journals_agree, lambda _, seen: seen.journal.issued.pop("b2")),
    "another retrieval id in a journal": (
        checks.journals_agree,
        lambda _, seen: seen.journal.retrieval_ids.update(a1={"other"}),
    ),
    "a fetch that no journal has": (checks.journals_agree, told("fetched", "c3")),
    "a revocation that no journal has": (checks.journals_agree, told("revoked", "c3")),
    "a fetch that the register lacks": (checks.journals_agree, told("fetched", "a1", "b2", "c3")),
    "a revocation that the register lacks": (checks.journals_agree, told("revoked", "a1", "b2", "c3")),
    "a certificate that the register lacks": (checks.journals_agree, lambda _, seen: seen.rows.pop(1)),
    "a fetch that gives another certificate": (
        checks.no_answer_is_contradicted,
        answered(FETCH, CERTIFICATE, digest(SECOND)),
    ),
    "a fetch that is refused later": (checks.no_answer_is_contradicted, answered(FETCH, "PKI020")),
    "a certificate after PKI022": (
        checks.no_answer_is_contradicted,
        answered(Asked(GET, "id-b2", "us"), CERTIFICATE, digest(SECOND)),
    ),
    "ids refused though they were accepted": (checks.no_answer_is_contradicted, answered(ENROLMENT, "PKI006")),
    "ids that are not known any more": (checks.no_answer_is_contradicted, answered(ENROLMENT, "PKI004")),
    "a clock that nobody moved": (
        checks.no_answer_is_contradicted,
        answered(Asked(RENEW, "a1", key_of(SECOND)), "PKI034"),
    ),
    "a revocation that is gone": (checks.revocations_stand, change(2, revoked=False)),
    "a revocation that is on no list": (checks.revocations_stand, lambda _, seen: seen.lists["CA"].pop()),
    "a list whose number fell": (
        checks.revocations_stand,
        lambda _, seen: seen.lists["CA"].append(Listed(1, frozenset({"b2", "c3"}))),
    ),
    "a list that forgot one": (
        checks.revocations_stand,
        lambda _, seen: seen.lists["CA"].insert(0, Listed(0, frozenset({"d4"}))),
    ),
    "a key that is not the certificate's": (checks.stores_hold_a_matching_set, store(key="other")),
    "a chain that does not go up": (checks.stores_hold_a_matching_set, store(vouched=False)),
    "a certificate that the register lacks in a store": (checks.stores_hold_a_matching_set, store(sha256="other")),
    "a certificate in a store that was renewed": (checks.stores_hold_a_matching_set, store(sha256=digest(FIRST))),
}


@pytest.mark.parametrize(("check", "forge"), FORGED.values(), ids=FORGED)
def test_a_forged_history(check, forge):
    history, seen = honest()
    forge(history, seen)
    assert list(check(history, seen))


def test_every_check_has_a_forgery():
    assert {check for check, _ in FORGED.values()} == set(checks.CHECKS)


def line(sequence, previous, kind="fetched", **facts):
    body = json.dumps({"sequence": sequence, "kind": kind, "facts": facts, "previous": previous}, separators=(",", ":"))
    return body[:-1].encode() + b',"sha256":"' + digest(body.encode()).encode() + b'"}'


def lines():
    first = line(1, "0" * 64, "begun")
    second = line(2, digest(first), serial="a1")
    return [first, second, line(3, digest(second), serial="b2")]


DAMAGES = {
    "none": (lambda octets: octets, 0),
    "a flipped digit": (lambda octets: octets.replace(b'"a1"', b'"a2"'), 2),
    "a dropped line": (lambda octets: octets.replace(octets.split(b"\n")[1] + b"\n", b""), 1),
    "moved lines": (lambda octets: b"\n".join([*octets.split(b"\n")[1::-1], *octets.split(b"\n")[2:]]), 3),
    "no journal": (lambda octets: octets.replace(b"{", b"("), 3),
    "a cut end": (lambda octets: octets[:-9], 0),
}


@pytest.mark.parametrize(("damage", "faults"), DAMAGES.values(), ids=DAMAGES)
def test_the_reader_of_journals(tmp_path, damage, faults):
    (tmp_path / "node.jsonl").write_bytes(damage(b"\n".join([*lines(), b""])))
    assert len(JournalReader([tmp_path]).read().faults) == faults


def test_the_reader_of_journals_sees_what_was_taken_away(tmp_path):
    path, reader = tmp_path / "node.jsonl", JournalReader([tmp_path])
    path.write_bytes(b"\n".join([*lines(), b""]))
    assert reader.read().fetched == {"a1", "b2"}
    path.write_bytes(lines()[0] + b"\n")
    assert "longer before" in reader.read().faults[0]
