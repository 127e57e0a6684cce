from django.db import migrations

from sinetti.database.migration_operations import DropPatternIndexesWhileServing


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('sinetti', '0009_authorities'),
    ]

    operations = [DropPatternIndexesWhileServing()]
