"""One state of a name in `status`, `run`, `doctor` and the metrics."""

import json
import os
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sinetti.client.model import Format, OutputOptions
from sinetti.client.requests import transport
from sinetti.client.requests.transport import ServerProbe
from sinetti.client.store import files, generations, key_storage, settings
from sinetti.pki import encoding
from sinetti.pki.signers import pkcs11_uri
from tests.cli.test_client import OPENS
from tests.client import double
from tests.support import authority
from tests.support.programs import ran

OTHER_ID = "7" * 32


@pytest.fixture
def house(shell, monkeypatch):
    """Return a shell with one name, whose service shows a page and the true time."""
    assert shell.enrol()[0] == 0
    monkeypatch.setattr(transport, "probe", lambda *_: ServerProbe(200, shell.double.now))
    (shell.folder / "sinetti.toml").write_text(f'store = "store"\n[agent]\nprometheus = "{shell.folder}/metrics"\n')
    return shell


def folder(house):
    return house.store / "payroll"


def generation(house):
    return (folder(house) / "live").resolve()


def put(name, octets=b""):
    return lambda house: (generation(house) / name).write_bytes(octets)


def away(name):
    return lambda house: (generation(house) / name).unlink()


def in_the_name(name, octets):
    return lambda house: (folder(house) / name).write_bytes(octets)


def pipe(name):
    """Put a pipe in the place of a file; no command may wait for its writer."""

    def act(house):
        path = (folder(house) / name).resolve()
        path.unlink(missing_ok=True)
        os.mkfifo(path)

    return act


def others_key(house):
    put("key.pem", encoding.dump_private_key(authority.holder_key(9), None))(house)


def others_set(house):
    """Replace everything in use by the set of another customer, with its key."""
    doubles_id, double.TRANSFER_ID = double.TRANSFER_ID, OTHER_ID
    try:
        assert house.enrol(name="other", transfer_id=OTHER_ID, customer_id="7654321-4")[0] == 0
    finally:
        double.TRANSFER_ID = doubles_id
    for one in (house.store / "other" / "live").iterdir():
        put(one.name, one.read_bytes())(house)
    shutil.rmtree(house.store / "other")


def others_certificate(house):
    key = (generation(house) / "key.pem").read_bytes()
    others_set(house)
    put("key.pem", key)(house)


def encrypted(house):
    put("key.pem", encoding.dump_private_key(authority.holder_key(1), b"long enough"))(house)


def encrypted_for_another(house):
    password = house.folder / "key-password"
    password.write_text("long enough\n")
    password.chmod(0o600)
    kept = settings.load(folder(house))
    settings.store(folder(house), replace(kept, files=OutputOptions(key_password_file=password)))
    encrypted(house)


def in_a_token(house):
    """Name a token that is missing.

    A key in a token is accessed only when it signs.
    """
    key_id = key_storage.key_id_of(generation(house), folder(house))
    away("key.pem")(house)
    place = pkcs11_uri.TokenLocation(Path("/x.so"), "gone", house.folder / "pin")
    put("key.uri", pkcs11_uri.dump(pkcs11_uri.TokenKey(place, b"\1", "payroll", key_id)))(house)


def without_link(house):
    (folder(house) / "live").unlink()


def relinked(target):
    def act(house):
        place = target(house) if callable(target) else target
        without_link(house)
        (folder(house) / "live").symlink_to(place)

    return act


def outside(house):
    place = house.folder / "elsewhere" / generation(house).name
    shutil.copytree(generation(house), place)
    return place


def copied(house):
    place = generation(house)
    without_link(house)
    shutil.copytree(place, folder(house) / "live")


def a_folder_of(octets):
    def act(house):
        without_link(house)
        (folder(house) / "live").mkdir()
        if octets is not None:
            (folder(house) / "live" / "key.pem").write_bytes(octets)

    return act


def a_file(house):
    without_link(house)
    (folder(house) / "live").write_bytes(b"mine")


def moved_out(house):
    """Move the generation, link to it, and remove its chain and the link `live`."""
    place = generation(house)
    place.rename(house.folder / place.name)
    place.symlink_to(house.folder / place.name)
    (place / "chain.pem").unlink()
    without_link(house)


def logged_elsewhere(serial):
    def act(house):
        place = generation(house)
        shutil.copytree(place, house.folder / place.name)
        (house.folder / place.name / "chain.pem").unlink()
        said = serial.format(folder=house.folder, serial=place.name)
        line = json.dumps({"at": "2026-05-01T12:00:00Z", "event": "renewed", "serial": said})
        (folder(house) / "log.jsonl").write_text(line + "\n")
        without_link(house)

    return act


def twice(damage):
    """Do a damage and remove the link, too."""

    def act(house):
        damage(house)
        without_link(house)

    return act


def unwhole_anchors(house):
    """Remove the chain, and the CAs that it could be made of."""
    kept = settings.load(folder(house))
    settings.store(folder(house), replace(kept, trust_holders=kept.trust_services))
    away("chain.pem")(house)


def renewed_and_lost(house):
    """Remove the newest set; the one before does not take its place."""
    house.double.now = OPENS + timedelta(days=20)
    assert house.run("renew", "payroll", "--store", house.store)[0] == 0
    shutil.rmtree(generation(house))


def journal_of(octets):
    def act(house):
        house.double.now = OPENS + timedelta(days=20)
        house.double.script.append(double.lose)
        assert house.run("renew", "payroll", "--store", house.store)[0] == 6
        (folder(house) / "pending" / "renew" / "journal.json").write_bytes(octets)

    return act


def revoked(house):
    generations.remember(folder(house), generations.NameState(revoked=generation(house).name))


def packed(house):
    """Write settings that require a PKCS#12 file, which is missing."""
    password = house.folder / "p12-password"
    password.write_text("secret\n")
    password.chmod(0o600)
    kept = settings.load(folder(house))
    wanted = OutputOptions(formats=frozenset({Format.PEM, Format.PKCS12}), password_file=password)
    settings.store(folder(house), replace(kept, files=wanted))


def chain_of_another(house):
    put("chain.pem", double.anchors("services").encode())(house)


def turned_bit(house):
    octets = (generation(house) / "key.pem").read_bytes()
    middle = len(octets) // 3
    put("key.pem", octets[:middle] + bytes([octets[middle] ^ 1]) + octets[middle + 1 :])(house)


DAMAGED = {
    "key missing": away("key.pem"),
    "key empty": put("key.pem"),
    "key garbage": put("key.pem", b"garbage"),
    "key cut short": put("key.pem", b"-----BEGIN PRIVATE KEY-----\nMIIE"),
    "key with a wrong bit": turned_bit,
    "another name's key": others_key,
    "key encrypted, no password known": encrypted,
    "key encrypted, another name's": encrypted_for_another,
    "key a folder": lambda house: (away("key.pem")(house), (generation(house) / "key.pem").mkdir()),
    "token named without a key": lambda house: (away("key.pem")(house), put("key.uri", b"pkcs11:token=x")(house)),
    "certificate missing": away("certificate.pem"),
    "certificate empty": put("certificate.pem"),
    "certificate garbage": put("certificate.pem", b"garbage"),
    "certificate of another customer": others_certificate,
    "set of another customer": others_set,
    "generation missing": lambda house: shutil.rmtree(generation(house)),
    "newest generation missing, another one whole": renewed_and_lost,
    "all generations missing": lambda house: shutil.rmtree(folder(house) / "generations"),
    "link away and no key": twice(away("key.pem")),
    "link away and another's key": twice(others_key),
    "live a folder with something else": a_folder_of(b"mine"),
    "live a file": a_file,
    "generation a link to a folder elsewhere": moved_out,
    "link missing, log names a path": logged_elsewhere("{folder}/{serial}"),
    "link missing, log names a path upwards": logged_elsewhere("../../../{serial}"),
    "settings a pipe": pipe("settings.toml"),
    "notes a pipe": pipe("notes.json"),
    "key a pipe": pipe("live/key.pem"),
    "certificate a pipe": pipe("live/certificate.pem"),
    "chain a pipe": pipe("live/chain.pem"),
    "chain missing, CAs unknown": unwhole_anchors,
    "settings missing": lambda house: (folder(house) / "settings.toml").unlink(),
    "settings empty": in_the_name("settings.toml", b""),
    "settings garbage": in_the_name("settings.toml", b"x ="),
    "notes garbage": in_the_name("notes.json", b"[]"),
    "journal garbage": journal_of(b"garbage"),
    "journal empty": journal_of(b""),
}
"""Damage that `run` cannot repair: exit 5."""

REPAIRED = {
    "link missing": without_link,
    "link dangling": relinked("generations/00ff"),
    "link to itself": relinked("live"),
    "link out of the store": relinked(outside),
    "link to another folder of the name": relinked("generations"),
    "live an empty folder": a_folder_of(None),
    "chain missing": away("chain.pem"),
    "chain empty": put("chain.pem"),
    "chain garbage": put("chain.pem", b"garbage"),
    "chain of another": chain_of_another,
    "link and chain missing": twice(away("chain.pem")),
}
"""Damage that `run` repairs by itself: exit 0, and then every view is green."""

WELL = {
    "nothing wrong": lambda _house: None,
    "live a copy, as where links are forbidden": copied,
    "token away": in_a_token,
    "agent's memory garbage": in_the_name("agent.json", b"garbage"),
    "deploy's memory garbage": in_the_name("deploy.json", b"garbage"),
    "agent's memory a pipe": pipe("agent.json"),
    "agent's memory a folder": lambda house: (folder(house) / "agent.json").mkdir(),
    "deploy's memory a pipe": pipe("deploy.json"),
    "log a pipe": pipe("log.jsonl"),
    "log garbage": in_the_name("log.jsonl", b"garbage"),
}
"""States that need no action: exit 0 everywhere.

A token is accessed only when its key signs.
"""


def views(house):
    """Return the state in status, run and metrics, and the exit codes."""
    codes, states = {}, {}
    codes["status"], out, _ = house.run("status", "--store", house.store, "--check")
    (row,) = json.loads(house.run("status", "--store", house.store, "--json")[1])
    states["status"] = row["state"]
    codes["run"], out, _ = house.run("run", "--store", house.store, "--json", "--dry-run")
    states["run"] = json.loads(out)["names"][0]["state"]
    place = house.folder / "metrics"
    house.run("status", "--store", house.store, "--prometheus", place)
    families = {one.name: one for one in text_string_to_metric_families(place.read_text())}
    (sample,) = families["sinetti_certificate_state"].samples
    states["metrics"] = sample.labels["state"]
    (needed,) = families["sinetti_certificate_needs_person"].samples
    assert bool(needed.value) is bool(codes["status"])
    codes["doctor"], out, _ = house.run("doctor", "--store", house.store, "--json", "--lang", "en")
    return states, codes, [one for one in json.loads(out) if one["level"] == "fail"]


def test_lists_of_damages_are_long_enough():
    assert len(DAMAGED | REPAIRED | WELL) >= 40


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=DAMAGED)
def test_what_is_damaged_is_damaged_in_every_view(damage, house):
    damage(house)
    states, codes, wrong = views(house)
    assert set(states.values()) == {"damaged"}, states
    assert codes == {"status": 5, "run": 5, "doctor": 5}
    assert [one for one in wrong if one["check"] == "certificate"], wrong
    assert house.run("run", "--config", house.folder / "sinetti.toml")[0] == 5
    assert 'state="damaged"} 1\n' in (house.folder / "metrics").read_text()
    states, codes, _ = views(house)
    assert (set(states.values()), codes["status"]) == ({"damaged"}, 5), "and so it stays"


@pytest.mark.parametrize("damage", REPAIRED.values(), ids=REPAIRED)
def test_what_run_repairs_is_damaged_before_and_green_after(damage, house):
    damage(house)
    states, codes, wrong = views(house)
    assert set(states.values()) == {"damaged"}, states
    assert (codes["status"], codes["doctor"], codes["run"]) == (5, 5, 0), "a dry run says that it would be repaired"
    assert "Run “sinetti run”, which repairs this automatically." in [one["next"] for one in wrong]
    assert "“sinetti run” repairs it." in house.run("status", "--store", house.store, "--lang", "en")[1]
    code, out, err = house.run("run", "--config", house.folder / "sinetti.toml", "--json", "--lang", "en")
    assert code == 0, err
    assert "payroll: repaired the " in err
    assert json.loads(out)["names"][0]["state"] == "valid"
    assert 'state="valid"} 1\n' in (house.folder / "metrics").read_text()
    states, codes, wrong = views(house)
    assert set(states.values()) == {"valid"}
    assert (codes, wrong) == ({"status": 0, "run": 0, "doctor": 0}, [])
    assert files.serial_in_use(folder(house)) == generation(house).name
    assert (
        "Store repaired, certificate unchanged"
        in house.run("log", "payroll", "--store", house.store, "--lang", "en")[1]
    )


@pytest.mark.parametrize("change", WELL.values(), ids=WELL)
def test_what_needs_no_person_is_green_in_every_view(change, house):
    change(house)
    states, codes, wrong = views(house)
    assert set(states.values()) == {"valid"}, states
    assert (codes, wrong) == ({"status": 0, "run": 0, "doctor": 0}, [])
    assert house.run("run", "--config", house.folder / "sinetti.toml")[0] == 0


def uncertain(house):
    house.double.now = OPENS
    house.double.script.append(double.lose)
    house.run("renew", "payroll", "--store", house.store)


def at(now):
    return lambda house: setattr(house.double, "now", now)


OTHER_STATES = {
    "renewal open": (at(OPENS), "renewal-open", 0),
    "expired": (at(OPENS + timedelta(days=90)), "expired", 3),
    "revoked": (revoked, "revoked", 3),
    "uncertain": (uncertain, "uncertain", 6),
}


@pytest.mark.parametrize(("change", "state", "code"), OTHER_STATES.values(), ids=OTHER_STATES)
def test_other_states_are_the_same_in_every_view(change, state, code, house):
    change(house)
    states, codes, _ = views(house)
    assert set(states.values()) == {state}
    assert (codes["status"], codes["doctor"]) == (code, code)


def test_a_key_that_others_may_read_is_no_damage_and_the_doctor_says_it(house):
    (generation(house) / "key.pem").chmod(0o644)
    states, codes, wrong = views(house)
    assert set(states.values()) == {"valid"}
    assert (codes["doctor"], [one["check"] for one in wrong]) == (5, ["rights"])


@pytest.mark.parametrize("name", ["live/key.pem", "live/certificate.pem", "generations", "."])
def test_what_may_not_be_read_is_damaged_in_every_view(name, house):
    path = (folder(house) / name).resolve()
    mode = path.stat().st_mode & 0o777
    path.chmod(0)
    try:
        now = ("--now", house.double.now.isoformat())
        status = ran("status", "--store", house.store, "--json", *now, bound=True)
        passed = ran("run", "--store", house.store, "--json", *now, bound=True)
        doctor = ran("doctor", "--store", house.store, *now, bound=True)
    finally:
        path.chmod(mode)
    assert json.loads(status.stdout)[0]["state"] == json.loads(passed.stdout)["names"][0]["state"] == "damaged"
    assert (status.returncode, passed.returncode, doctor.returncode) == (5, 5, 5)


def test_a_repair_takes_nothing_away(house):
    a_folder_of(b"mine")(house)
    assert house.run("run", "--store", house.store)[0] == 5
    assert (folder(house) / "live" / "key.pem").read_bytes() == b"mine"


@pytest.mark.parametrize(
    "damage", [moved_out, logged_elsewhere("{folder}/{serial}"), logged_elsewhere("../../../{serial}")]
)
def test_a_repair_writes_nothing_outside_of_the_name(damage, house):
    serial = generation(house).name
    damage(house)
    house.run("run", "--store", house.store)
    assert not (house.folder / serial / "chain.pem").exists()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root gives files away")
def test_a_chain_that_root_repairs_is_the_owners_of_the_set(house):
    place = generation(house)
    for one in place.iterdir():
        os.chown(one, 4711, 4712)
    away("chain.pem")(house)
    assert house.run("run", "--store", house.store)[0] == 0
    found = (place / "chain.pem").stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (4711, 4712, 0o600)


def test_a_repair_leaves_a_file_in_the_place_of_the_link(house):
    a_file(house)
    assert house.run("run", "--store", house.store)[0] == 5
    assert (folder(house) / "live").read_bytes() == b"mine"


def test_without_a_log_the_newest_whole_generation_comes_back_into_use(house):
    (folder(house) / "log.jsonl").unlink()
    serial = generation(house).name
    without_link(house)
    assert house.run("run", "--store", house.store)[0] == 0
    assert files.serial_in_use(folder(house)) == serial


def test_a_renewal_that_the_log_does_not_know_yet_comes_back_into_use(house):
    """A run was killed, or the disk was full, after the renewal was in place."""
    log = (folder(house) / "log.jsonl").read_bytes()
    house.double.now = OPENS + timedelta(days=20)
    assert house.run("renew", "payroll", "--store", house.store)[0] == 0
    (folder(house) / "log.jsonl").write_bytes(log)
    serial = generation(house).name
    without_link(house)
    assert house.run("run", "--store", house.store)[0] == 0
    assert files.serial_in_use(folder(house)) == serial


def test_a_pkcs12_file_that_is_missing_is_made_again_without_a_table(house):
    packed(house)
    assert house.run("run", "--store", house.store)[0] == 0
    place = generation(house) / "certificate.p12"
    assert place.exists()
    place.unlink()
    assert house.run("run", "--store", house.store)[0] == 0
    assert place.exists()


def hooked(house, deploy):
    text = f'store = "store"\n[agent]\nprometheus = "{house.folder}/metrics"\n[defaults.hooks]\ndeploy = {deploy}\n'
    (house.folder / "sinetti.toml").write_text(text)
    return house.run("run", "--config", house.folder / "sinetti.toml", "--json")


def test_a_deploy_that_failed_is_red_in_every_view_until_it_succeeds(house):
    assert hooked(house, '["sh", "-c", "exit 7"]')[0] == 4
    for _ in range(2):  # it waits for its delay, and stays red
        states, codes, wrong = views(house)
        assert (codes["status"], codes["run"], codes["doctor"]) == (4, 4, 4)
        (failed,) = wrong
        assert failed["check"] == "hooks"
        assert "The deploy hook (sh) failed. Attempts: 1." in failed["text"]
        assert f"{folder(house) / 'hooks' / 'deploy.log'}, fix the deploy hook" in failed["next"]
        assert (
            'sinetti_certificate_deployed{name="payroll",customer_id="0123456-7"} 0'
            in (house.folder / "metrics").read_text()
        )
        assert "not yet put into use" in house.run("status", "--store", house.store, "--lang", "en")[1]
        assert "No problems found" not in house.run("doctor", "--store", house.store, "--lang", "en")[2]
        assert house.run("run", "--config", house.folder / "sinetti.toml")[0] == 4
    assert hooked(house, '["true"]')[0] == 0
    states, codes, wrong = views(house)
    assert (set(states.values()), codes, wrong) == ({"valid"}, {"status": 0, "run": 0, "doctor": 0}, [])
    assert (
        'sinetti_certificate_deployed{name="payroll",customer_id="0123456-7"} 1'
        in (house.folder / "metrics").read_text()
    )


def test_a_deploy_that_failed_counts_beside_a_renewal_that_is_tried(house):
    assert hooked(house, '["sh", "-c", "exit 7"]')[0] == 4
    house.double.now = OPENS + timedelta(days=20)
    house.double.script.append(double.refuse(double.NOT_READY))
    assert hooked(house, '["sh", "-c", "exit 7"]')[0] == 4


def unreadable(_house, monkeypatch):
    scandir = os.scandir

    def refuse(path):
        if Path(path).name == "store":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)


def gone(house, _monkeypatch):
    shutil.rmtree(house.store)


@pytest.mark.parametrize("command", ["run", "status"])
@pytest.mark.parametrize("trouble", [unreadable, gone])
def test_metrics_of_before_do_not_stay_green_over_a_store_that_cannot_be_read(trouble, command, house, monkeypatch):
    place, config = house.folder / "metrics", house.folder / "sinetti.toml"
    assert house.run("run", "--config", config)[0] == 0
    assert "sinetti_store_readable 1\n" in place.read_text()
    trouble(house, monkeypatch)
    more = ("--prometheus", place) if command == "status" else ()
    assert house.run(command, "--config", config, *more)[0] in {2, 5}
    text = place.read_text()
    assert "sinetti_store_readable 0\n" in text
    assert "valid" not in text
