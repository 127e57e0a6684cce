import django.db.models.deletion
import sinetti.registry.ids
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('registry', '0012_notices_found_by_index'),
    ]

    operations = [
        migrations.CreateModel(
            name='InterfaceApplication',
            fields=[
                ('application_id', models.CharField(default=sinetti.registry.ids.random_id, editable=False, max_length=32, primary_key=True, serialize=False)),
                ('case_number', models.CharField(max_length=20, unique=True)),
                ('channels', models.JSONField()),
                ('purpose', models.CharField(max_length=1000)),
                ('software', models.CharField(blank=True, max_length=200)),
                ('language', models.CharField(max_length=2)),
                ('state', models.CharField(choices=[('open', 'open'), ('approved', 'approved'), ('refused', 'refused'), ('withdrawn', 'withdrawn')], max_length=10)),
                ('created', models.DateTimeField()),
                ('decided_at', models.DateTimeField(null=True)),
                ('reason', models.CharField(blank=True, max_length=2000)),
            ],
        ),
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('invitation_id', models.CharField(default=sinetti.registry.ids.random_id, editable=False, max_length=32, primary_key=True, serialize=False)),
                ('token_sha256', models.CharField(max_length=64)),
                ('created', models.DateTimeField()),
                ('expires', models.DateTimeField()),
                ('used_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='RightRequest',
            fields=[
                ('request_id', models.CharField(default=sinetti.registry.ids.random_id, editable=False, max_length=32, primary_key=True, serialize=False)),
                ('customer_id', models.CharField(max_length=30)),
                ('folded', models.CharField(db_index=True, max_length=60)),
                ('role', models.CharField(choices=[('signatory', 'signatory'), ('manager', 'manager'), ('viewer', 'viewer')], max_length=10)),
                ('until', models.DateTimeField(null=True)),
                ('created', models.DateTimeField()),
                ('answered_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.AddField(
            model_name='holding',
            name='serves',
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='mandate',
            name='user',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='mandates', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='mandate',
            name='waiting',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name='organisation',
            name='merged_into',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='merged', to='registry.organisation'),
        ),
        migrations.AddField(
            model_name='user',
            name='name',
            field=models.CharField(blank=True, db_default='', max_length=200),
        ),
        migrations.AddField(
            model_name='interfaceapplication',
            name='decided_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='decisions', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='interfaceapplication',
            name='organisation',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='applications', to='registry.organisation'),
        ),
        migrations.AddField(
            model_name='interfaceapplication',
            name='user',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='applications', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='invitation',
            name='mandate',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='invitations', to='registry.mandate'),
        ),
        migrations.AddField(
            model_name='invitation',
            name='used_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='invitations', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='rightrequest',
            name='agent',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='asked_for_clients', to='registry.organisation'),
        ),
        migrations.AddField(
            model_name='rightrequest',
            name='mandate',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='requests', to='registry.mandate'),
        ),
        migrations.AddField(
            model_name='rightrequest',
            name='user',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='asked', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddIndex(
            model_name='interfaceapplication',
            index=models.Index(condition=models.Q(('state', 'open')), fields=['created'], name='applications_that_wait'),
        ),
        migrations.AddConstraint(
            model_name='invitation',
            constraint=models.UniqueConstraint(fields=('token_sha256',), name='one_invitation_per_token'),
        ),
    ]
