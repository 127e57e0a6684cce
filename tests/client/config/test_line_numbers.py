"""Line numbers of keys in a TOML text.

A writer counts the lines that it writes, and tomllib reads the same text.
"""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinetti.client.config import line_numbers

KEYS = st.text("ab1-_.# \"'=[]äå\\", min_size=1, max_size=5)
WORDS = st.text("ab =[]{}#,.\"'\\\n\té", max_size=12)


class Writer:
    """Writes TOML in every style, and records the line of each key."""

    def __init__(self, draw):
        self.draw, self.text, self.found = draw, "", {}

    @property
    def line(self):
        return self.text.count("\n") + 1

    def chosen(self, *these):
        return self.draw(st.sampled_from(these))

    def blank(self, *, lines_too=True):
        """Write the white space or comment that may stand between two tokens."""
        self.text += self.chosen("", " ", "\t", *(("\n", "\r\n", " # a = [1]\n", "\n\n") if lines_too else ()))

    def key(self, key):
        quoted = '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'
        ways = [quoted]
        if "'" not in key:
            ways.append(f"'{key}'")
        if all(sign.isascii() and (sign.isalnum() or sign in "-_") for sign in key):
            ways.append(key)
        self.text += self.chosen(*ways)

    def pair(self, place, keys, value):
        line = self.line
        for number, key in enumerate(keys):
            if number:
                self.blank(lines_too=False)
                self.text += "."
                self.blank(lines_too=False)
            self.key(key)
            place = (*place, key)
            self.found.setdefault(place, line)
        self.blank(lines_too=False)
        self.text += "="
        self.blank(lines_too=False)
        self.value(place, value)

    def value(self, place, value):
        match value:
            case str():
                self.string(value)
            case list():
                self.array(place, value)
            case dict():
                self.inline(place, value)
            case _:
                self.text += str(value)

    def string(self, value):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        ways = [f'"{escaped}"'.replace("\n", "\\n"), f'"""{escaped}"""', f'"""\n{escaped}"""']
        if "'" not in value:
            ways += [f"'''{value}'''", f"'''\n{value}'''"] + ([] if "\n" in value else [f"'{value}'"])
        if '"""' not in value and "\\" not in value and not value.endswith('"""'):
            ways.append(f'"""{value}"""')
        self.text += self.chosen(*ways)

    def array(self, place, value):
        self.text += "["
        self.blank()
        for number, one in enumerate(value):
            self.found[(*place, number)] = self.line
            self.value((*place, number), one)
            self.blank()
            if number < len(value) - 1 or self.chosen(True, False):
                self.text += ","
                self.blank()
        self.text += "]"

    def inline(self, place, value):
        self.text += "{"
        self.blank(lines_too=False)
        for number, (key, one) in enumerate(value.items()):
            self.text += ", " if number else ""
            self.pair(place, [key], one)
            self.blank(lines_too=False)
        self.text += "}"

    def body(self, place, pairs):
        for keys, value in pairs:
            self.blank()
            self.pair(place, keys, value)
            self.blank(lines_too=False)
            self.text += self.chosen("\n", "\r\n", " # b = 2\n")

    def header(self, keys, numbers, *, several=False):
        """Write a header of a table.

        `numbers` are the indexes of elements, by the keys that name an array of tables.
        """
        self.blank()
        line, place = self.line, ()
        self.text += "[[" if several else "["
        for number, key in enumerate(keys):
            self.text += "." if number else ""
            self.key(key)
            place = (*place, key)
            if number < len(keys) - 1 or several:
                self.found.setdefault(place, line)
            if number == 0 and key in numbers:
                place = (*place, numbers[key])
        self.text += "]]" if several else "]"
        self.text += self.chosen("\n", " # [c]\n")
        self.found[place] = line
        return place


VALUES = st.recursive(
    st.one_of(WORDS, st.sampled_from([1, -2, "1979-05-27", "true", 0.5])),
    lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(KEYS, below, max_size=2)),
    max_leaves=5,
)


@st.composite
def documents(draw):
    """Draw a text with the line of each of its keys."""
    writer = Writer(draw)
    names = draw(st.lists(KEYS, min_size=3, max_size=7, unique=True))
    here = draw(st.integers(0, 2))

    def pairs(keys):
        return [([key, *draw(st.lists(KEYS, max_size=1))], draw(VALUES)) for key in keys]

    writer.body((), pairs(names[:here]))
    for name in names[here:]:
        inner = draw(st.lists(KEYS, max_size=3, unique=True))
        if draw(st.booleans()):
            for number in range(draw(st.integers(1, 2))):
                place = writer.header([name], {name: number}, several=True)
                writer.body(place, pairs(inner[:1]))
                for key in inner[1:2]:
                    writer.body(writer.header([name, key], {name: number}), pairs(inner[2:]))
            continue
        order = [lambda name=name, inner=inner: writer.body(writer.header([name], {}), pairs(inner[:1]))]
        order += [lambda name=name, key=key: writer.header([name, key], {}) for key in inner[1:]]
        for write in draw(st.permutations(order)):
            write()
    return writer.text, writer.found


def paths(value, place=()):
    """Yield every path of the value that tomllib has read."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in items:
        yield (*place, key)
        yield from paths(below, (*place, key))


@given(documents())
def test_every_key_is_found_in_its_line(document):
    text, written = document
    found = line_numbers.locate_keys(text)
    assert set(found) == set(paths(tomllib.loads(text)))
    assert found == written


@given(st.text("ab.=[]{}#,\"'\\\n\r 1", max_size=40))
def test_whatever_is_toml_has_a_line_for_each_key(text):
    try:
        read = tomllib.loads(text)
    except ValueError:
        return
    found = line_numbers.locate_keys(text)
    assert set(found) == set(paths(read))
    assert all(1 <= line <= text.count("\n") + 1 for line in found.values())


CASES = {
    "a string of several lines": ('a = """\nb = 1\n"""\nc = 2\n', {("a",): 1, ("c",): 4}),
    "one that ends in five quotes": ('a = """x"""""\nb = 1\n', {("a",): 1, ("b",): 2}),
    "an empty string, and an empty long one": ("a = ''\nb = ''''''\nc = \"\"\n", {("a",): 1, ("b",): 2, ("c",): 3}),
    "a table without a header of its own": ("\n[a.b]\nc = 1\n", {("a",): 2, ("a", "b"): 2, ("a", "b", "c"): 3}),
    "a header that comes later": ("[a.b]\n[a]\n", {("a",): 2, ("a", "b"): 1}),
    "an array over several lines": (
        "a = [ # two\n  'x',\n\n  'y', # last\n]\nb = 1\n",
        {("a",): 1, ("a", 0): 2, ("a", 1): 4, ("b",): 6},
    ),
    "Windows' line ends": ("a = 1\r\n[b]\r\nc = 2\r\n", {("a",): 1, ("b",): 2, ("b", "c"): 3}),
    "no line end at the end": ("[b]\nc = 2", {("b",): 1, ("b", "c"): 2}),
    "nothing": ("# only a remark", {}),
}


@pytest.mark.parametrize(("text", "found"), CASES.values(), ids=CASES)
def test_places(text, found):
    tomllib.loads(text)
    assert line_numbers.locate_keys(text) == found


def test_what_has_no_line_has_that_of_what_it_would_stand_in():
    found = line_numbers.locate_keys("\n[a]\nb = 1\n")
    assert [line_numbers.nearest_line(found, place) for place in (("a", "b"), ("a", "c"), ("z", "c"))] == [3, 2, 1]
