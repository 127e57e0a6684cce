"""Tells Django about this room."""

from django.apps import AppConfig


class RegistryConfig(AppConfig):
    """The register, as a Django application."""

    name = "sinetti.registry"
    label = "registry"
