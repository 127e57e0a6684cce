"""Settings of a name: written, read back, and rejected if they are wrong."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinetti.client.messages.messages import render
from sinetti.client.model import Format, OutputOptions, Token
from sinetti.client.store import files, settings
from sinetti.client.store.settings import NameSettings, NameSettingsError
from sinetti.domain.values import Environment, KeyType, Language
from tests.client.double import anchors

KEPT = NameSettings(
    service="https://certificates.example/2017/10/CertificateServices",
    environment=Environment.TEST,
    customer_id="0123456-7",
    customer_name="Sinisiipi Oy",
    key=KeyType.EC_P256,
    trust_services=anchors("services"),
    trust_holders=anchors("holders"),
    tls_ca=None,
)

VARIANTS = {
    "without a CA for TLS": KEPT,
    "with one": replace(KEPT, tls_ca=KEPT.trust_services),
    "without a name": replace(KEPT, customer_name=None),
    "in every format": replace(
        KEPT,
        files=OutputOptions(
            formats=frozenset(Format),
            owner="payroll",
            group='with "marks" & \\',
            mode=0o640,
            password_file=Path("/etc/sinetti/p12"),
            key_password_file=Path("/etc/sinetti/key"),
        ),
    ),
    "with a token": replace(KEPT, files=OutputOptions(token=Token(Path("/usr/lib/x.so"), "a token", Path("/etc/pin")))),
}


@pytest.mark.parametrize("kept", VARIANTS.values(), ids=VARIANTS)
def test_what_is_written_is_read_back(kept, tmp_path):
    settings.store(tmp_path, kept)
    assert settings.load(tmp_path) == kept


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
def test_any_name_survives(name):
    assert settings.parse(settings.dump(replace(KEPT, customer_name=name))).customer_name == name


BROKEN = {
    "no TOML": ("service", "= = =", "it is not valid TOML .*at line 1"),
    "NUL in a path": ("-", 'mode = "0600"\nowner = "a\\u0000"', "it is not valid TOML .*NUL .at line 2"),
    "no service": ("service", "", "service"),
    "http to another machine": ("service", 'service = "http://certificates.example/"', "service: http://"),
    "no known environment": (
        "environment",
        'environment = "QA"',
        "environment: the value must be one of PRODUCTION, TEST",
    ),
    "no known key": ("key", 'key = "rsa-1024"', "key: the value must be one of rsa-2048"),
    "an empty bundle": ("trust_holders", "trust_holders = '''\nnothing\n'''", "trust_holders: "),
    "a number for an id": ("customer_id", "customer_id = 7", "customer_id: the value must be text"),
    "a text for a list": ("-", 'formats = "pem"', "formats: the value must be a list of texts"),
    "no known format": ("-", 'formats = ["p7b"]', "the value must be one of pem, der, pkcs12, pkcs12-legacy, jks"),
    "JKS without a password": ("-", 'formats = ["jks"]', "password_file: PKCS#12 needs"),
    "PKCS#12 without a password": ("-", 'formats = ["pkcs12"]', "password_file: PKCS#12 needs"),
    "no known mode": ("-", 'mode = "rw-------"', "mode: the value must be a file mode such as 0600"),
    "a token without a PIN": ("-", 'token_module = "/x.so"\ntoken_label = "x"', "token_label: a token needs"),
    "PKCS#12 of a token": (
        "-",
        'formats = ["pkcs12"]\ntoken_module = "/x.so"\ntoken_label = "x"\ntoken_pin_file = "/pin"',
        "formats: the key is in a token",
    ),
}


@pytest.mark.parametrize(("name", "line", "why"), BROKEN.values(), ids=BROKEN)
def test_wrong_settings_say_which_and_why(name, line, why, tmp_path):
    text = settings.dump(KEPT)
    kept = [one for one in text.split("\n") if not one.startswith(f"{name} = ")]
    if name == "trust_holders":
        before, _, after = text.partition("trust_holders = '''")
        kept = [before, after.partition("'''")[2]]
    broken = "\n".join([line, *kept])
    with pytest.raises(NameSettingsError, match=why):
        settings.parse(broken)
    (tmp_path / settings.FILE).write_text(broken)
    with pytest.raises(files.StoreDamaged) as damaged:
        settings.load(tmp_path)
    assert re.search(why, render(damaged.value.message, Language.EN))


def test_a_bundle_is_kept_without_its_comments():
    noisy = f"# subject: '''\n{KEPT.trust_services}\ntrailing".encode()
    assert settings.bundle_text(noisy) == KEPT.trust_services
