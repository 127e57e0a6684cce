from django.db import migrations, models

from sinetti.database.migration_operations import ForbidChanges


class Migration(migrations.Migration):

    dependencies = [
        ('sinetti', '0003_role_ends'),
    ]

    operations = [
        migrations.CreateModel(
            name='LogEntry',
            fields=[
                ('index', models.BigIntegerField(primary_key=True, serialize=False)),
                ('sequence', models.BigIntegerField(null=True, unique=True)),
                ('leaf', models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name='LogNode',
            fields=[
                ('pk', models.CompositePrimaryKey('level', 'index', blank=True, editable=False, primary_key=True, serialize=False)),
                ('level', models.SmallIntegerField()),
                ('index', models.BigIntegerField()),
                ('digest', models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name='LogCheckpoint',
            fields=[
                ('size', models.BigIntegerField(primary_key=True, serialize=False)),
                ('note', models.BinaryField()),
                ('made_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='LogCosignature',
            fields=[
                ('pk', models.CompositePrimaryKey('size', 'witness', blank=True, editable=False, primary_key=True, serialize=False)),
                ('size', models.BigIntegerField()),
                ('witness', models.CharField(max_length=200)),
                ('line', models.TextField()),
            ],
        ),
        ForbidChanges('logentry'),
        ForbidChanges('lognode'),
        ForbidChanges('logcheckpoint'),
        ForbidChanges('logcosignature'),
    ]
