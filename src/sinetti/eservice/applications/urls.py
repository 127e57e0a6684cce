"""URLs of applications."""

from django.urls import path

from sinetti.eservice.applications import views

urlpatterns = [
    path("settings/applications", views.listed, name="applications"),
    path("settings/applications/new", views.new, name="application_new"),
    path("settings/applications/<str:application_id>", views.one, name="application"),
    path("settings/applications/<str:application_id>/decision", views.decision, name="application_decision"),
]
