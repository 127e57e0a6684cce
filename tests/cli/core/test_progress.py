"""Progress output: a bar or a spinner on a terminal, lines elsewhere, nothing for short tasks."""

import io
import re
import threading

import pytest

from sinetti.cli.core import invocation, progress
from sinetti.cli.core.progress import WaitDisplay
from sinetti.client.messages import messages
from sinetti.client.messages.messages import make_message
from sinetti.domain.values import Language


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


class Seconds:
    """Clock that a test moves."""

    now = 100.0

    def __call__(self):
        return self.now

    def pass_by(self, seconds):
        self.now += seconds


@pytest.fixture(autouse=True)
def width(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")


def drawn(stream):
    """Return the lines that a terminal showed one after the other."""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())
    lines = [line.rstrip() for line in re.split(r"[\r\n]+", plain)]
    return [line for number, line in enumerate(lines) if line and line != lines[number - 1]]


def play(stream, pauses, language=Language.EN):
    seconds = Seconds()
    with progress.bar(len(pauses), stream, language, seconds) as shown:
        for number, pause in enumerate(pauses):
            seconds.now += pause
            shown.advance(f"name-{number}")
    return stream


@pytest.mark.parametrize("stream", [Terminal, io.StringIO])
def test_what_ends_soon_is_not_talked_about(stream):
    assert play(stream(), [0.5, 0.5, 0.5]).getvalue() == ""


def test_a_bar_on_a_terminal():
    assert drawn(play(Terminal(), [1.5, 1.5, 0.01, 0.5])) == [
        "━━━━━━━━━━━━             2 of 4: name-1",
        "━━━━━━━━━━━━━━━━━━━━━━━━ 4 of 4: name-3",
    ]


def test_a_long_name_takes_one_line():
    screen, seconds = Terminal(), Seconds()
    with progress.bar(2, screen, Language.EN, seconds) as shown:
        seconds.now += 3
        shown.advance("n" * 64)
    assert [len(line) for line in drawn(screen)] == [60]


def test_it_is_removed_at_the_end_and_before_a_message():
    screen, seconds, seen = Terminal(), Seconds(), []
    with progress.bar(0, screen, Language.EN, seconds) as shown:
        shown.begin(2)
        tell = shown.between(lambda message: seen.append((message.text, screen.getvalue()[-8:])))
        seconds.now += 3
        shown.advance("a")
        tell(make_message(messages.WAITING_ONE))
        assert seen == [(messages.WAITING_ONE, "\r\x1b[1A\x1b[2K"[-8:])]
        seconds.now += 3
        shown.advance("b")
    assert screen.getvalue().endswith("\x1b[1A\x1b[2K")


def test_elsewhere_a_line_every_five_seconds():
    lines = play(io.StringIO(), [1, 2, 1, 1, 3, 1]).getvalue()
    assert lines == "2 of 6: name-1\n5 of 6: name-4\n"


def test_in_the_readers_language_and_without_signs_that_a_terminal_lacks():
    screen = Terminal()
    screen.encoding = "iso-8859-1"
    assert drawn(play(screen, [3, 3], Language.FI)) == [
        "------------             1/2: name-0",
        "------------------------ 2/2: name-1",
    ]


def test_a_terminal_that_goes_away_stops_no_work():
    class ClosedTerminal(Terminal):
        def write(self, _text):
            raise BrokenPipeError

    seconds = Seconds()
    with progress.bar(2, ClosedTerminal(), Language.EN, seconds) as shown:
        for name in ("a", "b"):
            seconds.now += 3
            shown.advance(name)
    WaitDisplay(60, Language.EN, ClosedTerminal(), seconds.pass_by, seconds).sleep(1)


def test_from_many_threads_each_counts():
    seconds, stream = Seconds(), io.StringIO()
    with progress.bar(400, stream, Language.EN, seconds) as shown:
        threads = [threading.Thread(target=lambda: [shown.advance("x") for _ in range(100)]) for _ in range(4)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        seconds.now += 9
        shown.advance("last")
    assert stream.getvalue() == "401 of 400: last\n"


WAITED = {
    Language.EN: "Not ready yet. Next attempt in 2 s, 60 s remaining.",
    Language.FI: "Ei vielä valmis. Uusi yritys 2 s, jäljellä 60 s.",
    Language.SV: "Inte klart ännu. Nytt försök om 2 s, 60 s kvar.",
}


@pytest.mark.parametrize("language", WAITED)
def test_a_spinner_shows_the_remaining_time_in_place_of_messages(language):
    screen, seconds, seen = Terminal(), Seconds(), []
    waiting = WaitDisplay(60, language, screen, seconds.pass_by, seconds)
    waiting.sleep(2)
    waiting.sleep(1)
    shown = [line.split(" ", 1)[1] for line in drawn(screen)]
    assert shown[0] == WAITED[language]
    assert all(len(line) <= 58 for line in shown)
    assert seconds.now == pytest.approx(103)
    assert screen.getvalue().endswith("\x1b[1A\x1b[2K")
    waiting.without_attempts(seen.append)(make_message(messages.WAITING, seconds=2))
    waiting.without_attempts(seen.append)(make_message(messages.STORE_EMPTY))
    assert [one.text for one in seen] == [messages.STORE_EMPTY]


def test_elsewhere_the_messages_are_printed_and_there_is_no_spinner():
    stream, seconds, seen = io.StringIO(), Seconds(), []
    waiting = WaitDisplay(60, Language.EN, stream, seconds.pass_by, seconds)
    waiting.sleep(2)
    waiting.without_attempts(seen.append)(make_message(messages.WAITING, seconds=2))
    assert (stream.getvalue(), len(seen), seconds.now) == ("", 1, 102)


def test_a_count_that_is_kept_elsewhere_is_shown_on_a_terminal_alone():
    screen, stream = Terminal(), io.StringIO()
    for one in (screen, stream):
        with progress.bar(0, one, Language.EN, Seconds()) as shown:
            shown.reach(3, 12, "org-0003")
    assert (drawn(screen), stream.getvalue()) == (["━━━━━━                   3 of 12: org-0003"], "")


@pytest.mark.parametrize("is_quiet", [False, True])
def test_quiet_draws_nothing(is_quiet, monkeypatch):
    monkeypatch.setattr(invocation.CURRENT, "is_quiet", is_quiet)
    stream, ticks = io.StringIO(), iter(range(0, 1000, 60))
    with progress.bar(2, stream, ticks=lambda: next(ticks)) as bar:
        bar.advance("payroll")
    assert bool(stream.getvalue()) is not is_quiet
