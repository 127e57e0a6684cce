"""Policy of the separate signer: parsed once, and refused with the setting's name."""

from base64 import b64encode
from dataclasses import replace

import pytest
from cryptography import x509

from sinetti.domain.approvals.acts import ApprovalPolicy, KeyRequirement, OfficerRole, TwoPersonAct
from sinetti.domain.values import KeyPolicy, KeyType
from sinetti.infra.toml_tables import SettingsError
from sinetti.pki.encoding import certificate_der, hash_for
from sinetti.pki.ssh_signatures import load_key
from sinetti.settings.signer import PolicyOfficer, approval_lines, parse, read, render
from tests.support.authority import NOW, holder_key
from tests.support.officers import key_of
from tests.support.signing import policy

OFFICERS = tuple(
    PolicyOfficer(name, OfficerRole.APPROVER, " ".join(key_of(name).public.read_text().split()[:2]))
    for name in ("anna", "ben")
)
RULES = ApprovalPolicy(
    {TwoPersonAct.CA: 2, TwoPersonAct.CEREMONY: 3, TwoPersonAct.SECRETS: 4}, KeyRequirement.FIDO2_VERIFIED
)
POLICY = replace(policy(), officers=OFFICERS, approvals=RULES)
TEXT = render(POLICY)

VALUES = {
    "as founded": POLICY,
    "without officers": policy(),
    "without rules of approvals": replace(POLICY, approvals=None),
    "few key types": policy(keys=KeyPolicy(frozenset({KeyType.EC_P256}), small_exponent=True)),
    "marks in a name": policy(organisation='"Äiti" \\ Oy'),
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_what_is_rendered_is_parsed(value):
    assert parse(render(value)) == value


def lacking(key):
    return "".join(line for line in TEXT.splitlines(keepends=True) if not line.startswith(f"{key} "))


FIRST = POLICY.authorities[0].file_name
REFUSED = {
    "no TOML": ("x", "not valid TOML"),
    "no environment": (lacking("environment"), "environment: this setting is missing"),
    "an unknown setting": (f"more = 1\n{TEXT}", "more: there is no such setting"),
    "an unknown setting of a CA": (TEXT.replace("role =", "more = 1\nrole =", 1), "more: there is no such setting"),
    "an unknown setting of an officer": (f"{TEXT}\nmore = 1", "more: there is no such setting"),
    "no CA": (TEXT.partition("[[authorities]]")[0], "authorities"),
    "a country in small letters": (TEXT.replace('country = "FI"', 'country = "fi"'), "country: write two capitals"),
    "no orders": (TEXT.replace("orders_per_day = 10", "orders_per_day = 0"), "orders_per_day: write a whole number"),
    "an unknown key type": (TEXT.replace("rsa-2048", "rsa-1024"), "key_types"),
    "an https address": (TEXT.replace("http://", "https://", 1), "base_url must be plain http"),
    "a name that is a path": (TEXT.replace(f'"{FIRST}"', '"../x"'), "file_name: write letters"),
    "a certificate that is none": (TEXT.replace('certificate = "MII', 'certificate = "AAA', 1), "base64 of the CA's"),
    "a certificate that is no base64": (
        TEXT.replace('certificate = "MII', 'certificate = "!', 1),
        "base64 of the CA's",
    ),
    "an officer's key that is none": (TEXT.replace("ssh-ed25519", "ssh-x"), "OpenSSH public key"),
    "an officer's name with blanks": (TEXT.replace('"anna"', '"anna a"'), "an officer's name has"),
    "two officers of one name": (TEXT.replace('"ben"', '"anna"'), "the officer anna is there twice"),
    "two officers of one key": (TEXT.replace(OFFICERS[1].key, OFFICERS[0].key), "the officers' key .* is there twice"),
    "no key requirement": (lacking("officer_keys"), "officer_keys: this setting is missing"),
    "no numbers of people": (TEXT.replace("[approvals]", "[authority]"), "approvals: this setting is missing"),
    "no number of an act": (lacking("secrets"), r"\[approvals\] secrets: this setting is missing"),
    "a number of nobody": (TEXT.replace("ca = 2", "ca = 0"), r"\[approvals\] ca: write a whole number .*1 to 5"),
    "a number that is too high": (TEXT.replace("ca = 2", "ca = 6"), r"\[approvals\] ca: write a whole number"),
    "one person in PRODUCTION": (
        TEXT.replace('"TEST"', '"PRODUCTION"').replace("ca = 2", "ca = 1"),
        r"\[approvals\] ca: write a whole number .*2 to 5",
    ),
    "a number of an act that the signer does not verify": (
        TEXT.replace("ca = 2", "ca = 2\nstaff = 2"),
        r"\[approvals\] staff: there is no such setting",
    ),
    "an unknown key requirement": (TEXT.replace('"fido2-verified"', '"pin"'), "officer_keys: write"),
    "two CAs of one name": (TEXT.replace(POLICY.authorities[1].file_name, FIRST), "is there twice"),
}


@pytest.mark.parametrize(("text", "why"), REFUSED.values(), ids=REFUSED)
def test_is_refused(text, why):
    assert text != TEXT
    with pytest.raises(SettingsError, match=why):
        parse(text)


def test_a_certificate_without_a_cn_is_refused():
    key, name = holder_key(), x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Sinetti")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW)
    der = certificate_der(builder.sign(key, hash_for(key.public_key())))
    first = b64encode(certificate_der(POLICY.authorities[0].certificate)).decode()
    with pytest.raises(SettingsError, match="whose subject has a CN"):
        parse(TEXT.replace(first, b64encode(der).decode()))


def test_the_file_is_read_if_no_other_user_can_change_it(tmp_path):
    path = tmp_path / "signer.toml"
    path.write_text(TEXT, encoding="utf-8")
    assert read(path) == POLICY
    path.chmod(0o666)
    with pytest.raises(SettingsError, match="chmod go-w"):
        read(path)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"signer\.toml cannot be read"):
        read(tmp_path / "signer.toml")
    (tmp_path / "signer.toml").write_bytes(b"\xff")
    with pytest.raises(SettingsError, match=r"signer\.toml cannot be read"):
        read(tmp_path / "signer.toml")


def test_the_lines_that_check_compares_name_what_the_file_has():
    keys = [load_key(one.key.encode()).fingerprint for one in OFFICERS]
    officers = [f"[[officers]] {name}, approver, {key}" for name, key in zip(("anna", "ben"), keys, strict=True)]
    rules = [
        'officer_keys = "fido2-verified"',
        *(f"[approvals] {one}" for one in ("ca = 2", "ceremony = 3", "secrets = 4")),
    ]
    assert approval_lines(OFFICERS, RULES) == [*officers, *rules]
    assert approval_lines(OFFICERS, None) == officers
