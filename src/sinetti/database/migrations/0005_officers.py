import django.db.models.deletion
import sinetti.database.sql
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('sinetti', '0004_log'),
    ]

    operations = [
        migrations.CreateModel(
            name='ApprovalSetting',
            fields=[
                ('name', models.CharField(max_length=20, primary_key=True, serialize=False)),
                ('value', models.CharField(max_length=20)),
            ],
        ),
        migrations.CreateModel(
            name='CallerAddress',
            fields=[
                ('request_id', models.CharField(max_length=32, primary_key=True, serialize=False)),
                ('address', models.CharField(max_length=45)),
                ('at', models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name='ActProposal',
            fields=[
                ('proposal_id', models.CharField(default=sinetti.database.sql.random_id, editable=False, max_length=32, primary_key=True, serialize=False)),
                ('act', models.CharField(max_length=20)),
                ('octets', models.BinaryField()),
                ('sha256', models.CharField(max_length=64)),
                ('proposer', models.CharField(max_length=40)),
                ('state', models.CharField(choices=[('open', 'open'), ('approved', 'approved'), ('started', 'started'), ('done', 'done'), ('rejected', 'rejected')], max_length=10)),
                ('created', models.DateTimeField()),
                ('expires', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('ended_at__isnull', True)), fields=['created'], name='act_proposals_that_wait')],
            },
        ),
        migrations.CreateModel(
            name='OfficerRecord',
            fields=[
                ('officer_id', models.CharField(default=sinetti.database.sql.random_id, editable=False, max_length=32, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=40)),
                ('role', models.CharField(choices=[('operator', 'operator'), ('registration', 'registration'), ('approver', 'approver'), ('auditor', 'auditor'), ('key-custodian', 'key-custodian')], max_length=16)),
                ('key', models.TextField()),
                ('fingerprint', models.CharField(max_length=60)),
                ('attestation', models.CharField(blank=True, max_length=64)),
                ('added_at', models.DateTimeField()),
                ('removed_at', models.DateTimeField(null=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('fingerprint',), name='one_officer_per_key'), models.UniqueConstraint(condition=models.Q(('removed_at__isnull', True)), fields=('name',), name='one_officer_per_name')],
            },
        ),
        migrations.CreateModel(
            name='ActSignature',
            fields=[
                ('number', models.BigAutoField(primary_key=True, serialize=False)),
                ('signature', models.BinaryField()),
                ('signed_at', models.DateTimeField()),
                ('proposal', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='signatures', to='sinetti.actproposal')),
                ('officer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='signatures', to='sinetti.officerrecord')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('proposal', 'officer'), name='one_signature_per_officer')],
            },
        ),
    ]
