"""Agreement of docs/contributors/judges.md with the last whole run of `make judges`.

The page names every peer, with each key and recipe.
"""

from tests.house.tree import DOCS
from tests.judges import matrix
from tests.judges.peers import KEYS, PEERS

PAGE = (DOCS / "contributors" / "judges.md").read_text(encoding="utf-8").splitlines()


def test_every_peer_passed_with_every_key_in_the_last_whole_run():
    rows = [line for line in PAGE if line.count("|") == 7 and "---" not in line][1:]
    told = {True: " passed |" * 4, False: " – |" * 4}
    assert rows == [f"| {peer.name} | {key} |{told[key in peer.keys]}" for peer in PEERS for key in KEYS]


def test_every_peer_has_its_versions():
    versions = [line.split("|")[1].strip() for line in PAGE if line.count("|") == 4 and "---" not in line][1:]
    assert versions == [peer.name for peer in PEERS]


def test_a_run_of_some_of_the_judges_writes_nothing():
    every = set(matrix.FOLDER.glob("test_*.py"))
    assert matrix.is_whole(every)
    assert not [one for one in every if matrix.is_whole(every - {one})]
    assert not matrix.is_whole(set())
