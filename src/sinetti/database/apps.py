"""Tells Django about this room."""

from django.apps import AppConfig
from django.contrib.contenttypes.management import create_contenttypes
from django.db.models.signals import post_migrate


class DatabaseConfig(AppConfig):
    """The Django application of the database."""

    name = "sinetti.database"
    label = "sinetti"

    def ready(self) -> None:
        """Have no rows made of Django's permissions and kinds of content, which nobody asks for.

        What somebody may do is in mandates. The tables are there, as Django's own migrations make them.
        """
        post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")
        post_migrate.disconnect(create_contenttypes)
