"""Deployment of sets: once each, retried with growing delays after a failure.

A failed deployment never undoes a renewal.
"""

import sys
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

import pytest
from cryptography.hazmat.primitives.serialization import load_der_private_key

from sinetti.client.agent import deploy
from sinetti.client.messages import messages
from sinetti.client.model import CertificateEntry, Format, Hooks, HookStage, OutputOptions
from sinetti.client.results import Result
from sinetti.client.store import agent_state, event_log, files
from sinetti.client.store.event_log import EventType
from sinetti.domain.values import Language
from tests.client.conftest import NAME
from tests.support import authority
from tests.support.killed import KilledError

NOW = authority.NOW
OPENS = NOW + timedelta(days=670)
MINUTE = timedelta(minutes=1)


def entry_of(files_wanted=None, **commands):
    made = {HookStage(stage): (sys.executable, "-c", code) for stage, code in commands.items()}
    wanted = Hooks(MappingProxyType(made), timedelta(seconds=20))
    return CertificateEntry(NAME, None, "0123456-7", files=files_wanted or OutputOptions(), hooks=wanted)


def writes(path, what="os.environ['SINETTI_SERIAL'] + ' ' + os.environ['SINETTI_OLD_SERIAL']", code=0):
    return f"import os; open({str(path)!r}, 'a').write({what} + '\\n'); raise SystemExit({code})"


@pytest.fixture
def seen(tmp_path):
    path = tmp_path / "seen"
    path.touch()
    return path


def lines(path):
    return path.read_text().splitlines()


def events(folder):
    others = {EventType.HOOK, EventType.ENROLLED, EventType.RENEWED}
    return [one.event for one in event_log.read(folder) if one.event not in others]


def use(holder, entry, now=None):
    return deploy.deploy(holder.folder, entry, now or holder.now)


def texts(told):
    return [one.text for one in told]


def test_a_new_set_is_brought_into_use_once(holder, seen):
    entry = entry_of(deploy=writes(seen), after=writes(seen, "'after'"))
    holder.enrol()
    first = holder.live.resolve().name
    assert deploy.is_due(holder.folder, NOW, entry)
    done, told = use(holder, entry)
    assert (done, texts(told)) == (True, [messages.DEPLOYED])
    assert lines(seen) == [f"{first} ", "after"]
    assert not deploy.is_due(holder.folder, NOW, entry)
    assert use(holder, entry) == (True, ())
    holder.at(OPENS).renew()
    assert deploy.is_due(holder.folder, OPENS, entry)
    assert use(holder, entry)[0]
    second = holder.live.resolve().name
    assert lines(seen) == [f"{first} ", "after", f"{second} {first}", "after"]
    assert events(holder.folder) == [EventType.DEPLOYED, EventType.DEPLOYED]


def test_a_failure_keeps_both_generations_and_is_tried_again_with_growing_delays(holder, seen):
    entry = entry_of(deploy=writes(seen, code=1), after=writes(seen, "'after'"))
    holder.enrol()
    assert holder.at(OPENS).renew().result is Result.RENEWED
    serial = holder.live.resolve().name
    now, waits = OPENS, []
    for _ in range(12):
        done, told = use(holder, entry, now)
        assert (done, texts(told)) == (False, [messages.HOOK_FAILED, messages.DEPLOY_AGAIN])
        at = agent_state.load_deploy_state(holder.folder).next_try
        waits.append((at - now) // MINUTE)
        assert not deploy.is_due(holder.folder, at - timedelta(seconds=1), entry)
        assert deploy.is_due(holder.folder, at, entry)
        assert texts(use(holder, entry, at - timedelta(seconds=1))[1]) == [messages.DEPLOY_AGAIN]
        now = at
    assert waits == [5, 10, 20, 40, 80, 160, 320, 640, 1280, 1440, 1440, 1440]
    assert len(lines(seen)) == 12
    assert holder.live.resolve().name == serial
    assert len(list((holder.folder / files.GENERATIONS).iterdir())) == 2
    assert set(events(holder.folder)) == {EventType.DEPLOY_FAILED}


def test_it_succeeds_in_the_end(holder, seen):
    holder.enrol()
    use(holder, entry_of(deploy="raise SystemExit(1)"))
    good = entry_of(deploy=writes(seen))
    assert deploy.is_due(holder.folder, NOW, good), "a person has given another command: it is not waited for"
    assert use(holder, good)[0]
    assert len(lines(seen)) == 1
    assert agent_state.load_deploy_state(holder.folder).tries == 0


def test_a_set_that_came_meanwhile_is_tried_at_once(holder, seen):
    bad = entry_of(deploy=writes(seen, code=1))
    holder.enrol()
    use(holder, bad)
    holder.at(OPENS).renew()
    assert deploy.is_due(holder.folder, NOW, bad)
    use(holder, bad)
    assert agent_state.load_deploy_state(holder.folder).tries == 1


def test_a_run_that_ended_after_the_command_runs_it_again(holder, seen, monkeypatch):
    entry = entry_of(deploy=writes(seen))
    holder.enrol()

    def stored(folder, state):
        if state.serial is not None:
            raise KilledError
        store(folder, state)

    with monkeypatch.context() as patch:
        store = agent_state.save_deploy_state
        patch.setattr(agent_state, "save_deploy_state", stored)
        with pytest.raises(KilledError):
            use(holder, entry)
    later = NOW + timedelta(minutes=5)
    assert deploy.is_due(holder.folder, later, entry)
    assert use(holder, entry, later)[0]
    assert len(lines(seen)) == 2


def test_a_run_that_ended_before_after_runs_after_alone(holder, seen, monkeypatch):
    entry = entry_of(deploy=writes(seen, "'deploy'"), after=writes(seen, "'after'"))
    holder.enrol()

    known = deploy.hooks.run

    def run(stage, *arguments):
        if stage is HookStage.AFTER:
            raise KilledError
        return known(stage, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(deploy.hooks, "run", run)
        with pytest.raises(KilledError):
            use(holder, entry)
    assert deploy.is_due(holder.folder, NOW, entry)
    assert use(holder, entry) == (True, ())
    assert lines(seen) == ["deploy", "after"]


def test_after_that_fails_is_told_once_and_the_set_stays_in_use(holder, seen):
    entry = entry_of(deploy=writes(seen), after="raise SystemExit(2)")
    holder.enrol()
    done, told = use(holder, entry)
    assert (done, texts(told)) == (False, [messages.DEPLOYED, messages.HOOK_FAILED])
    assert use(holder, entry) == (True, ())


def test_names_without_programs_get_no_file_and_are_not_due(holder):
    holder.enrol()
    assert not deploy.is_due(holder.folder, NOW, entry_of())
    assert use(holder, entry_of()) == (True, ())
    assert not (holder.folder / agent_state.DEPLOY).exists()


def test_whose_programs_were_taken_away_waits_for_nothing(holder):
    holder.enrol()
    use(holder, entry_of(deploy="raise SystemExit(1)"))
    assert use(holder, entry_of()) == (True, ())
    assert agent_state.load_deploy_state(holder.folder).serial == holder.live.resolve().name
    assert not deploy.is_due(holder.folder, NOW + timedelta(days=2), entry_of())


def test_a_name_without_a_certificate_is_not_due(holder):
    (holder.store / NAME).mkdir(parents=True)
    assert not deploy.is_due(holder.folder, NOW, entry_of(deploy=""))
    assert use(holder, entry_of(deploy="")) == (True, ())


def test_the_files_that_are_wanted_are_there_before_a_program_looks(holder, tmp_path, seen):
    (tmp_path / "password").write_text("secret")
    (tmp_path / "password").chmod(0o600)
    wanted = OutputOptions(formats=frozenset({Format.PEM, Format.PKCS12}), password_file=tmp_path / "password")
    code = "import os, pathlib; assert (pathlib.Path(os.environ['SINETTI_LIVE']) / 'certificate.p12').exists()"
    holder.enrol()
    assert deploy.is_due(holder.folder, NOW, entry_of(wanted))
    done, told = use(holder, entry_of(wanted, deploy=code))
    assert done, [messages.render(one, Language.EN) for one in told]
    assert not deploy.is_due(holder.folder, NOW, entry_of(wanted))


def test_a_key_that_is_kept_encrypted_gets_no_copy_in_clear(holder, tmp_path):
    """sinetti.toml asks for one more format.

    It no longer says where the password of the key is.
    """
    (tmp_path / "password").write_text("secret")
    (tmp_path / "password").chmod(0o600)
    holder.enrol(files=OutputOptions(key_password_file=tmp_path / "password"))
    wanted = OutputOptions(formats=frozenset({Format.PEM, Format.DER}))
    assert use(holder, entry_of(wanted)) == (True, ())
    with pytest.raises(TypeError, match="Password was not given"):
        load_der_private_key((holder.live / "key.der").read_bytes(), None)
    load_der_private_key((holder.live / "key.der").read_bytes(), b"secret")


def test_a_password_that_is_not_there_is_told_and_no_program_runs(holder, tmp_path, seen):
    wanted = OutputOptions(formats=frozenset({Format.PKCS12}), password_file=tmp_path / "none")
    holder.enrol()
    done, told = use(holder, entry_of(wanted, deploy=writes(seen)))
    assert (done, texts(told)) == (False, [messages.SECRET_UNREADABLE])
    assert not lines(seen)


def test_another_run_on_the_name_is_told_and_no_file_is_added(holder, tmp_path):
    holder.enrol()
    wanted = OutputOptions(formats=frozenset({Format.PEM, Format.DER}))
    with files.locked(holder.folder):
        done, told = use(holder, entry_of(wanted))
    assert (done, texts(told)) == (False, [messages.STORE_LOCKED])
    assert not (holder.live / "key.der").exists()
    (holder.live / ".key.der.new").write_text("half, of a run that was killed")
    assert use(holder, entry_of(wanted)) == (True, ())
    assert min(one.name for one in holder.live.iterdir()) == "certificate.der"


def test_a_full_disk_is_told(holder, monkeypatch):
    holder.enrol()
    monkeypatch.setattr(files, "write_atomic", lambda *_a, **_k: (_ for _ in ()).throw(OSError(28, "full")))
    done, told = use(holder, entry_of(deploy=""))
    assert (done, texts(told)) == (False, [messages.STORE_UNUSABLE])


DAMAGE = {
    "nothing": b"",
    "no JSON": b"{",
    "no object": b"[]",
    "no zone": b'{"serial": null, "tries": 0, "next": "2027-01-01T00:00:00"}',
    "words for numbers": b'{"serial": null, "tries": "many", "next": null}',
}


@pytest.mark.parametrize("octets", DAMAGE.values(), ids=DAMAGE)
def test_a_state_that_cannot_be_read_runs_the_program_again(holder, octets, seen):
    entry = entry_of(deploy=writes(seen))
    holder.enrol()
    use(holder, entry)
    (holder.folder / agent_state.DEPLOY).write_bytes(octets)
    assert deploy.is_due(holder.folder, NOW)
    assert use(holder, entry)[0]
    assert len(lines(seen)) == 2


def test_a_clock_that_was_wrong_delays_nobody_for_long(holder):
    bad = entry_of(deploy="raise SystemExit(1)")
    holder.enrol()
    use(holder, bad, NOW + timedelta(days=400))
    assert deploy.is_due(holder.folder, NOW, bad)


def test_where_live_is_a_copy_its_certificate_tells_the_serial(holder, seen):
    entry = entry_of(deploy=writes(seen))
    holder.enrol()
    place = holder.live.resolve()
    holder.live.unlink()
    holder.live.mkdir()
    for one in place.iterdir():
        (holder.live / one.name).write_bytes(one.read_bytes())
    assert deploy.is_due(holder.folder, NOW, entry)
    assert use(holder, entry)[0]
    assert not deploy.is_due(holder.folder, NOW, entry)
    (holder.live / "certificate.pem").write_text("nothing")
    assert not deploy.is_due(holder.folder, NOW, entry)


def test_of_a_name_that_only_the_defaults_speak_of_the_certificate_tells_the_customer(holder, seen):
    holder.enrol()
    entry = replace(entry_of(deploy=writes(seen, "os.environ['SINETTI_CUSTOMER_ID']")), customer_id=None)
    assert use(holder, entry)[0]
    assert lines(seen) == [authority.CUSTOMER_ID]


def test_a_program_that_kills_the_agent_counts_as_one_that_failed(holder, monkeypatch):
    """Else it would be the first thing that each pass does, and the last."""
    holder.enrol()

    def kill(*_given):
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(deploy.hooks, "run", kill)
        for tries, after in ((1, timedelta()), (2, timedelta(minutes=5))):
            with pytest.raises(KilledError):
                use(holder, entry_of(deploy=""), NOW + after)
            assert agent_state.load_deploy_state(holder.folder).tries == tries
            assert not deploy.is_due(holder.folder, NOW + after, entry_of(deploy=""))
    assert deploy.is_due(holder.folder, NOW + timedelta(minutes=15), entry_of(deploy=""))
    assert use(holder, entry_of(deploy=""), NOW + timedelta(minutes=15))[0]
    state = agent_state.load_deploy_state(holder.folder)
    assert (state.serial, state.tries, state.trying) == (holder.live.resolve().name, 0, None)
