import django.db.models.deletion
import django.db.models.functions.text
import sinetti.database.sql
import sinetti.domain.values
from django.conf import settings
from django.db import migrations, models

from sinetti.database.initial_schema import complete_schema


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        migrations.CreateModel(
            name='AuditEvent',
            fields=[
                ('sequence', models.BigAutoField(primary_key=True, serialize=False)),
                ('at', models.DateTimeField()),
                ('actor', models.CharField(max_length=80)),
                ('action', models.CharField(max_length=40)),
                ('object', models.CharField(db_index=True, max_length=80)),
                ('request_id', models.CharField(max_length=32)),
                ('octets', models.BinaryField()),
                ('sha256', models.CharField(max_length=64)),
            ],
        ),
        migrations.CreateModel(
            name='CacheEntry',
            fields=[
                ('key', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('value', models.TextField()),
                ('expires', models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name='Certificate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('serial', models.CharField(max_length=40)),
                ('state', models.CharField(choices=[('reserved', 'reserved'), ('issued', 'issued'), ('fetched', 'fetched'), ('void', 'void')], max_length=8)),
                ('origin', models.CharField(choices=[('order', 'order'), ('renewal', 'renewal'), ('import', 'import')], max_length=8)),
                ('sha256', models.CharField(max_length=64, null=True, unique=True)),
                ('retrieval_id', models.CharField(max_length=32, unique=True)),
                ('not_before', models.DateTimeField()),
                ('not_after', models.DateTimeField(db_index=True)),
                ('renewable_from', models.DateTimeField()),
                ('crl_shard', models.PositiveIntegerField(default=1)),
                ('reserved_at', models.DateTimeField()),
                ('reserved_machine_time', models.DateTimeField(null=True)),
                ('recorded_at', models.DateTimeField(null=True)),
                ('first_fetched_at', models.DateTimeField(null=True)),
                ('revoked_at', models.DateTimeField(null=True)),
                ('revocation_reason', models.CharField(blank=True, choices=[('unspecified', 'unspecified'), ('keyCompromise', 'keyCompromise'), ('cACompromise', 'cACompromise'), ('affiliationChanged', 'affiliationChanged'), ('superseded', 'superseded'), ('cessationOfOperation', 'cessationOfOperation'), ('privilegeWithdrawn', 'privilegeWithdrawn'), ('aACompromise', 'aACompromise')], max_length=24)),
                ('invalidity_date', models.DateTimeField(null=True)),
                ('next_reminder_at', models.DateTimeField(null=True)),
                ('predecessor', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='renewals', to='sinetti.certificate')),
                ('replaces', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='replaced_by', to='sinetti.certificate')),
            ],
        ),
        migrations.CreateModel(
            name='ClockCheckpoint',
            fields=[
                ('name', models.CharField(max_length=10, primary_key=True, serialize=False)),
                ('newest', models.DateTimeField()),
                ('sequence', models.BigIntegerField()),
                ('accepted_at', models.DateTimeField(null=True)),
                ('accepted_sequence', models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name='Counter',
            fields=[
                ('name', models.CharField(max_length=40, primary_key=True, serialize=False)),
                ('value', models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name='Crl',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('shard', models.PositiveIntegerField()),
                ('number', models.BigIntegerField()),
                ('this_update', models.DateTimeField()),
                ('next_update', models.DateTimeField()),
                ('revocations', models.BigIntegerField()),
                ('der', models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name='Instance',
            fields=[
                ('instance_id', models.CharField(default=sinetti.database.sql.random_id, editable=False, max_length=32, primary_key=True, serialize=False)),
                ('environment', models.CharField(choices=[('PRODUCTION', 'PRODUCTION'), ('TEST', 'TEST')], max_length=10)),
                ('created', models.DateTimeField()),
                ('fingerprints', models.JSONField(default=dict)),
            ],
        ),
        migrations.CreateModel(
            name='SchemaFloor',
            fields=[
                ('name', models.CharField(max_length=10, primary_key=True, serialize=False)),
                ('readable_from', models.PositiveIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name='ServiceCertificate',
            fields=[
                ('pk', models.CompositePrimaryKey('authority', 'serial', blank=True, editable=False, primary_key=True, serialize=False)),
                ('authority', models.CharField(max_length=100)),
                ('serial', models.CharField(max_length=40)),
                ('sha256', models.CharField(max_length=64)),
                ('not_after', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='UsedKey',
            fields=[
                ('key_id', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('first_seen', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='User',
            fields=[
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                ('user_id', models.CharField(default=sinetti.database.sql.random_id, editable=False, max_length=32, primary_key=True, serialize=False)),
                ('email', models.EmailField(max_length=254, unique=True)),
                ('name', models.CharField(blank=True, db_default='', max_length=200)),
                ('language', models.CharField(choices=[('fi', 'fi'), ('sv', 'sv'), ('en', 'en')], default=sinetti.domain.values.Language['EN'], max_length=2)),
                ('is_active', models.BooleanField(default=True)),
                ('is_staff', models.BooleanField(default=False)),
                ('created', models.DateTimeField()),
                ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='BulkRevocation',
            fields=[
                ('number', models.BigAutoField(primary_key=True, serialize=False)),
                ('proposal_id', models.CharField(default=sinetti.database.sql.random_id, max_length=32)),
                ('officer', models.CharField(max_length=40)),
                ('reason', models.CharField(choices=[('unspecified', 'unspecified'), ('keyCompromise', 'keyCompromise'), ('cACompromise', 'cACompromise'), ('affiliationChanged', 'affiliationChanged'), ('superseded', 'superseded'), ('cessationOfOperation', 'cessationOfOperation'), ('privilegeWithdrawn', 'privilegeWithdrawn'), ('aACompromise', 'aACompromise')], max_length=24)),
                ('invalidity_date', models.DateTimeField(null=True)),
                ('serials', models.JSONField()),
                ('count', models.PositiveIntegerField()),
                ('created', models.DateTimeField()),
                ('expires', models.DateTimeField()),
                ('approver', models.CharField(blank=True, max_length=40)),
                ('approved_at', models.DateTimeField(null=True)),
                ('done_at', models.DateTimeField(null=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('proposal_id',), name='one_bulk_revocation_per_id')],
            },
        ),
        migrations.CreateModel(
            name='CertificateDer',
            fields=[
                ('certificate', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='octets', serialize=False, to='sinetti.certificate')),
                ('to_be_signed', models.BinaryField()),
                ('der', models.BinaryField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='HintRequest',
            fields=[
                ('certificate', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='hint_request', serialize=False, to='sinetti.certificate')),
                ('at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='CertificateAuthority',
            fields=[
                ('name', models.CharField(max_length=100, primary_key=True, serialize=False)),
                ('common_name', models.CharField(max_length=100, unique=True)),
                ('role', models.CharField(max_length=12)),
                ('certificate', models.BinaryField()),
                ('sha256', models.CharField(max_length=64, unique=True)),
                ('key_id', models.CharField(max_length=64)),
                ('state', models.CharField(choices=[('issuing', 'issuing'), ('publishing', 'publishing'), ('retired', 'retired')], max_length=10)),
                ('signs_from', models.DateTimeField()),
                ('signs_until', models.DateTimeField()),
                ('crl_number', models.BigIntegerField(default=0)),
                ('open_shard', models.PositiveIntegerField(db_default=1, default=1)),
                ('shard_places', models.PositiveIntegerField(null=True)),
                ('issuer', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='issued', to='sinetti.certificateauthority')),
            ],
        ),
        migrations.AddField(
            model_name='certificate',
            name='authority',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='certificates', to='sinetti.certificateauthority'),
        ),
        migrations.CreateModel(
            name='CertificateType',
            fields=[
                ('type_id', models.CharField(max_length=40, primary_key=True, serialize=False)),
                ('purpose', models.CharField(max_length=30)),
                ('channel', models.CharField(choices=[('WS', 'WS'), ('SFTP', 'SFTP')], max_length=4)),
                ('authority', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='types', to='sinetti.certificateauthority')),
            ],
        ),
        migrations.CreateModel(
            name='CrlDelta',
            fields=[
                ('whole', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='short', serialize=False, to='sinetti.crl')),
                ('base', models.BigIntegerField()),
                ('number', models.BigIntegerField()),
                ('this_update', models.DateTimeField()),
                ('next_update', models.DateTimeField()),
                ('revocations', models.BigIntegerField()),
                ('der', models.BinaryField()),
            ],
        ),
        migrations.AddField(
            model_name='crl',
            name='authority',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='lists', to='sinetti.certificateauthority'),
        ),
        migrations.CreateModel(
            name='DailyCount',
            fields=[
                ('number', models.BigAutoField(primary_key=True, serialize=False)),
                ('key', models.CharField(max_length=64)),
                ('times', models.JSONField()),
                ('newest', models.DateTimeField(db_index=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('key',), name='one_daily_count_per_key')],
            },
        ),
        migrations.CreateModel(
            name='EarlyReplacement',
            fields=[
                ('number', models.BigAutoField(primary_key=True, serialize=False)),
                ('call_id', models.CharField(default=sinetti.database.sql.random_id, max_length=32)),
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
            name='Gateway',
            fields=[
                ('number', models.BigAutoField(primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=40)),
                ('public_key', models.TextField()),
                ('added', models.DateTimeField()),
                ('withdrawn', models.DateTimeField(null=True)),
                ('first_report', models.DateTimeField(null=True)),
                ('last_report', models.DateTimeField(null=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('name',), name='one_gateway_per_name')],
            },
        ),
        migrations.CreateModel(
            name='CertificateObservation',
            fields=[
                ('number', models.BigAutoField(primary_key=True, serialize=False)),
                ('last_seen', models.DateTimeField()),
                ('certificate', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='sightings', to='sinetti.certificate')),
                ('gateway', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='sightings', to='sinetti.gateway')),
            ],
        ),
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('invitation_id', models.CharField(default=sinetti.database.sql.random_id, editable=False, max_length=32, primary_key=True, serialize=False)),
                ('token_sha256', models.CharField(max_length=64)),
                ('created', models.DateTimeField()),
                ('expires', models.DateTimeField()),
                ('used_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('vouched', models.BooleanField(db_default=False, default=False)),
                ('used_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='invitations', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='Lineage',
            fields=[
                ('lineage_id', models.CharField(default=sinetti.database.sql.random_id, editable=False, max_length=32, primary_key=True, serialize=False)),
                ('subject_serial', models.CharField(max_length=32, unique=True)),
                ('description', models.CharField(blank=True, max_length=200)),
                ('version', models.BigIntegerField(default=0)),
                ('created', models.DateTimeField()),
                ('renewal_opt_out_at', models.DateTimeField(null=True)),
                ('serves', models.PositiveIntegerField(null=True)),
                ('type', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='lineages', to='sinetti.certificatetype')),
            ],
        ),
        migrations.AddField(
            model_name='certificate',
            name='lineage',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='certificates', to='sinetti.lineage'),
        ),
        migrations.CreateModel(
            name='LoneAct',
            fields=[
                ('number', models.BigAutoField(primary_key=True, serialize=False)),
                ('clerk', models.CharField(max_length=32)),
                ('at', models.DateTimeField()),
            ],
            options={
                'indexes': [models.Index(fields=['clerk', 'at'], name='lone_acts_by_clerk')],
            },
        ),
        migrations.CreateModel(
            name='OcspResponse',
            fields=[
                ('pk', models.CompositePrimaryKey('authority', 'serial', blank=True, editable=False, primary_key=True, serialize=False)),
                ('authority', models.CharField(max_length=100)),
                ('serial', models.CharField(max_length=40)),
                ('sha1', models.BinaryField()),
                ('sha256', models.BinaryField()),
                ('this_update', models.DateTimeField()),
                ('next_update', models.DateTimeField()),
                ('revoked_at', models.DateTimeField(null=True)),
                ('revocation_reason', models.CharField(blank=True, max_length=24)),
            ],
            options={
                'indexes': [models.Index(fields=['authority', 'this_update'], name='oldest_answers')],
            },
        ),
        migrations.CreateModel(
            name='Order',
            fields=[
                ('order_id', models.CharField(default=sinetti.database.sql.random_id, editable=False, max_length=32, primary_key=True, serialize=False)),
                ('description', models.CharField(blank=True, max_length=200)),
                ('state', models.CharField(choices=[('open', 'open'), ('spent', 'spent'), ('cancelled', 'cancelled')], max_length=10)),
                ('created', models.DateTimeField()),
                ('lineage', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='orders', to='sinetti.lineage')),
                ('replaces', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='replacements', to='sinetti.certificate')),
            ],
        ),
        migrations.AddField(
            model_name='certificate',
            name='order',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='certificates', to='sinetti.order'),
        ),
        migrations.CreateModel(
            name='Organisation',
            fields=[
                ('organisation_id', models.CharField(default=sinetti.database.sql.random_id, editable=False, max_length=32, primary_key=True, serialize=False)),
                ('customer_id', models.CharField(max_length=30)),
                ('normalised_id', models.CharField(max_length=60, unique=True)),
                ('kind', models.CharField(choices=[('business-id', 'business-id'), ('vat', 'vat'), ('foreign', 'foreign'), ('register', 'register'), ('artificial', 'artificial')], max_length=12)),
                ('country', models.CharField(default='FI', max_length=2)),
                ('name', models.CharField(max_length=200)),
                ('language', models.CharField(choices=[('fi', 'fi'), ('sv', 'sv'), ('en', 'en')], max_length=2)),
                ('created', models.DateTimeField()),
                ('closed_at', models.DateTimeField(null=True)),
                ('merged_into', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='merged', to='sinetti.organisation')),
            ],
        ),
        migrations.AddField(
            model_name='lineage',
            name='organisation',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='lineages', to='sinetti.organisation'),
        ),
        migrations.CreateModel(
            name='ApprovedChannel',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('approved_at', models.DateTimeField()),
                ('withdrawn_at', models.DateTimeField(null=True)),
                ('type', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='approvals', to='sinetti.certificatetype')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='approvals', to='sinetti.organisation')),
            ],
        ),
        migrations.CreateModel(
            name='AccessApplication',
            fields=[
                ('application_id', models.CharField(default=sinetti.database.sql.random_id, editable=False, max_length=32, primary_key=True, serialize=False)),
                ('case_number', models.CharField(max_length=20, unique=True)),
                ('channels', models.JSONField()),
                ('purpose', models.CharField(max_length=1000)),
                ('software', models.CharField(blank=True, max_length=200)),
                ('language', models.CharField(max_length=2)),
                ('state', models.CharField(choices=[('open', 'open'), ('approved', 'approved'), ('refused', 'refused'), ('withdrawn', 'withdrawn')], max_length=10)),
                ('created', models.DateTimeField()),
                ('decided_at', models.DateTimeField(null=True)),
                ('reason', models.CharField(blank=True, max_length=2000)),
                ('decision', models.TextField(blank=True)),
                ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='decisions', to=settings.AUTH_USER_MODEL)),
                ('user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='applications', to=settings.AUTH_USER_MODEL)),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='applications', to='sinetti.organisation')),
            ],
        ),
        migrations.CreateModel(
            name='OrganisationImport',
            fields=[
                ('load_id', models.CharField(default=sinetti.database.sql.random_id, editable=False, max_length=32, primary_key=True, serialize=False)),
                ('created', models.DateTimeField()),
                ('content', models.BinaryField()),
                ('changes', models.JSONField()),
                ('wrong', models.JSONField()),
                ('unchanged', models.PositiveIntegerField()),
                ('digest', models.CharField(max_length=64)),
                ('accepted_at', models.DateTimeField(null=True)),
                ('position', models.PositiveIntegerField(default=0)),
                ('passed_over', models.PositiveIntegerField(default=0)),
                ('done_at', models.DateTimeField(null=True)),
                ('proposed_by', models.CharField(blank=True, db_default='', max_length=32)),
                ('proposed_at', models.DateTimeField(null=True)),
                ('expires', models.DateTimeField(null=True)),
                ('accepted_by', models.CharField(blank=True, db_default='', max_length=32)),
                ('ended_by', models.CharField(blank=True, db_default='', max_length=32)),
                ('ended_at', models.DateTimeField(null=True)),
                ('user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='loads', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='Person',
            fields=[
                ('person_id', models.CharField(default=sinetti.database.sql.random_id, editable=False, max_length=32, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=200)),
                ('email', models.EmailField(max_length=254)),
                ('phone', models.CharField(blank=True, max_length=30)),
                ('language', models.CharField(choices=[('fi', 'fi'), ('sv', 'sv'), ('en', 'en')], max_length=2)),
                ('erased_at', models.DateTimeField(null=True)),
                ('first_written_at', models.DateTimeField(null=True)),
                ('bounced_at', models.DateTimeField(null=True)),
                ('stopped_at', models.DateTimeField(null=True)),
                ('named_until', models.DateTimeField(null=True)),
                ('user', models.OneToOneField(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='person', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='PendingInvitation',
            fields=[
                ('pending_id', models.CharField(default=sinetti.database.sql.random_id, editable=False, max_length=32, primary_key=True, serialize=False)),
                ('state', models.CharField(choices=[('waiting', 'waiting'), ('confirmed', 'confirmed'), ('rejected', 'rejected'), ('withdrawn', 'withdrawn'), ('lapsed', 'lapsed')], max_length=10)),
                ('created', models.DateTimeField()),
                ('expires', models.DateTimeField()),
                ('decided_at', models.DateTimeField(null=True)),
                ('asked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='pending_invitations', to=settings.AUTH_USER_MODEL)),
                ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='decided_invitations', to=settings.AUTH_USER_MODEL)),
                ('invitation', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='pending', to='sinetti.invitation')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='pending_invitations', to='sinetti.organisation')),
                ('person', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='pending_invitations', to='sinetti.person')),
            ],
        ),
        migrations.CreateModel(
            name='OutboxMessage',
            fields=[
                ('message_id', models.CharField(default=sinetti.database.sql.random_id, editable=False, max_length=32, primary_key=True, serialize=False)),
                ('kind', models.CharField(max_length=20)),
                ('step', models.CharField(max_length=40)),
                ('created', models.DateTimeField()),
                ('due', models.DateTimeField()),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('sent', models.DateTimeField(null=True)),
                ('failed_at', models.DateTimeField(null=True)),
                ('channel', models.CharField(choices=[('email', 'email'), ('sms', 'sms')], max_length=5, null=True)),
                ('facts', models.JSONField(null=True)),
                ('address', models.CharField(max_length=254, null=True)),
                ('claimed_by', models.CharField(max_length=32, null=True)),
                ('lease_until', models.DateTimeField(null=True)),
                ('next_attempt_at', models.DateTimeField(null=True)),
                ('problem', models.CharField(max_length=200, null=True)),
                ('cancelled_at', models.DateTimeField(null=True)),
                ('expanded_at', models.DateTimeField(null=True)),
                ('bounced', models.DateTimeField(null=True)),
                ('certificate', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='messages', to='sinetti.certificate')),
                ('lineage', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='messages', to='sinetti.lineage')),
                ('order', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='messages', to='sinetti.order')),
                ('recipient', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='messages', to='sinetti.person')),
            ],
        ),
        migrations.AddField(
            model_name='organisation',
            name='contact',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='contact_of', to='sinetti.person'),
        ),
        migrations.AddField(
            model_name='order',
            name='contact',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='orders', to='sinetti.person'),
        ),
        migrations.AddField(
            model_name='order',
            name='deputy',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='orders_deputised', to='sinetti.person'),
        ),
        migrations.AddField(
            model_name='lineage',
            name='contact',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='lineages', to='sinetti.person'),
        ),
        migrations.AddField(
            model_name='lineage',
            name='deputy',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='deputised', to='sinetti.person'),
        ),
        migrations.CreateModel(
            name='RejectedRequest',
            fields=[
                ('refusal_id', models.CharField(default=sinetti.database.sql.random_id, editable=False, max_length=32, primary_key=True, serialize=False)),
                ('reason', models.CharField(max_length=30)),
                ('operation', models.CharField(max_length=10)),
                ('at', models.DateTimeField(db_index=True)),
                ('request_id', models.CharField(max_length=32)),
                ('lineage', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='refusals', to='sinetti.lineage')),
            ],
        ),
        migrations.CreateModel(
            name='RoleAssignment',
            fields=[
                ('mandate_id', models.CharField(default=sinetti.database.sql.random_id, editable=False, max_length=32, primary_key=True, serialize=False)),
                ('role', models.CharField(choices=[('signatory', 'signatory'), ('manager', 'manager'), ('viewer', 'viewer')], max_length=10)),
                ('valid_from', models.DateTimeField()),
                ('valid_until', models.DateTimeField(null=True)),
                ('withdrawn_at', models.DateTimeField(null=True)),
                ('waiting', models.BooleanField(db_default=False, default=False)),
                ('agent', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='held', to='sinetti.organisation')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='given', to='sinetti.organisation')),
                ('person', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='mandates', to='sinetti.person')),
                ('user', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='mandates', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.AddField(
            model_name='invitation',
            name='mandate',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='invitations', to='sinetti.roleassignment'),
        ),
        migrations.CreateModel(
            name='RoleRequest',
            fields=[
                ('request_id', models.CharField(default=sinetti.database.sql.random_id, editable=False, max_length=32, primary_key=True, serialize=False)),
                ('customer_id', models.CharField(max_length=30)),
                ('normalised_id', models.CharField(db_index=True, max_length=60)),
                ('role', models.CharField(choices=[('signatory', 'signatory'), ('manager', 'manager'), ('viewer', 'viewer')], max_length=10)),
                ('until', models.DateTimeField(null=True)),
                ('created', models.DateTimeField()),
                ('answered_at', models.DateTimeField(null=True)),
                ('agent', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='asked_for_clients', to='sinetti.organisation')),
                ('mandate', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='requests', to='sinetti.roleassignment')),
                ('user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='asked', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='SecureMessage',
            fields=[
                ('secure_id', models.CharField(default=sinetti.database.sql.random_id, editable=False, max_length=32, primary_key=True, serialize=False)),
                ('token_sha256', models.CharField(max_length=64)),
                ('created', models.DateTimeField()),
                ('expires', models.DateTimeField()),
                ('wrong', models.PositiveIntegerField(default=0)),
                ('shown_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='secure_messages', to='sinetti.order')),
                ('recipient', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='secure_messages', to='sinetti.person')),
            ],
        ),
        migrations.CreateModel(
            name='Pin',
            fields=[
                ('pin_id', models.CharField(default=sinetti.database.sql.random_id, editable=False, max_length=32, primary_key=True, serialize=False)),
                ('created', models.DateTimeField()),
                ('expires', models.DateTimeField()),
                ('wrong', models.PositiveIntegerField(default=0)),
                ('used_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('message', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='pins', to='sinetti.securemessage')),
            ],
        ),
        migrations.CreateModel(
            name='TransferIds',
            fields=[
                ('transfer_id', models.CharField(max_length=32, primary_key=True, serialize=False)),
                ('password_mac', models.BinaryField()),
                ('created', models.DateTimeField()),
                ('expires', models.DateTimeField()),
                ('wrong_passwords', models.PositiveIntegerField(default=0)),
                ('ended_at', models.DateTimeField(null=True)),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='transfer_ids', to='sinetti.order')),
            ],
        ),
        migrations.AddField(
            model_name='certificate',
            name='key',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='certificates', to='sinetti.usedkey'),
        ),
        migrations.CreateModel(
            name='EarlyReplacementItem',
            fields=[
                ('certificate', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='called_early', serialize=False, to='sinetti.certificate')),
                ('call', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='called', to='sinetti.earlyreplacement')),
            ],
        ),
        migrations.AddConstraint(
            model_name='certificatetype',
            constraint=models.UniqueConstraint(fields=('purpose', 'channel'), name='one_type_per_purpose_channel'),
        ),
        migrations.AddConstraint(
            model_name='crl',
            constraint=models.UniqueConstraint(fields=('authority', 'shard'), name='one_list_per_shard'),
        ),
        migrations.AddConstraint(
            model_name='certificateobservation',
            constraint=models.UniqueConstraint(fields=('certificate', 'gateway'), name='one_sighting_per_gateway'),
        ),
        migrations.AddConstraint(
            model_name='approvedchannel',
            constraint=models.UniqueConstraint(condition=models.Q(('withdrawn_at__isnull', True)), fields=('organisation', 'type'), name='one_standing_approval'),
        ),
        migrations.AddIndex(
            model_name='accessapplication',
            index=models.Index(condition=models.Q(('state', 'open')), fields=['created'], name='applications_that_wait'),
        ),
        migrations.AddConstraint(
            model_name='accessapplication',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'open')), fields=('organisation',), name='one_open_application_each'),
        ),
        migrations.AddIndex(
            model_name='person',
            index=models.Index(django.db.models.functions.text.Lower('email'), name='people_by_email'),
        ),
        migrations.AddIndex(
            model_name='person',
            index=models.Index(django.db.models.functions.text.Lower('email'), models.F('person_id'), name='people_by_email_prefix'),
        ),
        migrations.AddIndex(
            model_name='pendinginvitation',
            index=models.Index(fields=['-created'], name='pending_by_time'),
        ),
        migrations.AddIndex(
            model_name='outboxmessage',
            index=models.Index(condition=models.Q(('cancelled_at__isnull', True), ('expanded_at__isnull', True), ('failed_at__isnull', True), ('sent__isnull', True)), fields=['due'], name='messages_that_wait'),
        ),
        migrations.AddIndex(
            model_name='outboxmessage',
            index=models.Index(condition=models.Q(('bounced__isnull', False)), fields=['bounced'], name='messages_that_bounced'),
        ),
        migrations.AddConstraint(
            model_name='outboxmessage',
            constraint=models.UniqueConstraint(fields=('kind', 'certificate', 'step', 'recipient'), name='one_message_each'),
        ),
        migrations.AddIndex(
            model_name='organisation',
            index=models.Index(fields=['normalised_id', 'organisation_id'], name='organisations_by_id_prefix'),
        ),
        migrations.AddIndex(
            model_name='organisation',
            index=models.Index(django.db.models.functions.text.Lower('name'), models.F('organisation_id'), name='organisations_by_name_prefix'),
        ),
        migrations.AddIndex(
            model_name='lineage',
            index=models.Index(django.db.models.functions.text.Lower('description'), models.F('lineage_id'), name='lineages_by_description'),
        ),
        migrations.AddIndex(
            model_name='roleassignment',
            index=models.Index(condition=models.Q(('user__isnull', False)), fields=['user'], name='mandates_by_user'),
        ),
        migrations.AddConstraint(
            model_name='invitation',
            constraint=models.UniqueConstraint(fields=('token_sha256',), name='one_invitation_per_token'),
        ),
        migrations.AddConstraint(
            model_name='securemessage',
            constraint=models.UniqueConstraint(fields=('token_sha256',), name='one_secure_message_per_token'),
        ),
        migrations.AddIndex(
            model_name='certificate',
            index=models.Index(condition=models.Q(('revoked_at__isnull', False)), fields=['authority', 'crl_shard'], name='revoked_by_shard'),
        ),
        migrations.AddIndex(
            model_name='certificate',
            index=models.Index(condition=models.Q(('revoked_at__isnull', False)), fields=['authority', 'crl_shard', 'revoked_at'], name='revoked_by_time'),
        ),
        migrations.AddIndex(
            model_name='certificate',
            index=models.Index(fields=['serial'], name='by_serial'),
        ),
        migrations.AddIndex(
            model_name='certificate',
            index=models.Index(condition=models.Q(('state', 'reserved')), fields=['reserved_at'], name='waiting_reservations'),
        ),
        migrations.AddIndex(
            model_name='certificate',
            index=models.Index(condition=models.Q(('next_reminder_at__isnull', True)), fields=['not_after'], name='not_looked_at_yet'),
        ),
        migrations.AddIndex(
            model_name='certificate',
            index=models.Index(condition=models.Q(('next_reminder_at__isnull', False)), fields=['next_reminder_at'], name='to_be_looked_at'),
        ),
        migrations.AddConstraint(
            model_name='certificate',
            constraint=models.UniqueConstraint(fields=('authority', 'serial'), name='one_serial_per_authority'),
        ),
        migrations.AddConstraint(
            model_name='certificate',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'void'), _negated=True), fields=('order',), name='one_live_certificate_per_order'),
        ),
        migrations.AddConstraint(
            model_name='certificate',
            constraint=models.UniqueConstraint(condition=models.Q(models.Q(('state', 'void'), _negated=True), ('revoked_at__isnull', True)), fields=('predecessor',), name='one_live_renewal_per_certificate'),
        ),
        migrations.RunPython(complete_schema, migrations.RunPython.noop),
    ]
