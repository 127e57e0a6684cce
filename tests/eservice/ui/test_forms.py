"""Forms as components: order of errors, groups, revealed fields, a choice with one option."""

import pytest
from django import forms

from sinetti.eservice.ui.components import Form, Group, Input, Option
from sinetti.eservice.ui.forms import PortalForm
from sinetti.i18n.translate import gettext_noop


class SampleForm(PortalForm):
    """Three fields, the last of which is checked first."""

    channel = forms.ChoiceField(label=gettext_noop("Channel"), choices=[("", ""), ("WS", gettext_noop("All"))])
    name = forms.CharField(label=gettext_noop("Name"))
    email = forms.CharField(label=gettext_noop("E-mail"))

    def clean(self):
        """Refuse in another order than that of the fields."""
        self.refuse("email", "E")
        self.refuse("name", "N")
        self.refuse(None, "F")


def test_errors_are_in_the_order_of_the_fields():
    form = SampleForm({"channel": "WS", "name": "a", "email": "b"}).as_component()
    assert form.errors == [("content", "F"), ("name", "N"), ("email", "E")]


def test_a_required_choice_with_one_option_is_no_question():
    channel = SampleForm().as_component().inputs[0]
    assert (channel.kind, channel.value, [one.value for one in channel.options]) == ("fixed", "WS", ["WS"])


COUNT, WHOSE = Input("count", "Count"), Input("whose", "Whose", "radio", options=[Option("own", "O"), Option("o", "O")])
NAME, MAIL = Input("name", "Name", required=True), Input("mail", "Mail", required=True)
LAYOUTS = {
    "without groups": ([NAME, MAIL], [], [("", ["name", "mail"])]),
    "a group at the place of its first field": (
        [COUNT, NAME, WHOSE, MAIL],
        [Group("Contact", ["name", "mail"])],
        [("", ["count"]), ("Contact", ["name", "mail"]), ("", ["whose"])],
    ),
    "two groups": (
        [NAME, MAIL],
        [Group("A", ["mail"]), Group("B", ["name"])],
        [("B", ["name"]), ("A", ["mail"])],
    ),
    "a field that is not there": ([NAME], [Group("A", ["name", "mail"])], [("A", ["name"])]),
}


@pytest.mark.parametrize(("inputs", "groups", "parts"), LAYOUTS.values(), ids=LAYOUTS)
def test_groups(inputs, groups, parts):
    form = Form(inputs, [], groups=groups)
    assert [(part.legend, [row.input.name for row in part.rows]) for part in form.parts] == parts


def test_a_revealed_field_follows_its_option_and_stands_nowhere_else():
    radio = Input("whose", "Whose", "radio", options=WHOSE.options, reveals={"o": ["count"]})
    (part,) = Form([COUNT, NAME, radio], []).parts
    assert [row.input.name for row in part.rows] == ["name", "whose"]
    assert [[row.input.name for row in rows] for _option, rows in part.rows[1].options] == [[], ["count"]]


@pytest.mark.parametrize(
    ("inputs", "marked"),
    [([NAME, COUNT], True), ([NAME], False), ([COUNT], False), ([NAME, Input("h", "", "hidden")], False)],
)
def test_required_fields_are_explained_where_some_are_optional(inputs, marked):
    assert Form(inputs, []).has_optional is marked
    assert not Form(inputs, [], search=True).has_optional
