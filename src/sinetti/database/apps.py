"""Registration of the package with Django."""

from django.apps import AppConfig
from django.contrib.contenttypes.management import create_contenttypes
from django.db.models.signals import post_migrate


class DatabaseConfig(AppConfig):
    """Django application of the database."""

    name = "sinetti.database"
    label = "sinetti"

    def ready(self) -> None:
        """Disable the rows of Django's permissions and content types, which are not used.

        Permissions are in role assignments. The tables exist, because Django's own migrations create them.
        """
        post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")
        post_migrate.disconnect(create_contenttypes)
