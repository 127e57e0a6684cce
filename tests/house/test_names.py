"""Names: unique class names, and no gerunds, participles or verbs of perception.

The rule against gerunds is for modules, and the rule against participles for classes. Locals and parameters are
nouns; those that are not yet are counted, and the number may only fall.
"""

import ast
import re
from collections import Counter, defaultdict
from pathlib import PurePosixPath

from tests.house.tree import modules

SHARED = {
    "Gateway": "the relying party's object, and the model of a gateway that sends usage reports",
}
"""Class names that two classes share, each with the reason.

A model beside its domain type needs none.
"""

NOUNS = frozenset({"monitoring", "listing", "json_logging", "encoding"})
"""Modules whose name ends in -ing and is a noun."""

SPEECH = frozenset(
    {
        "look",
        "see",
        "tell",
        "told",
        "say",
        "said",
        "hear",
        "shown",
        "found",
        "kept",
        "held",
        "of",
        "put",
        "give",
        "take",
    }
)
"""Names of one word that do not describe a function."""

PARTICIPLES = re.compile(
    r"Told|Asked|Wanted|Seen|Listed|Found|Known|Taken|Offered|Opened|Shown|Held|Looked|Named|Called|Given|Kept|Owed|Said"
)


VAGUE = frozenset({"one", "found", "seen", "matter", "room", "means"})
"""Names that do not say what a local holds."""

VAGUE_LOCALS = {
    "api": 8,
    "authority": 62,
    "ca": 67,
    "cli": 38,
    "client": 59,
    "database": 99,
    "diagnostics": 16,
    "domain": 18,
    "eservice": 89,
    "gateway": 20,
    "i18n": 6,
    "infra": 24,
    "journal": 4,
    "notifications": 9,
    "pki": 23,
    "server": 4,
    "services": 83,
    "settings": 9,
    "testbench": 27,
    "wire": 15,
}
"""Bindings of these names by package: lower a number with each that got its noun."""


def classes():
    """Yield the public classes of the package with their modules."""
    for module, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and node.name != "Meta":
                yield node.name, module


def test_a_class_name_names_one_class():
    places = defaultdict(list)
    for name, module in classes():
        places[name].append(module)
    twice = {name: found for name, found in places.items() if len(found) > 1 and name not in SHARED}
    for name, found in list(twice.items()):
        models = [module for module in found if module.startswith("database/models/")]
        if len(found) == len(models) + 1 == 2 and all(
            module.startswith(("database/models/", "domain/")) for module in found
        ):
            del twice[name]
    assert twice == {}
    assert len(SHARED) <= 10
    assert all(len(places[name]) > 1 for name in SHARED), "take away what is shared no more"


def test_no_module_is_a_gerund():
    stems = {PurePosixPath(module).stem for module in modules()}
    assert {stem for stem in stems if stem.endswith("ing")} <= NOUNS


def test_no_class_is_a_participle():
    assert not [(name, module) for name, module in classes() if PARTICIPLES.fullmatch(name)]


def test_no_public_function_is_a_verb_of_perception_or_speech():
    found = [
        (module, node.name)
        for module, tree in modules().items()
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name in SPEECH
    ]
    assert found == []


def test_old_names_do_not_linger_as_aliases():
    """An alias of an import is for a clash in that file, not for a former name."""
    old = re.compile(r"^(office|register|deed|room|holder|notices|texts|kindness|mandating|wiring|keeping|telling)$")
    found = [
        (module, alias.asname)
        for module, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname and old.match(alias.asname)
    ]
    assert found == []


def test_locals_are_nouns():
    """No package has more locals and parameters of these names than recorded."""
    counts = Counter()
    for module, tree in modules().items():
        for node in ast.walk(tree):
            name = node.arg if isinstance(node, ast.arg) else node.id if is_bound(node) else None
            counts[module.partition("/")[0]] += name in VAGUE
    assert {package: count for package, count in counts.items() if count} == VAGUE_LOCALS


def is_bound(node):
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
