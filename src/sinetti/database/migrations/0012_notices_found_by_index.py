import django.db.models.functions.text
from django.db import migrations, models

from sinetti.database.migration_operations import AddIndexWhileServing, DropPatternIndexesWhileServing


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('registry', '0011_notices'),
    ]

    operations = [
        AddIndexWhileServing(
            model_name='certificate',
            index=models.Index(condition=models.Q(('remind_at__isnull', True)), fields=['not_after'], name='not_looked_at_yet'),
        ),
        AddIndexWhileServing(
            model_name='certificate',
            index=models.Index(condition=models.Q(('remind_at__isnull', False)), fields=['remind_at'], name='to_be_looked_at'),
        ),
        AddIndexWhileServing(
            model_name='outboxrow',
            index=models.Index(condition=models.Q(('dead__isnull', True), ('dropped__isnull', True), ('sent__isnull', True), ('spread__isnull', True)), fields=['due'], name='messages_that_wait'),
        ),
        AddIndexWhileServing(
            model_name='person',
            index=models.Index(django.db.models.functions.text.Lower('email'), name='people_by_email'),
        ),
        AddIndexWhileServing(
            model_name='outboxrow',
            index=models.Index(condition=models.Q(('bounced__isnull', False)), fields=['bounced'], name='messages_that_bounced'),
        ),
        # Random ids, as in the tables before (docs/schema.md).
        DropPatternIndexesWhileServing(),
    ]
