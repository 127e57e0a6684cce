"""URLs of applications."""

from django.urls import path

from sinetti.eservice.applications import views

urlpatterns = [
    path("settings/applications", views.application_list, name="applications"),
    path("settings/applications/new", views.application_create, name="application_new"),
    path("settings/applications/<str:application_id>", views.application_detail, name="application"),
    path("settings/applications/<str:application_id>/decision", views.decision, name="application_decision"),
]
