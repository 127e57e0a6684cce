"""Who may import whom, where import-linter cannot tell: the standard library, django.db, relative imports, rooms."""

import sys
import tomllib

import pytest

from tests.house.tree import PACKAGE, ROOT, imported, modules

PURE = {"domain": (), "texts": ("sinetti.domain", "sinetti.i18n")}
LIBRARIES = {
    "domain": set(),
    "texts": set(),
    "pki": {"cryptography", "pkcs11"},
    "wire": {"lxml", "cryptography"},
    "ca": {"cryptography"},
    "actions": {"cryptography"},
    "holder": {"cryptography", "lxml"},
    "gateway": {"cryptography"},
}
"""Everything else in these rooms is the standard library or the project's own."""

EXTRAS = {"gateway/web/server.py": {"granian"}}
"""What single modules use of an extra, and are imported only where it is there."""


def room_of(module: str) -> str:
    return module.partition("/")[0]


def contracts() -> list[dict]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]


@pytest.mark.parametrize("room", LIBRARIES)
def test_rooms_use_the_standard_library_and_what_they_are_given(room):
    for module, tree in modules().items():
        if room_of(module) == room:
            allowed = sys.stdlib_module_names | {"sinetti"} | LIBRARIES[room] | EXTRAS.get(module, set())
            foreign = {name for name in imported(tree) if name.partition(".")[0] not in allowed}
            assert not foreign, f"{module} imports {foreign}"


@pytest.mark.parametrize("module", [module for module in modules() if room_of(module) == "domain"])
def test_domain_imports_domain_alone(module):
    own = {name for name in imported(modules()[module]) if name.startswith("sinetti")}
    assert all(name.startswith("sinetti.domain.") for name in own)


FORBIDDEN_TO_DOMAIN = {
    "time",
    "socket",
    "os",
    "io",
    "subprocess",
    "random",
    "secrets",
    "threading",
    "asyncio",
    "pathlib",
}


@pytest.mark.parametrize("module", [module for module in modules() if room_of(module) == "domain"])
def test_domain_has_no_clock_no_input_no_chance(module):
    assert not FORBIDDEN_TO_DOMAIN & {name.partition(".")[0] for name in imported(modules()[module])}


def test_nobody_but_the_registry_speaks_to_the_database():
    for module, tree in modules().items():
        if room_of(module) != "registry":
            spoken = {name for name in imported(tree) if name.startswith(("django.db", "psycopg", "sqlite3"))}
            assert not spoken, f"{module} imports {spoken}"


def test_every_room_stands_in_the_contract():
    sources = {name.removeprefix("sinetti.") for contract in contracts() for name in contract["source_modules"]}
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    assert rooms - sources <= {"cli", "testbench"}, "these two may import what they start"


ANYBODY_S = {"__init__", "__main__", "clock", "file_rights", "local_socket"}


@pytest.mark.parametrize(
    "room", ["domain", "texts", "pki", "wire", "ca", "registry", "actions", "protocols", "holder", "gateway"]
)
def test_what_stands_beside_the_rooms_is_forbidden_to_them(room):
    """The parts that put a server together lean on all rooms; a room that leaned on one would lean on every other."""
    beside = {f"sinetti.{path.stem}" for path in PACKAGE.glob("*.py")} - {f"sinetti.{one}" for one in ANYBODY_S}
    (contract,) = (one for one in contracts() if one["source_modules"] == [f"sinetti.{room}"])
    assert beside <= set(contract["forbidden_modules"])


def test_every_room_is_forbidden_to_domain():
    rooms = {f"sinetti.{path.name}" for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    domain = next(contract for contract in contracts() if contract["source_modules"] == ["sinetti.domain"])
    assert rooms - {"sinetti.domain"} <= set(domain["forbidden_modules"])


def leads_to(module: str) -> set[str]:
    """Return the modules of the project that one brings along, itself included, as places in the package."""
    found, left = set(), [module]
    while left:
        here = left.pop()
        if here not in found and here in modules():
            found.add(here)
            places = [name.removeprefix("sinetti.").replace(".", "/") for name in imported(modules()[here])]
            left += [f"{place}{end}" for place in places for end in (".py", "/__init__.py")]
    return found


def test_who_serves_for_real_explains_no_signature():
    """It would tell forgers how far they got (docs/explain.md)."""
    served = leads_to("cli/authority/serve.py")
    assert {"api/soap.py", "api/publication.py", "wire/xmldsig/signature.py"} <= served
    assert not [module for module in served if "explain" in module]
    assert "testbench/endpoints/control.py" not in served
    assert "diagnostics/explain.py" in leads_to("testbench/bench.py")
