"""eservice.toml: optional settings, refusals by name, and the shipped example."""

from dataclasses import replace
from functools import partial

import pytest

from sinetti.domain.access.roles import Role
from sinetti.domain.daily_limits import DailyLimits
from sinetti.domain.values import Language
from sinetti.infra.toml_tables import SettingsError
from sinetti.settings.optional_parts import describe_parts
from sinetti.settings.portal import DEFAULTS, parse, read
from tests.house.tree import ROOT
from tests.support import golden

EXAMPLE = ROOT / "deploy" / "eservice.toml"
NAME = 'name = { fi = "a", sv = "b", en = "c" }'
PROVIDER = f"""[[providers]]
id = "op"
{NAME}
issuer = "https://op.example"
client_id = "sinetti"
client_secret_file = "secret"
"""
ROLES = """[providers.roles]
claim = "organisations"
identifier = "identifier"
roles = "roles"
"""


@pytest.fixture
def folder(tmp_path):
    """Return a folder with the files that the settings name."""
    (tmp_path / "secrets").mkdir()
    for name in ("secret", "secrets/sign-in"):
        (tmp_path / name).write_text("hush\n")
        (tmp_path / name).chmod(0o600)
    return tmp_path


def test_without_the_file_everything_is_left_out(tmp_path):
    assert read(tmp_path / "eservice.toml") == DEFAULTS
    assert DEFAULTS.providers == ()
    assert DEFAULTS.provider("op") is None


def test_the_example_is_whole(folder):
    (folder / "eservice.toml").write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    found = read(folder / "eservice.toml")
    provider = found.provider("sign-in")
    assert provider is not None
    assert provider.roles is not None
    assert provider.client_secret == "hush"
    assert "hush" not in repr(found)
    assert provider.roles.means == {"NIMKO": Role.SIGNATORY, "TJ": Role.SIGNATORY, "certificates": Role.MANAGER}
    assert {*map(frozenset, (found.appeal, found.legal_basis, found.footer, provider.name))} == {frozenset(Language)}
    assert found.supervising_authority is not None
    assert found.accessibility_feedback == "accessibility@authority.example"
    assert found.documentation_url == "https://docs.authority.example/"
    assert found.daily_limits == DailyLimits()


def off(folder):
    """Return the parts of the file that are left out, with the reasons."""
    found = read(folder / "eservice.toml")
    assert found == replace(DEFAULTS, left_out=found.left_out)
    return {one.part: one.why for one in found.left_out}


def test_a_file_that_cannot_be_trusted_or_read_is_left_out(folder):
    path, why = folder / "eservice.toml", {}
    path.write_text(PROVIDER)
    folder.chmod(0o777)
    why["a folder that others can write"] = off(folder)["eservice.toml"]
    folder.chmod(0o700)
    path.chmod(0o666)
    why["a file that others can change"] = off(folder)["eservice.toml"]
    path.unlink()
    path.mkdir()
    why["a folder"] = off(folder)["eservice.toml"]
    golden.check("settings/eservice-file", {"en.txt": golden.sections(why).replace(str(folder), "FOLDER")})


SINGLE = ("appeal", "legal_basis", "supervising_authority", "accessibility_feedback", "daily_limits", "operator")
LEFT_OUT = {
    "no TOML": ("=", {"eservice.toml"}),
    "an unknown key": ("appeals = 1", {"eservice.toml"}),
    "a provider": (PROVIDER.replace("https:", "http:"), {"provider op"}),
    "a provider without a name for the log": (PROVIDER.replace('"op"', '"o p"'), {"provider"}),
    "providers that are no tables": ("providers = 1", {"providers"}),
    "two providers with one id": (PROVIDER + PROVIDER, {"providers"}),
    "two parts": ('footer = 1\ndocumentation_url = "file:///x"', {"footer", "documentation_url"}),
    "all others": (
        "".join(f"{name} = 1\n" for name in SINGLE),
        set(SINGLE),
    ),
}


@pytest.mark.parametrize(("text", "parts"), LEFT_OUT.values(), ids=LEFT_OUT)
def test_a_part_with_wrong_settings_is_left_out(folder, text, parts):
    (folder / "eservice.toml").write_text(text)
    assert off(folder).keys() == parts


def test_the_other_parts_stay(folder):
    second = PROVIDER.replace('"op"', '"second"').replace("https://op", "http://second")
    (folder / "eservice.toml").write_text(f'accessibility_feedback = "a@b.example"\n{PROVIDER}{second}')
    found = read(folder / "eservice.toml")
    assert [one.provider_id for one in found.providers] == ["op"]
    assert found.accessibility_feedback == "a@b.example"
    (left_out,) = found.left_out
    assert left_out.part == "provider second"
    assert describe_parts(found.left_out) == f"provider second is left out: {left_out.why}"
    assert describe_parts(()) is None


WRONG = {
    "no TOML": "=",
    "lists in lists without end": f"footer = {'[' * 9000}",
    "an unknown key": "appeals = 1",
    "a language is missing": 'appeal = { fi = "a", sv = "b" }',
    "a footer in two languages": 'footer = { sv = "b", en = "c" }',
    "a logo that is no picture": f'[operator]\n{NAME}\nlogo = "secret"',
    "a logo that is not there": f'[operator]\n{NAME}\nlogo = "logo.png"',
    "a logo without the operator's name": '[operator]\nlogo = "secret"',
    "no address": 'accessibility_feedback = "nobody"',
    "plain http": f'[supervising_authority]\naddress = "http://x.example"\n{NAME}',
    "documentation of a machine": 'documentation_url = "file:///srv/docs"',
    "documentation with a query": 'documentation_url = "https://x.example/?a"',
    "no tables": "providers = 1",
    "an id of ours": PROVIDER.replace('"op"', '"new"'),
    "an id with a slash": PROVIDER.replace('"op"', '"o/p"'),
    "no name": PROVIDER.replace(NAME, ""),
    "an issuer over http": PROVIDER.replace("https:", "http:"),
    "an issuer with a query": PROVIDER.replace("op.example", "op.example/?a"),
    "no host": PROVIDER.replace("https://op.example", "https://[op"),
    "no secret": PROVIDER.replace('client_secret_file = "secret"', ""),
    "the same twice": PROVIDER + PROVIDER,
    "an unknown key of a provider": PROVIDER + "acr = 1",
    "no codes": PROVIDER + ROLES,
    "a code for two": PROVIDER + ROLES + 'viewer = ["A"]\nmanager = ["A"]',
    "an empty code": PROVIDER + ROLES + 'viewer = [""]',
    "too many": "".join(PROVIDER.replace('"op"', f'"o{n}"').replace("op.example", f"o{n}.example") for n in range(21)),
}


def test_errors_name_the_key(folder):
    attempts = {name: partial(parse, text, folder) for name, text in WRONG.items()}
    golden.check("settings/eservice", {"en.txt": golden.refusals(attempts, SettingsError, FOLDER=folder)})


SVG = '<svg xmlns="http://www.w3.org/2000/svg"><a href="#x"><circle r="4"/></a>{}</svg>'
ACTIVE = {
    "a script": "<script>alert(1)</script>",
    "a handler": '<g onload = "alert(1)"/>',
    "a link to another file": '<image href="https://elsewhere.example/x.png"/>',
    "a script in a link": '<a xlink:href="javascript:alert(1)"/>',
    "HTML": "<foreignObject><p/></foreignObject>",
}


@pytest.mark.parametrize("part", ACTIVE.values(), ids=ACTIVE)
def test_a_logo_that_does_something_is_refused(folder, part):
    (folder / "logo.svg").write_text(SVG.format(part))
    with pytest.raises(SettingsError, match="logo: write a PNG"):
        parse(f'[operator]\n{NAME}\nlogo = "logo.svg"', folder)


def test_logos(folder):
    (folder / "logo").write_text(SVG.format(""))
    text = f'[operator]\n{NAME}\nlogo = "logo"'
    assert parse(text, folder).logo.media_type == "image/svg+xml"
    assert parse(text, folder).operator == {Language.FI: "a", Language.SV: "b", Language.EN: "c"}
    for size, media_type in ((65_536, "image/png"), (65_537, "")):
        (folder / "logo").write_bytes(b"\x89PNG\r\n\x1a\n".ljust(size, b"\0"))
        if media_type:
            assert parse(text, folder).logo.media_type == media_type
        else:
            with pytest.raises(SettingsError, match="at most 65536 octets"):
                parse(text, folder)
    assert parse(f"[operator]\n{NAME}", folder).logo is None


def test_on_this_machine_itself_plain_http_will_do(folder):
    (found,) = parse(PROVIDER.replace("https://op.example", "http://localhost:3000"), folder).providers
    assert found.issuer == "http://localhost:3000"
    assert found.acr_values == ()
    assert found.roles is None


def test_daily_limits(tmp_path):
    assert parse("", tmp_path).daily_limits is None
    assert parse("[daily_limits]\nletters_per_recipient = 5\n", tmp_path).daily_limits == DailyLimits(letters=5)
    for wrong in ("letters_per_recipient = 0", "orders_per_actor = true", 'orders_per_firm = "many"', "orders = 1"):
        with pytest.raises(SettingsError, match=r"orders|letters"):
            parse(f"[daily_limits]\n{wrong}\n", tmp_path)
