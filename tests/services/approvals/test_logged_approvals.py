"""Approvals are verified again from the entries of the log alone."""

import json
from base64 import b64encode, urlsafe_b64encode
from dataclasses import replace

import pytest

from sinetti.ca.ceremony.sets import CeremonyKind, OfficerLine, RequestSet, officers_statement
from sinetti.database import models
from sinetti.domain.approvals.acts import ApprovalPolicy, OfficerRole, TwoPersonAct
from sinetti.domain.approvals.officers import OfficerError
from sinetti.domain.values import Environment
from sinetti.pki.encoding import certificate_der, sha256_hex, sign
from sinetti.services.approvals.approve import ApprovalContext, add_signature, begin, finish, propose
from sinetti.services.approvals.executors import EXECUTORS
from sinetti.services.approvals.officers import (
    NewOfficer,
    RootStatement,
    check_officer,
    found_officers,
    recover_officers,
)
from sinetti.services.approvals.settings import keep_strictest
from sinetti.services.evidence.export_log import export_lines
from sinetti.wire.transparency.approvals import ApprovalRecord
from sinetti.wire.transparency.entries import format_entry, parse_entry
from sinetti.wire.transparency.export import EntryWrong, verify_export
from sinetti.wire.transparency.merkle import ProofError
from tests.pki.test_passkey_assertions import DIGEST, ORIGIN, asserted
from tests.support.authority import NOW, authority
from tests.support.logs import LOG_KEY, logging, sequenced
from tests.support.officers import checked_founders, key_of
from tests.support.scene import REQUEST

PARAMETERS = {"change": "wrap"}
ROOT = "SinettiRootTestCAv1"


@pytest.fixture
def entries(sqlite_scene):
    """Return the entries of an approved act that its command has done, in their order."""
    found_officers(sqlite_scene.db, checked_founders(), sqlite_scene.audit_entry())
    keep_strictest(ApprovalPolicy(), sqlite_scene.ctx)
    means = ApprovalContext(sqlite_scene.ctx, "os-user:root", REQUEST, EXECUTORS, lambda _actor: None)
    proposal = propose(TwoPersonAct.SECRETS, "anna", PARAMETERS, {}, means)
    for name in ("anna", "ben"):
        add_signature(proposal.proposal_id, name, key_of(name).sign(proposal.octets), means)
    finish(begin(proposal.proposal_id, TwoPersonAct.SECRETS, PARAMETERS, means), means)
    rows = models.AuditEvent.objects.using(sqlite_scene.db.alias).order_by("sequence")
    taken = [parse_entry(bytes(row.octets)) for row in rows]
    return [one for one in taken if one.action.startswith(("act-", "officer-", "approval-"))]


def recorded(entries, record=None):
    record = record or ApprovalRecord()
    for entry in entries:
        record.take(entry)
    return record


def at(entries, action, number=0):
    return [index for index, one in enumerate(entries) if one.action == action][number]


def but(entries, action, number=0, **facts):
    """Return the entries with other facts in one of them."""
    index = at(entries, action, number)
    return [*entries[:index], replace(entries[index], facts={**entries[index].facts, **facts}), *entries[index + 1 :]]


def without(entries, action, number=0):
    index = at(entries, action, number)
    return [*entries[:index], *entries[index + 1 :]]


def test_what_officers_signed_is_verified_again(entries):
    assert [one.action for one in entries[-6:]] == [
        "act-proposed", "act-signed", "act-signed", "act-approved", "act-started", "act-done",
    ]  # fmt: skip
    assert recorded(entries).verified == 2
    assert recorded(entries[-6:], ApprovalRecord(is_whole=False)).verified == 2
    assert recorded(entries[-4:], ApprovalRecord(is_whole=False)).verified == 1


FORGED = {
    "a signature missing": lambda all_: without(all_, "act-signed", 1),
    "the proposer's missing": lambda all_: without(all_, "act-signed"),
    "the proposal missing": lambda all_: without(all_, "act-proposed"),
    "the approval missing": lambda all_: without(all_, "act-approved"),
    "an officer missing": lambda all_: without(all_, "officer-added", 1),
    "one signature twice": lambda all_: [*all_[:-4], all_[-5], *all_[-3:]],
    "one of another key": lambda all_: but(all_, "act-signed", 1, key=all_[0].facts["key"]),
    "an officer's other key": lambda all_: but(all_, "officer-added", public_key=all_[1].facts["public_key"]),
    "three people wanted": lambda all_: but(all_, "act-proposed", people=3),
    "one person enough": lambda all_: without(but(all_, "act-proposed", people=1), "act-signed", 1),
    "a number raised before": lambda all_: [*all_[:-6], setting(all_, "secrets", "3"), *all_[-6:]],
    "a number raised before the approval": lambda all_: [*all_[:-3], setting(all_, "secrets", "3"), *all_[-3:]],
    "a number lowered by one": lambda all_: [*all_, setting(all_, "staff", "1")],
    "the proposal again": lambda all_: [*all_[:-3], all_[-6], *all_[-3:]],
    "done twice": lambda all_: [*all_, all_[-1]],
    "a role that does not approve": lambda all_: but(all_, "officer-added", 1, role="auditor"),
    "an officer more": lambda all_: [*all_, all_[0]],
    "an officer less": lambda all_: [*all_, replace(all_[0], action="officer-removed")],
    "a clerk": lambda all_: [*all_, replace(all_[0], action="clerk-named")],
    "a new clerk": lambda all_: [*all_, replace(all_[0], action="account-made", facts={"staff": 1})],
    "a clock": lambda all_: [*all_[:-2], replace(all_[0], action="clock-accepted")],
    "a key of the log after the act": lambda all_: [*all_, replace(all_[0], action="log-key-changed")],
    "no number of people": lambda all_: but(all_, "act-proposed", people="2"),
    "no text": lambda all_: but(all_, "act-signed", signature=None),
    "no digest": lambda all_: but(all_, "act-signed", sha512="zz"),
    "no signature": lambda all_: but(all_, "act-signed", signature="AAAA"),
    "other octets": lambda all_: but(all_, "act-signed", sha256="00" * 32, sha512="00" * 64),
    "an approval of other octets": lambda all_: but(all_, "act-approved", sha256="00" * 32),
    "an act of other octets": lambda all_: but(all_, "act-done", sha256="00" * 32),
}


def setting(entries, name, value):
    """Return an entry that sets a number of people."""
    facts = {"value": value, "row": json.dumps({"sinetti_approvalsetting": [{"value": value}]})}
    return replace(entries[at(entries, "approval-setting-set")], object=f"setting:{name}", facts=facts)


@pytest.mark.parametrize("change", FORGED.values(), ids=FORGED)
def test_a_forged_approval_is_found(entries, change):
    with pytest.raises(ProofError):
        recorded(change(entries))


TRUE = {
    "a key of the log during the act": lambda all_: [
        *all_[:-1],
        replace(all_[0], action="log-key-changed", object="log"),
        all_[-1],
    ],
    "a higher number": lambda all_: [*all_, setting(all_, "staff", "3")],
    "a setting of keys": lambda all_: [*all_, setting(all_, "officer_keys", "any")],
    "an account": lambda all_: [*all_, replace(all_[0], action="account-made", facts={"staff": 0})],
    "rejected": lambda all_: [*all_[:-5], replace(all_[-1], action="act-rejected")],
}


@pytest.mark.parametrize("change", TRUE.values(), ids=TRUE)
def test_what_needs_no_approval(entries, change):
    recorded(change(entries))


def test_the_signature_of_a_removed_officer_does_not_count(entries):
    record = recorded(entries[:-3])
    record.officers.pop(entries[1].facts["key"])
    with pytest.raises(ProofError, match="1 of 2 officers"):
        recorded(entries[-3:], record)
    record = recorded(entries[:-5])
    record.officers.pop(entries[1].facts["key"])
    with pytest.raises(ProofError, match="no officer's who may sign"):
        recorded(entries[-4:], record)


def test_a_removal_is_approved_and_counts(entries):
    """The same entries, for the act `officers`, with the removal of ben in it."""
    removal = replace(entries[1], action="officer-removed", request=entries[-3].request)
    # The octets of the proposal are of another act, so the log has the digest alone, as that of earlier code.
    digests = [{name: value for name, value in one.facts.items() if name != "octets"} for one in entries[-6:]]
    act = [replace(one, facts={**facts, "act": "officers"}) for one, facts in zip(entries[-6:], digests, strict=True)]
    record = recorded([*entries[:-6], *act[:4], removal, act[5]])
    assert entries[1].facts["key"] not in record.officers
    with pytest.raises(ProofError, match="takes two people"):
        recorded([*entries[:-6], *act[:4], replace(removal, request="another"), act[5]])


def test_an_assertion_names_its_site(entries):
    found = asserted()
    octets = (found.nonce, found.client_data, found.authenticator_data, found.signature)
    names = ("nonce", "client_data", "authenticator_data", "signature")
    facts = {name: urlsafe_b64encode(one).decode().rstrip("=") for name, one in zip(names, octets, strict=True)}
    facts |= {"public_key": b64encode(found.public_key).decode(), "algorithm": found.algorithm, "sha256": DIGEST.hex()}
    confirmed = replace(entries[0], action="act-asserted", facts=facts)
    record = recorded([confirmed])
    assert (record.verified, record.origins) == (1, {ORIGIN})
    with pytest.raises(ProofError, match="another challenge"):
        recorded([replace(confirmed, facts={**facts, "sha256": "00" * 32})])


def test_an_unknown_entry_leaves_nothing_to_conclude(entries):
    record = recorded(entries[:-5])
    record.skip_unknown()
    assert recorded(entries[-4:], record).verified == 1
    with pytest.raises(ProofError):
        recorded(but(entries[-4:], "act-signed", sha512="00" * 64), record)


def test_the_export_has_them_and_a_false_one_is_named(sqlite_scene, entries):
    ctx = logging(sqlite_scene.ctx)
    sequenced(ctx)
    report = verify_export(export_lines(ctx.db, None, None), LOG_KEY.verifier)
    assert (report.approvals, report.checks_officers, report.origins) == (2, True, ())
    report = verify_export(export_lines(ctx.db, report.end - 3, None), LOG_KEY.verifier)
    assert (report.approvals, report.checks_officers) == (0, False)
    octets = format_entry("act-done", "act:none", ("os-user:root", NOW, REQUEST), entries[-1].facts)
    models.AuditEvent.objects.using(ctx.db.alias).create(
        at=NOW, actor="os-user:root", action="act-done", object="act:none", request_id=REQUEST, octets=octets,
        sha256="0" * 64,
    )  # fmt: skip
    sequenced(ctx)
    with pytest.raises(EntryWrong, match="its proposal is not in the log"):
        verify_export(export_lines(ctx.db, None, None), LOG_KEY.verifier)


@pytest.fixture
def recovered(sqlite_scene):
    """Return the entries of an authority whose lost officers the root key replaced, in their order."""
    found_officers(sqlite_scene.db, checked_founders(), sqlite_scene.audit_entry())
    keep_strictest(ApprovalPolicy(), sqlite_scene.ctx)
    root = authority().certificate(ROOT)
    lines = tuple(OfficerLine(name, "approver", key_of(name).public.read_text().strip()) for name in ("dora", "emil"))
    request = RequestSet(
        CeremonyKind.OFFICERS, Environment.TEST, "http://pki.example", NOW, "0" * 64, sha256_hex(certificate_der(root))
    )
    new = [
        check_officer(NewOfficer(one.name, OfficerRole.APPROVER, one.key.encode()), ApprovalPolicy()) for one in lines
    ]
    named = tuple(OfficerLine(one.name, one.role.value, one.key.line) for one in new)
    octets = officers_statement(request, named)
    statement = RootStatement(octets, sign(authority().key(ROOT), octets), certificate_der(root))
    recover_officers(new, statement, sqlite_scene.ctx, "os-user:root", "request-of-recovery")
    rows = models.AuditEvent.objects.using(sqlite_scene.db.alias).order_by("sequence")
    taken = [parse_entry(bytes(row.octets)) for row in rows]
    return [one for one in taken if one.action.startswith(("officer", "approval-"))]


def test_officers_that_the_root_named_need_no_approval(recovered):
    record = recorded(recovered)
    assert sorted(name for name, _ in record.officers.values()) == ["officer:dora", "officer:emil"]
    assert record.roots == {sha256_hex(certificate_der(authority().certificate(ROOT)))}


def services_root():
    """Return another CA's certificate, whose key has not signed the statement."""
    return b64encode(certificate_der(authority().certificate(authority().hierarchy.services.file_name))).decode()


FORGED_RECOVERIES = {
    "no statement": lambda all_: without(all_, "officers-recovered"),
    "another root": lambda all_: but(all_, "officers-recovered", root=services_root()),
    "no root": lambda all_: but(all_, "officers-recovered", root="AAAA"),
    "no signature": lambda all_: but(all_, "officers-recovered", signature="AAAA"),
    "other octets": lambda all_: but(all_, "officers-recovered", statement="sinetti-officers-v1\n{}"),
    "no JSON": lambda all_: but(all_, "officers-recovered", statement="sinetti-officers-v1\n"),
    "another act's statement": lambda all_: but(
        all_,
        "officers-recovered",
        statement=all_[at(all_, "officers-recovered")].facts["statement"].replace("sinetti-officers-v1", "x"),
    ),
    "an officer more": lambda all_: [*all_, replace(all_[0], request="request-of-recovery")],
    "a later change": lambda all_: [*all_, replace(all_[-1], request="another")],
    "the statement again": lambda all_: [*all_, replace(all_[at(all_, "officers-recovered")], request="another")],
    "another role": lambda all_: but(all_, "officer-added", 3, role="operator"),
    "another name": lambda all_: [
        *all_[:-1],
        replace(all_[-1], object="officer:anna"),
    ],
    "a clerk with it": lambda all_: [*all_, replace(all_[-1], action="clerk-named")],
}


@pytest.mark.parametrize("change", FORGED_RECOVERIES.values(), ids=FORGED_RECOVERIES)
def test_a_forged_recovery_is_found(recovered, change):
    with pytest.raises(ProofError):
        recorded(change(recovered))


def test_a_former_officer_who_stays_does_not_count_after_a_recovery(recovered):
    record = recorded([one for one in recovered if one.action != "officer-removed"])
    assert sorted(name for name, _ in record.officers.values()) == ["officer:dora", "officer:emil"]


def test_a_recovery_needs_new_keys_and_enough_officers(recovered, sqlite_scene):
    assert recovered
    lines = ("dora", "emil")
    statement = RootStatement(b"sinetti-officers-v1\n{}", b"", b"")

    def recover(*names):
        new = [
            check_officer(NewOfficer(name, OfficerRole.APPROVER, key_of(name).public.read_bytes()), ApprovalPolicy())
            for name in names
        ]
        recover_officers(new, statement, sqlite_scene.ctx, "os-user:root", "again")

    count = models.AuditEvent.objects.using(sqlite_scene.db.alias).count
    before = count()
    recover(*lines)  # once more: nothing to do
    for names, why in ((("dora",), "name 2 officers"), (("anna", "fia"), "a new key")):
        with pytest.raises(OfficerError, match=why):
            recover(*names)
    assert count() == before
