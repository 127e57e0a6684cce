import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('sinetti', '0008_log_plan'),
    ]

    operations = [
        migrations.CreateModel(
            name='CaDistrust',
            fields=[
                ('authority', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='distrust', serialize=False, to='sinetti.certificateauthority')),
                ('since', models.DateTimeField()),
                ('declared_at', models.DateTimeField()),
                ('bridge_until', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='TrustList',
            fields=[
                ('pk', models.CompositePrimaryKey('kind', 'number', blank=True, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(max_length=10)),
                ('number', models.BigIntegerField()),
                ('octets', models.BinaryField()),
                ('created', models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name='certificateauthority',
            name='channel',
            field=models.CharField(choices=[('WS', 'WS'), ('SFTP', 'SFTP')], max_length=4, null=True),
        ),
        migrations.AddField(
            model_name='certificateauthority',
            name='generation',
            field=models.PositiveIntegerField(db_default=1, default=1),
        ),
        migrations.AddField(
            model_name='certificateauthority',
            name='revocation_reason',
            field=models.CharField(blank=True, db_default='', default='', max_length=24),
        ),
        migrations.AddField(
            model_name='certificateauthority',
            name='revoked_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='certificateauthority',
            name='version',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        # Choices are not in the database.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name='certificateauthority',
                    name='state',
                    field=models.CharField(choices=[('pending', 'pending'), ('standby', 'standby'), ('issuing', 'issuing'), ('publishing', 'publishing'), ('retired', 'retired'), ('revoked', 'revoked')], max_length=10),
                ),
            ],
        ),
        migrations.CreateModel(
            name='PendingAuthority',
            fields=[
                ('name', models.CharField(max_length=100, primary_key=True, serialize=False)),
                ('common_name', models.CharField(max_length=100, unique=True)),
                ('role', models.CharField(max_length=12)),
                ('channel', models.CharField(max_length=4, null=True)),
                ('key_type', models.CharField(max_length=12)),
                ('lifetime_days', models.PositiveIntegerField()),
                ('request', models.BinaryField()),
                ('created', models.DateTimeField()),
                ('installed_at', models.DateTimeField(null=True)),
                ('issuer', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='pending', to='sinetti.certificateauthority')),
                ('replaces', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='successors', to='sinetti.certificateauthority')),
            ],
        ),
    ]
