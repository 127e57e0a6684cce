"""Which page stands where."""

from django.urls import path

from sinetti.eservice import errors, message, start, static, stop

urlpatterns = [
    path("", start.page, name="start"),
    path("m/<str:token>", message.page),
    path("stop/<str:message_id>/<str:token>", stop.page),
    path("static/<str:name>", static.file),
]
handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
