from django.db import migrations, models

from sinetti.database.migration_operations import AddIndexWhileServing


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('registry', '0007_open_shard'),
    ]

    operations = [
        AddIndexWhileServing(
            model_name='certificate',
            index=models.Index(
                condition=models.Q(('revoked_at__isnull', False)),
                fields=['authority', 'crl_shard', 'revoked_at'],
                name='revoked_by_time',
            ),
        ),
    ]
