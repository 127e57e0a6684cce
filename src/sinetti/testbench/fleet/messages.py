"""What is said while a fleet is played: every message id in one place (docs/fleet.md)."""

from sinetti.i18n.translate import mark, mark_count
from sinetti.testbench.fleet.invariants import Wrong

BAD_COUNT = mark("“{text}” is no number of organisations from 1 to {most}")
BEGINS = mark_count(
    "{count} organisation and an agent, on a test bench of their own. Seed {seed}.",
    "{count} organisations and an agent, on a test bench of their own. Seed {seed}.",
)
CALM = mark("1. Two years in which nothing goes wrong. Each organisation orders a certificate and has it issued.")
ROUGH = mark(
    "2. Two years in which one answer in ten is lost and one in twenty is wrong, with two agents at once on the same "
    "store. Each organisation orders a certificate in the place of its former one."
)
INCIDENT = mark("3. An incident: the operator calls for early replacement of every other certificate.")
IN_USE = mark_count("{when}  {count} certificate is in use.", "{when}  {count} certificates are in use.")
RENEWED = mark("{when}  renewed: {count}, in all {done} of {all}: {names}")
NOTHING_DUE = mark("{when}  nothing to do")
CALLED = mark_count(
    "{when}  {count} certificate is called for; renewal is spread over ten minutes.",
    "{when}  {count} certificates are called for; renewal is spread over ten minutes.",
)
SPREAD = mark_count(
    "Renewed on {count} day, at most {most} on one of them; each former certificate stayed valid to its end.",
    "Renewed on {count} days, at most {most} on one of them; each former certificate stayed valid to its end.",
)
FAULTS = mark("Answers lost: {lost}. Wrong ones: {wrong}. An agent found the other at work: {out}.")
REPLACED = mark_count(
    "All were replaced within {count} minute of the call.",
    "All were replaced within {count} minutes of the call.",
)
WELL = mark(
    "Organisations: {organisations}, certificates: {certificates}, {years} years in {seconds} s, renewed on {days} "
    "days, at most {most} on one of them. Nothing lapsed, no key was lost, nothing was issued twice."
)
NOT_WELL = mark(
    "Organisations: {organisations}, certificates: {certificates}, {years} years in {seconds} s. What does not hold: "
    "{breaches}. Play it again with --seed {seed} --keep DIR."
)
BROKEN_OFF = mark("The fleet broke off: {why}")
NOT_EMPTY = mark("{folder} holds something already: name a folder that is empty or not there yet.")

WRONGS = {
    Wrong.LAPSED: mark("no valid certificate was in use"),
    Wrong.KEY_LOST: mark("the key of a certificate is not in the store"),
    Wrong.ISSUED_TWICE: mark("more certificates were issued than were ordered and renewed"),
    Wrong.CUT_SHORT: mark("a certificate did not stay valid to its end"),
    Wrong.NOT_RENEWED: mark("a certificate is missing"),
    Wrong.DAMAGED: mark("the set in use does not belong together"),
}
"""What does not hold, by its kind."""
