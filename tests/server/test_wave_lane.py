"""The thread that takes waiting requests together."""

from threading import Event, current_thread

import pytest

from sinetti.server import wave_lane
from sinetti.server.http import Request, text_response
from sinetti.server.wave_lane import MOST, WaveLane

WITHIN = 60.0


class RecordingAnswerer:
    """Function that answers waves, which can be held, and records them."""

    def __init__(self):
        self.sizes, self.threads, self.left = [], [], 0
        self.begun, self.go = Event(), Event()
        self.go.set()
        self.failure = None

    def answer(self, wave):
        self.sizes.append(len(wave))
        self.threads.append(current_thread())
        self.begun.set()
        assert self.go.wait(WITHIN)
        if self.failure is not None:
            raise self.failure
        for one in wave:
            one.end(text_response(200, one.request.path))

    def leave(self):
        self.left += 1


def lane_of(answerer):
    return WaveLane(lambda _request: True, answerer.answer, answerer.leave)


def request_of(number, body=b""):
    return Request("POST", f"/{number}", "", {}, "0" * 32, body)


def texts(futures):
    return [one.result(WITHIN).body.decode().strip() for one in futures]


def test_what_came_while_the_last_wave_was_answered_is_the_next_wave():
    answerer = RecordingAnswerer()
    answerer.go.clear()
    lane = lane_of(answerer)
    futures = [lane.submit(request_of(0))]
    assert answerer.begun.wait(WITHIN)
    futures += [lane.submit(request_of(number)) for number in range(1, MOST + 3)]
    answerer.go.set()
    assert texts(futures) == [f"/{number}" for number in range(MOST + 3)]
    assert answerer.sizes == [1, MOST, 2]


def test_a_cancelled_request_is_left_out():
    answerer = RecordingAnswerer()
    answerer.go.clear()
    lane = lane_of(answerer)
    first = lane.submit(request_of(0))
    assert answerer.begun.wait(WITHIN)
    waiting = [lane.submit(request_of(number)) for number in (1, 2)]
    assert waiting[0].cancel()
    answerer.go.set()
    assert texts([first, waiting[1]]) == ["/0", "/2"]
    assert answerer.sizes == [1, 1]


def test_a_fault_reaches_every_request_and_the_thread_goes_on():
    answerer = RecordingAnswerer()
    lane = lane_of(answerer)
    answerer.failure = MemoryError("too much")
    with pytest.raises(MemoryError):
        lane.submit(request_of(0)).result(WITHIN)
    answerer.failure = None
    assert texts([lane.submit(request_of(1))]) == ["/1"]


def test_a_thread_has_a_limited_life_and_closes_its_resources(monkeypatch):
    monkeypatch.setattr(wave_lane, "OCTETS_OF_A_LIFE", 10)
    answerer = RecordingAnswerer()
    lane = lane_of(answerer)
    for number in range(3):
        texts([lane.submit(request_of(number, b"x" * 10))])
    assert len(set(answerer.threads)) == 3
    assert answerer.left >= 2


def test_a_retiring_lane_answers_and_keeps_no_resource_open():
    answerer = RecordingAnswerer()
    lane = lane_of(answerer)
    texts([lane.submit(request_of(0))])
    lane.retire()
    for number in range(1, 3):
        texts([lane.submit(request_of(number))])
    lane.retire()  # its turn comes after the last wave has closed
    texts([lane.submit(request_of(3))])
    assert answerer.left >= 3


def test_a_resource_that_cannot_be_closed_stops_nothing(caplog):
    answerer = RecordingAnswerer()
    lane = WaveLane(lambda _request: True, answerer.answer, lambda: 1 / 0)
    lane.retire()
    for number in range(3):
        assert texts([lane.submit(request_of(number))]) == [f"/{number}"]
    assert "could not close its resources" in caplog.text
