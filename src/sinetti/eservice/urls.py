"""Which page stands where."""

from django.urls import include, path

from sinetti.eservice import errors, message, static, stop

urlpatterns = [
    path("m/<str:token>", message.page),
    path("stop/<str:message_id>/<str:token>", stop.page),
    path("static/<str:name>", static.file),
    path("", include("sinetti.eservice.accounts.urls")),
    path("", include("sinetti.eservice.authorisations.urls")),
    path("", include("sinetti.eservice.certificates.urls")),
    path("", include("sinetti.eservice.orders.urls")),
    path("", include("sinetti.eservice.applications.urls")),
    path("", include("sinetti.eservice.staff.urls")),
    path("", include("sinetti.eservice.common.urls")),
]
handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler429 = errors.too_many
