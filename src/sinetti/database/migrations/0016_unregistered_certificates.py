import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('sinetti', '0015_given_up_messages'),
    ]

    operations = [
        migrations.CreateModel(
            name='UnregisteredCertificate',
            fields=[
                ('number', models.BigAutoField(primary_key=True, serialize=False)),
                ('sha256', models.CharField(max_length=64)),
                ('serial', models.CharField(max_length=40)),
                ('crl_shard', models.PositiveIntegerField()),
                ('not_after', models.DateTimeField()),
                ('der', models.BinaryField()),
                ('found_at', models.DateTimeField()),
                ('revoked_at', models.DateTimeField(null=True)),
                ('revocation_reason', models.CharField(blank=True, max_length=24)),
                ('invalidity_date', models.DateTimeField(null=True)),
                ('authority', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='strays', to='sinetti.certificateauthority')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('authority', 'serial'), name='one_unregistered_serial')],
            },
        ),
    ]
