from django.db import migrations

from sinetti.database.migration_operations import DropPatternIndexesWhileServing


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('registry', '0005_found_by_index'),
    ]

    operations = [
        DropPatternIndexesWhileServing(),
    ]
