from django.db import migrations

from sinetti.database.migration_operations import DropPatternIndexesWhileServing


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('registry', '0017_pending_invitations'),
    ]

    # Random ids, as in the tables before (docs/schema.md).
    operations = [DropPatternIndexesWhileServing()]
