"""Which page of this part stands where."""

from django.urls import URLPattern, URLResolver, path

from sinetti.eservice.orders import contact, fetch, leaving, let_end, new, open_orders, replace, revoke, state

urlpatterns: list[URLPattern | URLResolver] = [
    path("fetch", fetch.page, name="fetch"),
    path("settings/orders", open_orders.page, name="orders"),
    path("settings/orders/new", new.page, name="order_new"),
    path("settings/orders/replace", replace.page, name="order_replace"),
    path("settings/orders/<str:order_id>", state.page, name="order"),
    path("settings/contacts", leaving.page, name="contacts"),
    path("settings/certificates/<str:serial>/contact", contact.page, name="certificate_contact"),
    path("settings/certificates/<str:serial>/let-end", let_end.page, name="certificate_let_end"),
    path("settings/certificates/<str:serial>/revoke", revoke.page, name="certificate_revoke"),
]
