"""Which page of this part stands where."""

from django.urls import URLPattern, URLResolver, path

from sinetti.eservice.common import accessibility, privacy, profile, start

urlpatterns: list[URLPattern | URLResolver] = [
    path("", start.page, name="start"),
    path("settings/profile", profile.page, name="profile"),
    path("privacy", privacy.page, name="privacy"),
    path("accessibility", accessibility.page, name="accessibility"),
]
