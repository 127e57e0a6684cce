"""One run at a time over a store; a second one names the process at work."""

import os
from datetime import UTC, datetime
from threading import Timer

import pytest

from sinetti.client.agent import runner
from sinetti.client.store.files import StoreLocked

NOW = datetime(2027, 5, 2, 11, 3, tzinfo=UTC)


def refused(store):
    with pytest.raises(StoreLocked) as told, runner.exclusive_run(store, NOW):
        pass
    return told.value.message.values


def test_a_second_one_says_who_holds_it(tmp_path):
    with runner.exclusive_run(tmp_path, NOW):
        values = refused(tmp_path)
        assert (values["pid"], values["since"]) == (str(os.getpid()), NOW)
    with runner.exclusive_run(tmp_path, NOW):
        pass


def test_one_who_has_just_taken_it_is_given_a_moment_to_say_so(tmp_path):
    path = tmp_path / runner.FILE
    with runner.exclusive_run(tmp_path, NOW):
        written = path.read_bytes()
        path.write_bytes(b"")
        later = Timer(0.05, path.write_bytes, (written,))
        later.start()
        assert refused(tmp_path)["pid"] == str(os.getpid())
        later.join()


def test_one_who_never_said_so_is_told_of_without_a_name(tmp_path):
    with runner.exclusive_run(tmp_path, NOW):
        (tmp_path / runner.FILE).write_bytes(b"")
        assert set(refused(tmp_path).values()) == {"-", str(tmp_path)}
