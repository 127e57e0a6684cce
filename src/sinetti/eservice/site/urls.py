"""URLs of general pages."""

from django.urls import URLPattern, URLResolver, path

from sinetti.eservice.site import accessibility, acting_for, descriptions, home, privacy, profile

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home.home_page, name="start"),
    path("settings/acting-for", acting_for.acting_for_page, name="acting_for"),
    path("settings/profile", profile.profile_page, name="profile"),
    path("about", descriptions.about_page, name="about"),
    path("interface", descriptions.interface_page, name="interface"),
    path("privacy", privacy.privacy_page, name="privacy"),
    path("accessibility", accessibility.accessibility_page, name="accessibility"),
]
