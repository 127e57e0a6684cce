"""Threads that use several sessions of a token at once."""

import os
from threading import Barrier, current_thread

import pytest

from sinetti.pki.signers import SignerUnavailable
from sinetti.pki.signers.token_pool import TokenSessions


def test_two_are_at_work_at_once_and_results_keep_their_order():
    both = Barrier(2)

    def act(number):
        both.wait(60)
        return number, current_thread().name

    sessions = TokenSessions(2)
    results = sessions.map(act, [1, 2]) + sessions.map(act, [3, 4])
    assert [number for number, _ in results] == [1, 2, 3, 4]
    assert len({name for _, name in results}) == 2, "the threads of the first call are used again"


def test_the_first_error_is_raised_after_all_have_ended():
    done = []

    def act(number):
        if number == 1:
            message = "the token was removed"
            raise SignerUnavailable(message)
        done.append(number)

    with pytest.raises(SignerUnavailable, match="removed"):
        TokenSessions(2).map(act, [1, 2, 3])
    assert sorted(done) == [2, 3]


def test_a_forked_child_has_threads_of_its_own():
    sessions = TokenSessions(1)
    assert sessions.map(str, [1]) == ["1"]
    child = os.fork()
    if child == 0:
        os._exit(0 if sessions.map(str, [2]) == ["2"] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
