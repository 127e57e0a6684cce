"""Adoption of certificates from elsewhere.

Fitting ones are taken over and renewed like any other; the others are rejected.
"""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from sinetti.client.messages import adoption_messages
from sinetti.client.model import AgentSettings, CertificateEntry, Config, Format, OutputOptions, ServiceEntry
from sinetti.client.reporting import status
from sinetti.client.requests import adopt as requests_adopt
from sinetti.client.results import ExitCode, Result, UsageError
from sinetti.client.store import event_log, files, generations, key_storage, settings
from sinetti.client.store.event_log import EventType
from sinetti.client.store.keystores import KeyMaterial
from sinetti.domain.values import Channel, Environment, KeyType
from sinetti.pki import encoding
from tests.client import double
from tests.client.conftest import IDS, NAME, words
from tests.client.double import anchors, bundle
from tests.support import authority
from tests.support.killed import KilledError

ENTRY = CertificateEntry(NAME, "register")
END = authority.NOW + timedelta(days=730)
OPENS = END - timedelta(days=60)


def material(number=61, kind=KeyType.EC_P256, **changes):
    key = authority.holder_key(number, kind)
    return KeyMaterial(key, authority.holder_certificate(key, **changes), ())


def like(certificate, key, until):
    """Return a copy of a certificate for another key and another last day.

    Our own issuing would refuse to sign it.
    """
    builder = x509.CertificateBuilder(
        certificate.issuer,
        certificate.subject,
        key.public_key(),
        certificate.serial_number + 1,
        certificate.not_valid_before_utc,
        until,
    )
    for extension in certificate.extensions:
        if not isinstance(extension.value, x509.SubjectKeyIdentifier):
            builder = builder.add_extension(extension.value, extension.critical)
    signer = authority.authority().key(authority.issuer().key_name)
    return KeyMaterial(key, builder.sign(signer, hashes.SHA256()), ())


def service(holder, name="register", **changes):
    given = {
        "address": holder.double.url,
        "environment": Environment.TEST,
        "trust_services": anchors("services"),
        "trust_holders": anchors("holders"),
    }
    return ServiceEntry(name, **(given | changes))


def adopt(holder, one, name=NAME, entry=ENTRY, **changes):
    wanted = requests_adopt.settings_for(one, service(holder, **changes), entry)
    return requests_adopt.adopt(holder.run, name, one, wanted)


def told(caught):
    return caught.value.message.text, dict(caught.value.message.values)


@pytest.mark.parametrize("kind", [KeyType.EC_P256, KeyType.EC_P384, KeyType.RSA_2048])
def test_what_was_taken_over_is_renewed(kind, holder):
    one = material(kind=kind)
    done = adopt(holder, one)
    assert (done.exit_code, done.result) == (ExitCode.DONE, Result.ENROLLED)
    held = generations.current(holder.folder)
    assert held.certificate == one.certificate
    assert (
        encoding.load_private_key((holder.live / "key.pem").read_bytes()).private_numbers() == one.key.private_numbers()
    )
    assert (holder.live / "chain.pem").read_text().count("BEGIN CERTIFICATE") == 2
    kept = settings.load(holder.folder)
    assert (kept.customer_id, kept.customer_name) == (authority.CUSTOMER_ID, authority.CUSTOMER_NAME)
    assert (kept.key, kept.environment) == (kind, Environment.TEST)
    assert not holder.double.seen
    assert holder.renew().result is Result.NOT_DUE
    renewed = holder.at(OPENS).renew()
    assert renewed.result is Result.RENEWED, words(renewed)
    assert generations.current(holder.folder).serial != held.serial
    assert (holder.folder / "generations" / held.serial).is_dir()


def test_it_is_written_down(holder):
    adopt(holder, material())
    (happened,) = event_log.read(holder.folder)
    assert (happened.at, happened.event) == (authority.NOW, EventType.ADOPTED)
    assert happened.facts == {"serial": generations.current(holder.folder).serial, "until": "2028-03-01T12:00:00Z"}
    assert generations.notes(holder.folder).serial == happened.facts["serial"]
    assert status.row(holder.store, NAME, authority.NOW).state is status.NameStatus.VALID


def everything(folder):
    """Return the state of every file in a folder, except its access time.

    Reading a file changes that time.
    """
    found = {path: path.lstat() for path in folder.rglob("*") if path.name != ".lock"}
    return {
        path: (one.st_ino, one.st_mode, one.st_size, one.st_mtime_ns, one.st_ctime_ns) for path, one in found.items()
    }


def test_a_second_time_changes_nothing(holder):
    one = material()
    adopt(holder, one)
    before = everything(holder.folder)
    again = adopt(holder, one)
    assert (again.exit_code, again.result) == (ExitCode.DONE, Result.NOT_DUE)
    assert everything(holder.folder) == before


def test_after_a_renewal_the_old_one_is_not_put_back(holder):
    one = material()
    adopt(holder, one)
    holder.at(OPENS).renew()
    newer = generations.current(holder.folder).serial
    assert adopt(holder, one).result is Result.NOT_DUE
    assert generations.current(holder.folder).serial == newer


def test_a_run_that_ended_early_is_gone_on_with(holder):
    def die(name):
        if name == "settled":
            raise KilledError

    one = material()
    holder.step = die
    with pytest.raises(KilledError):
        adopt(holder, one)
    assert generations.current(holder.folder) is None
    holder.step = lambda _name: None
    assert adopt(holder, one).result is Result.ENROLLED
    assert generations.current(holder.folder).certificate == one.certificate


def test_a_replacement_may_be_fetched_later(holder):
    adopt(holder, material())
    assert holder.enrol(IDS).result is Result.ENROLLED


def test_it_is_kept_as_files_are_wanted_and_so_is_what_follows(holder, tmp_path):
    (tmp_path / "secret").write_text("of it\n")
    (tmp_path / "secret").chmod(0o600)
    files_wanted = OutputOptions(
        formats=frozenset({Format.PEM, Format.PKCS12}),
        password_file=tmp_path / "secret",
        key_password_file=tmp_path / "secret",
    )
    one = material()
    assert adopt(holder, one, entry=replace(ENTRY, files=files_wanted)).result is Result.ENROLLED
    for _ in range(2):
        pem = (holder.live / "key.pem").read_bytes()
        assert b"BEGIN ENCRYPTED PRIVATE KEY" in pem
        key = encoding.load_private_key(pem, b"of it")
        packed = pkcs12.load_pkcs12((holder.live / "certificate.p12").read_bytes(), b"of it")
        assert key_storage.belongs(packed.cert.certificate, key)
        assert generations.current(holder.folder).certificate == packed.cert.certificate
        assert holder.at(OPENS).renew().exit_code is ExitCode.DONE


def test_what_cannot_be_kept_as_wanted_is_told_before_anything_is_written(holder, tmp_path):
    entry = replace(ENTRY, files=OutputOptions(key_password_file=tmp_path / "nothing"))
    with pytest.raises(files.StoreError):
        adopt(holder, material(), entry=entry)
    assert not holder.store.exists()


# --- Refused, and nothing written


def refused(holder, one, name=NAME, entry=ENTRY, **changes):
    before = everything(holder.store) if holder.store.exists() else {}
    with pytest.raises(UsageError) as caught:
        adopt(holder, one, name, entry, **changes)
    assert (everything(holder.store) if holder.store.exists() else {}) == before
    return told(caught)


def test_an_expired_one(holder):
    text, values = refused(holder.at(END + timedelta(seconds=1)), material())
    assert text == adoption_messages.ADOPT_EXPIRED
    assert values == {"name": NAME, "until": END}
    assert adopt(holder.at(END), material()).result is Result.ENROLLED, "the last valid second"


def test_one_of_the_future(holder):
    assert refused(holder, material(begins=END))[0] == requests_adopt.messages.VALID_FROM


def test_one_whose_ca_has_ended(holder):
    late = authority.issuer().certificate.not_valid_after_utc
    one = like(material().certificate, authority.holder_key(61), late + timedelta(days=2))
    text, values = refused(holder.at(late + timedelta(days=1)), one)
    assert (text, values["what"].text) == (
        requests_adopt.messages.VALID_UNTIL,
        requests_adopt.messages.THE_CERTIFICATES_CA,
    )


def test_one_that_is_no_holders(holder):
    one = KeyMaterial(*authority.response_signer(), ())
    assert refused(holder, one, trust_holders=anchors("services"))[0] == adoption_messages.ADOPT_NOT_HOLDERS


def test_another_customer(holder):
    text, values = refused(holder, material(), entry=replace(ENTRY, customer_id="7654321-0"))
    assert text == adoption_messages.ADOPT_OTHER_CUSTOMER
    assert values == {"found": authority.CUSTOMER_ID, "wanted": "7654321-0"}


def test_another_environment(holder):
    text, values = refused(holder, material(), environment=Environment.PRODUCTION)
    assert text == adoption_messages.ADOPT_OTHER_WORLD
    assert (values["found"], values["wanted"]) == ("TEST", "PRODUCTION")


def test_a_name_that_cannot_be_one(holder):
    assert refused(holder, material(), name="a/b")[0] == requests_adopt.messages.BAD_NAME


def test_a_name_with_another_certificate(holder):
    adopt(holder, material())
    text, values = refused(holder, material(63))
    assert text == adoption_messages.ADOPT_NAME_USED
    assert values == {"name": NAME, "serial": generations.current(holder.folder).serial}


def test_a_name_with_a_request_under_way(holder):
    holder.double.script.append(double.say(503))
    holder.enrol()
    assert refused(holder, material())[0] == adoption_messages.ADOPT_NAME_ASKS


def test_a_certificate_that_another_name_has(holder):
    one = material()
    adopt(holder, one)
    assert refused(holder, one, name="benefits") == (adoption_messages.ADOPT_HELD, {"other": NAME})


def test_a_damaged_name_is_told_and_left_alone(holder):
    adopt(holder, material())
    (holder.folder / "live" / "key.pem").write_bytes(b"")
    with pytest.raises(files.StoreDamaged):
        adopt(holder, material())
    assert (holder.folder / "live" / "key.pem").read_bytes() == b""


def test_a_name_at_which_another_run_is_at_work(holder):
    files.make_folder(holder.folder)
    with files.locked(holder.folder), pytest.raises(files.StoreLocked):
        adopt(holder, material())
    assert not (holder.folder / "settings.toml").exists()


def test_a_certificate_without_a_customer(holder, monkeypatch):
    monkeypatch.setattr(generations, "common_name", lambda _certificate: None)
    assert refused(holder, material())[0] == adoption_messages.ADOPT_NO_CUSTOMER


# --- Which service


def config(*services, chosen=None):
    entry = CertificateEntry(NAME, chosen)
    known = {one.name: one for one in services}
    return Config(
        Path("sinetti.toml"), Path("store"), None, known, AgentSettings(), CertificateEntry("", None), {NAME: entry}
    ), entry


CHOICES = {
    "the only one": (["ours"], None, "ours"),
    "one of two": (["ours", "theirs"], None, "ours"),
    "the one that the file says": (["ours", "ours too"], "ours too", "ours too"),
    "two, and the file says none": (["ours", "ours too"], None, adoption_messages.ADOPT_SERVICES),
    "none": (["theirs"], None, adoption_messages.ADOPT_NO_SERVICE),
    "none at all": ([], None, adoption_messages.ADOPT_NO_SERVICE),
    "the file says another": (["ours", "theirs"], "theirs", adoption_messages.ADOPT_OTHER_TABLE),
}


@pytest.mark.parametrize(("names", "chosen", "expected"), CHOICES.values(), ids=CHOICES)
def test_the_service_is_the_one_whose_cas_issued_it(names, chosen, expected, holder):
    services = [
        service(holder, name, trust_holders=anchors("services" if name == "theirs" else "holders")) for name in names
    ]
    whole, entry = config(*services, chosen=chosen)
    if expected in names:
        assert requests_adopt.service_of(material().certificate, whole, entry).name == expected
        return
    with pytest.raises(UsageError) as caught:
        requests_adopt.service_of(material().certificate, whole, entry)
    assert told(caught)[0] == expected


def test_a_service_that_a_person_named_has_to_have_issued_it(holder):
    requests_adopt.check_issued_by_service(material().certificate, service(holder))
    with pytest.raises(UsageError) as caught:
        requests_adopt.check_issued_by_service(
            material().certificate, service(holder, trust_holders=anchors("services"))
        )
    text, values = told(caught)
    assert text == adoption_messages.ADOPT_NOT_OF_SERVICE
    assert "CN=" in values["issuer"]


def test_a_chain_that_the_anchors_lack_is_taken_from_beside(holder):
    issuing = authority.issuer().certificate
    above = next(one for _, one in authority.authority().entries.values() if one.subject == issuing.issuer)
    one = replace(material(), others=(authority.services_issuer().certificate, above))
    adopt(holder, one, trust_holders=bundle(issuing))
    assert (holder.live / "chain.pem").read_text() == bundle(issuing, above)


def test_the_key_that_comes_next_is_the_files_where_it_says_one(holder):
    entry = replace(ENTRY, key=KeyType.RSA_3072, key_is_explicit=True)
    assert requests_adopt.settings_for(material(), service(holder), entry).key is KeyType.RSA_3072


def test_a_key_of_a_size_that_nobody_makes_is_followed_by_one_that_is_made(holder):
    key = rsa.generate_private_key(65_537, 2304)
    one = like(material().certificate, key, END)
    assert requests_adopt.settings_for(one, service(holder), ENTRY).key is KeyType.RSA_2048


def test_certificates_of_the_other_channel_are_taken_as_well(holder):
    assert adopt(holder, material(64, channel=Channel.SFTP)).result is Result.ENROLLED
