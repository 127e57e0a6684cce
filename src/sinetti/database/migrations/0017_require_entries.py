from django.db import migrations

from sinetti.database.migration_operations import RequireEntries


class Migration(migrations.Migration):

    dependencies = [
        ('sinetti', '0015_given_up_messages'),
    ]

    operations = [
        RequireEntries(),
    ]
