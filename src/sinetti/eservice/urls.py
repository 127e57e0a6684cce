"""URLs of the portal."""

from django.urls import include, path

from sinetti.eservice.secure_messages import drill, opt_out, views
from sinetti.eservice.ui import error_pages, static_files

urlpatterns = [
    path("m/<str:token>", views.secure_message_page),
    path("stop/<str:message_id>/<str:token>", opt_out.opt_out),
    path("drill/<str:message_id>/<str:token>", drill.drill_answer),
    path("static/<str:name>", static_files.file),
    path("", include("sinetti.eservice.accounts.urls")),
    path("", include("sinetti.eservice.authorisations.urls")),
    path("", include("sinetti.eservice.certificates.urls")),
    path("", include("sinetti.eservice.orders.urls")),
    path("", include("sinetti.eservice.applications.urls")),
    path("", include("sinetti.eservice.staff.urls")),
    path("", include("sinetti.eservice.site.urls")),
]
handler400 = error_pages.bad_request
handler403 = error_pages.forbidden
handler404 = error_pages.not_found
handler429 = error_pages.too_many
