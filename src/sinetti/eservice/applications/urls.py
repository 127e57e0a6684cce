"""Which page of applications stands where."""

from django.urls import path

from sinetti.eservice.applications import pages

urlpatterns = [
    path("settings/applications", pages.listed, name="applications"),
    path("settings/applications/new", pages.new, name="application_new"),
    path("settings/applications/<str:application_id>", pages.one, name="application"),
    path("settings/applications/<str:application_id>/decision", pages.decision, name="application_decision"),
]
