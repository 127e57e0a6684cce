"""The first tables: everything that is dear to change later is here from the beginning."""

import django.db.models.deletion
import sinetti.domain.values
import sinetti.database.models.core
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        migrations.CreateModel(
            name='AuditRow',
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
                ('recorded_at', models.DateTimeField(null=True)),
                ('first_fetched_at', models.DateTimeField(null=True)),
                ('revoked_at', models.DateTimeField(null=True)),
                ('revocation_reason', models.CharField(blank=True, choices=[('unspecified', 'unspecified'), ('keyCompromise', 'keyCompromise'), ('cACompromise', 'cACompromise'), ('affiliationChanged', 'affiliationChanged'), ('superseded', 'superseded'), ('cessationOfOperation', 'cessationOfOperation'), ('privilegeWithdrawn', 'privilegeWithdrawn'), ('aACompromise', 'aACompromise')], max_length=24)),
                ('invalidity_date', models.DateTimeField(null=True)),
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
            name='Instance',
            fields=[
                ('instance_id', models.CharField(default=sinetti.database.models.core.random_id, editable=False, max_length=32, primary_key=True, serialize=False)),
                ('environment', models.CharField(choices=[('PRODUCTION', 'PRODUCTION'), ('TEST', 'TEST')], max_length=10)),
                ('created', models.DateTimeField()),
                ('fingerprints', models.JSONField(default=dict)),
            ],
        ),
        migrations.CreateModel(
            name='Organisation',
            fields=[
                ('organisation_id', models.CharField(default=sinetti.database.models.core.random_id, editable=False, max_length=32, primary_key=True, serialize=False)),
                ('customer_id', models.CharField(max_length=30)),
                ('folded', models.CharField(max_length=60, unique=True)),
                ('kind', models.CharField(choices=[('business-id', 'business-id'), ('vat', 'vat'), ('foreign', 'foreign'), ('register', 'register'), ('artificial', 'artificial')], max_length=12)),
                ('country', models.CharField(default='FI', max_length=2)),
                ('name', models.CharField(max_length=200)),
                ('language', models.CharField(choices=[('fi', 'fi'), ('sv', 'sv'), ('en', 'en')], max_length=2)),
                ('created', models.DateTimeField()),
                ('closed_at', models.DateTimeField(null=True)),
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
                ('user_id', models.CharField(default=sinetti.database.models.core.random_id, editable=False, max_length=32, primary_key=True, serialize=False)),
                ('email', models.EmailField(max_length=254, unique=True)),
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
            name='Authority',
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
                ('issuer', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='issued', to='registry.authority')),
            ],
        ),
        migrations.CreateModel(
            name='CertificateOctets',
            fields=[
                ('certificate', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='octets', serialize=False, to='registry.certificate')),
                ('to_be_signed', models.BinaryField()),
                ('der', models.BinaryField(null=True)),
            ],
        ),
        migrations.AddField(
            model_name='certificate',
            name='authority',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='certificates', to='registry.authority'),
        ),
        migrations.AddField(
            model_name='certificate',
            name='predecessor',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='renewals', to='registry.certificate'),
        ),
        migrations.AddField(
            model_name='certificate',
            name='replaces',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='replaced_by', to='registry.certificate'),
        ),
        migrations.CreateModel(
            name='CertificateType',
            fields=[
                ('type_id', models.CharField(max_length=40, primary_key=True, serialize=False)),
                ('purpose', models.CharField(max_length=30)),
                ('channel', models.CharField(choices=[('WS', 'WS'), ('SFTP', 'SFTP')], max_length=4)),
                ('authority', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='types', to='registry.authority')),
            ],
        ),
        migrations.CreateModel(
            name='Holding',
            fields=[
                ('holding_id', models.CharField(default=sinetti.database.models.core.random_id, editable=False, max_length=32, primary_key=True, serialize=False)),
                ('subject_serial', models.CharField(max_length=32, unique=True)),
                ('description', models.CharField(blank=True, max_length=200)),
                ('version', models.BigIntegerField(default=0)),
                ('created', models.DateTimeField()),
                ('let_end_at', models.DateTimeField(null=True)),
                ('type', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='holdings', to='registry.certificatetype')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='holdings', to='registry.organisation')),
            ],
        ),
        migrations.AddField(
            model_name='certificate',
            name='holding',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='certificates', to='registry.holding'),
        ),
        migrations.CreateModel(
            name='Order',
            fields=[
                ('order_id', models.CharField(default=sinetti.database.models.core.random_id, editable=False, max_length=32, primary_key=True, serialize=False)),
                ('description', models.CharField(blank=True, max_length=200)),
                ('state', models.CharField(choices=[('open', 'open'), ('spent', 'spent'), ('cancelled', 'cancelled')], max_length=10)),
                ('created', models.DateTimeField()),
                ('holding', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='orders', to='registry.holding')),
                ('replaces', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='replacements', to='registry.certificate')),
            ],
        ),
        migrations.AddField(
            model_name='certificate',
            name='order',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='certificates', to='registry.order'),
        ),
        migrations.CreateModel(
            name='ApprovedType',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('approved_at', models.DateTimeField()),
                ('withdrawn_at', models.DateTimeField(null=True)),
                ('type', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='approvals', to='registry.certificatetype')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='approvals', to='registry.organisation')),
            ],
        ),
        migrations.CreateModel(
            name='Person',
            fields=[
                ('person_id', models.CharField(default=sinetti.database.models.core.random_id, editable=False, max_length=32, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=200)),
                ('email', models.EmailField(max_length=254)),
                ('phone', models.CharField(blank=True, max_length=30)),
                ('language', models.CharField(choices=[('fi', 'fi'), ('sv', 'sv'), ('en', 'en')], max_length=2)),
                ('erased_at', models.DateTimeField(null=True)),
                ('user', models.OneToOneField(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='person', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='OutboxRow',
            fields=[
                ('message_id', models.CharField(default=sinetti.database.models.core.random_id, editable=False, max_length=32, primary_key=True, serialize=False)),
                ('kind', models.CharField(max_length=20)),
                ('step', models.CharField(max_length=40)),
                ('created', models.DateTimeField()),
                ('due', models.DateTimeField()),
                ('tries', models.PositiveIntegerField(default=0)),
                ('sent', models.DateTimeField(null=True)),
                ('dead', models.DateTimeField(null=True)),
                ('certificate', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='messages', to='registry.certificate')),
                ('holding', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='messages', to='registry.holding')),
                ('recipient', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='messages', to='registry.person')),
            ],
        ),
        migrations.AddField(
            model_name='organisation',
            name='contact',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='contact_of', to='registry.person'),
        ),
        migrations.AddField(
            model_name='order',
            name='contact',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='orders', to='registry.person'),
        ),
        migrations.AddField(
            model_name='order',
            name='deputy',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='orders_deputised', to='registry.person'),
        ),
        migrations.CreateModel(
            name='Mandate',
            fields=[
                ('mandate_id', models.CharField(default=sinetti.database.models.core.random_id, editable=False, max_length=32, primary_key=True, serialize=False)),
                ('role', models.CharField(choices=[('signatory', 'signatory'), ('manager', 'manager'), ('viewer', 'viewer')], max_length=10)),
                ('valid_from', models.DateTimeField()),
                ('valid_until', models.DateTimeField(null=True)),
                ('withdrawn_at', models.DateTimeField(null=True)),
                ('agent', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='held', to='registry.organisation')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='given', to='registry.organisation')),
                ('person', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='mandates', to='registry.person')),
            ],
        ),
        migrations.AddField(
            model_name='holding',
            name='contact',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='holdings', to='registry.person'),
        ),
        migrations.AddField(
            model_name='holding',
            name='deputy',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='deputised', to='registry.person'),
        ),
        migrations.CreateModel(
            name='RefusalRow',
            fields=[
                ('refusal_id', models.CharField(default=sinetti.database.models.core.random_id, editable=False, max_length=32, primary_key=True, serialize=False)),
                ('reason', models.CharField(max_length=30)),
                ('operation', models.CharField(max_length=10)),
                ('at', models.DateTimeField(db_index=True)),
                ('request_id', models.CharField(max_length=32)),
                ('holding', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='refusals', to='registry.holding')),
            ],
        ),
        migrations.CreateModel(
            name='RevocationList',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('shard', models.PositiveIntegerField()),
                ('number', models.BigIntegerField()),
                ('this_update', models.DateTimeField()),
                ('next_update', models.DateTimeField()),
                ('revocations', models.BigIntegerField()),
                ('der', models.BinaryField()),
                ('authority', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='lists', to='registry.authority')),
            ],
        ),
        migrations.CreateModel(
            name='TransferIdPair',
            fields=[
                ('transfer_id', models.CharField(max_length=32, primary_key=True, serialize=False)),
                ('password_mac', models.BinaryField()),
                ('created', models.DateTimeField()),
                ('expires', models.DateTimeField()),
                ('wrong_passwords', models.PositiveIntegerField(default=0)),
                ('ended_at', models.DateTimeField(null=True)),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='transfer_ids', to='registry.order')),
            ],
        ),
        migrations.AddField(
            model_name='certificate',
            name='key',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='certificates', to='registry.usedkey'),
        ),
        migrations.AddConstraint(
            model_name='certificatetype',
            constraint=models.UniqueConstraint(fields=('purpose', 'channel'), name='one_type_per_purpose_channel'),
        ),
        migrations.AddConstraint(
            model_name='approvedtype',
            constraint=models.UniqueConstraint(condition=models.Q(('withdrawn_at__isnull', True)), fields=('organisation', 'type'), name='one_standing_approval'),
        ),
        migrations.AddConstraint(
            model_name='outboxrow',
            constraint=models.UniqueConstraint(fields=('kind', 'certificate', 'step', 'recipient'), name='one_message_each'),
        ),
        migrations.AddConstraint(
            model_name='revocationlist',
            constraint=models.UniqueConstraint(fields=('authority', 'shard'), name='one_list_per_shard'),
        ),
        migrations.AddIndex(
            model_name='certificate',
            index=models.Index(condition=models.Q(('revoked_at__isnull', False)), fields=['authority', 'crl_shard'], name='revoked_by_shard'),
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
    ]
