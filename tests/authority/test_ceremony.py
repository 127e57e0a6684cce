"""A ceremony on the offline machine: what people type, interruptions, and media."""

import signal
import stat
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from sinetti.authority.ceremony import CeremonyInterrupted, package_digest
from sinetti.authority.data_directory import FolderDamaged, FolderError
from sinetti.authority.offline_medium import open_medium, read_registry
from sinetti.ca.ceremony.plan import parse_plan
from sinetti.ca.ceremony.sets import CeremonyKind, parse_result_set
from sinetti.ca.ceremony.shares import combine_shares, parse_share
from sinetti.ca.ceremony.transcript import check_signature, parse_transcript
from sinetti.ca.ceremony.verification import verify_founding
from sinetti.ca.ceremony.words import CeremonyError, digest_words
from tests.ca.ceremony.making import PLAN, SPECS, lists, request
from tests.support import golden
from tests.support.ceremonies import NOW, PEOPLE, QUICK, ROOTS, ScriptedDesk, ceremony, founded, plan_text
from tests.support.killed import KilledError
from tests.support.officers import key_of as officer_key

TEXT = plan_text(hierarchy=QUICK)


def result_of(folder):
    return parse_result_set((folder / "result-set.json").read_bytes())


def key_of(sheets, pair="AB"):
    return combine_shares(*(parse_share(sheets[pair, holder]) for holder in pair))


def test_a_founding(tmp_path):
    done = ceremony(tmp_path, TEXT, request())
    done.run()
    assert verify_founding(PLAN.hierarchy, request(), result_of(done.exchange)).keys() == SPECS.keys()
    # Exactly these files are carried, and the medium has nothing that is readable for others.
    assert sorted(path.name for path in done.exchange.iterdir()) == sorted(
        [
            *("request-set.json", "result-set.json", "transcript.json"),
            *(f"transcript.{language}.txt" for language in ("fi", "sv", "en")),
            *(f"{name}.sig" for name in PEOPLE),
        ]
    )
    files = [path for path in done.place.iterdir() if not path.name.endswith(".cer.pem")]
    assert sorted(path.name for path in files) == sorted(["register", *(f"{name}.pem" for name in ROOTS)])
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_the_transcript_has_each_step_and_what_was_made(tmp_path):
    done = ceremony(tmp_path, TEXT, request())
    done.run()
    transcript = parse_transcript((done.exchange / "transcript.json").read_bytes())
    assert transcript.plan == parse_plan(TEXT.encode()).sha256
    assert transcript.software_sha256 == package_digest()
    assert transcript.fact("request") == request().sha256
    assert transcript.fact("result_words") == " ".join(digest_words((done.exchange / "result-set.json").read_bytes()))
    assert transcript.fact("medium") == read_registry(done.place).medium
    made = [text.split()[0] for step in transcript.steps for name, text in step.facts if name == "certificate"]
    assert set(made) == set(SPECS)
    assert [one.name for one in transcript.present] == list(PEOPLE)
    for person in transcript.present:
        check_signature(transcript, person, (done.exchange / f"{person.name}.sig").read_bytes())


def test_no_share_is_typed_in_the_open_or_left_on_the_screen(tmp_path):
    done = ceremony(tmp_path, TEXT, request())
    done.run()
    hidden = dict(done.desk.asked)
    assert all(is_secret is ("sheet" in prompt and "Type" in prompt) for prompt, is_secret in hidden.items())
    assert done.desk.cleared == 4
    carried = b"".join(path.read_bytes() for path in done.exchange.iterdir())
    for line in done.desk.sheets.values():
        assert " ".join(line.split()[3:5]).encode() not in carried
    key = key_of(done.desk.sheets)
    assert key not in carried
    assert key.hex().encode() not in carried
    assert key.hex() not in repr(open_medium(done.place, key))


@pytest.mark.parametrize("pair", ["AB", "AC", "BC"])
def test_any_two_custodians_open_the_medium(pair, tmp_path):
    there = founded().copied_to(tmp_path)
    opened = open_medium(there.medium, key_of(there.sheets, pair))
    assert set(opened.keys) == set(ROOTS)


POINTS = (
    *("step confirm", "step present", "step request", "shares", "medium", "step keys"),
    *(f"intended {ROOTS[1]}", f"signed {ROOTS[0]} 1", "step sign", "step result", "transcript", "step signatures"),
)
"""Steps of a founding, in their order; tests/ca/ceremony/test_production.py has each object that is signed."""


def stopped_at(point, stop):
    def step(reached):
        if reached == point:
            stop()

    return step


def kill():
    raise KilledError


@pytest.mark.parametrize("point", POINTS)
def test_ended_at_any_point_the_same_command_continues(point, tmp_path):
    begun = ceremony(tmp_path, TEXT, request())
    begun.step = stopped_at(point, kill)
    with pytest.raises(KilledError):
        begun.run()
    before = read_registry(begun.place).items if begun.place.exists() else ()
    done = ceremony(tmp_path, TEXT, request())
    done.desk.sheets.update(begun.desk.sheets)
    transcript = done.run()
    verify_founding(PLAN.hierarchy, request(), result_of(done.exchange))
    after = {one.identity: one.tbs for one in read_registry(done.place).items}
    assert all(after[one.identity] == one.tbs for one in before)
    assert [step.act for step in transcript.steps] == [step.act for step in PLAN.steps]
    if point == "shares":  # the custodians copied sheets of a medium that does not exist
        void = begun.desk.sheets["AB", "A"].split()[2]
        assert any(f"The sheets of the medium {void} are void" in text for text in done.desk.shown)
        assert transcript.fact("void") == void
    assert not (done.exchange / "ceremony-so-far.json").exists()


PROGRAM = """
import os, signal, sys
from pathlib import Path
from tests.support import ceremonies
from tests.support.ssh_keys import KeyFile

folder, point, keys = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
ceremonies.key_of = lambda name: KeyFile(keys / name)
words = " ".join(ceremonies.digest_words((folder / "carried" / "request-set.json").read_bytes()))
desk = ceremonies.ScriptedDesk(folder / "carried", words, paper=folder / "paper")
step = lambda reached: os.kill(os.getpid(), signal.SIGKILL) if reached == point else None
ceremonies.ceremony(folder, (folder / "plan.toml").read_text(), desk=desk, step=step).run()
"""
STRUCK = ("shares", "medium", "step keys", *(f"{state} {ROOTS[1]}" for state in ("intended", "signed")))


@pytest.mark.long
@pytest.mark.parametrize("point", [*STRUCK, f"signed {ROOTS[0]} 0", "step sign", "transcript"])
def test_killed_at_a_point_the_same_command_continues(point, tmp_path):
    (tmp_path / "carried").mkdir()
    (tmp_path / "carried" / "request-set.json").write_bytes(request().octets)
    (tmp_path / "plan.toml").write_text(TEXT)
    place, folder = Path(__file__).parents[2], officer_key("WITNESS").private.parent
    for point_now, code in ((point, -signal.SIGKILL), ("none", 0)):
        command = [sys.executable, "-c", PROGRAM, str(tmp_path), point_now, str(folder)]
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
    verify_founding(PLAN.hierarchy, request(), result_of(tmp_path / "carried"))


PROMPTS = (
    "Is this done",
    "ADMINISTRATOR (",
    "custodian is ready",
    "Type the words",
    "sheet AB A back",
    "sheet BC C back",
    "WITNESS.sig",
)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_an_end_of_input_loses_nothing(prompt, tmp_path):
    begun = ceremony(tmp_path, TEXT, request())
    begun.desk.answers[prompt] = EOFError
    with pytest.raises(CeremonyInterrupted, match="the same command"):
        begun.run()
    done = ceremony(tmp_path, TEXT, request())
    done.desk.sheets.update(begun.desk.sheets)
    done.run()
    verify_founding(PLAN.hierarchy, request(), result_of(done.exchange))


def test_people_confirm_what_was_done_and_never_what_follows(tmp_path):
    done = ceremony(tmp_path, TEXT, request())
    done.desk.answers["Is this done"] = ["yes", "yes", "yes", "no"]
    with golden.refused("sentences/ceremony-runs/step-7", CeremonyInterrupted):
        done.run()
    words = " ".join(digest_words((done.exchange / "result-set.json").read_bytes()))
    assert f"  {words}" in done.desk.shown
    confirmed = [prompt for prompt, _ in done.desk.asked if "Is this done" in prompt]
    assert len(confirmed) == 4  # confirm twice, present, result
    again = ceremony(tmp_path, TEXT, request())
    again.run()
    assert f"  {words}" in again.desk.shown
    assert any(f"< {done.exchange}/transcript.json > {done.exchange}/NAME.sig" in text for text in again.desk.shown)


def test_people_who_are_missing(tmp_path):
    done = ceremony(tmp_path, TEXT, request())
    said = ""
    for prompt in ("CUSTODIAN-B (", "WITNESS (", "Is this done"):
        done.desk.answers = {prompt: "no"}
        said += golden.refusals({f"no to {prompt}": done.run}, CeremonyInterrupted)
    golden.check("sentences/ceremony-runs/people", {"en.txt": said})
    done.desk.answers = {}
    done.run()


@pytest.mark.parametrize("answer", ["KYLLÄ", "ja", " y "])
def test_yes_in_each_language(answer, tmp_path):
    done = ceremony(tmp_path, TEXT, request())
    done.desk.answers["Is this done"] = answer
    done.run()


def test_wrong_words_and_sheets_are_asked_again(tmp_path):
    done = ceremony(tmp_path, TEXT, request())
    words = " ".join(digest_words(b"another file"))
    done.desk.answers = {"Type the words": ["kalala", words, None], "sheet AC A back": ["AC A", None]}
    done.run()
    assert any("“kalala” is not in the list" in text for text in done.desk.shown)
    assert any("the file was swapped" in text for text in done.desk.shown)


def test_three_wrong_sheets_end_it(tmp_path):
    done = ceremony(tmp_path, TEXT, request())
    done.run()
    other = done.desk.sheets["AB", "B"]
    (tmp_path / "other").mkdir()
    begun = ceremony(tmp_path / "other", TEXT, request())
    begun.desk.answers["sheet AB A back"] = other
    with golden.refused("sentences/ceremony-runs/a-wrong-sheet", CeremonyError):
        begun.run()
    assert not begun.place.exists()


def begun_lists(tmp_path):
    """Return a ceremony for lists of a copied medium, and its request."""
    there = founded().copied_to(tmp_path)
    registry = read_registry(there.medium)
    holder = type("Held", (), {"registry": registry})
    wanted = lists(holder, created=NOW + timedelta(hours=2))
    done = ceremony(tmp_path, plan_text(CeremonyKind.LISTS), wanted, exchange="lists")
    done.desk.sheets.update(there.sheets)
    return done


def test_too_few_shares(tmp_path):
    done = begun_lists(tmp_path)
    said = ""
    for prompt in ("(1 of 2)", "(2 of 2)"):
        done.desk.answers = {prompt: EOFError}
        said += golden.refusals({f"none at {prompt}": done.run}, CeremonyInterrupted)
    golden.check("sentences/ceremony-runs/shares", {"en.txt": said})
    done.desk.answers = {}
    done.run()


def test_shares_that_do_not_open_it(tmp_path):
    done = begun_lists(tmp_path)
    done.desk.answers["(2 of 2)"] = done.desk.sheets["AB", "A"]
    attempts = {"one share twice": done.run, "another key": partial(open_medium, done.place, b"\0" * 32)}
    said = golden.refusals(attempts, CeremonyError, WORD=read_registry(done.place).medium)
    golden.check("sentences/ceremony-runs/wrong-shares", {"en.txt": said})


def test_two_custodians_are_enough_for_lists_and_one_is_not(tmp_path):
    done = begun_lists(tmp_path)
    done.desk.answers = {"CUSTODIAN-A (": "no", "CUSTODIAN-C (": "no"}
    with pytest.raises(CeremonyInterrupted, match="1 of 2 custodians"):
        done.run()
    done.desk.answers, done.desk.pair = {"CUSTODIAN-A (": "no"}, "BC"
    done.run()
    assert not (done.exchange / "CUSTODIAN-A.sig").exists()


def test_media_that_cannot_be_used(tmp_path):
    done = begun_lists(tmp_path)
    key, medium = key_of(done.desk.sheets), read_registry(done.place).medium
    register = done.place / "register"
    octets = register.read_bytes()
    register.write_bytes(octets.replace(b'"base_url":"http://pki.example"', b'"base_url":"http://pki.exampl3"'))
    said = golden.refusals({"a changed register": partial(open_medium, done.place, key)}, CeremonyError)
    register.write_bytes(b"")
    said += golden.refusals({"an empty register": done.run}, CeremonyError)
    register.unlink()
    said += golden.refusals({"no register": partial(read_registry, done.place)}, FolderDamaged)
    register.write_bytes(octets)
    (done.place / f"{ROOTS[0]}.pem").write_bytes(b"")
    said += golden.refusals({"an empty key file": partial(open_medium, done.place, key)}, FolderDamaged)
    golden.check("sentences/ceremony-runs/media", {"en.txt": golden.stable_text(said, WORD=medium)})


def test_places_that_cannot_be_used(tmp_path):
    (tmp_path / "medium").write_text("a file")
    said = golden.refusals({"a file": ceremony(tmp_path, TEXT, request()).run}, FolderError)
    (tmp_path / "medium").unlink()
    inside, nowhere = ceremony(tmp_path, TEXT, request()), ceremony(tmp_path, TEXT, request())
    inside.place, nowhere.exchange = inside.exchange / "medium", tmp_path / "nowhere"
    said += golden.refusals({"a medium in the exchange": inside.run, "no exchange": nowhere.run}, FolderError)
    said += golden.refusals({"no request": ceremony(tmp_path, TEXT, exchange="empty").run}, CeremonyError)
    golden.check("sentences/ceremony-runs/places", {"en.txt": golden.stable_text(said)})


def test_lists_without_the_medium(tmp_path):
    done = begun_lists(tmp_path)
    done.place = tmp_path / "nowhere"
    with pytest.raises(FolderDamaged, match="check --medium"):
        done.run()


def test_a_clock_of_another_day(tmp_path):
    with golden.refused("sentences/ceremony-runs/a-clock-of-another-day", CeremonyError):
        ceremony(tmp_path, TEXT, request(), now=NOW + timedelta(days=1)).run()


def test_files_that_were_exchanged_in_the_middle(tmp_path):
    begun = ceremony(tmp_path, TEXT, request())
    begun.desk.answers["sheet AB A back"] = EOFError
    with pytest.raises(CeremonyInterrupted):
        begun.run()
    other = ceremony(tmp_path, TEXT, replace(request(), nonce="1" * 64))
    said = golden.refusals({"another request": other.run}, CeremonyError)
    changed = ceremony(tmp_path, f"{TEXT}\n# changed", request())
    said += golden.refusals({"another plan": changed.run}, CeremonyError)
    done = ceremony(tmp_path, TEXT, request())
    done.step = stopped_at("step sign", lambda: (done.exchange / "result-set.json").write_bytes(begun_result(done)))
    said += golden.refusals({"another result": done.run}, CeremonyError)
    golden.check("sentences/ceremony-runs/exchanged", {"en.txt": golden.stable_text(said)})


def begun_result(done):
    return replace(result_of(done.exchange), certificates={}).octets


def test_a_folder_serves_one_ceremony(tmp_path):
    ceremony(tmp_path, TEXT, request()).run()
    with pytest.raises(CeremonyError, match="take a new folder"):
        ceremony(tmp_path, TEXT, request()).run()


def test_a_missing_and_a_wrong_signature_are_asked_again(tmp_path):
    done = ceremony(tmp_path, TEXT, request())

    class Late(ScriptedDesk):
        def ask(self, prompt, *, is_secret=False):
            if "WITNESS.sig" in prompt and prompt not in [one for one, _ in self.asked]:
                self.asked.append((prompt, is_secret))
                return ""
            return super().ask(prompt, is_secret=is_secret)

    done.desk = Late(done.exchange, done.desk.words)
    done.run()
    assert any("WITNESS.sig cannot be read" in text for text in done.desk.shown)


def test_a_rehearsal_has_throw_away_keys_and_a_result_that_is_never_taken_in(tmp_path):
    done = ceremony(tmp_path, TEXT, is_rehearsal=True)
    desk = done.desk = ScriptedDesk(tmp_path / "carried" / "rehearsal")

    class Reader(ScriptedDesk):
        def show(self, text):
            super().show(text)
            if not self.words and len(text.split()) == 10:
                self.words = text

    done.desk = Reader(desk.exchange)
    transcript = done.run()
    assert transcript.is_rehearsal
    assert [path.name for path in (tmp_path / "carried").iterdir()] == ["rehearsal"]
    assert not (tmp_path / "medium").exists()
    result = result_of(tmp_path / "carried" / "rehearsal")
    assert result.is_rehearsal
    with pytest.raises(CeremonyError, match="rehearsal"):
        verify_founding(PLAN.hierarchy, request(), result)
    with golden.refused("sentences/ceremony-runs/a-rehearsal-of-lists", CeremonyError):
        ceremony(tmp_path, plan_text(CeremonyKind.LISTS), is_rehearsal=True).run()
