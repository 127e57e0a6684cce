"""What is said while a fleet is played: every message id in one place (docs/fleet.md)."""

from sinetti.i18n.translate import gettext_noop, ngettext_noop
from sinetti.testbench.fleet.invariants import ViolationKind

BAD_COUNT = gettext_noop("“{text}” is no number of organisations from 1 to {most}")
BEGINS = ngettext_noop(
    "{count} organisation and an agent, on a test bench of their own. Seed {seed}.",
    "{count} organisations and an agent, on a test bench of their own. Seed {seed}.",
)
CALM = gettext_noop(
    "1. Two years in which nothing goes wrong. Each organisation orders a certificate and has it issued."
)
ROUGH = gettext_noop(
    "2. Two years in which one answer in ten is lost and one in twenty is wrong, with two agents at once on the same "
    "store. Each organisation orders a certificate in the place of its former one."
)
INCIDENT = gettext_noop("3. An incident: the operator calls for early replacement of every other certificate.")
IN_USE = ngettext_noop("{when}  {count} certificate is in use.", "{when}  {count} certificates are in use.")
RENEWED = gettext_noop("{when}  renewed: {count}, in all {done} of {all}: {names}")
NOTHING_DUE = gettext_noop("{when}  nothing to do")
CALLED = ngettext_noop(
    "{when}  {count} certificate is called for; renewal is spread over ten minutes.",
    "{when}  {count} certificates are called for; renewal is spread over ten minutes.",
)
SPREAD = ngettext_noop(
    "Renewed on {count} day, at most {most} on one of them; each former certificate stayed valid to its end.",
    "Renewed on {count} days, at most {most} on one of them; each former certificate stayed valid to its end.",
)
FAULTS = gettext_noop("Answers lost: {lost}. Wrong ones: {wrong}. An agent found the other at work: {out}.")
REPLACED = ngettext_noop(
    "All were replaced within {count} minute of the call.",
    "All were replaced within {count} minutes of the call.",
)
WELL = gettext_noop(
    "Organisations: {organisations}, certificates: {certificates}, {years} years in {seconds} s, renewed on {days} "
    "days, at most {most} on one of them. Nothing lapsed, no key was lost, nothing was issued twice."
)
NOT_WELL = gettext_noop(
    "Organisations: {organisations}, certificates: {certificates}, {years} years in {seconds} s. What does not hold: "
    "{breaches}. Play it again with --seed {seed} --keep DIR."
)
BROKEN_OFF = gettext_noop("The fleet broke off: {why}")
NOT_EMPTY = gettext_noop("{folder} holds something already: name a folder that is empty or not there yet.")

WRONGS = {
    ViolationKind.LAPSED: gettext_noop("no valid certificate was in use"),
    ViolationKind.KEY_LOST: gettext_noop("the key of a certificate is not in the store"),
    ViolationKind.ISSUED_TWICE: gettext_noop("more certificates were issued than were ordered and renewed"),
    ViolationKind.CUT_SHORT: gettext_noop("a certificate did not stay valid to its end"),
    ViolationKind.NOT_RENEWED: gettext_noop("a certificate is missing"),
    ViolationKind.DAMAGED: gettext_noop("the set in use does not belong together"),
}
"""What does not hold, by its kind."""
