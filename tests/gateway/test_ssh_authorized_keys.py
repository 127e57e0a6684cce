"""Accounts to which keys log in, at fixed instants.

In judges/test_sftp.py the real sshd asks.
"""

from datetime import timedelta
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_public_key

from sinetti.ca.crl import RevokedEntry, attach_crl_signature, prepare_crl
from sinetti.domain.values import VALIDITY, Channel, KeyType
from sinetti.gateway.gateway import Gateway
from sinetti.gateway.revocation.crl import CrlSource
from sinetti.gateway.ssh_authorized_keys import (
    LARGEST_FILE,
    KeyAccepted,
    KeyRejected,
    authorize,
    certificates_of,
    parse_offered,
    read_folder,
    read_users,
)
from sinetti.pki.chain import load_bundle
from sinetti.pki.encoding import certificate_der, serial_hex, sign
from tests.support.authority import (
    CUSTOMER_ID,
    NOW,
    authority,
    holder_certificate,
    holder_key,
    issuer,
)

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
END, EARLIER = NOW + VALIDITY, NOW - timedelta(minutes=30)
USERS = {"acme": CUSTOMER_ID, "acme-night": CUSTOMER_ID, "other": "7654321-0"}
OURS, THEIRS = holder_key(1), holder_key(2)


@cache
def certificate(key=OURS, channel=Channel.SFTP, begins=NOW, customer_id=CUSTOMER_ID):
    return holder_certificate(key, channel=channel, begins=begins, customer_id=customer_id)


def entry(of):
    return RevokedEntry(serial_hex(of.serial_number), NOW, "keyCompromise")


def gateway(*revoked, at=NOW, channel=Channel.SFTP):
    lists = []
    for one in Channel:
        by = issuer(one)
        tbs = prepare_crl(by, [entry(of) for of in revoked] if one is Channel.SFTP else [], 1, at, at + 7 * DAY)
        lists.append(attach_crl_signature(tbs, sign(authority().key(by.key_name), tbs), by.certificate))
    return Gateway(load_bundle(authority().holders_bundle), source=CrlSource(lists), channel=channel)


def words(key):
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode().split()


def offered(key=OURS, user="acme"):
    return parse_offered(user, *words(key))


def test_the_line_is_what_sshd_reads():
    answer = authorize(offered(), USERS, [certificate()], gateway(), NOW)
    assert isinstance(answer, KeyAccepted)
    options, kind, key = answer.line.split(" ")
    assert [kind, key] == words(OURS)
    end = f"{NOW + VALIDITY:%Y%m%d%H%M%S}Z"
    assert options == f'restrict,expiry-time="{end}"'
    assert load_ssh_public_key(f"{kind} {key}".encode()) == OURS.public_key()


@pytest.mark.parametrize("name", ["ssh-rsa", "rsa-sha2-256", "rsa-sha2-512"])
def test_rsa_has_one_name_in_the_line_whatever_it_signs_with(name):
    key = holder_key(3, KeyType.RSA_2048)
    asked = parse_offered("acme", name, words(key)[1])
    answer = authorize(asked, USERS, [certificate(key)], gateway(), NOW)
    assert isinstance(answer, KeyAccepted)
    assert answer.line.endswith(f" ssh-rsa {words(key)[1]}")


LOGINS = {
    "its organisation's user": ("acme", [certificate()], {}, NOW, None),
    "another user of the same organisation": ("acme-night", [certificate()], {}, NOW, None),
    "the first second": ("acme", [certificate()], {}, NOW, None),
    "one second before": ("acme", [certificate(begins=NOW + SECOND)], {}, NOW, "not-yet-valid"),
    "the last second": ("acme", [certificate()], {"at": END}, END, None),
    "one second after the end": ("acme", [certificate()], {"at": END + SECOND}, END + SECOND, "expired"),
    "another organisation's user": ("other", [certificate()], {}, NOW, "another organisation's"),
    "a user whom the file does not name": ("stranger", [certificate()], {}, NOW, "does not name"),
    "a key without certificate": ("acme", [], {}, NOW, "no certificate"),
    "a certificate of another channel": ("acme", [certificate(channel=Channel.WS)], {}, NOW, "wrong-channel"),
    "a revoked certificate": ("acme", [certificate()], {"revoked": [certificate()]}, NOW, "revoked"),
    "a list an hour old": ("acme", [certificate()], {"at": NOW - timedelta(hours=1)}, NOW, None),
    "a list older than that": ("acme", [certificate()], {"at": NOW - timedelta(hours=1, seconds=1)}, NOW, "unknown"),
    "two certificates of the key": ("acme", [certificate(), certificate(begins=EARLIER)], {}, NOW, None),
    "one of them of another organisation": (
        "acme", [certificate(), certificate(customer_id="7654321-0")], {}, NOW, "another organisation's",
    ),
    "one of them revoked": (
        "acme", [certificate(), certificate(begins=EARLIER)], {"revoked": [certificate()]}, NOW, "revoked",
    ),
    "one of them expired": ("acme", [certificate(begins=EARLIER), certificate()], {"at": END}, END, None),
}  # fmt: skip


@pytest.mark.parametrize(("user", "held", "state", "now", "why"), LOGINS.values(), ids=LOGINS)
def test_who_logs_in(user, held, state, now, why):
    judge = gateway(*state.get("revoked", ()), at=state.get("at", NOW))
    answer = authorize(offered(user=user), USERS, held, judge, now)
    if why is None:
        assert isinstance(answer, KeyAccepted)
        assert answer.serial in {serial_hex(one.serial_number) for one in held}
    else:
        assert isinstance(answer, KeyRejected)
        assert why in answer.why
        assert CUSTOMER_ID not in answer.why


def test_of_two_certificates_the_line_has_the_later_end():
    answer = authorize(offered(), USERS, [certificate(), certificate(begins=EARLIER)], gateway(), NOW)
    assert isinstance(answer, KeyAccepted)
    assert f"{NOW + VALIDITY:%Y%m%d%H%M%S}Z" in answer.line


KIND, KEY = words(OURS)
P521 = words(ec.generate_private_key(ec.SECP521R1()))
BAD_QUESTIONS = {
    "an option as a user": ("-x", KIND, KEY),
    "a command as a user": ("acme;id", KIND, KEY),
    "a path as a user": ("../acme", KIND, KEY),
    "no user": ("", KIND, KEY),
    "two lines as a user": ("acme\nother", KIND, KEY),
    "another type": ("acme", "ssh-ed25519", KEY),
    "a certificate of an SSH CA": ("acme", "ecdsa-sha2-nistp256-cert-v01@openssh.com", KEY),
    "a curve that holders do not have": ("acme", "ecdsa-sha2-nistp521", P521[1]),
    "a key of another type than it says": ("acme", "ssh-rsa", KEY),
    "an option before the type": ("acme", f"cert-authority {KIND}", KEY),
    "a comment behind the key": ("acme", KIND, f"{KEY} comment"),
    "a second line behind the key": ("acme", KIND, f"{KEY}\n{KIND} {KEY}"),
    "a line's end behind the key": ("acme", KIND, f"{KEY}\n"),
    "no base64": ("acme", KIND, "ÄÄÄÄ"),
    "half a key": ("acme", KIND, KEY[:40]),
    "no key": ("acme", KIND, ""),
    "a key without end": ("acme", KIND, KEY[:40] + "A" * 5000),
}


@pytest.mark.parametrize("question", BAD_QUESTIONS.values(), ids=BAD_QUESTIONS)
def test_what_is_no_question_of_sshd(question):
    with pytest.raises(ValueError, match=r"\w"):
        parse_offered(*question)


def test_users_are_read():
    text = "# who is whom\n\nacme 0123456-7\n  night\t0123456-7  # the same\nother FI01234567\n"
    assert read_users(text) == {"acme": "0123456-7", "night": "0123456-7", "other": "FI01234567"}


BAD_USERS = {
    "a user without an id": ("acme\n", "line 1"),
    "two ids": ("# first\nacme 0123456-7 7654321-0\n", "line 2"),
    "a user twice": ("acme 0123456-7\nacme 7654321-0\n", "line 2"),
    "a user twice with one id": ("acme 0123456-7\nacme 0123456-7\n", "line 2"),
    "an id that no organisation has": ("acme 0123456_7\n", "line 1"),
    "a user that none is": ("-acme 0123456-7\n", "line 1"),
}


@pytest.mark.parametrize(("text", "line"), BAD_USERS.values(), ids=BAD_USERS)
def test_a_file_of_users_that_is_understood_by_half_lets_nobody_in(text, line):
    with pytest.raises(ValueError, match=line):
        read_users(text)


def names_of(files, key=OURS):
    found, broken = certificates_of(files, offered(key))
    return [one.serial_number for one in found], list(broken)


@pytest.mark.parametrize("kind", [KeyType.EC_P256, KeyType.EC_P384, KeyType.RSA_2048])
def test_a_certificate_is_found_by_its_keys_numbers_in_der_and_pem(kind):
    key = holder_key(4, kind)
    held, other = certificate(key), certificate(THEIRS)
    chain = b"".join(one.public_bytes(Encoding.PEM) for one in (held, issuer(Channel.SFTP).certificate))
    for octets in (certificate_der(held), held.public_bytes(Encoding.PEM), chain):
        files = [("any name", octets), ("other.cer", certificate_der(other))]
        assert names_of(files, key) == ([held.serial_number], [])


def test_a_key_of_the_same_modulus_with_another_exponent_is_another_key():
    """The id of a key leaves the exponent out.

    An attacker who may choose the exponent needs no private key.
    """
    key = holder_key(5, KeyType.RSA_2048)
    stranger = rsa.RSAPublicNumbers(3, key.public_key().public_numbers().n).public_key()
    kind, encoded = stranger.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode().split()
    asked = parse_offered("acme", kind, encoded)
    assert certificates_of([("mine.cer", certificate_der(certificate(key)))], asked) == ((), ())
    answer = authorize(asked, USERS, [certificate(key)], gateway(), NOW)
    assert isinstance(answer, KeyAccepted)
    assert encoded not in answer.line, "the line has the certificate's key, whatever was offered"


def test_a_number_that_stands_elsewhere_in_a_certificate_is_no_key():
    x = OURS.public_key().public_numbers().x.to_bytes(32, "big").hex()
    named = holder_certificate(THEIRS, customer_id=CUSTOMER_ID)
    assert names_of([("a", certificate_der(named)), ("b", bytes.fromhex(x))]) == ([], ["b"])


def test_broken_files_are_named_and_passed_by(tmp_path):
    der = certificate_der(certificate())
    (tmp_path / "good.cer").write_bytes(der)
    (tmp_path / "cut.cer").write_bytes(der[:-1])
    (tmp_path / "empty.cer").touch()
    (tmp_path / "huge.cer").write_bytes(der + b"\0" * LARGEST_FILE)
    (tmp_path / "letter.txt").write_text("Dear sir")
    (tmp_path / "key.pem").write_text("-----BEGIN PRIVATE KEY-----\n")
    (tmp_path / "gone.cer").symlink_to(tmp_path / "nowhere")
    (tmp_path / "folder").mkdir()
    (tmp_path / ".sinetti-0123.new").write_bytes(der)
    serials, broken = names_of(read_folder(tmp_path))
    assert serials == [certificate().serial_number]
    assert broken == ["cut.cer", "empty.cer", "folder", "gone.cer", "huge.cer", "key.pem", "letter.txt"]


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        list(read_folder(tmp_path / "nowhere"))


@pytest.mark.parametrize("key", [ed25519.Ed25519PrivateKey.generate()], ids=["ed25519"])
def test_another_kind_of_key_is_no_holders(key):
    kind, encoded = words(key)
    with pytest.raises(ValueError, match="holders' keys"):
        parse_offered("acme", kind, encoded)
