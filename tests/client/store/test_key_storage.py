"""Storage of keys: encrypted, or in a token.

The tests also check the files beside the keys, from the first moment and after a kill.
"""

import os
import subprocess
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_der_private_key, pkcs7, pkcs12

from sinetti.client.config import apply
from sinetti.client.messages import messages
from sinetti.client.model import AgentSettings, CertificateEntry, Config, Format, OutputOptions, Token
from sinetti.client.reporting import status
from sinetti.client.reporting.status import NameStatus
from sinetti.client.requests.operations import TransferIdCredentials
from sinetti.client.results import ExitCode, Result
from sinetti.client.store import (
    document_signature,
    export,
    files,
    generations,
    journal,
    key_storage,
    output_files,
    settings,
    token_keys,
)
from sinetti.pki import encoding, key_policy
from sinetti.wire.http_signatures import profile
from sinetti.wire.xmldsig.signature import SignatureProfile, verify_document
from tests.client import double
from tests.client.conftest import NAME
from tests.client.conftest import words as said
from tests.support import authority, soft_token
from tests.support.killed import KilledError

OPENS = authority.NOW + timedelta(days=670)
PASSWORD = b"correct horse"
EVERY = frozenset(Format) - {Format.JKS}  # keytool takes seconds: tests/cli/client/test_java.py


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "key-password"
    path.write_bytes(PASSWORD + b"\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def encrypted(secret):
    return OutputOptions(key_password_file=secret)


@pytest.fixture
def token(tmp_path):
    if soft_token.module() is None:
        pytest.skip("SoftHSM is not installed (softhsm2)")
    pytest.importorskip("sinetti.pki.signers.pkcs11")
    soft_token.folder()
    yield OutputOptions(token=Token(soft_token.module(), soft_token.LABEL, soft_token.pin_file(tmp_path)))
    soft_token.forget_sessions()


def clear_keys(store):
    """Return the files of a store that contain a key in clear."""
    return [path for path in store.rglob("*") if path.is_file() and b"BEGIN PRIVATE KEY" in path.read_bytes()]


def killed_at(holder, step, act):
    """Let a run end at one of its steps."""

    def stop(name):
        if name == step:
            raise KilledError

    holder.step = stop
    with pytest.raises(KilledError):
        act()
    holder.step = lambda _name: None


STEPS = ["prepared", "request-leaves", "answered", "accepted", "collected", "in-place"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("kept", ["encrypted", "token"])
def test_enrolling_and_renewing_go_on_wherever_a_run_ended(holder, kept, step, request):
    wanted = request.getfixturevalue(kept)
    killed_at(holder, step, lambda: holder.enrol(files=wanted))
    assert holder.enrol(files=wanted).exit_code is ExitCode.DONE
    holder.at(OPENS)
    killed_at(holder, step, holder.renew)
    done = holder.renew()
    assert done.exit_code is ExitCode.DONE, said(done)
    assert done.result is Result.RENEWED
    assert len(set(holder.double.keys_sent())) == 2
    assert not clear_keys(holder.store)
    assert status.row(holder.store, NAME, holder.now).state is NameStatus.VALID


@pytest.mark.parametrize("kept", ["encrypted", "token"])
def test_a_document_is_sealed(holder, kept, request):
    holder.enrol(files=request.getfixturevalue(kept))
    held = document_signature.signing_certificate(holder.store, NAME, holder.now)
    sealed = document_signature.sign_document(b"<report/>", held, SignatureProfile.EXCLUSIVE)
    assert verify_document(sealed, lambda _certificate: True).octets == b"<report></report>"


def test_a_key_in_a_token_leaves_a_uri_and_nothing_else(holder, token):
    holder.enrol(files=token)
    assert sorted(one.name for one in holder.live.iterdir()) == ["certificate.pem", "chain.pem", "key.uri"]
    assert soft_token.PIN not in "".join(path.read_text() for path in holder.store.rglob("*.*") if path.is_file())
    assert not token_keys.orphaned_keys(holder.folder)
    assert not list((holder.folder / token_keys.FOLDER).glob("*.uri"))


def test_a_renewal_in_a_token_goes_on_wherever_a_change_to_the_disk_was_its_last(holder, token, monkeypatch):
    """Each attempt ends one change later than the one before.

    Every key made in the token is used, and none is left there.
    """
    holder.enrol(files=token)
    holder.at(OPENS)
    left = 0

    def counted(known):
        def change(*arguments, **options):
            nonlocal left
            left -= 1
            if left < 0:
                raise KilledError
            return known(*arguments, **options)

        return change

    monkeypatch.setattr(files.SYSTEM, "rename", counted(files.SYSTEM.rename))
    monkeypatch.setattr(files, "_write_private", counted(files._write_private))
    for number in range(80):
        left = number
        try:
            done = holder.renew()
        except KilledError:
            continue
        if done.result is Result.RENEWED:
            break
    assert number > 5
    assert len(set(holder.double.keys_sent())) == 2
    assert not token_keys.orphaned_keys(holder.folder)
    left = 1000
    assert holder.at(holder.now + timedelta(days=670)).renew().result is Result.RENEWED


def test_status_asks_no_token(holder, token):
    holder.enrol(files=token)
    token.token.pin_file.unlink()
    assert status.row(holder.store, NAME, holder.now).state is NameStatus.VALID


def test_a_token_that_does_not_answer_is_told_and_nothing_is_lost(holder, token):
    holder.enrol(files=token)
    pin = token.token.pin_file.read_text()
    token.token.pin_file.write_text("0815-wrong\n")

    soft_token.forget_sessions()
    refused = holder.at(OPENS).renew()
    assert (refused.result, refused.exit_code) == (Result.FAILED, ExitCode.STORE)
    assert "does not accept the PIN" in said(refused)
    token.token.pin_file.write_text(pin)
    soft_token.forget_sessions()
    assert holder.renew().result is Result.RENEWED


def test_a_key_that_a_run_left_in_the_token_is_told_and_taken_up(holder, token, monkeypatch):
    """The run ended after the key was made, and before any journal spoke of it."""

    def ended(*_arguments):
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(journal, "begin", ended)
        with pytest.raises(KilledError):
            holder.enrol(files=token)
    (left,) = token_keys.orphaned_keys(holder.folder)
    assert holder.enrol(files=token).result is Result.ENROLLED
    assert [message.text for message in holder.told] == [messages.TOKEN_KEY_TAKEN_UP]
    assert holder.told[0].values["key_id"] == left.id.hex()
    assert holder.double.keys_sent() == [key_storage.key_id_of(holder.live, holder.folder)]


def test_a_key_of_another_type_that_was_left_is_told_with_how_it_is_deleted(holder, token, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(journal, "begin", lambda *_arguments: (_ for _ in ()).throw(KilledError))
        with pytest.raises(KilledError):
            holder.enrol(files=token)
    assert holder.enrol(files=token, key=encoding.KeyType.EC_P384).result is Result.ENROLLED
    (told,) = holder.told
    assert told.text == messages.TOKEN_KEY_LEFT
    assert "pkcs11-tool" in told.values["command"]


def test_an_intent_whose_key_was_never_made_goes(holder, token, monkeypatch):
    from sinetti.pki.signers import pkcs11  # noqa: PLC0415 - where the extra is there

    with monkeypatch.context() as patch:
        patch.setattr(pkcs11, "make", lambda *_arguments: (_ for _ in ()).throw(KilledError))
        with pytest.raises(KilledError):
            holder.enrol(files=token)
    assert len(token_keys.orphaned_keys(holder.folder)) == 1
    assert holder.enrol(files=token).result is Result.ENROLLED
    assert not holder.told
    assert not token_keys.orphaned_keys(holder.folder)


def test_without_the_extra_it_is_named(holder, token, monkeypatch):
    monkeypatch.setattr(token_keys.importlib.util, "find_spec", lambda _name: None)
    refused = holder.enrol(files=token)
    assert refused.exit_code is ExitCode.STORE
    assert "pip install '.[pkcs11]' in a clone" in said(refused)


def test_the_uri_of_another_key_is_damage(holder, token):
    holder.enrol(files=token)
    path = holder.live / "key.uri"
    path.write_bytes(path.read_bytes().replace(b"x-sinetti-key-id=", b"x-sinetti-key-id=" + b"0" * 64 + b"&x-rest="))
    assert status.row(holder.store, NAME, holder.now).state is NameStatus.DAMAGED


def test_the_settings_say_where_module_and_pin_are_now(holder, token, tmp_path):
    """A user who moves the file with the PIN writes that into sinetti.toml only.

    Every key.uri stays as it is.
    """
    holder.enrol(files=token)
    moved = token.token.pin_file.rename(tmp_path / "moved-pin")
    kept = settings.load(holder.folder)
    settings.store(holder.folder, replace(kept, files=replace(token, token=replace(token.token, pin_file=moved))))

    soft_token.forget_sessions()
    assert holder.at(OPENS).renew().result is Result.RENEWED


def test_an_encrypted_key_is_opened_by_its_password_alone(holder, encrypted, secret):
    holder.enrol(files=encrypted)
    pem = (holder.live / "key.pem").read_bytes()
    assert b"ENCRYPTED" in pem
    assert encoding.passphrase_matches(pem, PASSWORD)
    secret.write_text("another")
    with pytest.raises(files.StoreError, match="not encrypted with the password in key_password_file"):
        generations.current(holder.folder)
    secret.write_bytes(PASSWORD)
    assert holder.at(OPENS).renew().result is Result.RENEWED


SECRETS = {
    "gone": (lambda path: path.unlink(), messages.SECRET_UNREADABLE),
    "empty": (lambda path: path.write_text("\n"), messages.SECRET_EMPTY),
}


@pytest.mark.parametrize(("spoil", "word"), SECRETS.values(), ids=SECRETS)
def test_a_password_that_is_not_there_is_told_before_anything_is_asked_for(holder, encrypted, secret, spoil, word):
    spoil(secret)
    refused = holder.enrol(files=encrypted)
    assert (refused.exit_code, [one.text for one in refused.messages]) == (ExitCode.STORE, [word])
    assert not holder.double.seen


UNFIT = {
    "Latin-1": ("password_file", "pässwörd".encode("latin-1"), messages.NO_PKCS12_PASSWORD),
    "a byte order mark": ("password_file", b"\xef\xbb\xbfpassword", messages.NO_PKCS12_PASSWORD),
    "two lines": ("password_file", b"one\ntwo\n", messages.NO_PKCS12_PASSWORD),
    "longer than OpenSSL takes": ("key_password_file", b"x" * 1024, messages.SECRET_TOO_LONG),
}


@pytest.mark.parametrize(("key", "octets", "word"), UNFIT.values(), ids=UNFIT)
def test_a_password_that_cannot_be_one_is_told_before_anything_is_asked_for(holder, secret, key, octets, word):
    """Not once the certificate is there, and cannot be put in place."""
    secret.write_bytes(octets)
    wanted = OutputOptions(formats=EVERY, password_file=secret) if key == "password_file" else OutputOptions()
    refused = holder.enrol(files=replace(wanted, **{key: secret}))
    assert (refused.exit_code, [one.text for one in refused.messages]) == (ExitCode.STORE, [word])
    assert not holder.double.seen


def test_the_longest_password_of_a_key_is_one(holder, encrypted, secret):
    secret.write_bytes(b"x" * encoding.LONGEST_PASSPHRASE)
    assert holder.enrol(files=encrypted).exit_code is ExitCode.DONE


def test_an_encrypted_key_whose_password_nobody_names_is_told(holder, encrypted):
    holder.enrol(files=encrypted)
    settings.store(holder.folder, replace(settings.load(holder.folder), files=OutputOptions()))
    with pytest.raises(files.StoreError) as told:
        generations.current(holder.folder)
    assert told.value.message.text == messages.NO_KEY_PASSWORD


def test_a_replacement_is_kept_encrypted_as_the_one_before_was(holder, encrypted, monkeypatch):
    """This also holds if options give all values and sinetti.toml is not read.

    The former key can still be opened.
    """
    holder.enrol(files=encrypted)
    former = holder.live.resolve().name
    monkeypatch.setattr(double, "TRANSFER_ID", "9" * 32)
    assert holder.enrol(TransferIdCredentials("9" * 32, double.PASSWORD)).exit_code is ExitCode.DONE
    assert holder.live.resolve().name != former
    assert key_storage.is_encrypted((holder.live / "key.pem").read_bytes())
    assert not clear_keys(holder.store)
    assert settings.load(holder.folder).files == encrypted
    copy = export.ExportOptions(export.ExportFormat.PEM, with_key=True, password=b"another", serial=former)
    assert export.copy_of(holder.store, NAME, copy).with_key


def test_an_enrolment_that_began_encrypted_goes_on_so(holder, encrypted):
    holder.double.script.append(double.lose)
    assert holder.enrol(files=encrypted).exit_code is not ExitCode.DONE
    assert holder.enrol().exit_code is ExitCode.DONE
    assert not clear_keys(holder.store)
    assert settings.load(holder.folder).files == encrypted


IN_A_TOKEN = OutputOptions(token=Token(Path("/module.so"), "a", Path("/pin")))


def test_a_replacement_in_a_token_keeps_no_password_beside_it(encrypted):
    """sinetti.toml may not have both.

    Every pass of `run` rejected a name whose settings had them.
    """
    assert IN_A_TOKEN.over(encrypted) == IN_A_TOKEN
    assert OutputOptions().over(IN_A_TOKEN) == IN_A_TOKEN


def test_a_replacement_without_a_token_gets_a_key_in_a_file_also_where_the_former_token_is_dead(holder, monkeypatch):
    """After the loss of a token, the remedy is a new order without one.

    No other option of the former set applies to the new one.
    """
    holder.enrol()
    dead = replace(IN_A_TOKEN, mode=0o640)
    settings.store(holder.folder, replace(settings.load(holder.folder), files=dead))
    monkeypatch.setattr(double, "TRANSFER_ID", "9" * 32)
    outcome = holder.enrol(TransferIdCredentials("9" * 32, double.PASSWORD))
    assert outcome.exit_code is ExitCode.DONE, said(outcome)
    assert key_storage.path_of(holder.live).name == key_storage.KEY
    assert settings.load(holder.folder).files == OutputOptions()


def test_a_replacement_looks_as_is_said_and_is_no_less_encrypted(encrypted):
    der = OutputOptions(formats=frozenset({Format.PEM, Format.DER}), mode=0o640)
    former = replace(encrypted, formats=EVERY, owner="root", password_file=Path("/packing"))
    assert OutputOptions().encrypted_as(former) == encrypted
    assert der.encrypted_as(former) == replace(der, key_password_file=encrypted.key_password_file)
    assert OutputOptions().encrypted_as(replace(former, token=IN_A_TOKEN.token)) == OutputOptions()
    other = OutputOptions(key_password_file=Path("/another"))
    for said_so in (other, IN_A_TOKEN):
        assert said_so.encrypted_as(former) == said_so


def test_a_replacement_in_a_token_agrees_with_a_file_that_says_so(holder, encrypted, token, monkeypatch):
    holder.enrol(files=encrypted)
    monkeypatch.setattr(double, "TRANSFER_ID", "9" * 32)
    assert holder.enrol(TransferIdCredentials("9" * 32, double.PASSWORD), files=token).exit_code is ExitCode.DONE
    assert settings.load(holder.folder).files == token
    entry = CertificateEntry(NAME, None, files=token)
    whole = Config(holder.store / "sinetti.toml", holder.store, None, {}, AgentSettings(), entry, {NAME: entry})
    assert apply.sync_settings(holder.folder, entry, whole, holder.now).files == token


def test_a_key_that_is_made_keeps_its_password_where_a_token_is_wanted_meanwhile(holder, encrypted):
    holder.double.script.append(double.lose)
    assert holder.enrol(files=encrypted).exit_code is not ExitCode.DONE
    assert holder.enrol(files=IN_A_TOKEN).exit_code is ExitCode.DONE
    assert settings.load(holder.folder).files == encrypted
    assert generations.current(holder.folder) is not None


def test_a_replacing_enrolment_may_begin_to_encrypt_and_end_before_its_settings_are_the_names(holder, encrypted):
    """The password stands beside the enrolment alone.

    This is the state between the swap of `live` and the new settings.
    """
    holder.enrol()
    generations.remember(holder.folder, generations.NameState())  # so that the same IDs count as those of another order
    killed_at(holder, "in-place", lambda: holder.enrol(files=encrypted))
    assert settings.load(holder.folder).files == OutputOptions()
    assert holder.enrol(files=encrypted).exit_code is ExitCode.DONE
    assert generations.current(holder.folder) is not None
    assert settings.load(holder.folder).files == encrypted


@pytest.fixture
def packed(tmp_path):
    path = tmp_path / "p12-password"
    path.write_bytes(PASSWORD + b"\r\n")
    path.chmod(0o600)
    return OutputOptions(formats=EVERY, password_file=path)


ALL = ["certificate-legacy.p12", "certificate.der", "certificate.p12", "certificate.pem", "chain.p7b", "chain.pem"]


def matching(live, passphrase=None):
    """Check with other tools that all files of a set have one key and one certificate."""
    certificate = encoding.load_certificate((live / "certificate.pem").read_bytes())
    key = load_der_private_key((live / "key.der").read_bytes(), passphrase)
    assert key_policy.key_id(key.public_key()) == key_policy.key_id(certificate.public_key())
    above = pkcs7.load_der_pkcs7_certificates((live / "chain.p7b").read_bytes())
    assert (live / "certificate.der").read_bytes() == encoding.certificate_der(certificate)
    for name in ("certificate.p12", "certificate-legacy.p12"):
        found = pkcs12.load_pkcs12((live / name).read_bytes(), PASSWORD)
        assert found.cert.certificate == certificate
        assert found.cert.friendly_name == NAME.encode()
        assert key_policy.key_id(found.key.public_key()) == key_policy.key_id(certificate.public_key())
        assert {one.certificate for one in found.additional_certs} == set(above)
    return certificate


def test_every_format_is_of_one_set_after_enrolling_and_renewing(holder, packed):
    holder.enrol(files=packed)
    assert sorted(one.name for one in holder.live.iterdir()) == [*ALL, "key.der", "key.pem"]
    first = matching(holder.live)
    assert {one.stat().st_mode & 0o777 for one in holder.live.iterdir()} == {0o600}
    holder.at(OPENS).renew()
    assert matching(holder.live) != first


def test_every_format_is_there_once_live_points_at_it(holder, packed, monkeypatch):
    """The run ends before every rename: `live` shows a whole set or nothing."""
    count, ends = 0, 0
    known = files.SYSTEM.rename

    def rename(source, target):
        nonlocal count
        count += 1
        if count > ends:
            raise KilledError
        known(source, target)

    holder.enrol(files=packed)
    holder.at(OPENS)
    monkeypatch.setattr(files.SYSTEM, "rename", rename)
    for step in range(40):
        count, ends = 0, step
        matching(holder.live)
        try:
            if holder.renew().result is Result.RENEWED:
                break
        except KilledError:
            continue
    matching(holder.live)
    assert ends > 3


def test_the_key_is_in_clear_nowhere_where_it_is_to_be_encrypted(holder, packed, secret):
    holder.enrol(files=replace(packed, key_password_file=secret))
    assert not clear_keys(holder.store)
    matching(holder.live, PASSWORD)


def test_formats_that_are_wanted_later_are_added_and_nothing_else_changes(holder, packed):
    holder.enrol()
    before = {one.name: one.read_bytes() for one in holder.live.iterdir()}
    assert not generations.is_complete(holder.folder, packed)
    assert sorted(generations.complete(holder.folder, packed)) == sorted({*ALL, "key.der"} - set(before))
    matching(holder.live)
    assert {name: (holder.live / name).read_bytes() for name in before} == before
    assert generations.is_complete(holder.folder, packed)
    assert generations.complete(holder.folder, packed) == ()


def test_a_name_without_a_certificate_has_nothing_to_complete(holder, packed):
    holder.double.script.append(double.lose)
    holder.enrol()
    assert generations.complete(holder.folder, packed) == ()


def test_of_a_key_in_a_token_there_are_no_copies(holder, token):
    holder.enrol(files=replace(token, formats=frozenset({Format.PEM, Format.DER})))
    found = sorted(one.name for one in holder.live.iterdir())
    assert found == ["certificate.der", "certificate.pem", "chain.p7b", "chain.pem", "key.uri"]


def test_where_live_is_a_copy_it_gets_the_added_files_too(holder, packed):
    holder.enrol()
    place = holder.live.resolve()
    holder.live.unlink()
    holder.live.mkdir()
    for one in place.iterdir():
        (holder.live / one.name).write_bytes(one.read_bytes())
    generations.complete(holder.folder, packed)
    matching(holder.live)


def test_mode_and_group_are_those_wanted_before_the_set_is_in_use(holder, packed):
    import grp  # noqa: PLC0415 - Unix alone has it

    group = grp.getgrgid(os.getgid()).gr_name
    holder.enrol(files=replace(packed, group=group, mode=0o640))
    assert {one.stat().st_mode & 0o777 for one in holder.live.iterdir()} == {0o640}
    for folder in (holder.store, holder.folder, holder.folder / files.GENERATIONS, holder.live.resolve()):
        assert folder.stat().st_mode & 0o777 == 0o711
    assert (holder.folder / "settings.toml").stat().st_mode & 0o777 == 0o600
    assert generations.is_complete(holder.folder, replace(packed, group=group, mode=0o640))
    assert not generations.is_complete(holder.folder, packed)


def test_an_owner_that_the_system_does_not_know_is_told_before_anything_is_asked_for(holder):
    refused = holder.enrol(files=OutputOptions(owner="nobody-of-that-name"))
    assert (refused.exit_code, refused.messages[0].text) == (ExitCode.STORE, messages.UNKNOWN_OWNER)
    assert not holder.double.seen


def test_an_owner_that_may_not_be_given_loses_no_renewal(holder, monkeypatch):
    holder.enrol()
    wanted = OutputOptions(owner="root")
    settings.store(holder.folder, replace(settings.load(holder.folder), files=wanted))
    before = holder.live.resolve()
    with monkeypatch.context() as patch:
        patch.setattr(output_files.shutil, "chown", lambda *_a, **_k: (_ for _ in ()).throw(PermissionError(1, "no")))
        refused = holder.at(OPENS).renew()
    assert (refused.exit_code, refused.messages[0].text) == (ExitCode.STORE, messages.OWNER_NOT_GIVEN)
    assert holder.live.resolve() == before
    asked = len(holder.double.seen)
    assert holder.renew().result in {Result.RENEWED, Result.FAILED}  # FAILED where the tests may not give files away
    assert len(holder.double.seen) == asked


def test_openssl_opens_the_copies_of_an_encrypted_key(holder, encrypted, secret):
    holder.enrol(files=encrypted)
    command = ("openssl", "pkey", "-in", holder.live / "key.pem", "-passin", f"file:{secret}", "-noout")
    try:
        assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        pytest.skip("openssl is not installed")


def test_a_key_in_a_token_signs_http_messages(holder, token):
    """RFC 9421, as revocations are asked for: by the certificate's own key."""
    holder.enrol(files=token)
    held = generations.current(holder.folder)
    parts = profile.SignedComponents("POST", "/api/v1/revocations", "application/json", b"{}")
    headers = profile.sign(parts, held.key, held.serial, holder.now)
    public = held.certificate.public_key()
    assert (
        profile.verify(parts, {one.lower(): headers[one] for one in headers}, lambda _key_id: public, holder.now)
        == held.serial
    )


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
def test_whoever_the_files_are_given_to_reads_them_and_nothing_else(holder):
    """As another user really, through all the folders above."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o711)
        holder.store = Path(place) / "store"
        holder.enrol(files=OutputOptions(owner="nobody"))
        holder.at(OPENS).renew()

        def reads(path, command="cat"):
            return subprocess.run(
                (command, path), user="nobody", group=65534, capture_output=True, check=False
            ).returncode

        assert [reads(holder.live / name) for name in ("key.pem", "certificate.pem", "chain.pem")] == [0, 0, 0]
        others = [holder.folder / "settings.toml", holder.folder / "notes.json"]
        assert all(reads(path) != 0 for path in others)
        assert all(reads(folder, "ls") != 0 for folder in (holder.store, holder.folder, holder.live))
        assert generations.is_complete(holder.folder, OutputOptions(owner="nobody"))
        generations.complete(holder.folder, OutputOptions(owner="root"))
        assert reads(holder.live / "key.pem") != 0
