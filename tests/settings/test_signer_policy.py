"""Policy of the separate signer: parsed once, and refused with the setting's name."""

from base64 import b64encode
from dataclasses import replace
from functools import partial

import pytest
from cryptography import x509

from sinetti.domain.approvals.acts import ApprovalPolicy, KeyRequirement, OfficerRole, TwoPersonAct
from sinetti.domain.values import KeyPolicy, KeyType
from sinetti.infra.toml_tables import SettingsError
from sinetti.pki.encoding import certificate_der, hash_for
from sinetti.pki.ssh_signatures import load_key
from sinetti.settings.signer import PolicyOfficer, approval_lines, parse, read, render
from tests.support import golden
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
    "no TOML": "x",
    "no environment": lacking("environment"),
    "an unknown setting": f"more = 1\n{TEXT}",
    "an unknown setting of a CA": TEXT.replace("role =", "more = 1\nrole =", 1),
    "an unknown setting of an officer": f"{TEXT}\nmore = 1",
    "no CA": TEXT.partition("[[authorities]]")[0],
    "a country in small letters": TEXT.replace('country = "FI"', 'country = "fi"'),
    "no orders": TEXT.replace("orders_per_day = 10", "orders_per_day = 0"),
    "an unknown key type": TEXT.replace("rsa-2048", "rsa-1024"),
    "an https address": TEXT.replace("http://", "https://", 1),
    "a name that is a path": TEXT.replace(f'"{FIRST}"', '"../x"'),
    "a certificate that is none": TEXT.replace('certificate = "MII', 'certificate = "AAA', 1),
    "a certificate that is no base64": TEXT.replace('certificate = "MII', 'certificate = "!', 1),
    "an officer's key that is none": TEXT.replace("ssh-ed25519", "ssh-x"),
    "an officer's name with blanks": TEXT.replace('"anna"', '"anna a"'),
    "two officers of one name": TEXT.replace('"ben"', '"anna"'),
    "two officers of one key": TEXT.replace(OFFICERS[1].key, OFFICERS[0].key),
    "no key requirement": lacking("officer_keys"),
    "no numbers of people": TEXT.replace("[approvals]", "[authority]"),
    "no number of an act": lacking("secrets"),
    "a number of nobody": TEXT.replace("ca = 2", "ca = 0"),
    "a number that is too high": TEXT.replace("ca = 2", "ca = 6"),
    "one person in PRODUCTION": TEXT.replace('"TEST"', '"PRODUCTION"').replace("ca = 2", "ca = 1"),
    "a number of an act that the signer does not verify": TEXT.replace("ca = 2", "ca = 2\nstaff = 2"),
    "an unknown key requirement": TEXT.replace('"fido2-verified"', '"pin"'),
    "two CAs of one name": TEXT.replace(POLICY.authorities[1].file_name, FIRST),
}


def without_cn():
    key, name = holder_key(), x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Sinetti")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW)
    der = certificate_der(builder.sign(key, hash_for(key.public_key())))
    first = b64encode(certificate_der(POLICY.authorities[0].certificate)).decode()
    return TEXT.replace(first, b64encode(der).decode())


def test_is_refused(tmp_path):
    assert TEXT not in REFUSED.values()
    attempts = {name: partial(parse, text) for name, text in REFUSED.items()}
    attempts["a certificate whose subject has no CN"] = partial(parse, without_cn())
    paths = {name: tmp_path / name for name in ("not-there", "no-utf-8", "of-all-users")}
    attempts |= {name: partial(read, path) for name, path in paths.items()}
    paths["no-utf-8"].write_bytes(b"\xff")
    paths["of-all-users"].write_text(TEXT, encoding="utf-8")
    assert read(paths["of-all-users"]) == POLICY
    paths["of-all-users"].chmod(0o666)
    varying = {"KEY": OFFICERS[0].key, "FOLDER": tmp_path}
    golden.check("settings/signer", {"en.txt": golden.refusals(attempts, SettingsError, **varying)})


def test_the_lines_that_check_compares_name_what_the_file_has():
    keys = [load_key(one.key.encode()).fingerprint for one in OFFICERS]
    officers = [f"[[officers]] {name}, approver, {key}" for name, key in zip(("anna", "ben"), keys, strict=True)]
    rules = [
        'officer_keys = "fido2-verified"',
        *(f"[approvals] {one}" for one in ("ca = 2", "ceremony = 3", "secrets = 4")),
    ]
    assert approval_lines(OFFICERS, RULES) == [*officers, *rules]
    assert approval_lines(OFFICERS, None) == officers
