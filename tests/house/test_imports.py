"""Import rules that import-linter cannot express.

They concern the standard library, django.db, and the modules that `serve` loads.
"""

import ast
import re
import sys

import pytest

from tests.house.tree import PACKAGE, imported, modules

LIBRARIES = {
    "infra": set(),
    "domain": set(),
    "i18n": set(),
    "journal": set(),
    "pki": {"cryptography", "pkcs11"},
    "wire": {"lxml", "cryptography"},
    "ca": {"cryptography"},
    "diagnostics": {"cryptography", "lxml"},
    "services": {"cryptography"},
    "client": {"cryptography", "lxml"},
    "gateway": {"cryptography"},
}
"""Libraries of each package, beside the standard library and the project's own."""

EXTRAS = {
    "gateway/web/server.py": {"granian"},
    "infra/otlp_export.py": {"opentelemetry"},
    "pki/second_library.py": {"awscrt"},
    "pki/ssh_attestation.py": {"fido2"},
}
"""Modules that need an extra.

No other module of their package imports them at load time.
"""


def package_of(module: str) -> str:
    return module.partition("/")[0]


@pytest.mark.parametrize("package", LIBRARIES)
def test_packages_use_the_standard_library_and_what_they_are_given(package):
    assert [module for module in modules() if package_of(module) == package]
    for module, tree in modules().items():
        if package_of(module) == package:
            allowed = sys.stdlib_module_names | {"sinetti"} | LIBRARIES[package] | EXTRAS.get(module, set())
            foreign = {name for name in imported(tree) if name.partition(".")[0] not in allowed}
            assert not foreign, f"{module} imports {foreign}"


@pytest.mark.parametrize("module", [module for module in modules() if package_of(module) == "domain"])
def test_domain_imports_domain_alone(module):
    own = {name for name in imported(modules()[module]) if name.startswith("sinetti")}
    assert all(name.startswith("sinetti.domain") for name in own)


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


@pytest.mark.parametrize("module", [module for module in modules() if package_of(module) == "domain"])
def test_domain_has_no_clock_no_input_no_chance(module):
    assert not FORBIDDEN_TO_DOMAIN & {name.partition(".")[0] for name in imported(modules()[module])}


OWN_STORE = "authority/signer/store.py"
"""The signer's store: the signer must not depend on the service's database."""


def test_only_the_database_package_imports_django_db():
    for module, tree in modules().items():
        if package_of(module) != "database" and module != OWN_STORE:
            drivers = {name for name in imported(tree) if name.startswith(("django.db", "psycopg", "sqlite3"))}
            if module == "authority/signer/store.py":  # the signer has a file of its own and never the register
                drivers -= {"sqlite3"}
            assert not drivers, f"{module} imports {drivers}"


def test_nothing_but_the_two_entry_points_lies_loose_at_the_top():
    assert {path.name for path in PACKAGE.glob("*.py")} == {"__init__.py", "__main__.py"}
    packages = [path for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()]
    assert len(packages) <= 20


def test_every_folder_says_in_one_line_what_it_holds():
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    for folder in folders:
        line = (folder / "__init__.py").read_text(encoding="utf-8").partition("\n")[0]
        assert re.fullmatch(r'"""[^"]{,80}\.(""")?', line), f"{folder}: {line}"


def loaded_by(module: str) -> set[str]:
    """Return the modules of the project that a module imports, itself included.

    They are given as places in the package.
    """
    found, left = set(), [module]
    while left:
        here = left.pop()
        if here not in found and here in modules():
            found.add(here)
            places = [name.removeprefix("sinetti.").replace(".", "/") for name in imported(modules()[here])]
            left += [f"{place}{end}" for place in places for end in (".py", "/__init__.py")]
    return found


def test_a_production_server_does_not_load_the_diagnosis_of_signatures():
    """The diagnosis would show forgers how far they got (docs/integrators/explain.md)."""
    served = loaded_by("cli/authority/serve.py")
    assert {"api/soap.py", "api/publication.py", "wire/xmldsig/signature.py"} <= served
    assert not [module for module in served if package_of(module) == "diagnostics"]
    assert "testbench/endpoints/control.py" not in served
    assert "diagnostics/explain.py" in loaded_by("testbench/bench.py")


@pytest.mark.parametrize("command", ["cli/authority/serve.py", "cli/gateway/serve.py"])
def test_servers_load_the_export_of_traces_only_if_a_setting_asks_for_it(command):
    served = loaded_by(command)
    assert "infra/traces.py" in served
    assert "infra/otlp_export.py" not in served


def test_modules_form_no_cycle():
    """Only imports at the top of a module count; a later import is made once everything is loaded."""
    names = {
        f"sinetti.{name.removesuffix('.py').removesuffix('/__init__').replace('/', '.')}": name for name in modules()
    }
    graph = {
        name: {names[one] for one in top_imports(tree) if one in names} - {name} for name, tree in modules().items()
    }
    done: set[str] = set()
    while free := [name for name, wanted in graph.items() if name not in done and wanted <= done]:
        done.update(free)
    assert sorted(graph.keys() - done) == []


def dotted(module: str) -> str:
    """Return the name by which a module is imported."""
    return "sinetti." + module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def top_imports(tree: ast.Module) -> set[str]:
    """Return the modules that a module imports when it is loaded; of `from package import module`, the module."""
    found = set()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                deeper = f"{node.module}.{alias.name}".removeprefix("sinetti.").replace(".", "/")
                is_module = f"{deeper}.py" in modules() or f"{deeper}/__init__.py" in modules()
                found.add(f"{node.module}.{alias.name}" if is_module else node.module)
    return found
