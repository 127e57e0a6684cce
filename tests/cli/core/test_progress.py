"""Progress output: a bar on a terminal, lines elsewhere, nothing for short tasks."""

import io
import threading

import pytest

from sinetti.cli.core import invocation, progress
from sinetti.client.messages import messages
from sinetti.client.messages.messages import make_message
from sinetti.domain.values import Language


class Screen(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


class Seconds:
    """Clock that a test moves."""

    now = 100.0

    def __call__(self):
        return self.now


def play(stream, pauses, language=Language.EN):
    seconds = Seconds()
    with progress.bar(len(pauses), stream, language, seconds) as shown:
        for number, pause in enumerate(pauses):
            seconds.now += pause
            shown.advance(f"name-{number}")
        return stream.getvalue()


@pytest.mark.parametrize("stream", [Screen, io.StringIO])
def test_what_ends_soon_is_not_talked_about(stream):
    assert play(stream(), [0.5, 0.5, 0.5]) == ""


def test_a_bar_on_a_terminal():
    written = play(Screen(), [1.5, 1.5, 0.01, 0.5])
    assert [part.rstrip("\x1b[K") for part in written.split("\r")] == [
        "",
        "████████████░░░░░░░░░░░░ 2 of 4, last name-1",
        "████████████████████████ 4 of 4, last name-3",
    ]


def test_it_is_taken_away_at_the_end_and_before_something_is_told():
    screen, seconds, told = Screen(), Seconds(), []
    with progress.bar(0, screen, Language.EN, seconds) as shown:
        shown.begin(2)
        tell = shown.between(lambda message: told.append((message.text, screen.getvalue()[-4:])))
        seconds.now += 3
        shown.advance("a")
        tell(make_message(messages.WAITING_ONE))
        assert told == [(messages.WAITING_ONE, "\r\x1b[K")]
        seconds.now += 3
        shown.advance("b")
    assert screen.getvalue().endswith("\r\x1b[K")


def test_elsewhere_a_line_every_five_seconds():
    assert play(io.StringIO(), [1, 2, 1, 1, 3, 1]) == "2 of 6, last name-1\n5 of 6, last name-4\n"


def test_in_the_readers_language_and_without_signs_that_a_terminal_lacks():
    screen = Screen()
    screen.encoding = "iso-8859-1"
    assert play(screen, [3, 3], Language.FI) == (
        "\r############------------ 1/2, viimeksi name-0\x1b[K\r######################## 2/2, viimeksi name-1\x1b[K"
    )


def test_a_terminal_that_goes_away_stops_no_work():
    class Gone(Screen):
        def write(self, _text):
            raise BrokenPipeError

    seconds = Seconds()
    with progress.bar(2, Gone(), Language.EN, seconds) as shown:
        for name in ("a", "b"):
            seconds.now += 3
            shown.advance(name)


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
    assert stream.getvalue() == "401 of 400, last last\n"


@pytest.mark.parametrize("is_quiet", [False, True])
def test_quiet_draws_nothing(is_quiet, monkeypatch):
    monkeypatch.setattr(invocation.CURRENT, "quiet", is_quiet)
    stream, ticks = io.StringIO(), iter(range(0, 1000, 60))
    with progress.bar(2, stream, ticks=lambda: next(ticks)) as bar:
        bar.advance("payroll")
    assert bool(stream.getvalue()) is not is_quiet
