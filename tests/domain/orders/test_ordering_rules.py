"""Orders of forms: the same form is the same order, and no other one is."""

import pytest

from sinetti.domain.orders.ordering_rules import is_form, order_of_form

FORM = "0123456789abcdef" * 2


@pytest.mark.parametrize("form", ["", FORM[1:], f"{FORM}0", FORM.upper(), f"{FORM[:-1]}g", f"{FORM}\n"])
def test_what_is_no_form(form):
    assert is_form(FORM)
    assert not is_form(form)


def test_an_order_is_one_forms_of_one_user_in_one_place():
    others = [("other", FORM, ""), ("user", "f" * 32, ""), ("user", FORM, "00")]
    orders = {order_of_form("user", FORM), *(order_of_form(*one) for one in others)}
    assert len(orders) == 4
    assert order_of_form("user", FORM) == order_of_form("user", FORM)
    assert all(is_form(one) for one in orders)
