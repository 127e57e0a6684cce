"""URLs of orders."""

from django.urls import URLPattern, URLResolver, path

from sinetti.eservice.orders import (
    browser_enrolment_pages,
    bulk_view,
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
    path("fetch", browser_enrolment_pages.browser_enrolment, name="fetch"),
    path("settings/orders", list_view.order_list, name="orders"),
    path("settings/orders/new", create_view.order_create, name="order_new"),
    path("settings/orders/replace", replace_view.order_replace, name="order_replace"),
    path("settings/orders/<str:order_id>", detail_view.order_detail, name="order"),
    path("settings/bulk", bulk_view.certificates_bulk, name="certificates_bulk"),
    path("settings/contacts", contact_handover_view.contact_handover, name="contacts"),
    path("settings/certificates/<str:serial>/contact", contact_view.certificate_contact, name="certificate_contact"),
    path(
        "settings/certificates/<str:serial>/let-end",
        renewal_opt_out_view.certificate_renewal_opt_out,
        name="certificate_let_end",
    ),
    path("settings/certificates/<str:serial>/revoke", revoke_view.certificate_revoke, name="certificate_revoke"),
]
