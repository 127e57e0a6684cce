"""URLs of orders."""

from django.urls import URLPattern, URLResolver, path

from sinetti.eservice.orders import (
    browser_enrolment_pages,
    contact_handover_view,
    contact_view,
    create_view,
    detail_view,
    list_view,
    renewal_opt_out_view,
    replace_view,
    revoke_view,
)

urlpatterns: list[URLPattern | URLResolver] = [
    path("fetch", browser_enrolment_pages.page, name="fetch"),
    path("settings/orders", list_view.page, name="orders"),
    path("settings/orders/new", create_view.page, name="order_new"),
    path("settings/orders/replace", replace_view.page, name="order_replace"),
    path("settings/orders/<str:order_id>", detail_view.page, name="order"),
    path("settings/contacts", contact_handover_view.page, name="contacts"),
    path("settings/certificates/<str:serial>/contact", contact_view.page, name="certificate_contact"),
    path("settings/certificates/<str:serial>/let-end", renewal_opt_out_view.page, name="certificate_let_end"),
    path("settings/certificates/<str:serial>/revoke", revoke_view.page, name="certificate_revoke"),
]
