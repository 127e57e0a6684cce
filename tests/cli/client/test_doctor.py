"""`sinetti doctor`: each problem with its next step, without any change."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType, SimpleNamespace

import pytest

from sinetti.cli.client import doctor
from sinetti.client.doctor import configuration, findings, host, services
from sinetti.client.doctor.findings import Check, DoctorFinding, Level, worst
from sinetti.client.doctor.services import Clocks
from sinetti.client.messages import messages
from sinetti.client.model import (
    AgentSettings,
    CertificateEntry,
    Config,
    Hooks,
    HookStage,
    OutputOptions,
    ServiceEntry,
    Token,
)
from sinetti.client.requests import transport
from sinetti.client.requests.transport import ServerProbe
from sinetti.client.store import files, generations, settings
from sinetti.domain.values import Environment, KeyType, Language
from sinetti.wire.soap.operations import Failure
from tests.cli.test_client import END, OPENS
from tests.client import double
from tests.client.double import anchors
from tests.support import authority
from tests.support.programs import CUSTOMER, running
from tests.support.trust_lists import anchors_list, by_root, distrust_list

MACHINE = datetime(2026, 11, 26, 6, 0, tzinfo=UTC)


@pytest.fixture
def well(shell, monkeypatch):
    """Return a shell whose service shows a page and the true time."""
    shell.enrol()
    shell.double.seen.clear()
    monkeypatch.setattr(transport, "probe", lambda *_: ServerProbe(200, shell.double.now))
    return shell


def contents(folder):
    return {
        path.relative_to(folder): (path.read_bytes(), path.stat().st_mode, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def found(shell, *more):
    """Return the exit code, and the findings: check, level and sentence of each."""
    before = contents(shell.store)
    code, out, _ = shell.run("doctor", "--store", shell.store, "--json", "--lang", "en", *more)
    assert contents(shell.store) == before, "nothing is changed"
    rows = json.loads(out)
    assert all(list(row) == ["check", "level", "about", "text", "next"] for row in rows)
    return code, [(row["check"], row["level"], f"{row['text']} {row['next']}") for row in rows if row["level"] != "ok"]


def test_where_all_is_well(well):
    assert found(well) == (0, [])
    code, out, err = well.run("doctor", "--store", well.store)
    assert (code, err) == (0, "No problems found.\n")
    assert {line.split()[0] for line in out.splitlines()} == {"OK"}
    told = [line.split()[1] for line in out.splitlines()]
    wanted = "store disk permissions lock trusted trusted service TLS clock signature certificate"
    assert told == wanted.split()


def test_the_signed_answer_is_asked_for_once_with_an_id_that_nobody_has(well, monkeypatch):
    monkeypatch.setattr(double, "TRANSFER_ID", "3" * 32)
    well.enrol(name="wages", transfer_id="3" * 32)
    well.double.seen.clear()
    assert found(well)[0] == 0
    (seen,) = well.double.seen
    assert seen.ask.retrieval_id == services.NEVER_GIVEN


def spoil(name, octets=b""):
    return lambda shell: (shell.store / "payroll" / name).write_bytes(octets)


def reword(before, after):
    def act(shell):
        path = shell.store / "payroll" / "settings.toml"
        path.write_text(path.read_text().replace(before, after))

    return act


def foreign(shell):
    kept = settings.load(shell.store / "payroll")
    settings.store(shell.store / "payroll", replace(kept, trust_holders=kept.trust_services))


def foreign_services(shell):
    kept = settings.load(shell.store / "payroll")
    settings.store(shell.store / "payroll", replace(kept, trust_services=kept.trust_holders))


def opened(name, mode):
    return lambda shell: next(shell.store.glob(f"payroll{name}")).chmod(mode)


def revoked(shell):
    folder = shell.store / "payroll"
    generations.remember(folder, generations.NameState(revoked=(folder / "live").resolve().name))


def at(now):
    return lambda shell: setattr(shell.double, "now", now)


def uncertain(shell):
    shell.double.now = OPENS
    shell.double.script.append(double.lose)
    shell.run("renew", "payroll", "--store", shell.store)


WRONG = {
    "no key": (spoil("live/key.pem"), 5, "certificate", "fail", "The store is damaged"),
    "settings that are none": (spoil("settings.toml", b"x ="), 5, "certificate", "fail", "settings.toml"),
    "notes that are none": (spoil("notes.json", b"[]"), 5, "certificate", "fail", "its content is not valid"),
    "foreign anchors": (
        foreign,
        2,
        "configuration",
        "fail",
        "settings.toml is of another service: none of its CAs issues certificates such as payroll.",
    ),
    "foreign anchors of the services": (foreign_services, 4, "answers", "fail", "The answer is not trusted"),
    "another customer": (
        reword('"0123456-7"', '"7654321-0"'),
        5,
        "certificate",
        "fail",
        "does not belong to the customer ID 7654321-0",
    ),
    "a key that others may read": (
        opened("/generations/*/key.pem", 0o644),
        5,
        "rights",
        "fail",
        "(mode 0644). Run “chmod 0600",
    ),
    "a folder that others may write": (opened("", 0o777), 5, "rights", "fail", "(mode 0777). Run: chmod go-w"),
    "revoked": (revoked, 3, "certificate", "fail", "Revoked, as the service reported. Order a replacement"),
    "ended": (at(END + timedelta(seconds=1)), 3, "certificate", "fail", "Expired on 1 March 2028"),
    "renewal is open": (
        at(OPENS),
        0,
        "certificate",
        "warn",
        "renewable now. Key, certificate and chain match. Run “sinetti renew payroll” or",
    ),
    "not valid yet": (
        at(authority.NOW - timedelta(days=1)),
        4,
        "certificate",
        "fail",
        "Check this computer's clock.",
    ),
    "uncertain": (uncertain, 6, "certificate", "fail", "If the outcome is still unknown, ask the service's support"),
}


@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_named_with_the_next_step(case, well):
    change, code, check, level, told = case
    change(well)
    ended, rows = found(well)
    check = {"answers": "signature"}.get(check, check)
    assert ended >= code
    assert any(row[:2] == (check, level) and told in row[2] for row in rows), rows
    if code:
        assert ended == code or check == "certificate"


def test_words_for_people_and_how_many_are_wrong(well):
    revoked(well)
    code, out, err = well.run("doctor", "payroll", "--store", well.store, "--lang", "fi")
    assert (code, err) == (3, "Ongelmia: 1. Riveillä kerrotaan, mitä seuraavaksi tehdään.\n")
    assert out.startswith("Virhe     varmenne")


def test_a_first_enrolment_that_is_open(shell, monkeypatch):
    monkeypatch.setattr(transport, "probe", lambda *_: ServerProbe(200, shell.double.now))
    shell.double.script.append(double.refuse(Failure("PKI005", "Lapsed.")))
    shell.enrol()
    code, rows = found(shell)
    assert code == 3
    assert ("certificate", "fail") in [row[:2] for row in rows]
    assert "No certificate yet: refused (PKI005). Run “sinetti enrol payroll” again" in rows[-1][2]


def test_names_and_stores_that_are_not_there(well):
    assert well.run("doctor", "wages", "--store", well.store)[0] == 2
    assert well.run("doctor", "--store", well.folder / "nowhere")[0] == 2
    (well.folder / "empty").mkdir()
    code, out, _ = well.run("doctor", "--store", well.folder / "empty", "--lang", "en")
    assert (code, "empty is empty." in out) == (0, True)


def test_a_store_that_cannot_be_looked_into(well, monkeypatch):
    def refuse(_store):
        raise PermissionError(13, "Permission denied", str(well.store))

    monkeypatch.setattr(files, "list_names", refuse)
    code, rows = found(well)
    assert (code, [row[:2] for row in rows]) == (5, [("store", "fail")])


def test_a_store_that_cannot_be_written(well, monkeypatch):
    monkeypatch.setattr(host.os, "access", lambda *_: False)
    code, rows = found(well)
    assert (code, rows[0][:2]) == (5, ("store", "fail"))


ROOM = {
    "plenty": (host.LITTLE, Level.OK, 0),
    "little": (host.LITTLE - 1, Level.WARN, 0),
    "none": (0, Level.FAIL, 5),
}


@pytest.mark.parametrize(("free", "level", "code"), ROOM.values(), ids=ROOM)
def test_room_on_the_disk(free, level, code, tmp_path, monkeypatch):
    monkeypatch.setattr(host.shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    (one,) = host._room(tmp_path)
    assert (one.level, one.code) == (level, code)


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="the system does not tell who holds a lock")
def test_who_is_at_work_is_told_and_not_kept_out(well):
    with files.locked(well.store / "payroll"):
        code, rows = found(well)
    assert (code, [row[:2] for row in rows]) == (0, [("lock", "warn")])
    assert f"process {os.getpid()}" in rows[0][2]


LOOKS = {
    "not reached": (None, 4, {(Check.REACHABLE, Level.FAIL), (Check.CLOCK, Level.WARN)}),
    "a clock that is a day off": (ServerProbe(200, MACHINE - timedelta(days=1)), 4, {(Check.CLOCK, Level.FAIL)}),
    "a clock that is a minute off": (ServerProbe(200, MACHINE + timedelta(minutes=1)), 0, {(Check.CLOCK, Level.WARN)}),
    "no clock": (ServerProbe(200, None), 0, {(Check.CLOCK, Level.WARN)}),
    "TLS that ends soon": (ServerProbe(200, MACHINE, MACHINE + timedelta(days=3), "X"), 0, {(Check.TLS, Level.WARN)}),
    "TLS that lasts": (ServerProbe(404, MACHINE, MACHINE + timedelta(days=90), ""), 0, set()),
}


@pytest.mark.parametrize(("seen", "code", "wanted"), LOOKS.values(), ids=LOOKS)
def test_what_a_service_shows(seen, code, wanted, well, monkeypatch):
    def look(address, *_):
        if seen is None:
            raise transport.ServiceError(
                transport.ServiceErrorKind.NOT_REACHED, messages.make_message(messages.REDIRECTED)
            )
        return seen

    monkeypatch.setattr(transport, "probe", look)
    kept = settings.load(well.store / "payroll")
    rows = list(services.check_service(kept, Clocks(authority.NOW, MACHINE), Language.EN))
    assert {(one.check, one.level) for one in rows if one.level is not Level.OK} == wanted
    assert worst(rows) == code


def test_anchors_by_their_dates():
    pem = anchors("holders")

    def levels(now):
        return {one.level for one in services.anchors("trust_holders", pem, "x", now)}

    assert levels(authority.NOW) == {Level.OK}
    ends = sorted(one.not_valid_after_utc for one in services.chain.load_bundle(pem.encode()))
    assert levels(ends[0] - timedelta(days=3)) == {Level.WARN}
    assert levels(ends[0] + timedelta(days=1)) == {Level.WARN}
    assert levels(ends[-1] + timedelta(days=1)) == {Level.FAIL}


def config_of(well, tmp_path, **changes):
    service = ServiceEntry("register", well.double.url, Environment.TEST, anchors("services"), anchors("holders"))
    entry = CertificateEntry("payroll", "register")
    given = {
        "path": tmp_path / "sinetti.toml",
        "store": well.store,
        "language": None,
        "services": {"register": service},
        "care": AgentSettings(),
        "defaults": CertificateEntry("", "register"),
        "entries": {"payroll": entry},
    }
    return Config(**(given | changes))


def looked(config):
    rows = list(configuration.check_configuration(config, ["payroll"]))
    return worst(rows), {
        (one.check.value, one.level.value, one.message.text) for one in rows if one.level is not Level.OK
    }


def test_a_configuration_that_is_well(well, tmp_path):
    hooks = Hooks(MappingProxyType({HookStage.DEPLOY: ("true",)}))
    config = config_of(well, tmp_path, defaults=CertificateEntry("", "register", hooks=hooks))
    rows = list(configuration.check_configuration(config, ["payroll"]))
    assert {one.level for one in rows} == {Level.OK}
    assert [one.check for one in rows] == [Check.CONFIGURATION, Check.HOOKS]


def other_service(**changes):
    def act(well, tmp_path):
        config = config_of(well, tmp_path)
        return replace(config, services={"register": replace(config.services["register"], **changes)})

    return act


def with_files(files_wanted):
    def act(well, tmp_path):
        (tmp_path / "secret").write_text("x")
        (tmp_path / "secret").chmod(0o644)
        return config_of(
            well, tmp_path, entries={"payroll": CertificateEntry("payroll", "register", files=files_wanted(tmp_path))}
        )

    return act


def hooked(command):
    hooks = Hooks(MappingProxyType({HookStage.AFTER: command}))
    return lambda well, tmp_path: config_of(
        well, tmp_path, entries={"payroll": CertificateEntry("payroll", "register", hooks=hooks)}
    )


def secret(**wanted):
    return with_files(lambda folder: OutputOptions(**{name: folder / path for name, path in wanted.items()}))


def metrics_in(place):
    return lambda well, tmp_path: replace(config_of(well, tmp_path), care=AgentSettings(prometheus=tmp_path / place))


def pin(folder):
    return OutputOptions(token=Token(folder / "x.so", "x", folder / "none"))


CONFIGS = {
    "a program that is not there": (hooked(("/nowhere/tell", "done")), 2, "hooks", "fail"),
    "a program that cannot be run": (hooked(("/etc/passwd",)), 2, "hooks", "fail"),
    "a password that is not there": (secret(password_file="none"), 2, "configuration", "fail"),
    "a password that others may read": (secret(key_password_file="secret"), 0, "rights", "warn"),
    "a PIN that is not there": (with_files(pin), 2, "configuration", "fail"),
    "metrics in no folder": (metrics_in("none/metrics"), 2, "configuration", "fail"),
    "metrics in the place of a folder": (metrics_in("."), 2, "configuration", "fail"),
    "another address": (other_service(address="https://other.example/"), 0, "configuration", "warn"),
}


@pytest.mark.parametrize("case", CONFIGS.values(), ids=CONFIGS)
def test_a_configuration_that_is_not(case, well, tmp_path):
    made, code, check, level = case
    ended, rows = looked(made(well, tmp_path))
    assert (ended, {row[:2] for row in rows}) == (code, {(check, level)})


TOML = """\
store = "store"
[services.register]
address = "{url}"
environment = "TEST"
trust_services = "services.pem"
trust_holders = "holders.pem"
[defaults]
service = "register"
[defaults.hooks]
deploy = ["{program}"]
[certificates.payroll]
customer_id = "0123456-7"
"""


def test_with_a_configuration_its_store_and_its_programs_are_looked_at(well):
    path = well.folder / "sinetti.toml"
    path.write_text(TOML.format(url=well.double.url, program="true"))
    code, out, _ = well.run("doctor", "--config", path, "--json", "--lang", "en")
    assert (code, {row["level"] for row in json.loads(out)}) == (0, {"ok"})
    path.write_text(TOML.format(url=well.double.url, program="/nowhere/tell"))
    code, out, _ = well.run("doctor", "--config", path, "--json", "--lang", "en")
    assert (code, [row["check"] for row in json.loads(out) if row["level"] != "ok"]) == (2, ["hooks"])


@pytest.mark.parametrize("more", [(), ("--store",)])
def test_mistakes_of_a_configuration_are_findings_and_the_store_is_looked_at_all_the_same(more, well):
    path = well.folder / "sinetti.toml"
    path.write_text(TOML.format(url="http://elsewhere.example/", program="true") + "colour = 7\n")
    words = (*more, well.store) if more else ()
    code, out, _ = well.run("doctor", "--config", path, *words, "--json", "--lang", "en")
    rows = json.loads(out)
    assert (code, [row["level"] for row in rows][:2]) == (2, ["fail", "fail"])
    assert all(row["text"].startswith("Line ") and row["about"] == str(path) for row in rows[:2])
    assert (rows[-1]["check"] == "certificate") is bool(more)


def test_a_name_whose_settings_cannot_be_read_is_left_to_the_certificates(well, tmp_path):
    spoil("settings.toml", b"x =")(well)
    assert looked(config_of(well, tmp_path)) == (0, set())


def test_a_bench_is_well_over_tls(tmp_path, capsys):
    """The endpoints are the real ones: the page, its clock, TLS, and a signed "no"."""
    with running(tmp_path / "bench", "--now", "2027-01-11T08:00:00Z") as bench:
        trust = bench.ready["trust"]
        kept = settings.NameSettings(
            service=bench.ready["soap_url"],
            environment=Environment.TEST,
            customer_id=CUSTOMER["customer_id"],
            customer_name=None,
            key=KeyType.EC_P256,
            trust_services=Path(trust["services"]).read_text(),
            trust_holders=Path(trust["holders"]).read_text(),
            tls_ca=Path(trust["server"]).read_text(),
        )
        clocks = Clocks(bench.now(), doctor.clock.utc_now())
        rows = list(services.check_service(kept, clocks, Language.EN))
        assert {one.level for one in rows} == {Level.OK}, [one.message for one in rows]
        assert {one.check for one in rows} == {Check.ANCHORS, Check.REACHABLE, Check.TLS, Check.CLOCK, Check.SIGNATURE}
        early = Clocks(bench.now() - timedelta(days=1), clocks.machine)
        (signed,) = [one for one in services.check_service(kept, early, Language.EN) if one.check is Check.SIGNATURE]
        assert (signed.level, signed.message.text, signed.step) == (Level.FAIL, messages.VALID_FROM, None)
        elsewhere = replace(kept, service=bench.ready["soap_url"][:-1])
        (signed,) = [
            one for one in services.check_service(elsewhere, clocks, Language.EN) if one.check is Check.SIGNATURE
        ]
        assert (signed.level, signed.message.text, signed.step) == (Level.FAIL, messages.WRONG_ADDRESS, None)
        stranger = replace(kept, tls_ca=kept.trust_services)
        (reached, _) = [
            one for one in services.check_service(stranger, clocks, Language.EN) if one.check is not Check.ANCHORS
        ]
        assert isinstance(reached, DoctorFinding)
        assert (reached.level, reached.message.text) == (Level.FAIL, messages.TLS_NOT_TRUSTED)


def test_a_clock_that_makes_the_servers_certificate_expired_is_named(well, monkeypatch):
    def probe(*_given, checks_dates=True):
        if checks_dates:
            raise transport.ServiceError(
                transport.ServiceErrorKind.NOT_REACHED,
                messages.make_message(messages.TLS_NOT_TRUSTED, host="x", why="y"),
            )
        return ServerProbe(200, authority.NOW)

    monkeypatch.setattr(transport, "probe", probe)
    ahead = authority.NOW + timedelta(days=20_000)
    rows = list(services.check_service(settings.load(well.store / "payroll"), Clocks(ahead, ahead), Language.EN))
    clocks = [(one.level, one.message.text, one.code) for one in rows if one.check is Check.CLOCK]
    assert clocks == [(Level.FAIL, findings.CLOCK_OFF, 4)]


def trust_findings(shell, **bundles):
    kept = replace(settings.load(shell.store / "payroll"), **bundles)
    return [
        (one.level, one.message.text) for one in services.trust_lists(kept, shell.store, authority.NOW, Language.EN)
    ]


def test_trust_lists_that_wait_are_refused_or_distrust_a_ca(well):
    built = authority.authority()
    assert trust_findings(well) == []
    well.double.trust_lists["anchors"] = b"{}"
    assert trust_findings(well) == [(Level.WARN, findings.TRUST_REFUSED)]
    well.double.trust_lists["anchors"] = by_root(anchors_list(built), built)
    assert trust_findings(well) == [(Level.WARN, findings.TRUST_WAITS)]
    well.double.trust_lists = {"distrust": by_root(distrust_list(built), built)}
    assert trust_findings(well) == [(Level.WARN, findings.TRUST_WAITS), (Level.WARN, findings.TRUST_DISTRUSTED)]
