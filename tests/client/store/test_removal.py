"""Removal of a name: whole or gone, its keys in a token, and removals that were interrupted."""

import os
import shutil
from dataclasses import replace

import pytest

from sinetti.client.agent import runner
from sinetti.client.agent.programs import ConfiguredHooks
from sinetti.client.agent.worker import AgentContext
from sinetti.client.doctor import host
from sinetti.client.doctor.findings import Level
from sinetti.client.messages import messages
from sinetti.client.model import AgentSettings, CertificateEntry, Config, OutputOptions, Token
from sinetti.client.requests import revoke
from sinetti.client.store import files, removal, settings, snapshot, token_keys
from sinetti.client.store.journal import RequestKind
from sinetti.domain.values import Language
from tests.client import double
from tests.client.conftest import NAME
from tests.client.store.test_key_storage import OPENS
from tests.support import soft_token
from tests.support.killed import KilledError


@pytest.fixture
def pkcs11():
    if soft_token.module() is None:
        pytest.skip("SoftHSM is not installed (softhsm2)")
    module = pytest.importorskip("sinetti.pki.signers.pkcs11")
    soft_token.folder()
    yield module
    soft_token.forget_sessions()


@pytest.fixture
def token(pkcs11, tmp_path):
    return OutputOptions(token=Token(soft_token.module(), soft_token.LABEL, soft_token.pin_file(tmp_path)))


def left(store):
    return sorted(one.name for one in store.iterdir() if one.name not in {runner.FILE, ".hints.json", ".keys.json"})


def keys_of(folder):
    return token_keys.list_keys(folder, settings.load(folder).files.token)


class Listener:
    def begin(self, total): ...
    def done(self, row): ...


def run(holder):
    """Make one pass of the agent, and return what it says."""
    config = Config(holder.store / "x.toml", holder.store, None, {}, AgentSettings(), CertificateEntry("", None), {})
    holder.told.clear()
    context = AgentContext(holder.run, config, ConfiguredHooks(), lambda *_given: None)
    ended = runner.run_once(context, runner.Event(), Listener())
    return ended, [one.text for one in holder.told]


def test_all_keys_of_a_name_leave_the_token(holder, token, pkcs11):
    """Those of both generations, of a request under way, and one that no folder mentions."""
    holder.enrol(files=token)
    holder.at(OPENS).renew()
    holder.double.script.append(double.lose)
    holder.renew(force=True)
    orphan = replace(keys_of(holder.folder)[0], id=os.urandom(16))
    pkcs11.make(orphan, holder.settings.key)
    files.make_folder(holder.folder / token_keys.FOLDER)
    (holder.folder / token_keys.FOLDER / f"{orphan.id.hex()}.uri").write_bytes(token_keys.pkcs11_uri.dump(orphan))
    keys = keys_of(holder.folder)
    assert len(keys) == 4
    assert all(map(pkcs11.is_present, keys))
    assert removal.plan_removal(holder.folder).tokens == (soft_token.LABEL,)
    removal.remove(holder.folder)
    assert not any(map(pkcs11.is_present, keys))
    assert left(holder.store) == []


def test_a_key_that_a_copy_of_the_name_has_stays(holder, token, pkcs11):
    holder.enrol(files=token)
    shutil.copytree(holder.folder, holder.store / "copy", symlinks=True)
    (key,) = keys_of(holder.folder)
    removal.remove(holder.store / "copy")
    assert pkcs11.is_present(key)
    removal.remove(holder.folder)
    assert not pkcs11.is_present(key)


def hide_pin(token):
    token.token.pin_file.unlink()


def wrong_pin(token):
    token.token.pin_file.write_text("0000\n")


AWAY = {"without the PIN": hide_pin, "with a wrong PIN": wrong_pin}


@pytest.mark.parametrize("away", AWAY.values(), ids=AWAY)
def test_without_the_token_nothing_is_removed(away, holder, token, pkcs11):
    holder.enrol(files=token)
    keys = keys_of(holder.folder)
    away(token)
    soft_token.forget_sessions()
    with pytest.raises(files.StoreError) as refused:
        removal.remove(holder.folder)
    said = messages.render(refused.value.message, Language.EN)
    assert said.startswith("payroll: its keys in the token cannot be deleted, because ")
    assert f"If the token no longer exists, delete the folder {holder.folder} by hand." in said
    assert left(holder.store) == [NAME]
    token.token.pin_file.write_text(f"{soft_token.PIN}\n")
    token.token.pin_file.chmod(0o600)
    soft_token.forget_sessions()
    removal.remove(holder.folder)
    assert not any(map(pkcs11.is_present, keys))


def test_a_token_that_goes_away_in_between_leaves_a_removal_that_is_reported(holder, token, pkcs11, monkeypatch):
    holder.enrol(files=token)
    keys = keys_of(holder.folder)
    with monkeypatch.context() as patch:
        patch.setattr(token_keys, "delete", lambda _keys: raised(pkcs11.SignerUnavailable("the token was removed")))
        with pytest.raises(files.StoreError) as refused:
            removal.remove(holder.folder)
        assert refused.value.message.text == removal.UNFINISHED
        ended, said = run(holder)
        assert (said, int(ended.exit_code)) == ([removal.UNFINISHED], 0)
    assert run(holder)[1] == [removal.FINISHED]
    assert not any(map(pkcs11.is_present, keys))


def raised(bad):
    raise bad


def points(monkeypatch, number):
    """End the process before the change to disk or token of this number."""
    seen = iter(range(1000))

    def counted(known):
        def change(*arguments, **options):
            if next(seen) == number:
                raise KilledError
            return known(*arguments, **options)

        return change

    monkeypatch.setattr(files.SYSTEM, "rename", counted(files.SYSTEM.rename))
    monkeypatch.setattr(files.SYSTEM, "sync_folder", counted(files.SYSTEM.sync_folder))
    monkeypatch.setattr(token_keys, "delete", counted(token_keys.delete))
    monkeypatch.setattr(os, "unlink", counted(os.unlink))
    monkeypatch.setattr(os, "rmdir", counted(os.rmdir))


def again(holder, kept, key, pkcs11):
    """Bring the store back as it was, with the key in its token."""
    shutil.rmtree(holder.store)
    shutil.copytree(kept, holder.store, symlinks=True)
    if key and not pkcs11.is_present(key):
        pkcs11.make(key, holder.settings.key)


@pytest.mark.parametrize("finisher", ["remove", "run"])
@pytest.mark.parametrize("in_token", [False, True], ids=["files", "a token"])
def test_a_kill_at_every_point_leaves_a_whole_name_or_a_removal(in_token, finisher, holder, request, monkeypatch):
    pkcs11 = request.getfixturevalue("pkcs11") if in_token else None
    holder.enrol(files=request.getfixturevalue("token") if in_token else OutputOptions())
    key, kept = next(iter(keys_of(holder.folder)), None), holder.store.with_name("kept")
    shutil.copytree(holder.store, kept, symlinks=True)
    for number in range(1000):
        again(holder, kept, key, pkcs11)
        with monkeypatch.context() as patch:
            points(patch, number)
            try:
                removal.remove(holder.folder)
                break
            except KilledError:
                pass
        if holder.folder.exists():
            assert left(holder.store) == [NAME]
            assert not revoke.is_revoked(holder.run, NAME), "the set is whole"
            assert key is None or pkcs11.is_present(key)
        elif finisher == "remove":
            removal.finish(holder.store, NAME)
        else:
            assert run(holder)[0].rows == ()
        if not holder.folder.exists():
            assert left(holder.store) == []
            assert key is None or not pkcs11.is_present(key)
    assert number > 5
    assert left(holder.store) == []


def test_the_doctor_reports_an_interrupted_removal(holder):
    holder.enrol()
    holder.folder.rename(removal.folder_of(holder.store, NAME))
    found = [one for one in host.check_store(holder.store, (), 0) if one.level is Level.WARN]
    assert "The removal of payroll was interrupted." in messages.render(found[-1].message, Language.EN)
    assert removal.list_unfinished(holder.store) == (NAME,)


def test_a_name_that_is_removed_while_it_is_read_is_not_damaged(holder, monkeypatch):
    holder.enrol()
    read = settings.load

    def load(folder):
        if folder.exists():
            folder.rename(removal.folder_of(holder.store, NAME))
        return read(folder)

    (holder.folder / "settings.toml").write_text("?")
    monkeypatch.setattr(settings, "load", load)
    assert list(snapshot.list_snapshots(holder.store)) == []


def test_a_name_is_enrolled_anew_while_its_removal_is_not_complete(holder):
    holder.enrol()
    holder.folder.rename(removal.folder_of(holder.store, NAME))
    holder.double.script.clear()
    assert holder.enrol().exit_code == 0
    removal.remove(holder.folder)
    assert left(holder.store) == []


def test_other_folders_with_a_dot_are_not_removals(holder):
    holder.enrol()
    for name in (".git", "..gone", ".a b.gone", "payroll.gone"):
        (holder.store / name).mkdir()
    assert removal.list_unfinished(holder.store) == ()
    assert list(removal.finish_all(holder.store)) == []


def test_what_cannot_be_deleted_is_reported_with_its_place(holder, monkeypatch):
    holder.enrol()

    def refuse(path, *_rest, **_named):
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", refuse)
        with pytest.raises(files.StoreError) as refused:
            removal.remove(holder.folder)
    said = messages.render(refused.value.message, Language.EN)
    assert said.startswith("payroll was removed, but some of its data cannot be deleted, because permission denied.")
    assert str(removal.folder_of(holder.store, NAME)) in said
    assert removal.finish(holder.store, NAME)
    assert not removal.finish(holder.store, NAME)


PLANS = {
    "nothing was sent": ((), [], True),
    "an answer was lost": ((RequestKind.ENROL,), [double.lose], False),
}


@pytest.mark.parametrize(("requests", "script", "is_harmless"), PLANS.values(), ids=PLANS)
def test_requests_that_may_have_left(requests, script, is_harmless, holder):
    def stop(name):
        if name == "prepared" and not script:
            raise KilledError

    holder.double.script.extend(script)
    holder.step = stop
    try:
        holder.enrol()
    except KilledError:
        assert not script
    plan = removal.plan_removal(holder.folder)
    assert (plan.requests, plan.is_harmless, plan.serial) == (requests, is_harmless, None)
