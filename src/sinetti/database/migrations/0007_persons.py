import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('sinetti', '0006_pattern_indexes'),
    ]

    operations = [
        migrations.CreateModel(
            name='SignatoryNaming',
            fields=[
                ('number', models.BigAutoField(primary_key=True, serialize=False)),
                ('naming_id', models.CharField(max_length=32)),
                ('token_sha256', models.CharField(max_length=64)),
                ('created', models.DateTimeField()),
                ('ends_at', models.DateTimeField()),
                ('vetoed_at', models.DateTimeField(null=True)),
                ('mandate', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='namings', to='sinetti.roleassignment')),
                ('person', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='namings', to='sinetti.person')),
            ],
            options={
                'indexes': [models.Index(fields=['mandate'], name='namings_by_role')],
                'constraints': [models.UniqueConstraint(fields=('naming_id',), name='one_naming_per_id')],
            },
        ),
        migrations.CreateModel(
            name='StaffPerson',
            fields=[
                ('number', models.BigAutoField(primary_key=True, serialize=False)),
                ('digest', models.CharField(max_length=64)),
                ('added_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('user', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='staff_persons', to='sinetti.user')),
            ],
            options={
                'indexes': [models.Index(fields=['user'], name='staff_persons_by_account')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('digest',), name='one_clerk_per_person'), models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('user',), name='one_person_per_clerk')],
            },
        ),
    ]
