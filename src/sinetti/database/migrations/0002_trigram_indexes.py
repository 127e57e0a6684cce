from django.db import migrations

from sinetti.database.migration_operations import AddTrigramIndexesWhileServing


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('sinetti', '0001_initial'),
    ]

    operations = [AddTrigramIndexesWhileServing()]
