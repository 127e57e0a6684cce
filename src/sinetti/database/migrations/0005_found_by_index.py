from django.db import migrations, models

from sinetti.database.migration_operations import AddIndexWhileServing


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('registry', '0004_clock_and_schema_marks'),
    ]

    operations = [
        AddIndexWhileServing(
            model_name='certificate',
            index=models.Index(fields=['serial'], name='by_serial'),
        ),
        AddIndexWhileServing(
            model_name='certificate',
            index=models.Index(
                condition=models.Q(('state', 'reserved')),
                fields=['reserved_at'],
                name='waiting_reservations',
            ),
        ),
    ]
