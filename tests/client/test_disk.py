"""Full disk and read-only store, on a real tmpfs.

The client reports each in a sentence, overwrites nothing and loses nothing.
"""

import subprocess
from datetime import timedelta

import pytest

from sinetti.client.messages import messages
from sinetti.client.results import ExitCode, Result
from sinetti.client.store import journal
from sinetti.client.store.journal import RequestKind, RequestState
from sinetti.wire.soap.operations import Operation
from tests.client.conftest import texts, words
from tests.support import authority
from tests.support.small_disk import may_mount, mounted

OPENS = authority.NOW + timedelta(days=670)


@pytest.fixture
def disk(holder, tmp_path):
    """Put the holder's store on a small disk of its own."""
    why = may_mount()
    if why:
        pytest.skip(f"NOT TESTED, the store on a full disk: {why}")
    try:
        with mounted(tmp_path / "disk") as one:
            holder.store = one.root / "store"
            yield one
    except subprocess.CalledProcessError as refused:
        pytest.skip(f"NOT TESTED, the store on a full disk: {refused.stderr.decode().strip()}")


def contents(folder):
    """Return the content of every file below a folder."""
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def is_told(outcome, why):
    assert (outcome.result, outcome.exit_code) == (Result.FAILED, ExitCode.STORE)
    assert texts(outcome) == [messages.STORE_UNUSABLE]
    assert why in words(outcome)


@pytest.mark.parametrize("pages", range(24))
def test_a_disk_with_so_many_pages_left_is_told_and_the_next_run_goes_on(pages, holder, disk):
    disk.fill(leave=pages)
    outcome = holder.enrol()
    if outcome.exit_code is not ExitCode.DONE:
        is_told(outcome, "the disk is full")
        assert "disk" in words(outcome), "it names a place"
        disk.free()
        assert holder.enrol().result is Result.ENROLLED
    assert len(holder.double.issued) == 1
    assert holder.double.operations().count(Operation.NEW) == 1, "a full disk costs no second request"


def test_with_no_room_nothing_leaves(holder, disk):
    disk.fill()
    is_told(holder.enrol(), "the disk is full")
    assert holder.double.seen == []


@pytest.mark.parametrize("pages", range(0, 24, 2))
def test_a_renewal_on_a_full_disk_leaves_the_set_in_use_alone(pages, holder, disk):
    holder.enrol()
    before = contents(holder.live)
    disk.fill(leave=pages)
    outcome = holder.at(OPENS).renew()
    if outcome.exit_code is not ExitCode.DONE:
        is_told(outcome, "the disk is full")
        collected = journal.load(journal.folder_of(holder.folder, RequestKind.RENEW))
        assert contents(holder.live) == before or collected.state is RequestState.COLLECTED
        disk.free()
        assert holder.renew().result is Result.RENEWED
    assert holder.double.operations().count(Operation.RENEW) == 1


def test_room_is_kept_for_the_retrieval_id(holder, disk):
    """The disk fills up between request and answer.

    The content of the answer is on it all the same.
    """
    holder.step = lambda name: disk.fill() if name == "answered" else None
    is_told(holder.enrol(), "the disk is full")
    held = journal.load(journal.folder_of(holder.folder, RequestKind.ENROL))
    assert (held.fetchable, held.retrieval_id) == (True, "retrieval-1")
    holder.step = lambda _name: None
    disk.free()
    assert holder.enrol().result is Result.ENROLLED
    assert holder.double.operations().count(Operation.NEW) == 1


def test_a_read_only_store(holder, disk):
    holder.enrol()
    before = contents(holder.store)
    disk.read_only()
    for outcome in (holder.enrol(), holder.at(OPENS).renew(), holder.retrieve()):
        is_told(outcome, "the disk is read-only")
    assert contents(holder.store) == before
    assert holder.double.operations() == [Operation.NEW, Operation.GET]


def test_a_new_store_on_a_read_only_disk(holder, disk):
    disk.read_only()
    is_told(holder.enrol(), "the disk is read-only")
    assert holder.double.seen == []
