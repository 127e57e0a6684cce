import traceback
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from sinetti.domain.values import KeyType
from sinetti.infra.metrics import recorder
from sinetti.pki.encoding import dump_private_key, verify
from sinetti.pki.signers import KeyMissing, SignatureRefused, SignerUnavailable, measured
from sinetti.pki.signers.software import SoftwareSigner
from tests.support import golden
from tests.support.authority import holder_key

PASSPHRASE = b"a passphrase that nobody may read"
OCTETS = b"what is signed"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "SomeCAv1.pem").write_bytes(dump_private_key(holder_key(), PASSPHRASE))
    return tmp_path


def test_it_signs_with_the_key_of_that_name(folder):
    signature = SoftwareSigner(folder, PASSPHRASE).sign("SomeCAv1", OCTETS)
    assert verify(holder_key().public_key(), OCTETS, signature)


def test_a_file_is_opened_once(folder):
    signer = SoftwareSigner(folder, PASSPHRASE)
    signer.sign("SomeCAv1", OCTETS)
    (folder / "SomeCAv1.pem").unlink()
    assert verify(holder_key().public_key(), OCTETS, signer.sign("SomeCAv1", OCTETS))


def test_threads_share_it(folder):
    signer = SoftwareSigner(folder, PASSPHRASE)
    with ThreadPoolExecutor(8) as pool:
        signatures = list(pool.map(lambda number: signer.sign("SomeCAv1", bytes([number])), range(64)))
    public_key = holder_key().public_key()
    assert all(verify(public_key, bytes([number]), one) for number, one in enumerate(signatures))


UNAVAILABLE = {
    "no such file": ("OtherCAv1", PASSPHRASE),
    "another passphrase": ("SomeCAv1", b"wrong"),
    "no passphrase": ("SomeCAv1", None),
    "a name that leads out of the folder": ("../SomeCAv1", PASSPHRASE),
}


def test_a_key_that_is_not_there(folder):
    attempts = {
        case: partial(SoftwareSigner(folder, passphrase).sign, name, OCTETS)
        for case, (name, passphrase) in UNAVAILABLE.items()
    }
    golden.check("sentences/key-files/not-there", {"en.txt": golden.refusals(attempts, SignerUnavailable)})


def test_nothing_secret_and_no_path_in_what_is_raised(folder):
    (folder / "SomeCAv1.pem").write_bytes(b"junk that is as secret as a key")
    with pytest.raises(SignerUnavailable) as raised:
        SoftwareSigner(folder, PASSPHRASE).sign("SomeCAv1", OCTETS)
    told = "".join(traceback.format_exception_only(raised.value)) + repr(raised.value.__context__)
    assert "secret" not in told
    assert "passphrase that nobody" not in told
    assert str(folder) not in told


def test_keys_are_of_any_type(folder):
    (folder / "RsaCAv1.pem").write_bytes(dump_private_key(holder_key(1, KeyType.RSA_2048), PASSPHRASE))
    signature = SoftwareSigner(folder, PASSPHRASE).sign("RsaCAv1", OCTETS)
    assert verify(holder_key(1, KeyType.RSA_2048).public_key(), OCTETS, signature)


def test_a_key_is_checked_without_octets(folder):
    SoftwareSigner(folder, PASSPHRASE).check("SomeCAv1")
    with pytest.raises(SignerUnavailable):
        SoftwareSigner(folder, None).check("SomeCAv1")


@pytest.mark.parametrize(
    ("failure", "kind"),
    [(SignerUnavailable, "unavailable"), (SignatureRefused, "refused"), (KeyMissing, "missing")],
)
def test_a_failure_is_counted_by_its_kind_and_timed(monkeypatch, failure, kind):
    counted = []
    monkeypatch.setattr(recorder, "count", lambda *labels: counted.append(labels))
    with pytest.raises(failure), measured("file"):
        raise failure
    assert counted == [("sinetti_signer_errors_total", kind)]
    with measured("file"):
        pass
    assert len(counted) == 1
