"""The only room that speaks SQL.

Takes and returns frozen domain values, never model instances.
"""

import os

import django
from django.conf import settings

# Models cannot even be defined before Django is set up, so whoever enters this room has it set up. The guard is for
# those who do it themselves (the type checker, makemigrations).
if not settings.configured:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sinetti.settings.django")  # noqa: TID251 - Django's own door
    django.setup()
