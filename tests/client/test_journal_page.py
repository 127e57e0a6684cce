"""Agreement of docs/holders/store.md with the code: states, steps, files."""

import re

from sinetti.client.store import files, generations, journal, settings
from sinetti.client.store.journal import RequestKind, RequestState
from tests.client import double
from tests.house.tree import DOCS, PACKAGE, rows

PAGE = DOCS / "holders" / "store.md"


def first_cells(heading):
    return [cells[0].strip("`") for cells in rows(PAGE, heading)]


def test_the_page_has_the_states_in_order():
    assert first_cells("state") == [state.value for state in RequestState]


def test_the_page_has_the_steps_in_order():
    found = [
        step
        for module in ("operations.py", "exchange.py")
        for step in re.findall(r'\.step\("([a-z-]+)"\)', (PACKAGE / "client" / "requests" / module).read_text())
    ]
    assert first_cells("step") == list(dict.fromkeys(found))


def test_the_page_says_what_a_run_leaves(holder):
    left = {}

    def look(name):
        (folder,) = [one for kind in RequestKind if (one := journal.folder_of(holder.folder, kind)).exists()]
        left[name] = journal.load(folder).state.value

    holder.step = look
    holder.enrol()
    assert {step: re.match(r"`([a-z]+)`", cells[1])[1] for step, *cells in map(tuple, steps())} == left


def steps():
    return [(cells[0].strip("`"), *cells) for cells in rows(PAGE, "step")]


def test_the_page_has_every_file(holder):
    seen = set()
    holder.step = lambda _name: seen.update(path.name for path in holder.folder.rglob("*") if path.is_file())
    holder.double.script.append(double.lose)
    holder.enrol()
    holder.enrol()
    holder.step("")
    seen |= {journal.MESSAGE, journal.ABANDONED, journal.PENDING, files.LIVE, files.GENERATIONS}
    text = PAGE.read_text()
    assert not [name for name in seen if name not in text]
    assert {settings.FILE, generations.NOTES, journal.SPARE} <= seen


def test_the_room_is_as_large_as_the_page_says():
    assert f"{journal.ROOM // 1024} KiB" in PAGE.read_text()
