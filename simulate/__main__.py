"""`python -m simulate`: two years of messages in some minutes.

They are compared with a model. `make simulate` runs it.
"""

import argparse
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.clusters import PostgresMissing, cluster, new_database
from simulate import founding, world
from simulate.acts import Hand
from simulate.away import Away
from simulate.comparing import compare
from simulate.nodes import Here, Lines, Post, room_of
from simulate.playing import Play
from simulate.report import Run, is_good, page
from simulate.world import Round, World
from sinetti.database.connection import Database, migrate, open_database
from sinetti.infra.clock import monotonic_seconds

PAGE = Path(__file__).resolve().parent.parent / "docs" / "contributors" / "simulation.md"
MEMORY, ROOM = Path("/dev/shm"), 4 * 1024**3  # noqa: S108 - this program makes its own folders there, 0700
"""Folder of the databases if it has so much room, in octets.

Commits are durable, and memory makes that cheap.
"""
_TELL_EVERY, _TERMINATED = 5.0, 143


def main() -> int:
    """Play, compare, and write the page. Returns 1 if there was a fault."""
    options = _parser().parse_args()
    command = (
        f"python -m simulate --certificates {options.certificates} --seed {options.seed} --database {options.database}"
    )
    print(command, flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))  # removes the files in memory first
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM:
        tempfile.tempdir = str(MEMORY)
    begun = monotonic_seconds()
    made = world.make(options.certificates, options.seed)
    rounds = world.rounds(options.seed, world.BEGINS + world.LASTS)
    with _registers(options.database) as open_one:
        db = open_one()
        founding.found(db, made)
        print(f"{monotonic_seconds() - begun:5.0f} s  {options.certificates:,} certificates are there", flush=True)
        play = _played(made, rounds, db, open_one)
        print(f"{monotonic_seconds() - begun:5.0f} s  played; now compared", flush=True)
        compared = compare(play, rounds)
        db.close()
    text = page(Run(command, options.database, monotonic_seconds() - begun), play, compared)
    print(text)
    if options.write:
        PAGE.write_text(text, encoding="utf-8")
    return 0 if is_good(play, compared) else 1


def _played(made: World, rounds: list[Round], db: Database, open_one: Callable[[], Database]) -> Play:
    """Play with two nodes in processes of their own."""
    folder = Path(tempfile.mkdtemp(prefix="sinetti-simulation-"))
    lines = folder / "letters"

    def node() -> Here:
        own, post = open_one(), Post(lines, world.BEGINS)
        return Here(room_of(own, post, made.wave_from), post, Hand(own), made.lives)

    nodes = (Away(node), Away(node))
    play = Play(made, db, nodes, Lines(lines))
    try:
        play.run(rounds, _progress_reporter(len(rounds)))
    finally:
        for one in nodes:
            one.close()
        shutil.rmtree(folder, ignore_errors=True)
    return play


def _progress_reporter(count: int) -> Callable[[Round, int], None]:
    """Return a function that reports progress now and then."""
    begun, printed_at, done = monotonic_seconds(), [0.0], [0]

    def report(one: Round, sent: int) -> None:
        done[0] += 1
        if (now := monotonic_seconds()) - printed_at[0] > _TELL_EVERY:
            printed_at[0] = now
            print(f"{now - begun:5.0f} s  {one.at:%Y-%m-%d}  {done[0] / count:4.0%}  {sent:,} messages", flush=True)

    return report


@contextmanager
def _registers(database: str) -> Iterator[Callable[[], Database]]:
    """Yield a function that opens the database of this run, in any process.

    The database is removed at the end.
    """
    if database == "postgresql":
        with cluster() as url:
            own = new_database(url)
            migrate(open_database(own))
            yield lambda: open_database(own)
        return
    with tempfile.TemporaryDirectory(prefix="sinetti-simulation-") as folder:
        own = f"sqlite:///{folder}/register.sqlite3"
        migrate(open_database(own))
        yield lambda: open_database(own)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulate", description="Two years of messages, simulated.")
    parser.add_argument("--certificates", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10_000))
    parser.add_argument("--database", choices=("postgresql", "sqlite"), default="postgresql")
    parser.add_argument("--write", action="store_true", help="write docs/contributors/simulation.md")
    return parser


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PostgresMissing as missing:
        sys.exit(f"python -m simulate: {missing}")
