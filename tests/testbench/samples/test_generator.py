"""Sample certificates: content, folder, command and public fixture.

Other developers use the fixture.
"""

import json
import os
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from sinetti.cli.main import main
from sinetti.domain.validation import ValidationError
from sinetti.domain.values import Channel, CustomerIdError, KeyType
from sinetti.pki.chain import issuers_of, load_bundle
from sinetti.pki.encoding import load_certificate, load_private_key
from sinetti.pki.policy_oids import channel_from_policy, is_holder_certificate
from sinetti.testbench.core.clock import ClockOutOfRange
from sinetti.testbench.samples import files
from sinetti.testbench.samples.files import FolderTaken, write_sample
from sinetti.testbench.samples.generator import SampleHierarchy, SampleRequest, SampleState, SamplesUsedUp
from tests.support.programs import surroundings

NOW = datetime(2027, 1, 11, 8, tzinfo=UTC)
TODAY = ("--now", "2027-01-11T08:00:00Z")
FILES = {"README.txt", "anchors.pem", "certificate.pem", "chain.pem", "crl.der", "crls", "key.pem"}
LISTS = [
    "DataProvidersSFTPTestIssuingCAv1.crl",
    "DataProvidersTestIssuingCAv1.crl",
    "SinettiIntermediateTestCAv1.crl",
    "SinettiRootTestCAv1.crl",
]


@pytest.fixture(scope="module")
def samples():
    """Return the samples of one instant."""
    return SampleHierarchy(NOW)


@pytest.fixture
def valid(samples):
    """Return a valid sample."""
    return samples.sample(SampleRequest(SampleState.VALID))


CASES = {
    # state: valid at now, days from now to its end, revoked, channel, trusted
    SampleState.VALID: (True, 720, False, Channel.WS, True),
    SampleState.ENDS_SOON: (True, 14, False, Channel.WS, True),
    SampleState.EXPIRED: (False, -1, False, Channel.WS, True),
    SampleState.REVOKED: (True, 720, True, Channel.WS, True),
    SampleState.OTHER_CHANNEL: (True, 720, False, Channel.SFTP, True),
    SampleState.OTHER_CA: (True, 720, False, Channel.WS, False),
}


@pytest.mark.parametrize(("state", "expected"), CASES.items())
def test_what_each_state_is(samples, state, expected):
    sample = samples.sample(SampleRequest(state))
    certificate, crl = sample.certificate, x509.load_der_x509_crl(sample.crl)
    (issuer, intermediate) = sample.chain
    ends = (certificate.not_valid_after_utc - NOW).days
    revoked = crl.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None
    found = (ends >= 0, ends, revoked, channel_from_policy(issuer)[0], bool(issuers_of(certificate, sample.anchors)))
    assert found == expected
    assert is_holder_certificate(certificate)
    assert issuers_of(issuer, [intermediate]) == (intermediate,)
    assert certificate.public_key() == sample.key.public_key()
    # The CRL of the relying party is that of the CA in its anchors.
    assert crl.is_signature_valid(next(one for one in sample.anchors if one.subject == issuer.subject).public_key())
    assert (crl.last_update_utc, crl.next_update_utc) == (NOW, NOW + timedelta(days=7))


VERDICTS = {
    "valid": ("accepted", None, "good"),
    "ends-soon": ("accepted", None, "good"),
    "expired": ("refused", "expired", None),
    "revoked": ("refused", "revoked", "revoked"),
    "other-channel": ("refused", "wrong-channel", None),
    "other-ca": ("refused", "untrusted", "not-checked"),
}


@pytest.mark.parametrize(("state", "expected"), VERDICTS.items())
def test_what_the_gateway_says_of_each_state(tmp_path, capsys, samples, state, expected):
    paths = write_sample(samples.sample(SampleRequest(SampleState(state))), tmp_path)
    (line,) = [line for line in (tmp_path / "README.txt").read_text().splitlines() if "sinetti gateway" in line]
    words = [str(tmp_path / word) if (tmp_path / word).exists() else word for word in line.split()[1:]]
    lists = [word for one in paths.crls.iterdir() for word in ("--crl", str(one))]
    code = main([*words, "--json"])
    found = json.loads(capsys.readouterr().out)
    assert code == (0 if expected[0] == "accepted" else 3)
    assert (found["verdict"], found["reason"]) == expected[:2]
    assert expected[2] in {None, found["revocation"]}
    assert main([*words, *lists]) == code, "the lists of every CA change nothing"
    # Two hours later, only findings that need no CRL are still known.
    late = [word.replace("T08:00", "T10:00") for word in words]
    main([*late, "--json"])
    later = json.loads(capsys.readouterr().out)["reason"]
    assert later == {None: "status-unknown", "revoked": "status-unknown"}.get(expected[1], expected[1])


def test_samples_of_one_instant_have_the_relying_partys_side_in_common(samples, valid):
    other = samples.sample(SampleRequest(SampleState.REVOKED, KeyType.RSA_2048, "9876543-0", "Toinen Oy"))
    assert (other.anchors, other.lists) == (valid.anchors, valid.lists)
    assert isinstance(other.key, rsa.RSAPrivateKey)
    assert "CN=9876543-0" in other.certificate.subject.rfc4514_string()


def test_every_anchor_has_its_list(valid):
    for anchor, der in zip(valid.anchors, valid.lists.values(), strict=True):
        crl = x509.load_der_x509_crl(der)
        assert crl.is_signature_valid(anchor.public_key())
        assert [one.oid._name for one in crl.extensions] == ["authorityKeyIdentifier", "cRLNumber"]


def test_revoked_ones_run_out_rather_than_be_missing_in_the_list():
    samples = SampleHierarchy(NOW)
    serials = {samples.sample(SampleRequest(SampleState.REVOKED)).serial for _ in range(32)}
    assert len(serials) == 32
    with pytest.raises(SamplesUsedUp):
        samples.sample(SampleRequest(SampleState.REVOKED))


@pytest.mark.parametrize(
    ("refused", "make"),
    [
        (CustomerIdError, lambda: SampleRequest(SampleState.VALID, customer_id="ä")),
        (ValidationError, lambda: SampleRequest(SampleState.VALID, name=" ")),
        (ClockOutOfRange, lambda: SampleHierarchy(datetime(1951, 1, 1, tzinfo=UTC))),
    ],
)
def test_what_no_certificate_carries(refused, make):
    with pytest.raises(refused):
        make()


def test_the_folder(tmp_path, valid):
    paths = write_sample(valid, tmp_path / "new" / "valid")
    assert {one.name for one in paths.folder.iterdir()} == FILES
    assert sorted(one.name for one in paths.crls.iterdir()) == LISTS
    assert stat.S_IMODE(paths.key.stat().st_mode) == 0o600
    assert load_private_key(paths.key.read_bytes()).public_key() == valid.key.public_key()
    assert load_certificate(paths.certificate.read_bytes()) == valid.certificate
    assert load_bundle(paths.chain.read_bytes()) == valid.chain
    assert load_bundle(paths.anchors.read_bytes()) == valid.anchors
    assert paths.crl.read_bytes() == valid.crl
    assert [one.name for one in paths.folder.parent.iterdir()] == ["valid"]


def test_an_empty_folder_is_filled_and_a_sample_is_replaced_only_when_told(tmp_path, samples, valid):
    write_sample(valid, tmp_path)
    other = samples.sample(SampleRequest(SampleState.EXPIRED))
    with pytest.raises(FolderTaken, match="--force"):
        write_sample(other, tmp_path)
    assert load_certificate((tmp_path / "certificate.pem").read_bytes()) == valid.certificate
    write_sample(other, tmp_path, replace=True)
    assert load_certificate((tmp_path / "certificate.pem").read_bytes()) == other.certificate
    assert not [one for one in tmp_path.parent.iterdir() if one.name.startswith(f".{tmp_path.name}")]


@pytest.mark.parametrize("replace", [True, False])
def test_what_is_no_samples_is_never_thrown_away(tmp_path, valid, replace):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(FolderTaken):
        write_sample(valid, tmp_path, replace=replace)
    file = tmp_path / "thesis.txt"
    with pytest.raises(FolderTaken, match="is a file"):
        write_sample(valid, file, replace=replace)
    assert file.read_text() == "years of work"


@pytest.mark.parametrize("readme", [None, "How to renew our certificate"], ids=["none", "somebody's own"])
def test_a_holders_own_key_is_no_sample_though_its_files_have_the_same_names(tmp_path, valid, readme):
    # The files are those of DIR/NAME/live in the client.
    held = {"key.pem": "the only one", "certificate.pem": "", "chain.pem": ""}
    held |= {} if readme is None else {"README.txt": readme}
    for name, text in held.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(FolderTaken, match="no sample"):
        write_sample(valid, tmp_path, replace=True)
    assert (tmp_path / "key.pem").read_text() == "the only one"


def test_a_sample_that_cannot_be_written_leaves_nothing(tmp_path, valid, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "_put_in_place", full)
    with pytest.raises(OSError, match="No space"):
        write_sample(valid, tmp_path / "valid")
    assert list(tmp_path.iterdir()) == []


def test_the_command(tmp_path, capsys):
    words = ["testbench", "certificate", "--state", "revoked", "--out", str(tmp_path / "one"), *TODAY]
    assert main([*words, "--json", "--customer-id", "9876543-0", "--name", "Toinen Oy", "--key", "ec-p384"]) == 0
    told = capsys.readouterr()
    shown = json.loads(told.out)
    certificate = load_certificate((tmp_path / "one" / "certificate.pem").read_bytes())
    assert int(shown["serial"], 16) == certificate.serial_number
    assert shown["now"] == "2027-01-11T08:00:00Z"
    assert {name: os.path.relpath(shown[name], tmp_path / "one") for name in ("key", "crls")} == {
        "key": "key.pem",
        "crls": "crls",
    }
    assert "revoked" in told.err
    assert main(words) == 2
    assert "--force" in capsys.readouterr().err
    assert main([*words, "--force"]) == 0


def test_the_command_makes_one_of_every_state_for_one_relying_party(tmp_path, capsys):
    out = tmp_path / "all"
    words = ["testbench", "certificate", "--state", "all", "--out", str(out), *TODAY]
    assert main([*words, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [one["state"] for one in shown] == list(VERDICTS)
    assert {one.name for one in out.iterdir()} == {"README.txt", "anchors.pem", "crls", *VERDICTS}
    common = {
        str(one.relative_to(out)): one.read_bytes()
        for one in out.rglob("*")
        if one.parent in {out, out / "crls"} and one.is_file()
    }
    del common["README.txt"]
    lists = [word for one in (out / "crls").iterdir() for word in ("--crl", str(one))]
    for state, (_, reason, _) in VERDICTS.items():
        assert {one.name for one in (out / state).iterdir()} == FILES
        assert stat.S_IMODE((out / state / "key.pem").stat().st_mode) == 0o600
        assert {name: (out / state / name).read_bytes() for name in common} == common
        check = ["gateway", "check", "--anchors", str(out / "anchors.pem"), *lists, "--channel", "WS", "--at", TODAY[1]]
        main([*check, str(out / state / "certificate.pem"), "--json"])
        assert json.loads(capsys.readouterr().out)["reason"] == reason
    assert main(words) == 2
    (out / "valid" / "thesis.txt").write_text("years of work")
    assert main([*words, "--force"]) == 2
    assert "(valid/thesis.txt), which --force does not remove" in capsys.readouterr().err
    (out / "valid" / "thesis.txt").unlink()
    assert main([*words, "--force"]) == 0


USAGE = {
    "an id that none has": (["--customer-id", "ä"], "--customer-id: an id has 1 to 30"),
    "a name that none has": (["--name", " "], "--name: a text of 1 to 100"),
    "an instant without a zone": (["--now", "2027-01-11"], "--now: '2027-01-11' is not a time with a time zone"),
    "an instant before the years that there are": (["--now", "1951-01-01T00:00:00Z"], "--now: from 2000-01-02"),
    "a place where no folder can be": (["--out", "/proc/x"], "--out: /proc/x cannot be written"),
}


@pytest.mark.parametrize("state", ["valid", "all"])
@pytest.mark.parametrize(("more", "told"), USAGE.values(), ids=USAGE)
def test_what_the_command_cannot_do(tmp_path, capsys, state, more, told):
    assert main(["testbench", "certificate", "--state", state, "--out", str(tmp_path / "one"), *more]) == 2
    assert capsys.readouterr().err.startswith(f"sinetti: {told}")
    assert list(tmp_path.iterdir()) == []


THEIRS = """
import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest

BEFORE = {name.partition(".")[0] for name in sys.modules} & {"cryptography", "lxml", "django"}
NOW = datetime(2027, 1, 11, 8, tzinfo=UTC)


def test_nothing_was_imported_for_a_run_that_asks_for_nothing():
    assert BEFORE == set()
    ours = [name for name in sys.modules if name.startswith("sinetti.")]
    assert ours == ["sinetti.testbench", "sinetti.testbench.samples", PLUGIN]


def test_the_same_words_give_the_same_sample(sinetti_certificates):
    revoked = sinetti_certificates("revoked", now=NOW)
    assert revoked is sinetti_certificates("revoked", now=NOW.astimezone(timezone(timedelta(hours=2))))
    assert revoked is not sinetti_certificates("revoked", now=NOW, customer_id="9876543-0")
    valid = sinetti_certificates(now=NOW)
    assert valid.paths.anchors.read_bytes() == revoked.paths.anchors.read_bytes()
    assert valid.paths.crl.read_bytes() == revoked.paths.crl.read_bytes()
    assert valid.sample.certificate.serial_number != revoked.sample.certificate.serial_number
    assert sinetti_certificates().sample.now > valid.sample.now - timedelta(days=365)
    assert sinetti_certificates() is sinetti_certificates("valid")
    assert "django" not in sys.modules


@pytest.mark.parametrize("words", [{"state": "good"}, {"key": "dsa"}, {"now": datetime(2027, 1, 11)}])
def test_what_cannot_be_made(sinetti_certificates, words):
    with pytest.raises(ValueError):
        sinetti_certificates(**words)
"""


@pytest.mark.long
def test_other_peoples_tests(tmp_path):
    theirs = THEIRS.replace("PLUGIN", '"sinetti.testbench.samples.pytest_plugin"')
    (tmp_path / "test_theirs.py").write_text(theirs)
    # Load the plug-in by its entry point, as a run with installed plug-ins does, but without the others.
    command = [sys.executable, "-m", "pytest", "-q", "-p", "sinetti", "-W", "error", "-p", "no:cacheprovider"]
    known = surroundings({"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""})
    done = subprocess.run(command, cwd=tmp_path, env=known, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 passed" in done.stdout


def test_the_fixture_is_there_for_us(sinetti_certificates):
    made = sinetti_certificates("expired", now=NOW.astimezone(timezone(timedelta(hours=2))))
    assert made.sample.now == NOW
    assert made.sample.state is SampleState.EXPIRED
