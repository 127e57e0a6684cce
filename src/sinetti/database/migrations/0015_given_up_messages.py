from django.db import migrations, models

from sinetti.database.migration_operations import AddIndexWhileServing


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('sinetti', '0014_trust_list_numbers'),
    ]

    operations = [
        AddIndexWhileServing(
            model_name='outboxmessage',
            index=models.Index(
                condition=models.Q(('failed_at__isnull', False)), fields=['failed_at'], name='messages_given_up'
            ),
        ),
    ]
