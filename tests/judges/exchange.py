"""Exchanges of the peers with a live test bench over TLS.

Each peer runs with each key and each recipe. The folders of the cases keep what was sent and received.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.judges.peers import PEERS, RECIPES, Peer
from tests.support.programs import Bench, surroundings

TO_THE_WINDOW = "P680D"
"""Duration from a certificate's first day into the last 60 of its 730 days."""

WITHIN = 120.0
"""Timeout of a peer's command in seconds.

It allows for a busy machine and for the compilation of a peer that is not compiled yet.
"""


@dataclass(frozen=True, slots=True, order=True)
class Case:
    """A peer, the kind of its keys and the recipe of its signature."""

    peer: str
    key: str
    recipe: str

    def __str__(self) -> str:
        """Return the name of the case, which is also that of its organisation."""
        return f"{self.peer}-{self.key}-{self.recipe}"


CASES = tuple(Case(peer.name, key, recipe) for peer in PEERS for key in peer.keys for recipe in RECIPES)


@dataclass(slots=True)
class Played:
    """Result of a case: its folder and both finished commands.

    A command that was not reached is None.
    """

    folder: Path
    enrolled: "subprocess.CompletedProcess[str] | None" = None
    renewed: "subprocess.CompletedProcess[str] | None" = None

    @property
    def whole(self) -> bool:
        """True if both commands ended with exit code 0."""
        return all(one is not None and one.returncode == 0 for one in (self.enrolled, self.renewed))

    def messages(self, kind: str) -> list[Path]:
        """Return the kept messages of a kind, in the order in which they were sent.

        The kind is "request" or "response".
        """
        return sorted((self.folder / "messages").glob(f"*-{kind}.xml"))


def called(peer: Peer, *arguments: object) -> "subprocess.CompletedProcess[str]":
    """Run a command of a peer to its end; return the finished process."""
    return subprocess.run(
        [peer.run, *(str(one) for one in arguments)], capture_output=True, text=True, timeout=WITHIN, check=False,
        stdin=subprocess.DEVNULL, env=surroundings({"PEER_PYTHON": sys.executable}),
    )  # fmt: skip


def versions(peers: Iterable[Peer] = PEERS) -> dict[str, list[str]]:
    """Return the libraries of each peer, as "name version".

    Peers that cannot run here are left out. The call compiles every peer that needs it.
    """
    found: dict[str, list[str]] = {}
    for peer in peers:
        done = called(peer, "versions")
        if done.returncode == 0:
            found[peer.name] = done.stdout.splitlines()
    return found


def furnished(folder: Path, trust: Mapping[str, str | Path]) -> Path:
    """Make a peer's folder with its trust anchors; return it."""
    folder.mkdir(parents=True)
    for name in ("server", "services"):
        shutil.copyfile(trust[name], folder / f"{name}.pem")
    return folder


def ordered(bench: Bench, customer_id: str) -> dict[str, str]:
    """Order a certificate for an organisation; return customer id and transfer ids."""
    return {"customer_id": customer_id} | bench.order(customer_id=customer_id, customer_name=f"Oy {customer_id}")


def enrol(peer: Peer, folder: Path, url: str, ids: Mapping[str, str], key: str) -> "subprocess.CompletedProcess[str]":
    """Let a peer use transfer ids for its first certificate."""
    spent = (ids[name] for name in ("customer_id", "transfer_id", "transfer_password"))
    return called(peer, "enrol", folder, url, *spent, key)


def play_all(bench: Bench, cases: Iterable[Case], root: Path) -> dict[Case, Played]:
    """Enrol all peers, set the clock into the renewal window, renew all.

    Two commands run at a time.
    """
    played = {case: Played(furnished(root / str(case), bench.ready["trust"])) for case in cases}
    url, peers = bench.ready["soap_url"], {peer.name: peer for peer in PEERS}
    ids = {case: ordered(bench, str(case)) for case in played}

    def first(case: Case) -> None:
        one = played[case]
        one.enrolled = enrol(peers[case.peer], one.folder, url, ids[case], case.key)

    def second(case: Case) -> None:
        one = played[case]
        if one.enrolled is not None and one.enrolled.returncode == 0:
            arguments = (one.folder, url, case, case.key, case.recipe)
            one.renewed = called(peers[case.peer], "renew", *arguments)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(first, played))
        assert bench.control("PUT", "/clock", {"advance": TO_THE_WINDOW})[0] == 200
        list(pool.map(second, played))
    return played
