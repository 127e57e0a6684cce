"""Catalogues: complete, nothing fuzzy, equal placeholders, compiled as written."""

import pytest

from sinetti.i18n.translate import placeholders
from tests.support import tools

TEXTS = tools.script("texts")
EVERY_CATALOGUE = pytest.mark.parametrize("language", TEXTS.LANGUAGES)


@pytest.fixture(scope="module")
def messages():
    """Return every message id of the code; that takes seconds, so it is done in a process that needs them."""
    return TEXTS.messages()


def forms(text):
    """Return a text, or its forms for one and for more."""
    return text if isinstance(text, tuple) else (text,)


def written(catalogue):
    """Return each text of a catalogue with its message id.

    Each plural form stands with the form of the message id.
    """
    return [
        pair for one in catalogue if one.id for pair in zip(forms(one.id), forms(one.string), strict=True) if pair[1]
    ]


@EVERY_CATALOGUE
def test_every_message_of_the_code_is_translated(language, messages):
    catalogue = TEXTS.read(language)
    missing = [
        f"{message_id!r} ({', '.join(places)})"
        for message_id, places in messages.items()
        if (found := catalogue.get(message_id)) is None or found.id != message_id or not all(forms(found.string))
    ]
    assert not missing, f"run `python scripts/texts.py update` and translate into {language}:\n" + "\n".join(missing)


@EVERY_CATALOGUE
def test_nothing_is_fuzzy_or_left_over(language, messages):
    catalogue = TEXTS.read(language)
    assert not [message.id for message in catalogue if message.id and message.fuzzy]
    assert not [message.id for message in catalogue if message.id and message.id not in messages]
    assert not catalogue.obsolete


@EVERY_CATALOGUE
def test_placeholders_are_the_same_in_every_language(language):
    for message_id, string in written(TEXTS.read(language)):
        assert placeholders(string) == placeholders(message_id), message_id


@EVERY_CATALOGUE
def test_compiled_texts_are_as_new_as_the_written_ones(language):
    place = TEXTS.po_file(language).with_suffix(".mo")
    assert place.is_file(), "run `make texts`"
    assert place.read_bytes() == TEXTS.compiled(language), "run `make texts`"


def test_extraction_sees_calls_marks_and_choices(tmp_path):
    package = tmp_path / "sinetti"
    package.mkdir()
    (package / "one.py").write_text(
        'translate("called {name}", language, name=1)\n_("short")\nTABLE = {1: gettext_noop("in a table")}\n'
        'translate("yes" if ready else "no", language)\n'
        'translate_plural("{count} day", "{count} days", 2, language)\nMANY = ngettext_noop("one", "more")\n'
        'translate(variable, language)\nother("not a message")\nresponse.translate("nor this")\n'
        'say("in the language of the case", name=1)\nmake_message("of the client")\n',
    )
    assert set(TEXTS.messages(package)) == {
        "called {name}", "short", "in a table", "yes", "no", ("{count} day", "{count} days"), ("one", "more"),
        "in the language of the case", "of the client",
    }  # fmt: skip
