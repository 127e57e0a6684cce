"""Messages for a user with a sinetti.toml but without all its certificates.

Some tables of the file have no certificate yet.
"""

import json

import pytest

from sinetti.client.config import messages as config_messages
from sinetti.client.doctor import findings
from sinetti.client.messages import messages
from sinetti.client.messages.messages import make_plural_message, render
from sinetti.client.requests import transport
from sinetti.client.requests.transport import ServerProbe
from sinetti.client.store import event_log, files, generations, settings
from sinetti.client.store.event_log import EventType
from sinetti.client.store.generations import NameState
from sinetti.domain.values import Language
from sinetti.infra import environment, file_permissions
from tests.support import authority, golden

TABLES = """\
[services.register]
address = "{url}"
environment = "TEST"
trust_services = "services.pem"
trust_holders = "holders.pem"

[certificates.payroll]
customer_id = "0123456-7"

[certificates.salaries]
customer_id = "7654321-0"
customer_name = "Leipomo Oy"
"""


@pytest.fixture
def begun(shell, monkeypatch):
    """Return a shell in the folder of a sinetti.toml.

    The service shows a page and the true time.
    """
    monkeypatch.chdir(shell.folder)
    monkeypatch.setattr(file_permissions, "is_root", lambda: False)
    monkeypatch.delenv(environment.CONFIG, raising=False)
    monkeypatch.setattr(transport, "probe", lambda *_: ServerProbe(200, shell.double.now))
    (shell.folder / "sinetti.toml").write_text(TABLES.format(url=shell.double.url))
    return shell


def cells(out):
    return [line.split("  ")[0] for line in out.splitlines()]


ORDER = {
    "en": "missing",
    "fi": "puuttuu",
    "sv": "saknas",
}


@pytest.mark.parametrize(("language", "told"), ORDER.items())
def test_before_the_first_enrolment_status_shows_the_tables_and_where_the_store_will_be(language, told, begun):
    code, out, err = begun.run("status", "--lang", language)
    assert (code, cells(out)[1:]) == (2, ["payroll", "salaries"])
    assert out.count(f" {told} ") == 2
    assert "sinetti enrol salaries" in out
    assert str(begun.store) in err
    assert "--store" not in err, "the file says where it is"


@pytest.mark.parametrize("more", [("--json",), ("--check",), ("--prometheus", "-")])
def test_programs_get_no_rows_where_there_is_no_store(more, begun):
    code, out, err = begun.run("status", *more)
    assert (code, '"error"' in out) == (2, "--json" in more)
    assert "not exist yet" in err


def test_run_says_who_makes_the_store(begun):
    assert begun.run("run")[0] == 2
    golden.check("sentences/client-run/no-store", begun.said())


def test_a_table_that_is_only_planned_is_a_row_for_people_and_of_details_alone(begun):
    begun.enrol()
    with (begun.folder / "sinetti.toml").open("a") as file:
        file.write("enrolled = false\n")
    code, out, err = begun.run("status")
    assert (code, cells(out)[1:], err) == (0, ["salaries", "payroll"], ""), "what is to be done first"
    assert "7654321-0 Leipomo Oy" in out
    assert [row["name"] for row in json.loads(begun.run("status", "--json")[1])] == ["payroll"]
    first, second = json.loads(begun.run("status", "--json", "--details")[1])
    assert (first["name"], first["state"], list(first) == list(second)) == ("payroll", "valid", True)
    assert (second["name"], second["state"], second["todo"]) == ("salaries", "not-enrolled", "order")
    assert (second["service"], second["environment"], second["last_event"]) == (begun.double.url, "TEST", None)
    assert begun.run("status", "--check") == (0, "No action needed.\n", "")
    metrics = begun.run("status", "--prometheus", "-")[1]
    assert "salaries" not in metrics
    assert "not-enrolled" not in metrics
    assert begun.run("run")[0] == begun.run("doctor")[0] == 0


def test_a_store_that_an_option_names_is_shown_without_tables(begun):
    begun.enrol()
    assert cells(begun.run("status", "--store", begun.store)[1])[1:] == ["payroll"]


def found(shell, *more):
    code, out, err = shell.run("doctor", "--json", *more)
    return code, [(row["check"], row["level"]) for row in json.loads(out)], err


def test_before_the_first_enrolment_the_doctor_looks_at_the_services(begun):
    code, rows, err = found(begun)
    assert (code, err) == (3, "")
    assert ("store", "warn") in rows
    services = ["anchors", "anchors", "reachable", "tls", "clock", "signature"]
    assert [check for check, level in rows if level == "ok"] == ["configuration", *services]
    assert not begun.store.exists(), "nothing is changed anywhere"


def test_the_doctor_looks_at_a_table_by_its_name(begun):
    assert ("signature", "ok") in found(begun, "salaries")[1]
    told = begun.run("doctor", "salaries")[1]
    assert "sinetti enrol salaries" in told
    assert "payroll" not in told, "it was asked of one name"
    code, out, err = begun.run("doctor", "wages")
    assert (code, out, "no name wages." in err) == (2, "", True)


def test_a_service_that_is_not_there_is_found_before_transfer_ids_are_spent(begun, monkeypatch):
    monkeypatch.undo()
    monkeypatch.chdir(begun.folder)
    monkeypatch.setattr(file_permissions, "is_root", lambda: False)
    (begun.folder / "sinetti.toml").write_text(TABLES.format(url="http://127.0.0.1:9/"))
    code, rows, _ = found(begun)
    assert (code, [check for check, level in rows if level == "fail"]) == (4, ["reachable", *["certificate"] * 2])


def test_a_mistyped_name_is_reported_before_transfer_ids_are_spent(begun):
    (begun.folder / "password").write_text("x\n")
    words = ("--transfer-id", "1" * 32, "--transfer-password-file", "password", "--lang", "en")
    assert begun.run("enrol", "payrol", *words)[0] == 2
    golden.check("sentences/client/enrol-a-mistyped-name", begun.said())


def test_the_doctor_asks_where_the_next_run_will_ask(begun):
    begun.enrol(service=f"{begun.double.url}before")
    kept = settings.load(begun.store / "payroll")
    assert kept.service != begun.double.url
    _, out, _ = begun.run("doctor", "payroll", "--json")
    asked = {row["about"] for row in json.loads(out) if row["check"] == "signature"}
    assert asked == {begun.double.url}


def test_the_doctor_leaves_a_name_of_another_environment_where_it_is(begun):
    begun.enrol()
    path = begun.folder / "sinetti.toml"
    path.write_text(TABLES.format(url=begun.double.url).replace('"TEST"', '"PRODUCTION"'))
    code, out, _ = begun.run("doctor", "payroll", "--json")
    rows = json.loads(out)
    assert code == 2
    assert [row["level"] for row in rows if row["check"] == "signature"] == ["ok"], (
        "asked in the environment that it has"
    )


def test_a_revoked_certificate_is_not_said_to_be_renewable_later(shell):
    shell.enrol()
    folder = shell.store / "payroll"
    generations.remember(folder, NameState(revoked=(folder / files.LIVE).resolve().name))
    shell.double.seen.clear()
    code, _, err = shell.run("renew", "payroll", "--store", shell.store)
    assert (code, "can no longer be renewed, because it is revoked. Order a replacement" in err) == (3, True)
    assert not shell.double.seen, "nobody is called"
    assert [one.event for one in event_log.read(folder)] == [EventType.ENROLLED]


COUNTS = {
    "a file of tables": (findings.CONFIG_GOOD, {"path": "F"}),
    "a store": (findings.STORE_GOOD, {"path": "S"}),
    "anchors": (findings.ANCHORS_GOOD, {"bundle": "B", "until": authority.NOW}),
    "clocks": (findings.CLOCK_GOOD, {}),
    "mistakes": (config_messages.MORE, {"path": "F"}),
    "a pass": (messages.RUN_SUMMARY, {"well": 0, "renewed": 0, "left": 0}),
}


@pytest.mark.parametrize(("forms", "values"), COUNTS.values(), ids=COUNTS)
def test_one_is_told_as_one(forms, values):
    for language in (Language.EN, Language.FI):
        one, two = (render(make_plural_message(forms, count, **values), language) for count in (1, 2))
        assert one.replace("1", "2", 1) != two, f"{language}: the word goes by the number"
