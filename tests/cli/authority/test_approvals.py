"""`authority officer` and `approval`, and commands whose act takes two people."""

import json
import re

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from sinetti.cli.main import main
from sinetti.database import models
from sinetti.domain.values import Language
from sinetti.i18n.approval_labels import ACTS, NOT_UNDONE
from sinetti.i18n.translate import translate
from sinetti.infra.environment import login_uid
from sinetti.infra.file_permissions import user_name
from sinetti.pki.ssh_signatures import load_attesting_certificate, load_key
from tests.cli.authority.test_ca import installed
from tests.cli.authority.test_notices import SETTINGS
from tests.support import golden
from tests.support.officers import NAMES, approve, founders, give, giving, key_of, octets_of, proposed, waiting
from tests.support.ssh_keys import Authenticator, make_key

ORGANISATION = ("--customer-id", "0123456-7")
WS = "DataProvidersTestIssuingCAv1"
SUCCESSOR = "DataProvidersTestIssuingCAv2"
ENDING = ("organisation", "close", *ORGANISATION)


@pytest.fixture
def staffed(operator):
    """Return an operator of a TEST authority with three officers and one organisation."""
    operator.found(*founders())
    operator.add()
    return operator


def is_open(operator):
    return json.loads(operator.does("organisation", "show", *ORGANISATION, "--json"))["open"]


def audited(*actions):
    rows = models.AuditEvent.objects.filter(action__in=actions).order_by("sequence")
    return [(row.action, row.actor) for row in rows]


def test_a_file_that_cannot_be_written_is_refused_before_each_signature(staffed, tmp_path):
    folder = tmp_path / "elsewhere"
    words = ("passphrase", "--to", folder / "phrase")
    staffed.refused(2, *words, "--officer", "anna")
    assert waiting(staffed) == []
    folder.mkdir()
    proposal = proposed(staffed, *words, "--officer", "anna")
    assert give(staffed, proposal, "anna", tmp_path)[0] == 3
    signature = key_of("ben").sign(octets_of(staffed, proposal, tmp_path))
    folder.rmdir()
    (tmp_path / "ben.sig").write_bytes(signature)
    signing = ("approval", "give", proposal, "--officer", "ben", "--signature", tmp_path / "ben.sig")
    for refused in (signing, ("approval", "show", proposal, "--out", tmp_path / "octets")):
        staffed.refused(2, *refused)
    folder.mkdir()
    staffed.does(*signing)
    staffed.does(*words, "--approval", proposal)
    assert (folder / "phrase").exists()
    golden.check("sentences/approvals/a-file-that-cannot-be-written", staffed.said())


CA_BEFORE = ("ca", "begin", "--ca", WS)
TOKEN = ("--pkcs11-module", "/none", "--pkcs11-token", "a", "--pkcs11-pin-file", "/none")
SIGNER_SOCKET = ("--socket", "/run/s/signer.sock")
IMPOSSIBLE = (
    (2, "ca", "begin", "--ca", "Other"),
    (2, *CA_BEFORE, "--name", "Services Test Issuing CA v1"),
    (2, *CA_BEFORE, "--request-out", "/none/set"),
    (2, "ca", "install", SUCCESSOR),
    (2, "ca", "rollover", "--ca", "Other"),
    (2, "ca", "activate", SUCCESSOR),
    (3, "ca", "activate", WS),
    (5, "secrets", "wrap", "token", *TOKEN),
    (3, "ca", "retire", WS),
    (3, "ca", "revoke", "SinettiRootTestCAv1", "--reason", "superseded"),
    (2, "offline", "--offline-dir", "/none/vault/keys", "--offline-passphrase-file", "PHRASE"),
    (2, "passphrase", "--to", "DIR/phrase"),
    (5, "passphrase", "--new", "--to", "DIR/phrase"),
    (2, "passphrase", "--new", "--to", "/none/phrase"),
    (5, "secrets", "wrap", "passphrase", "--to", "PHRASE"),
    (2, "keys", "separate", "--signer-dir", "DIR/signer", *SIGNER_SOCKET),
    (3, "keys", "destroy", WS, "--protocol", "/none/protocol"),
    (2, "officer", "add", "eva", "--public-key", "ANNA", "--role", "approver"),
    (2, "account", "add", "a@authority.example", "--name", "A", "--staff"),
)
"""Commands that take two people and cannot be done, with their exit codes."""


def test_what_cannot_be_done_is_not_proposed(sqlite_operator, tmp_path):
    sqlite_operator.found(*founders())
    sqlite_operator.does("account", "add", "a@authority.example", "--name", "A")
    places = {"DIR": sqlite_operator.root, "PHRASE": tmp_path / "phrase", "ANNA": key_of("anna").public}
    for code, *words in IMPOSSIBLE:
        placed = [re.sub("DIR|PHRASE|ANNA", lambda found: str(places[found[0]]), word) for word in words]
        sqlite_operator.refused(code, *placed, "--officer", "anna")
    assert waiting(sqlite_operator) == []
    golden.check("sentences/approvals/what-cannot-be-done-is-not-proposed", sqlite_operator.said())


def begun(operator):
    installed(operator, is_certified=False)


def moved(operator):
    phrase = operator.root / "secrets" / "passphrase"
    phrase.rename(operator.root.with_name("passphrase"))


def become(name, state):
    return lambda _: models.CertificateAuthority.objects.filter(pk=name).update(state=state)


INTERMEDIATE, SFTP = "SinettiIntermediateTestCAv1", "DataProvidersSFTPTestIssuingCAv1"
CHANGED = {
    "the CA ended before its successor was begun": (CA_BEFORE, become(INTERMEDIATE, "revoked")),
    "the successor was begun with another name": ((*CA_BEFORE, "--name", "WS Test CA v9"), begun),
    "another CA took over": (("ca", "rollover", "--ca", WS), become(INTERMEDIATE, "revoked")),
    "the CA above ended": (("ca", "activate", SUCCESSOR), become(INTERMEDIATE, "revoked")),
    "the CA issues again": (("ca", "retire", SFTP), become(SFTP, "issuing")),
    "the pass-phrase moved": (("passphrase", "--to", "PLACE/phrase"), moved),
    "a CA was begun": (("keys", "separate", "--signer-dir", "PLACE/signer", *SIGNER_SOCKET), begun),
}
"""Commands that were proposed, and what made them impossible."""


@pytest.mark.parametrize("name", CHANGED)
def test_what_cannot_be_done_any_more_is_not_signed(sqlite_operator, tmp_path, name):
    (words, change), operator = CHANGED[name], sqlite_operator
    operator.found(*founders())
    operator.does("ca", "stop", SFTP)
    if SUCCESSOR in words:
        installed(operator)
    words = [one.replace("PLACE", str(tmp_path)) for one in words]
    proposal = proposed(operator, *words, "--officer", "anna")
    signature = key_of("anna").sign(octets_of(operator, proposal, tmp_path))
    change(operator)
    ended = {
        operator.noted(*giving(operator, proposal, "anna", tmp_path, signature))[0],
        operator.noted("approval", "show", proposal, "--out", tmp_path / "again")[0],
    }
    assert ended <= {2, 3}
    assert not (tmp_path / "again").exists()
    operator.does("approval", "reject", proposal)
    operator.does("approval", "show", proposal)
    golden.check(f"sentences/approvals-changed/{name.replace(' ', '-')}", operator.said())


def test_a_key_on_a_medium_is_no_obstacle_to_a_signature(sqlite_operator, tmp_path):
    """The proposer needs the medium and its pass-phrase; a signature needs neither."""
    operator, phrase = sqlite_operator, tmp_path / "vault-phrase"
    medium = ("--offline-dir", tmp_path / "vault", "--offline-passphrase-file", phrase)
    operator.found(*founders(), *medium)
    wrong = (*medium[:3], tmp_path / "wrong")
    wrong[3].write_bytes(b"another pass-phrase of the medium")
    wrong[3].chmod(0o600)
    revocation = ("ca", "revoke", WS, "--reason", "superseded")
    for words in (CA_BEFORE, ("ca", "rollover", "--ca", WS), revocation, ("publish",)):
        operator.refused(5, *words, *wrong, "--officer", "anna")
    operator.refused(2, "ca", "rollover", "--ca", WS, "--officer", "anna")
    assert waiting(operator) == []
    for words in (CA_BEFORE, ("ca", "rollover", "--ca", WS), revocation, ("publish",)):
        proposal = proposed(operator, *words, *medium, "--officer", "anna")
        away = medium[1].rename(tmp_path / "away")
        assert give(operator, proposal, "anna", tmp_path)[0] == 3
        away.rename(medium[1])
    golden.check("sentences/approvals/a-key-on-a-medium-is-no-obstacle-to-a-signature", operator.said())


def test_two_officers_end_an_organisation(staffed, tmp_path):
    proposal = proposed(staffed, *ENDING, "--officer", "anna")
    assert is_open(staffed)
    staffed.says(3, *giving(staffed, proposal, "anna", tmp_path))
    assert is_open(staffed)
    staffed.says(0, *giving(staffed, proposal, "ben", tmp_path))
    assert (is_open(staffed), waiting(staffed)) == (False, [])
    machine = f"os-user:{user_name(login_uid())}"
    assert audited("act-proposed", "act-signed", "act-approved", "act-done", "organisation-closed") == [
        *[(action, machine) for action in ("act-proposed", "act-signed", "act-signed", "act-approved")],
        ("organisation-closed", "officer:anna"),
        ("act-done", machine),
    ]
    row = models.AuditEvent.objects.filter(action="act-signed").latest("sequence")
    facts = json.loads(bytes(row.octets))["facts"]
    assert (facts["proposed_by"], facts["act"]) == ("officer:anna", "organisation-end")
    golden.check("sentences/approvals/two-officers-end-an-organisation", staffed.said())


def test_the_order_of_the_signatures_does_not_matter(staffed, tmp_path):
    approve(staffed, proposed(staffed, *ENDING, "--officer", "anna"), tmp_path, "ben", "anna")
    assert not is_open(staffed)


def test_an_approver_reads_the_file_without_the_register(staffed, tmp_path, capsys):
    proposal = proposed(staffed, *ENDING, "--officer", "anna")
    path = tmp_path / "proposal.json"
    path.write_bytes(octets_of(staffed, proposal, tmp_path))
    made = {}
    for language in Language:
        assert main(["--lang", language.value, "approval", "show", str(path)]) == 0
        made[f"{language.value}.txt"] = shown = capsys.readouterr().out
        assert proposal in shown
    assert main(["approval", "show", str(path), "--json"]) == 0
    made["show.json"] = golden.stable_json(capsys.readouterr().out)
    path.write_bytes(path.read_bytes().replace(b"0123456-7", b"0123456-8 "))
    assert main(["approval", "show", str(path)]) == 0, "another proposal, whose signature counts for nothing"
    capsys.readouterr()
    path.write_bytes(b" " + path.read_bytes())
    assert main(["--lang", "en", "approval", "show", str(path)]) == 2
    made["refused.en.txt"] = capsys.readouterr().err
    stable = {name: golden.stable_text(text, FOLDER=tmp_path) for name, text in made.items()}
    golden.check("sentences/approvals/an-approver-reads-the-file", stable)


def test_an_approver_reads_the_letter_that_leaves(staffed, tmp_path, capsys):
    """The letter is made by the act itself, which is rolled back; the links in it are masked."""
    adding = (
        "organisation",
        "signatory",
        "add",
        *ORGANISATION,
        "--name",
        "Maija Malli",
        "--email",
        "maija@customer.example",
    )
    (staffed.root / "notices.toml").write_text(SETTINGS.format(port=25), encoding="utf-8")
    proposal = proposed(staffed, *adding, "--invite", "--officer", "anna")
    assert not models.Invitation.objects.exists()
    assert not models.OutboxMessage.objects.exists()
    path = tmp_path / "proposal.json"
    path.write_bytes(octets_of(staffed, proposal, tmp_path))
    (letter,) = json.loads(path.read_bytes())["context"]["letters"]
    assert (letter["recipient"], letter["language"]) == ("maija@customer.example", "fi")
    assert "https://people.example/…" in letter["text"]
    assert main(["--lang", "en", "approval", "show", str(path)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert letter["subject"] in shown
    assert all(" ".join(part.split()) in shown for part in letter["text"].split("\n\n"))


def test_the_fingerprint_of_a_new_officer_is_computed_by_the_reader(staffed, tmp_path, capsys):
    """A proposal states no fingerprint, since its statement could not be trusted."""
    device = Authenticator(Ed25519PrivateKey.generate())
    for name, octets in (("new.pub", device.line), ("new.att", device.attest(b"c")), ("new.challenge", b"c")):
        (tmp_path / name).write_bytes(octets)
    key = ("--public-key", tmp_path / "new.pub", "--attestation", tmp_path / "new.att")
    adding = ("officer", "add", "dora", *key, "--challenge", tmp_path / "new.challenge", "--role", "approver")
    path = tmp_path / "proposal.json"
    path.write_bytes(octets_of(staffed, proposed(staffed, *adding, "--officer", "anna"), tmp_path))
    assert json.loads(path.read_bytes())["context"] == {}
    assert main(["approval", "show", str(path), "--json"]) == 0
    computed = json.loads(capsys.readouterr().out)["computed"]
    certificate = load_attesting_certificate((tmp_path / "new.att").read_bytes())
    assert computed["fingerprint"] == load_key(device.line).fingerprint
    assert computed["attested_sha256"] == certificate.fingerprint(SHA256()).hex()
    assert main(["--lang", "en", "approval", "show", str(path)]) == 0
    shown = "".join(capsys.readouterr().out.split())
    assert {one in shown for one in map("".join, map(str.split, computed.values()))} == {True}
    path.write_bytes(path.read_bytes().replace(device.line.split()[1], b"AAAA"))
    assert main(["--lang", "en", "approval", "show", str(path)]) == 2
    text = golden.stable_text(capsys.readouterr().err, FOLDER=tmp_path)
    golden.check("sentences/approvals/a-key-that-cannot-be-read", {"en.txt": text})


def test_test_without_officers_acts_as_the_user_of_the_machine(operator):
    operator.found()
    operator.add()
    operator.does(*ENDING)
    assert not is_open(operator)
    assert audited("organisation-closed") == [("organisation-closed", f"os-user:{user_name(login_uid())}")]
    operator.says(0, "officer", "list")
    operator.says(0, "approval", "list")
    golden.check("sentences/approvals/test-without-officers", operator.said())


def test_a_proposal_is_rejected(staffed, tmp_path):
    proposal = proposed(staffed, *ENDING, "--officer", "anna")
    assert waiting(staffed) == [proposal]
    staffed.does("approval", "reject", proposal)
    assert waiting(staffed) == []
    staffed.refused(2, *giving(staffed, proposal, "anna", tmp_path))
    assert is_open(staffed)
    staffed.refused(2, "approval", "reject", proposal)
    staffed.refused(2, "approval", "show", "x")
    golden.check("sentences/approvals/a-proposal-is-rejected", staffed.said())


def test_officers_add_and_remove_officers(staffed, tmp_path):
    key = make_key(tmp_path, "dora")
    adding = ("officer", "add", "Dora", "--public-key", key.public, "--role", "operator")
    staffed.refused(2, *adding)
    approve(staffed, proposed(staffed, *adding, "--officer", "anna"), tmp_path)
    rows = {row["name"]: row for row in json.loads(staffed.does("officer", "list", "--json"))}
    assert (set(rows), rows["dora"]["role"]) == ({*NAMES, "dora"}, "operator")
    # An operator proposes, and does not approve.
    proposal = proposed(staffed, "officer", "remove", "carl", "--officer", "dora")
    path = tmp_path / "dora.sig"
    path.write_bytes(key.sign(octets_of(staffed, proposal, tmp_path)))
    assert staffed.run("approval", "give", proposal, "--officer", "dora", "--signature", path)[0] == 3
    assert give(staffed, proposal, "ben", tmp_path)[0] == 0
    staffed.refused(2, *ENDING, "--officer", "carl")
    # A key is never accepted again, under any name.
    again = ("officer", "add", "eva", "--public-key", key_of("carl").public, "--role", "approver", "--officer", "anna")
    staffed.refused(2, *again)
    golden.check("sentences/approvals/officers-add-and-remove-officers", staffed.said())


def test_enough_officers_are_left(operator):
    operator.found(*founders("anna", "ben"))
    removal = ("officer", "remove", "ben", "--officer", "anna")
    operator.refused(2, *removal)
    golden.check("sentences/approvals/enough-officers-are-left", operator.said())


def test_production_needs_three_officers(operator):
    words = ("init", "--environment", "PRODUCTION", "--base-url", "http://pki.example")
    words = (*words, "--soap-url", "https://soap.example")
    for few in ((), founders("anna", "ben"), [*founders("anna", "ben"), "--officer", f"carl={key_of('ben').public}"]):
        operator.refused(2, *words, *few)
    operator.refused(2, *words, "--officer", "anna")
    operator.does(*words, *founders())
    rows = json.loads(operator.does("officer", "list", "--json"))
    assert [(row["name"], row["role"], row["key"]) for row in rows] == [
        (name, "approver", rows[at]["key"]) for at, name in enumerate(NAMES)
    ]
    golden.check("sentences/approvals/production-needs-three-officers", operator.said())


def test_the_first_officers_of_an_earlier_authority(operator, tmp_path):
    """Without officers, the first ones are added by commands, until they could act."""
    operator.found()
    for name in NAMES[:2]:
        operator.does("officer", "add", name, "--public-key", key_of(name).public, "--role", "approver")
    words = ("officer", "add", "carl", "--public-key", key_of("carl").public, "--role", "approver")
    operator.refused(2, *words)
    approve(operator, proposed(operator, *words, "--officer", "ben"), tmp_path, "ben", "anna")
    assert len(json.loads(operator.does("officer", "list", "--json"))) == 3
    golden.check("sentences/approvals/the-first-officers-of-an-earlier-authority", operator.said())


def test_an_authority_can_demand_fido2_keys(operator, tmp_path):
    operator.found()
    settings = operator.root / "authority.toml"
    settings.write_text(settings.read_text().replace('officer_keys = "any"', 'officer_keys = "fido2-verified"'))
    device = Authenticator(Ed25519PrivateKey.generate())
    (tmp_path / "anna.pub").write_bytes(device.line)
    (tmp_path / "challenge").write_bytes(b"challenge of the authority")
    (tmp_path / "anna.att").write_bytes(device.attest(b"challenge of the authority"))
    words = ("officer", "add", "anna", "--role", "approver", "--public-key")
    attested = ("--attestation", tmp_path / "anna.att", "--challenge", tmp_path / "challenge")
    operator.refused(2, *words, key_of("anna").public)
    operator.refused(2, *words, tmp_path / "anna.pub")
    operator.refused(2, *words, key_of("anna").public, *attested)
    operator.refused(2, *words, tmp_path / "anna.pub", *attested[:2])
    operator.does(*words, tmp_path / "anna.pub", *attested)
    (row,) = json.loads(operator.does("officer", "list", "--json"))
    assert row["fido2"]
    facts = json.loads(bytes(models.AuditEvent.objects.get(action="officer-added").octets))["facts"]
    assert len(facts["attestation"]) == 64
    operator.add()
    operator.refused(2, *ENDING, "--officer", "anna")
    other = Authenticator(Ed25519PrivateKey.generate())
    for name, octets in (("ben.pub", other.line), ("ben.att", other.attest(b"c")), ("ben.challenge", b"c")):
        (tmp_path / name).write_bytes(octets)
    second = ("--attestation", tmp_path / "ben.att", "--challenge", tmp_path / "ben.challenge")
    operator.does("officer", "add", "ben", "--role", "approver", "--public-key", tmp_path / "ben.pub", *second)
    # The signature must prove the user's verification.
    proposal = proposed(operator, *ENDING, "--officer", "anna")
    octets = octets_of(operator, proposal, tmp_path)
    device.flags = 0x01
    operator.refused(2, *giving(operator, proposal, "anna", tmp_path, device.sign(octets)))
    device.flags = 0x05
    assert give(operator, proposal, "anna", tmp_path, device.sign(octets))[0] == 3
    golden.check("sentences/approvals/an-authority-can-demand-fido2-keys", operator.said())


def test_settings_are_raised_at_once_and_lowered_by_officers(staffed, tmp_path):
    settings = staffed.root / "authority.toml"
    text = settings.read_text()
    settings.write_text(f"{text}\n[approvals]\nstaff = 3\n")
    clerk = ("account", "add", "a@authority.example", "--name", "A", "--staff", "--officer", "anna")
    proposal = proposed(staffed, *clerk)
    assert [give(staffed, proposal, name, tmp_path)[0] for name in NAMES] == [3, 3, 0]
    settings.write_text(f"{text}\n[approvals]\norganisation-end = 3\n")
    staffed.refused(5, "approval", "list")
    settings.write_text(f"{text}\n[approvals]\norganisation-end = 1\nstaff = 1\nofficers = 1\n")
    staffed.add("0123457-5")
    ending = ("organisation", "close", "--customer-id", "0123457-5")
    staffed.refused(2, *ending)
    rows = {row["name"]: row for row in json.loads(staffed.does("approval", "settings", "--json"))}
    assert rows["organisation-end"] == {"name": "organisation-end", "before": "2", "after": "1"}
    assert rows["staff"] == {"name": "staff", "before": "3", "after": "1"}
    lowering = proposed(staffed, "approval", "settings", "--officer", "anna")
    staffed.says(0, "approval", "show", lowering)
    approve(staffed, lowering, tmp_path, *NAMES)
    staffed.does(*ending)
    raised = text.replace('"TEST"', '"PRODUCTION"').replace("wait_hours = 0", "wait_hours = 24")
    settings.write_text(f"{raised}\n[approvals]\norganisation-end = 1\n")
    staffed.refused(5, "approval", "list")
    golden.check("sentences/approvals/settings-are-raised-at-once-and-lowered-by-officers", staffed.said())


PERSON = ("--name", "The Director", "--email", "director@customer.example")
PEOPLE_ADDRESS = """
people_address = "https://people.example"
service = "Sinetti"
operators = ["operator@pki.example"]
help = {fi = "apua", sv = "hjälp", en = "help"}
mail = {server = "smtp://127.0.0.1:25", from = "notices@pki.example"}
"""


@pytest.mark.parametrize("invite", [(), ("--invite",)], ids=["named", "invited"])
def test_a_first_signatory_waits_in_production(sqlite_operator, tmp_path, invite):
    one = sqlite_operator
    one.found(environment="PRODUCTION")
    one.add("1234567-1", kind="business-id")
    where = ("--customer-id", "1234567-1")
    one.noted("organisation", "signatory", "letter", *where)
    proposal = proposed(one, "organisation", "signatory", "add", *where, *PERSON, *invite, "--officer", "anna")
    give(one, proposal, "anna", tmp_path)
    one.says(0, *giving(one, proposal, "ben", tmp_path))
    naming = models.SignatoryNaming.objects.get()
    assert (naming.ends_at - naming.created).total_seconds() == 24 * 3600
    assert naming.mandate.valid_from == naming.ends_at
    one.refused(5, "organisation", "signatory", "letter", *where)
    (one.root / "notices.toml").write_text(PEOPLE_ADDRESS, encoding="utf-8")
    printed = one.does("organisation", "signatory", "letter", *where)
    assert f"https://people.example/veto/{naming.naming_id}/" in printed
    assert "director@customer.example" in printed
    golden.check("sentences/approvals/a-first-signatory-waits-in-production", one.said())


def test_the_time_is_lowered_by_officers(sqlite_operator, tmp_path):
    one = sqlite_operator
    one.found(*founders())
    settings = one.root / "authority.toml"
    text = settings.read_text()
    settings.write_text(text.replace("signatory_wait_hours = 0", "signatory_wait_hours = 5"))
    one.does("status")
    settings.write_text(text)
    in_effect = {row["name"]: row["before"] for row in json.loads(one.does("approval", "settings", "--json"))}
    assert in_effect["signatory_wait_hours"] == "5"
    approve(one, proposed(one, "approval", "settings", "--officer", "anna"), tmp_path)
    in_effect = {row["name"]: row["before"] for row in json.loads(one.does("approval", "settings", "--json"))}
    assert in_effect["signatory_wait_hours"] == "0"


def test_a_first_signatory_without_officers_waits_as_well(sqlite_operator):
    one = sqlite_operator
    one.found()
    one.add()
    settings = one.root / "authority.toml"
    settings.write_text(settings.read_text().replace("signatory_wait_hours = 0", "signatory_wait_hours = 5"))
    for invite in ((), ("--invite",)):
        one.says(0, "organisation", "signatory", "add", *ORGANISATION, *PERSON, *invite)
    golden.check("sentences/approvals/a-first-signatory-without-officers", one.said())


def changed(octets, tmp_path, **fields):
    """Return the file of a proposal with other fields, in the one form of a proposal."""
    path = tmp_path / "changed.json"
    path.write_bytes(json.dumps({**json.loads(octets), **fields}, sort_keys=True, separators=(",", ":")).encode())
    return str(path)


def test_what_an_officer_cannot_read_is_not_shown(staffed, tmp_path, capsys):
    """A life of years, and an act or a change without a sentence of its own."""
    octets = octets_of(staffed, proposed(staffed, *ENDING, "--officer", "anna"), tmp_path)
    tries = {
        "a life of years": {"expires": "2099-01-01T00:00:00Z"},
        "an act without a change": {"act": "ca"},
        "an unknown change": {"act": "ca", "parameters": {"change": "activate-all"}},
        "a change of another act": {"act": "officers", "parameters": {"change": "publish"}},
        "an invisible letter": {"act": "ca", "parameters": {"change": "\u200bpublish"}},
    }
    texts = {}
    for name, fields in tries.items():
        for words in ((), ("--json",)):
            assert main(["--lang", "en", "approval", "show", changed(octets, tmp_path, **fields), *words]) == 2
            texts[" ".join((name, *words))] = "".join(capsys.readouterr())
    text = golden.stable_text(golden.sections(texts), FOLDER=tmp_path)
    golden.check("sentences/approvals/what-an-officer-cannot-read-is-not-shown", {"en.txt": text})


@pytest.mark.parametrize("change", ["publish", "begin", "install", "rollover", "activate", "retire", "revoke"])
def test_each_act_on_a_ca_has_its_own_sentence(staffed, tmp_path, capsys, change):
    octets = octets_of(staffed, proposed(staffed, *ENDING, "--officer", "anna"), tmp_path)
    path = changed(octets, tmp_path, act="ca", parameters={"change": change, "ca": "RootCAv1"})
    for language in Language:
        assert main(["--lang", language.value, "approval", "show", path]) == 0
        shown = " ".join(capsys.readouterr().out.split())
        found = {kind for kind, sentence in ACTS.items() if translate(sentence, language) in shown}
        assert found == {f"ca {change}"}
        assert translate(NOT_UNDONE[f"ca {change}"], language) in shown


def test_no_letter_of_a_proposal_is_invisible(staffed, tmp_path, capsys):
    unseen = "\u3164\u2800\u200b\u202e\ufe0f\U000e0041"
    octets = octets_of(staffed, proposed(staffed, *ENDING, "--officer", "anna"), tmp_path)
    names = {
        "name": f"A{unseen}B",
        "rows": [{"name": f"C{unseen}D"}],
        f"E{unseen}F": ["x"],
        "letters": [{"text": unseen}],
    }
    path = changed(octets, tmp_path, context=names)
    points = "".join(f"<U+{ord(one):04X}>" for one in unseen)
    assert main(["--lang", "en", "approval", "show", path]) == 0
    shown = "".join(capsys.readouterr().out.split())
    assert not set(unseen) & set(shown)
    assert all(f"{a}{points}{b}" in shown for a, b in ("AB", "CD", "EF"))
    assert shown.count(points) == 4
    assert main(["approval", "show", path, "--json"]) == 0
    raw = capsys.readouterr().out
    assert not set(unseen) & set(raw)
    assert json.loads(raw)["context"] == names


def test_the_list_has_the_act_as_officers_read_it(staffed, tmp_path):
    staffed.does("ca", "stop", WS)
    proposed(staffed, "ca", "retire", WS, "--officer", "anna")
    (row,) = json.loads(staffed.does("approval", "list", "--json"))
    assert (row["act"], row["sentence"]) == ("ca", ACTS["ca retire"])
    assert row["object"] == WS
    staffed.says(0, "approval", "list")
    stored = models.ActProposal.objects.get()
    models.ActProposal.objects.update(octets=bytes(stored.octets).replace(b'"retire"', b'"recall"'))
    staffed.says(0, "approval", "list")
    golden.check("sentences/approvals/the-list-has-the-act-as-officers-read-it", staffed.said())
