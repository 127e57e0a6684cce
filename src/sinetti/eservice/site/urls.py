"""URLs of general pages."""

from django.urls import URLPattern, URLResolver, path

from sinetti.eservice.site import accessibility, home, privacy, profile

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home.page, name="start"),
    path("settings/profile", profile.page, name="profile"),
    path("privacy", privacy.page, name="privacy"),
    path("accessibility", accessibility.page, name="accessibility"),
]
