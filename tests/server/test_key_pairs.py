"""PEM files of the server that do not fit, each with a sentence that says which and why."""

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from sinetti.server.listener import InvalidKeyPair, check_key_pair
from tests.support import golden
from tests.support.serving import tls_pair


@pytest.fixture
def pair(tmp_path):
    return tls_pair(tmp_path)


def encrypted(octets: bytes) -> bytes:
    key = load_pem_private_key(octets, None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hush"))


def test_a_pair_that_fits(pair):
    found = check_key_pair(*pair)
    assert (found.certificate, found.key) == tuple(path.read_bytes() for path in pair)
    assert found.begins < found.ends
    assert "PRIVATE" not in repr(found)


WRONG = {
    "a key that is encrypted": (1, encrypted, "key.pem is encrypted: give the key without a pass-phrase"),
    "no key": (1, lambda _octets: b"x", "key.pem contains no private key in PEM"),
    "no certificate": (0, lambda _octets: b"x", "server.pem contains no certificate in PEM"),
}


@pytest.mark.parametrize(("which", "change", "sentence"), WRONG.values(), ids=WRONG)
def test_files_that_do_not_fit(pair, which, change, sentence):
    pair[which].write_bytes(change(pair[which].read_bytes()))
    with pytest.raises(InvalidKeyPair, match=sentence):
        check_key_pair(*pair)


def test_the_key_of_another_certificate_and_a_missing_one(pair, tmp_path):
    """Earlier versions said the same of an encrypted key."""
    (tmp_path / "other").mkdir()
    other = tls_pair(tmp_path / "other", 2)
    pair[1].unlink()
    attempts = {
        "of another certificate": lambda: check_key_pair(pair[0], other[1]),
        "missing": lambda: check_key_pair(*pair),
    }
    said = golden.stable_text(golden.refusals(attempts, InvalidKeyPair))
    golden.check("sentences/serve/key-pairs", {"en.txt": said})
