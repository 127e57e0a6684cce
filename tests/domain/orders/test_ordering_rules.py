"""Orders of forms: equal forms give the same order, and different ones do not."""

import pytest

from sinetti.domain.orders.ordering_rules import is_idempotency_key, order_id_for

FORM = "0123456789abcdef" * 2


@pytest.mark.parametrize("form", ["", FORM[1:], f"{FORM}0", FORM.upper(), f"{FORM[:-1]}g", f"{FORM}\n"])
def test_what_is_no_form(form):
    assert is_idempotency_key(FORM)
    assert not is_idempotency_key(form)


def test_an_order_is_one_forms_of_one_user_in_one_place():
    others = [("other", FORM, ""), ("user", "f" * 32, ""), ("user", FORM, "00")]
    orders = {order_id_for("user", FORM), *(order_id_for(*one) for one in others)}
    assert len(orders) == 4
    assert order_id_for("user", FORM) == order_id_for("user", FORM)
    assert all(is_idempotency_key(one) for one in orders)
