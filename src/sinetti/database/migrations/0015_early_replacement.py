import django.db.models.deletion
import sinetti.database.ids
from django.db import migrations, models



class Migration(migrations.Migration):

    dependencies = [
        ('registry', '0014_eservice_found_by_index'),
    ]

    operations = [
        migrations.CreateModel(
            name='EarlyCall',
            fields=[
                ('number', models.BigAutoField(primary_key=True, serialize=False)),
                ('call_id', models.CharField(default=sinetti.database.ids.random_id, max_length=32)),
                ('officer', models.CharField(max_length=40)),
                ('reason', models.CharField(max_length=200)),
                ('explanation_fi', models.CharField(blank=True, max_length=400)),
                ('explanation_sv', models.CharField(blank=True, max_length=400)),
                ('explanation_en', models.CharField(blank=True, max_length=400)),
                ('url', models.CharField(blank=True, max_length=200)),
                ('serials', models.JSONField()),
                ('count', models.PositiveIntegerField()),
                ('created', models.DateTimeField()),
                ('ends', models.DateTimeField()),
                ('done_at', models.DateTimeField(null=True)),
                ('undone_at', models.DateTimeField(null=True)),
                ('back_at', models.DateTimeField(null=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('call_id',), name='one_early_call_per_id')],
            },
        ),
        migrations.CreateModel(
            name='CalledEarly',
            fields=[
                ('certificate', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='called_early', serialize=False, to='registry.certificate')),
                ('call', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='called', to='registry.earlycall')),
            ],
        ),
    ]
