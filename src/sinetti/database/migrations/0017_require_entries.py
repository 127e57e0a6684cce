from django.db import migrations

from sinetti.database.migration_operations import RequireEntries


class Migration(migrations.Migration):

    dependencies = [
        ('sinetti', '0016_unregistered_certificates'),
    ]

    operations = [
        RequireEntries(),
    ]
