import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('registry', '0006_no_pattern_indexes'),
    ]

    operations = [
        migrations.AddField(
            model_name='authority',
            name='open_shard',
            field=models.PositiveIntegerField(db_default=1, default=1),
        ),
        migrations.AddField(
            model_name='authority',
            name='shard_places',
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.CreateModel(
            name='ShortList',
            fields=[
                ('whole', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='short', serialize=False, to='registry.revocationlist')),
                ('base', models.BigIntegerField()),
                ('number', models.BigIntegerField()),
                ('this_update', models.DateTimeField()),
                ('next_update', models.DateTimeField()),
                ('revocations', models.BigIntegerField()),
                ('der', models.BinaryField()),
            ],
        ),
    ]
