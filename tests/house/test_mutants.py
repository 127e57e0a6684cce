"""The mutants of `make mutants`: what is changed, and which are drawn."""

import ast

import pytest

from scripts import mutants

SOURCE = '''"""Docstring."""

LIMIT: Literal[5] = 3


@dataclass(frozen=True)
class Rule:
    def holds(self, value: int, day: str) -> bool:
        """Another one."""
        logger.info("%d", 7)
        if not value or LIMIT <= value:
            raise ValueError
        self.note(value)
        return value + 1
'''
CHANGES = [
    "module:constant:0: 3 -> 4",
    "module:constant:1: 3 -> 2",
    "Rule.holds:boolean:0: not value or LIMIT <= value -> not value and LIMIT <= value",
    "Rule.holds:not:0: not value -> value",
    "Rule.holds:comparison:0: LIMIT <= value -> LIMIT < value",
    "Rule.holds:removal:0: raise ValueError -> pass",
    "Rule.holds:removal:1: self.note(value) -> pass",
    "Rule.holds:return:0: return value + 1 -> return None",
    "Rule.holds:constant:0: 1 -> 2",
    "Rule.holds:constant:1: 1 -> 0",
]


def listed():
    return mutants.list_mutants("rule.py", ast.parse(SOURCE))


def test_what_is_changed():
    assert [f"{one.name.removeprefix('rule.py:')}: {one.change}" for one in listed()] == CHANGES


@pytest.mark.parametrize("number", range(len(CHANGES)))
def test_each_changes_its_place_alone(number):
    tree = ast.parse(SOURCE)
    mutants.list_mutants("rule.py", tree)[number].apply()
    lines = zip(ast.unparse(ast.parse(SOURCE)).splitlines(), ast.unparse(tree).splitlines(), strict=True)
    assert sum(before != after for before, after in lines) == 1
    compile(tree, "rule.py", "exec")


def test_a_seed_draws_the_same_whatever_else_there_is():
    drawn = [one.name for one in mutants.draw(listed(), 34, len(CHANGES))]
    some = listed()[::2]
    assert [one.name for one in mutants.draw(some, 34, 3)] == [one for one in drawn if one in {it.name for it in some}][
        :3
    ]
    assert [one.name for one in mutants.draw(listed(), 35, len(CHANGES))] != drawn
