"""Attacks on acts that take two people: one person, forged, replayed and moved approvals.

Every command that changes something is in the table below: it takes two people, or one with the reason.
"""

import argparse
import ast
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction

import sinetti
from sinetti.authority.signer.approvals import verify_approval
from sinetti.cli.main import build_parser
from sinetti.database import models
from sinetti.database.approvals import proposals
from sinetti.domain.approvals.acts import ON_PAGES, TABLE, ApprovalPolicy, KeyRequirement, OfficerRole, TwoPersonAct
from sinetti.domain.approvals.proposals import ApprovalError, ProposalState, parse_proposal
from sinetti.domain.values import Environment
from sinetti.i18n.approval_labels import ACTS, NOT_UNDONE
from sinetti.pki.signers import ActApproval, SignatureRefused
from sinetti.services.approvals.approve import ApprovalContext, begin, propose
from sinetti.services.approvals.executors import EXECUTORS
from sinetti.services.approvals.officers import NewOfficer, check_officer, found_officers, get_officer
from sinetti.settings.signer import PolicyOfficer
from tests.cli.authority.conftest import Operator, at_work
from tests.cli.authority.test_ca import installed
from tests.support.officers import approve, founders, give, key_of, octets_of, proposed, waiting
from tests.support.scene import REQUEST
from tests.support.signing import policy
from tests.support.ssh_keys import PRESENT, VERIFIED, Authenticator, armored, make_key

SOURCES = Path(sinetti.__file__).parent
ORGANISATION = ("--customer-id", "0123456-7")
ENDING = ("organisation", "close", *ORGANISATION)
PERSON = ("--name", "The Director", "--email", "director@customer.example")


@pytest.fixture
def operator(request, tmp_path, monkeypatch, capsys):
    """Yield an operator of a TEST authority with three officers and an organisation."""
    with at_work("sqlite", request, tmp_path, monkeypatch) as one:
        one.found(*founders())
        one.add()
        yield one


def is_open():
    return models.Organisation.objects.get().closed_at is None


def test_one_officer_alone(operator, tmp_path):
    """Ben proposes in his name and in anna's, and signs everything himself."""
    own = proposed(operator, *ENDING, "--officer", "ben")
    assert give(operator, own, "ben", tmp_path)[0] == 3
    assert "already signed" in give(operator, own, "ben", tmp_path)[2]
    others = proposed(operator, *ENDING, "--officer", "anna")
    assert give(operator, others, "ben", tmp_path)[0] == 3, "the proposer has not signed"
    forged = key_of("ben").sign(octets_of(operator, others, tmp_path))
    code, _out, err = give(operator, others, "anna", tmp_path, forged)
    assert (code, "made with another key" in err, is_open()) == (2, True, True)


def test_a_second_key_of_one_person_is_no_second_officer(operator, tmp_path):
    """A new key comes in only by two officers; the same key never twice."""
    key = make_key(tmp_path, "second")
    words = ("officer", "add", "second", "--public-key", key.public, "--role", "approver", "--officer", "ben")
    proposal = proposed(operator, *words)
    assert give(operator, proposal, "ben", tmp_path)[0] == 3
    path = tmp_path / "second.sig"
    path.write_bytes(key.sign(octets_of(operator, proposal, tmp_path)))
    code, _out, err = operator.run("approval", "give", proposal, "--officer", "second", "--signature", path)
    assert (code, "there is no officer second" in err) == (2, True)
    assert models.OfficerRecord.objects.count() == 3


@pytest.mark.parametrize("role", ["operator", "registration", "auditor"])
def test_roles_that_do_not_approve(operator, tmp_path, role):
    key = make_key(tmp_path, "dora")
    words = ("officer", "add", "dora", "--public-key", key.public, "--role", role, "--officer", "anna")
    approve(operator, proposed(operator, *words), tmp_path)
    proposal = proposed(operator, *ENDING, "--officer", "anna")
    give(operator, proposal, "anna", tmp_path)
    path = tmp_path / "dora.sig"
    path.write_bytes(key.sign(octets_of(operator, proposal, tmp_path)))
    code, _out, err = operator.run("approval", "give", proposal, "--officer", "dora", "--signature", path)
    assert (code, "does not allow it" in err, is_open()) == (2, True, True)
    if role == "auditor":
        assert "does not allow it" in operator.refused(2, *ENDING, "--officer", "dora")


def test_an_approval_is_not_replayed(operator, tmp_path):
    """The signatures of a proposal that was rejected are given to its repetition."""
    first = proposed(operator, *ENDING, "--officer", "anna")
    octets = octets_of(operator, first, tmp_path)
    signed = {name: key_of(name).sign(octets) for name in ("anna", "ben")}
    operator.does("approval", "reject", first)
    again = proposed(operator, *ENDING, "--officer", "anna")
    for name, signature in signed.items():
        code, _out, err = give(operator, again, name, tmp_path, signature)
        assert (code, "does not fit these octets" in err) == (2, True)
        code, _out, err = give(operator, first, name, tmp_path, signature)
        assert (code, "nothing left to decide" in err) == (2, True)
    assert is_open()


def test_an_approval_is_not_moved_to_another_act(operator, tmp_path):
    """The octets in the register are replaced by others after an officer has read the file."""
    harmless = proposed(
        operator, "account", "add", "a@authority.example", "--name", "A", "--staff", "--officer", "anna"
    )
    ending = proposed(operator, *ENDING, "--officer", "anna")
    signature = key_of("ben").sign(octets_of(operator, harmless, tmp_path))
    code, _out, err = give(operator, ending, "ben", tmp_path, signature)
    assert (code, "does not fit these octets" in err) == (2, True)


def test_an_approval_is_not_moved_to_another_authority(operator, tmp_path):
    proposal = proposed(operator, *ENDING, "--officer", "anna")
    octets = octets_of(operator, proposal, tmp_path)
    row = models.ActProposal.objects.get()
    models.ActProposal.objects.filter(pk=proposal).update(
        octets=octets.replace(json.loads(octets)["instance"].encode(), b"0" * 32)
    )
    moved = bytes(models.ActProposal.objects.get().octets)
    code, _out, err = give(operator, proposal, "anna", tmp_path, key_of("anna").sign(moved))
    assert (code, "of another authority" in err, row.state) == (2, True, "open")


def test_a_signature_for_another_purpose(operator, tmp_path):
    """A signature that an officer made over the same octets as a file or a git commit."""
    proposal = proposed(operator, *ENDING, "--officer", "anna")
    octets = octets_of(operator, proposal, tmp_path)
    for namespace in ("file", "git", "sinetti-approval"):
        code, _out, err = give(operator, proposal, "anna", tmp_path, key_of("anna").sign(octets, namespace))
        assert (code, "for another purpose" in err) == (2, True)
    for junk in (b"", b"yes", armored(b"SSHSIG"), key_of("anna").public.read_bytes()):
        assert give(operator, proposal, "anna", tmp_path, junk or b"\n")[0] == 2
    assert models.ActSignature.objects.count() == 0


def test_a_proposal_ends_after_a_day(operator, tmp_path):
    proposal = proposed(operator, *ENDING, "--officer", "anna")
    octets = octets_of(operator, proposal, tmp_path)
    old = octets
    for field in ("created", "expires"):
        found = json.loads(octets)[field]
        earlier = datetime.fromisoformat(found).replace(year=2025).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        old = old.replace(f'"{field}":"{found}"'.encode(), f'"{field}":"{earlier}"'.encode())
    models.ActProposal.objects.filter(pk=proposal).update(octets=old)
    code, _out, err = give(operator, proposal, "anna", tmp_path, key_of("anna").sign(old))
    assert (code, "it has ended" in err) == (2, True)


def test_the_signature_of_a_removed_officer_does_not_count(operator, tmp_path):
    ending = proposed(operator, *ENDING, "--officer", "anna")
    assert give(operator, ending, "carl", tmp_path)[0] == 3
    key = make_key(tmp_path, "dora")
    adding = ("officer", "add", "dora", "--public-key", key.public, "--role", "approver", "--officer", "anna")
    approve(operator, proposed(operator, *adding), tmp_path)
    approve(operator, proposed(operator, "officer", "remove", "carl", "--officer", "anna"), tmp_path)
    assert give(operator, ending, "anna", tmp_path)[0] == 3
    assert is_open()
    assert give(operator, ending, "ben", tmp_path)[0] == 0
    assert not is_open()


ONE = {
    "migrate": "adds tables, as the role that owns them",
    "init": "there is no authority yet",
    "serve": "starts the service",
    "reload": "takes the files that the service's user wrote",
    "organisation add": "gives no certificate to a person by itself",
    "organisation approve": "an application was decided before",
    "organisation withdraw": "stops issuance",
    "organisation signatory remove": "takes a right away",
    "organisation contact-person": "gives no right",
    "organisation looked-after-by": "an authorisation of the organisation is recorded",
    "gateway add": "a gateway only reports",
    "gateway withdraw": "stops reports",
    "account deactivate": "takes a right away",
    "order": "an order needs an organisation that is approved",
    "transfer-ids": "replaces the transfer ids of an order",
    "change-contact": "gives no right",
    "let-end": "can be undone",
    "revoke": "stops one certificate, and must not wait; ten in 24 hours",
    "ca stop": "stops issuance, and must not wait",
    "call-early": "can be undone",
    "drill": "changes nothing that a holder has",
    "backup": "changes nothing in the register",
    "restore": "there is no register that could hold an approval",
    "import-signed": "the custodians' ceremony decided it",
    "officer recover": "asks the custodians, who decide",
    "reconcile": "restores what was decided before",
    "publish-status": "writes files of what is public already",
    "retention apply": "follows the settings",
    "notices plan": "follows the settings",
    "notices send": "follows the settings",
    "notices retry": "sends messages again",
    "journal close": "compresses files, and writes what happened already",
    "journal ship": "copies what the user of the machine can read",
    "keys move-to-token": "PRODUCTION refuses it",
    "signer": "signs by rules of its own",
    "approval give": "adds a signature",
    "approval reject": "stops a proposal",
    "secrets rotate": "takes nothing away: all data stays readable",
    "secrets reseal": "changes the seals of secrets, not the secrets",
    "secrets remove": "is refused while data needs the key",
}
"""Commands that change something and take one person, with the reason."""

READ = {
    *("approval list", "approval show", "officer list", "account list", "gateway list", "organisation show"),
    *(
        "status",
        "watch",
        "check",
        "journal verify",
        "restore-drill",
        "clock show",
        "retention plan",
        "notices preview",
        "notices bounces",
    ),
    *("keys list", "keys check", "ca list", "ca plan", "ca readiness"),
    *("secrets status", "export-certificates", "organisation signatory letter", "audit verify", "audit export"),
}
"""Commands that change nothing."""


CHANGED = "authority:DataProvidersSFTPTestIssuingCAv1"
"""Object with a row that differs from the log."""


def two(folder):
    """Return words for each command that takes two, with the act."""
    key = make_key(folder, "new") if not (folder / "new").exists() else None
    public = key.public if key is not None else folder / "new.pub"
    return {
        "officer add": (TwoPersonAct.OFFICERS, ("new", "--public-key", public, "--role", "approver")),
        "officer remove": (TwoPersonAct.OFFICERS, ("carl",)),
        "account add": (TwoPersonAct.STAFF, ("clerk@authority.example", "--name", "C", "--staff")),
        "account staff": (TwoPersonAct.STAFF, ("account@authority.example",)),
        "account reset-second-factor": (TwoPersonAct.STAFF, ("clerk@elsewhere.example",)),
        "organisation close": (TwoPersonAct.ORGANISATION_END, ORGANISATION),
        "organisation signatory add": (TwoPersonAct.SIGNATORY, (*ORGANISATION, *PERSON)),
        "clock accept": (TwoPersonAct.RESUME, ("--yes",)),
        "ca begin": (TwoPersonAct.CA, ("--ca", "DataProvidersTestIssuingCAv1")),
        "ca install": (TwoPersonAct.CA, ("DataProvidersTestIssuingCAv2",)),
        "ca rollover": (TwoPersonAct.CA, ("--channel", "WS")),
        "ca activate": (TwoPersonAct.CA, (CHANGED.partition(":")[2],)),
        "ca retire": (TwoPersonAct.CA, (CHANGED.partition(":")[2],)),
        "ca revoke": (TwoPersonAct.CA, ("DataProvidersTestIssuingCAv1", "--reason", "superseded")),
        "approval settings": (TwoPersonAct.SETTINGS, ()),
        "audit accept": (TwoPersonAct.OFFICERS, (CHANGED,)),
        "audit rotate-key": (TwoPersonAct.SECRETS, ()),
        "passphrase": (TwoPersonAct.SECRETS, ("--to", folder / "passphrase")),
        "keys separate": (TwoPersonAct.SECRETS, ("--signer-dir", folder / "signer", "--socket", folder / "socket")),
        "secrets wrap": (TwoPersonAct.SECRETS, ("passphrase", "--alone")),
        "offline": (
            TwoPersonAct.CEREMONY,
            ("--offline-dir", folder / "vault", "--offline-passphrase-file", folder / "vault-passphrase"),
        ),
    }


ELSEWHERE = {
    "keys destroy": ("ceremony destroy-keys", "tests/cli/authority/test_keys_destroy.py"),
    "publish": ("ca publish", "tests/cli/authority/test_keys.py"),
    "revoke-many": ("bulk-revocation", "tests/cli/authority/test_watching.py"),
}
"""Commands that take two, with the kinds of their proposals, in tests with what they need."""


def leaves(parser, before=()):
    """Yield the words of each command below a parser."""
    groups = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    if not groups:
        yield " ".join(before)
    for name, below in {name: below for group in groups for name, below in group.choices.items()}.items():
        yield from leaves(below, (*before, name))


def test_every_command_is_in_the_table(tmp_path):
    parser = build_parser("authority")
    words = {one.removeprefix("authority ") for one in leaves(parser) if one.startswith("authority ")}
    assert words == {*ONE, *READ, *two(tmp_path), *ELSEWHERE}
    acts = {one.partition(" ")[0] for one, _ in [*two(tmp_path).values(), *ELSEWHERE.values()]}
    on_pages = {TwoPersonAct.ORGANISATION_MERGE, TwoPersonAct.ORGANISATION_NAME}
    assert acts | on_pages == set(TABLE)


def test_every_place_that_proposes_has_a_sentence_of_its_own():
    """The sentences differ, and each `change` that a command writes is one of them."""
    assert len(set(ACTS.values())) == len(ACTS)
    assert ACTS.keys() == NOT_UNDONE.keys()
    assert {kind.partition(" ")[0] for kind in ACTS} == set(TABLE)
    changes = {kind.partition(" ")[2] for kind in ACTS}
    written = {
        ast.literal_eval(value)
        for path in (SOURCES / "cli" / "authority").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Dict)
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant) and key.value == "change" and isinstance(value, ast.Constant)
    }
    assert written <= changes
    assert len(written) > 8


def state(operator: Operator):
    """Return what the acts of the table change: rows and files, without proposals and audit rows."""
    names = ("Organisation", "User", "RoleAssignment", "OfficerRecord", "ApprovalSetting", "ClockCheckpoint")
    tables = [getattr(models, name) for name in names]
    rows = [list(table.objects.order_by("pk").values_list()) for table in tables]
    files = {
        path: path.read_bytes()
        for path in sorted(operator.root.rglob("*"))
        if path.suffix in {".pem", ""} and path.is_file()
    }
    return rows, {path: octets for path, octets in files.items() if "register" not in path.name}


def test_no_command_of_the_table_acts_without_an_approval(operator, tmp_path):
    for email in ("account@authority.example", "clerk@elsewhere.example"):
        operator.does("account", "add", email, "--name", "A")
    models.User.objects.filter(email__startswith="clerk").update(is_staff=True)
    settings = operator.root / "authority.toml"
    settings.write_text(f"{settings.read_text()}\n[approvals]\nstaff = 1\n")
    name = CHANGED.partition(":")[2]
    operator.does("ca", "stop", name)
    installed(operator)
    models.CertificateAuthority.objects.filter(pk=name).update(key_id="another")
    kinds = set()
    for command, (act, words) in two(tmp_path).items():
        before = state(operator)
        if act is not TwoPersonAct.SETTINGS:
            assert "--officer is missing" in operator.refused_with(2, *command.split(), *words), command
        proposal = proposed(operator, *command.split(), *words, "--officer", "anna")
        assert state(operator) == before, command
        stored = parse_proposal(bytes(models.ActProposal.objects.get(pk=proposal).octets))
        assert stored.act == act
        assert stored.kind not in kinds, f"{command} has the sentence of another command"
        kinds.add(stored.kind)
        # Not approved, one signature, and a foreign proposal are no approvals either.
        assert give(operator, proposal, "anna", tmp_path)[0] == 3
        if TABLE[act].needs_medium:
            again = (*command.split(), *words, "--officer", "anna", "--approval", proposal)
            assert "it is not approved" in operator.refused_with(2, *again)
        assert state(operator) == before, command
    assert len(waiting(operator)) == len(two(tmp_path))
    elsewhere = {kind for kind, _ in ELSEWHERE.values()}
    assert kinds | elsewhere | {act.value for act in ON_PAGES} | {"secrets replace-passphrase"} == set(ACTS)


TOUCHED = Authenticator(Ed25519PrivateKey.from_private_bytes(b"\5" * 32), flags=PRESENT)
ROLES = {
    **dict.fromkeys(("anna", "ben", "fia"), OfficerRole.APPROVER),
    "adam": OfficerRole.AUDITOR,
    "rita": OfficerRole.REGISTRATION,
}
"""Officers in force, for the service and for the signer; dora was one, and fia has a FIDO2 key."""
LONG, DAY = timedelta(days=3000), timedelta(days=1)
CHANGE = {"change": "rotate-log-key", "key": "log"}
THREE = ApprovalPolicy({TwoPersonAct.SECRETS: 3})
VERIFIED_ALONE = ApprovalPolicy(keys=KeyRequirement.FIDO2_VERIFIED)


def public(name):
    return TOUCHED.line if name == "fia" else key_of(name).public.read_bytes()


def sign(name, octets, namespace="sinetti-approval@v1"):
    return (TOUCHED if name == "fia" else key_of(name)).sign(octets, namespace)


def later(proposal, **by):
    return {name: getattr(proposal, name) + change for name, change in by.items()}


APPROVED = {
    "two officers": (lambda one: {}, ("anna", "ben"), ApprovalPolicy()),
    "a touch, where that is enough": (lambda one: {}, ("anna", "fia"), ApprovalPolicy(keys=KeyRequirement.FIDO2)),
    "three officers": (lambda one: {"people": 3}, ("anna", "ben", "fia"), THREE),
    "the last day": (lambda one: later(one, created=-DAY, expires=-DAY), ("anna", "ben"), ApprovalPolicy()),
}
TRIED = {
    "ben alone": (lambda one: {}, ("ben",), "not approved"),
    "ben twice": (lambda one: {}, ("ben", "ben"), "already signed|another key"),
    "the proposer alone, who changed the number of people": (lambda one: {"people": 1}, ("anna",), "not approved"),
    "a number of people below none": (lambda one: {"people": -9}, ("anna",), "not approved"),
    "a proposal in anna's name": (lambda one: {}, ("ben", "fia"), "not approved"),
    "a proposal by an own second key in anna's name": (
        lambda one: {"proposer_key": "SHA256:mine"},
        ("anna", "ben"),
        "no longer in force",
    ),
    "an own second key": (lambda one: {}, ("anna", "second"), "not that of an officer|another key"),
    "an officer who was removed": (lambda one: {}, ("anna", "dora"), "not that of an officer|another key"),
    "a role that approves nothing": (lambda one: {}, ("anna", "adam"), "does not allow it"),
    "a role that does not propose it": (lambda one: {"proposer": "rita"}, ("rita", "ben"), "no longer|not allow"),
    "another authority": (lambda one: {"instance_id": "f" * 16}, ("anna", "ben"), "another authority|no proposal"),
    "another environment": (
        lambda one: {"environment": Environment.PRODUCTION},
        ("anna", "ben"),
        "of another authority",
    ),
    "a proposal of yesterday": (
        lambda one: later(one, created=-DAY, expires=-DAY - timedelta(seconds=1)),
        ("anna", "ben"),
        "it has ended",
    ),
    "a proposal from the future": (
        lambda one: later(one, created=timedelta(minutes=6)),
        ("anna", "ben"),
        "before its beginning",
    ),
    "a proposal that counts for years": (lambda one: later(one, expires=LONG), ("anna", "ben"), "for longer"),
    "a proposal of 3,000 days ago": (lambda one: later(one, created=-LONG), ("anna", "ben"), "for longer"),
    "a proposal that ends before it begins": (
        lambda one: later(one, expires=-LONG),
        ("anna", "ben"),
        "it has ended",
    ),
}


@pytest.fixture
def offices(sqlite_scene):
    """Return functions that have the service and the signer count signatures by the same officers and rules."""
    found = [check_officer(NewOfficer(name, role, public(name)), ApprovalPolicy()) for name, role in ROLES.items()]
    found_officers(sqlite_scene.db, found, sqlite_scene.audit_entry())
    means = ApprovalContext(sqlite_scene.ctx, "os-user:root", REQUEST, EXECUTORS, lambda _actor: None)
    proposed = propose(TwoPersonAct.SECRETS, "anna", CHANGE, {}, means)
    pinned = tuple(PolicyOfficer(one.name, one.role, one.key.line) for one in found)

    def service(proposal, signatures, rules):
        """Count rows that the attacker inserted, each under the name of another officer in force."""
        rows = [one.objects.using(sqlite_scene.db.alias) for one in (models.ActSignature, models.ActProposal)]
        free = list(ROLES)
        with transaction.atomic(using=sqlite_scene.db.alias):
            rows[0].filter(proposal=proposal.proposal_id).delete()
            rows[1].filter(pk=proposal.proposal_id).delete()
            proposals.insert_proposal(sqlite_scene.db, proposal, sqlite_scene.audit_entry())
            rows[1].filter(pk=proposal.proposal_id).update(state=ProposalState.APPROVED)
            for name, signature in signatures:
                officer = get_officer(name if name in free else free[0], sqlite_scene.ctx)
                free.remove(officer.name)
                at = {"proposal_id": proposal.proposal_id, "signed_at": proposal.created}
                rows[0].create(officer_id=officer.officer_id, signature=signature, **at)
        ctx = replace(sqlite_scene.ctx, approvals=rules)
        begin(proposal.proposal_id, TwoPersonAct.SECRETS, CHANGE, replace(means, ctx=ctx))

    def signer(proposal, signatures, rules):
        approval = ActApproval(proposal.octets, tuple(signature for _, signature in signatures))
        pinning = policy(officers=pinned, approvals=rules, instance_id=proposed.instance_id)
        verify_approval(approval, pinning, sqlite_scene.ctx.now())

    return proposed, {"service": service, "signer": signer}


@pytest.mark.parametrize("side", ["service", "signer"])
@pytest.mark.parametrize(("change", "names", "rules"), APPROVED.values(), ids=APPROVED)
def test_service_and_signer_count_the_same_approvals(offices, side, change, names, rules):
    proposed, sides = offices
    proposal = replace(proposed, **change(proposed))
    sides[side](proposal, [(name, sign(name, proposal.octets)) for name in names], rules)


@pytest.mark.parametrize("side", ["service", "signer"])
@pytest.mark.parametrize(("change", "names", "why"), TRIED.values(), ids=TRIED)
def test_one_officer_gets_nothing_from_service_or_signer(offices, side, change, names, why):
    proposed, sides = offices
    proposal = replace(proposed, **change(proposed))
    with pytest.raises((ApprovalError, SignatureRefused), match=why):
        sides[side](proposal, [(name, sign(name, proposal.octets)) for name in names], ApprovalPolicy())


@pytest.mark.parametrize("side", ["service", "signer"])
def test_signatures_of_other_octets_rules_or_purposes_do_not_count(offices, side):
    proposed, sides = offices
    again = replace(proposed, nonce="00" * 32)
    both = [(name, sign(name, proposed.octets)) for name in ("anna", "ben")]
    files = [(name, sign(name, proposed.octets, "file")) for name in ("anna", "ben")]
    touched = [(name, sign(name, proposed.octets)) for name in ("anna", "fia")]
    tries = {
        "replayed": (again, both, ApprovalPolicy(), "does not fit these octets"),
        "of files": (proposed, files, ApprovalPolicy(), "for another purpose"),
        "two of three": (proposed, both, THREE, "not approved"),
        "a touch without PIN": (proposed, touched, VERIFIED_ALONE, "did not verify its user"),
    }
    for proposal, signatures, rules, why in tries.values():
        with pytest.raises((ApprovalError, SignatureRefused), match=why):
            sides[side](proposal, signatures, rules)
    TOUCHED.flags |= VERIFIED
    try:
        sides[side](proposed, [both[0], ("fia", sign("fia", proposed.octets))], VERIFIED_ALONE)
    finally:
        TOUCHED.flags = PRESENT
