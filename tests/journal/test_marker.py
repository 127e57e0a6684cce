"""Marker of a journal.

A missing journal is not begun anew where this node wrote one. A copy of its folder makes another node.
"""

import json
import os
import shutil

import pytest

from sinetti.journal.marker import JournalMark
from sinetti.journal.writer import Journal, JournalEntry, JournalHeader, JournalMissing, JournalUnavailable
from tests.support import golden
from tests.support.authority import NOW

OWNER = JournalHeader("0" * 32, "TEST", "north")
OTHER = JournalHeader("1" * 32, "TEST", "north")
FACT = JournalEntry("fetched", {"serial": "05" * 19, "at": "2026-03-02T08:00:00Z"})


@pytest.fixture
def places(tmp_path):
    """Return the authority's folder and the folder of its journals."""
    (tmp_path / "authority").mkdir()
    return tmp_path / "authority", tmp_path / "journal"


def mark(folder, node="north") -> JournalMark:
    return JournalMark(folder / "journal-written", node, "do this")


def written(folder, journals, *, node="north", owner=OWNER, anew=False) -> None:
    """Write a journal as one process of a node does."""
    one = Journal(journals, owner, lambda: NOW, mark(folder, node))
    if anew:
        one.start_new()
    try:
        one.append([FACT])
    finally:
        one.close()


def test_a_node_that_wrote_a_journal_begins_no_other_while_that_is_missing(places):
    folder, journals = places
    written(folder, journals)
    written(folder, journals)
    shutil.move(journals, folder.with_name("away"))
    for _ in range(2):
        with golden.refused("sentences/journal-marks/missing", JournalMissing):
            written(folder, journals)
        assert not journals.exists()
    shutil.move(folder.with_name("away"), journals)
    written(folder, journals)


@pytest.mark.parametrize(
    "left", ["an empty folder", "lists alone", "an empty journal", "not a journal of this authority"]
)
def test_what_is_left_is_no_journal_of_ours(places, left):
    folder, journals = places
    written(folder, journals)
    shutil.rmtree(journals)
    journals.mkdir()
    if left == "lists alone":
        (journals / "CAv1.1.9.crl").write_bytes(b"")
    elif left == "an empty journal":
        (journals / "north.jsonl").write_bytes(b"")
    elif left == "not a journal of this authority":
        written(folder.with_name("other"), journals, owner=OTHER)
    with pytest.raises(JournalMissing):
        written(folder, journals)


def test_any_journal_of_this_authority_under_any_name_will_do(places):
    folder, journals = places
    written(folder, journals)
    shutil.copyfile(journals / "north.jsonl", folder.with_name("copy"))
    shutil.rmtree(journals)
    journals.mkdir()
    shutil.move(folder.with_name("copy"), journals / "from-the-archive.jsonl")
    written(folder, journals)
    assert (journals / "north.jsonl").exists()


def test_a_copy_of_the_folder_is_another_node_and_remembers_its_own(places, caplog):
    folder, journals = places
    written(folder, journals)
    copy, its_own = folder.with_name("south"), folder.with_name("south-journal")
    shutil.copytree(folder, copy)
    written(copy, its_own)
    (said,) = caplog.messages
    golden.check("sentences/journal-marks/copied", {"en.txt": golden.stable_text(f"{said}\n")})
    shutil.rmtree(its_own)
    with pytest.raises(JournalMissing):
        written(copy, its_own)


def test_a_copy_at_the_same_place_of_another_machine_is_another_node(places):
    folder, journals = places
    written(folder, journals)
    shutil.rmtree(journals)
    # The first one stays, so that none of the copy's files gets the number of one of its.
    folder.rename(folder.with_name("first"))
    shutil.copytree(folder.with_name("first"), folder)
    with pytest.raises(JournalMissing):
        written(folder, journals)
    written(folder, journals, node="south")


@pytest.mark.parametrize("changed", ["its folder was moved", "its machine has another name"])
def test_the_same_folder_is_known_by_its_file(places, changed):
    folder, journals = places
    written(folder, journals)
    shutil.rmtree(journals)
    moved = folder.rename(folder.with_name("moved")) if changed == "its folder was moved" else folder
    with pytest.raises(JournalMissing):
        written(moved, journals, node="north" if moved != folder else "container-7")


def test_after_a_restore_journals_are_brought_to_whichever_machine(places):
    folder, journals = places
    written(folder, journals)
    mark(folder, "south").write_restored()
    written(folder, journals, node="south")
    shutil.rmtree(journals)
    mark(folder).write_restored()
    with golden.refused("sentences/journal-marks/restored", JournalMissing):
        written(folder, journals, node="elsewhere")


def test_what_is_lost_for_good_is_begun_anew_once(places):
    folder, journals = places
    written(folder, journals)
    shutil.rmtree(journals)
    written(folder, journals, anew=True)
    shutil.rmtree(journals)
    with pytest.raises(JournalMissing):
        written(folder, journals)


@pytest.mark.parametrize("octets", [b"", b"[]", b"\xff"], ids=["empty", "no table", "no text"])
def test_a_mark_that_is_damaged_says_enough(places, octets):
    folder, journals = places
    (folder / "journal-written").write_bytes(octets)
    with golden.refused("sentences/journal-marks/damaged", JournalMissing):
        written(folder, journals)


def test_a_mark_that_cannot_be_read_is_no_leave_to_begin_anew(places):
    folder, journals = places
    (folder / "journal-written").mkdir()
    with pytest.raises(JournalUnavailable, match="journal-written"):
        written(folder, journals)


def test_a_mark_that_cannot_be_written_hinders_nobody(tmp_path, caplog):
    written(tmp_path / "not there", tmp_path / "journal")
    (said,) = caplog.messages
    said = golden.stable_text(f"{said}\n", PROCESS=os.getpid())
    golden.check("sentences/journal-marks/not-written", {"en.txt": said})


def test_the_mark_is_written_once(places):
    folder, journals = places
    written(folder, journals)
    before = (folder / "journal-written").stat()
    written(folder, journals)
    assert (folder / "journal-written").stat().st_ino == before.st_ino
    said = json.loads((folder / "journal-written").read_bytes())
    assert said == {"node": "north", "folder": str(folder), "inode": before.st_ino}
    assert [path.name for path in folder.iterdir()] == ["journal-written"]
