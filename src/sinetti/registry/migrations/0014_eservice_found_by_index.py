from django.db import migrations, models

from sinetti.registry.changing import AddIndexWhileServing, DropPatternIndexesWhileServing


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('registry', '0013_eservice'),
    ]

    operations = [
        AddIndexWhileServing(
            model_name='mandate',
            index=models.Index(condition=models.Q(('user__isnull', False)), fields=['user'], name='mandates_by_user'),
        ),
        # Random ids, as in the tables before (docs/schema.md).
        DropPatternIndexesWhileServing(),
    ]
