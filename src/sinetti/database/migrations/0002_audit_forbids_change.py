from django.db import migrations

from sinetti.database.audit_triggers import forbid


class Migration(migrations.Migration):
    """The triggers, in each database's own words."""

    dependencies = (("registry", "0001_first"),)
    operations = (migrations.RunPython(forbid, migrations.RunPython.noop),)
