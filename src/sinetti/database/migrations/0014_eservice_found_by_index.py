from django.db import migrations, models
from django.db.models.functions import Lower

from sinetti.database.migration_operations import AddIndexWhileServing, AddPrefixIndexWhileServing, DropPatternIndexesWhileServing


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
        # Searches by how a text begins (database/certificates/search.py).
        AddPrefixIndexWhileServing(
            'person',
            models.Index(Lower('email'), models.F('person_id'), name='people_by_email_prefix'),
            columns='(lower(email) COLLATE "C"), person_id',
        ),
        AddPrefixIndexWhileServing(
            'organisation',
            models.Index(fields=['folded', 'organisation_id'], name='organisations_by_id_prefix'),
            columns='folded COLLATE "C", organisation_id',
        ),
        AddPrefixIndexWhileServing(
            'organisation',
            models.Index(Lower('name'), models.F('organisation_id'), name='organisations_by_name_prefix'),
            columns='(lower(name) COLLATE "C"), organisation_id',
        ),
        AddPrefixIndexWhileServing(
            'holding',
            models.Index(Lower('description'), models.F('holding_id'), name='holdings_by_description'),
            columns='(lower(description) COLLATE "C"), holding_id',
        ),
        # Random ids, as in the tables before (docs/schema.md).
        DropPatternIndexesWhileServing(),
    ]
