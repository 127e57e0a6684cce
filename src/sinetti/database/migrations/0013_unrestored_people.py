import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('sinetti', '0012_status_events'),
    ]

    operations = [
        migrations.CreateModel(
            name='UnrestoredPeople',
            fields=[
                ('number', models.BigAutoField(primary_key=True, serialize=False)),
                ('has_new_organisation', models.BooleanField()),
                ('restored_at', models.DateTimeField()),
                ('settled_at', models.DateTimeField(null=True)),
                ('lineage', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='unrestored', to='sinetti.lineage')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('lineage',), name='one_row_of_unrestored_people')],
            },
        ),
    ]
