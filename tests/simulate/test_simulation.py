"""Short simulation on each database.

It has some sixty certificates in eleven weeks, and two nodes that are killed.
"""

from datetime import time, timedelta

from simulate import founding, world
from simulate.acts import Hand
from simulate.comparing import compare
from simulate.nodes import Here, Lines, Post, room_of
from simulate.playing import Play
from simulate.report import Run, is_good, page
from tests.support.registers import db

__all__ = ["db"]
COUNT, SEED = 40, 65
LASTS, BEYOND = timedelta(days=56), timedelta(days=24)
"""Length of the played time, and a further time in which certificates end.

The first reminders of the certificates that end later fall into the played weeks, also on days off.
"""


def played(db, folder, count=COUNT, seed=SEED):
    made = world.make(count, seed, LASTS + BEYOND, world.BUSY)
    founding.found(db, made)
    post = Post(folder / "letters", world.BEGINS)
    ctx = room_of(db, post, made.wave_from)
    nodes = (Here(ctx, post, Hand(db), made.lives), Here(ctx, post, Hand(db), made.lives))
    rounds = world.rounds(seed, world.BEGINS + LASTS, 0.15, steps=9, at_times=(time(8), time(16)))
    play = Play(made, db, nodes, Lines(post.path))
    play.run(rounds, lambda one, sent: None)
    return play, compare(play, rounds)


def test_each_message_leaves_once_none_late_none_missing(db, tmp_path):
    play, compared = played(db, tmp_path)
    text = page(Run("the test", "both", 1.0), play, compared)
    assert is_good(play, compared), text
    assert play.counted["kills"] > 2, text
    assert play.counted["later"] > 0, text
    assert compared.verdict.counted.total() > 300, text
