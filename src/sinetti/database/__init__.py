"""The only package with SQL.

Its functions take and return frozen domain values, never model instances.
"""

import os

import django
from django.conf import settings

# Models need Django to be set up, so importing this package sets it up. Programs that set it up themselves (the type
# checker, makemigrations) are detected.
if not settings.configured:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sinetti.settings.django")  # noqa: TID251 - Django's entry point
    django.setup()
