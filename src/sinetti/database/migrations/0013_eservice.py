import django.db.models.deletion
import sinetti.database.ids
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('registry', '0012_notices_found_by_index'),
    ]

    # Each foreign key stands in its table's own operation: one that adds a relation makes Django build every model anew.
    operations = [
        migrations.CreateModel(
            name='InterfaceApplication',
            fields=[
                ('application_id', models.CharField(default=sinetti.database.ids.random_id, editable=False, max_length=32, primary_key=True, serialize=False)),
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
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='applications', to='registry.organisation')),
                ('user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='applications', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state', 'open')), fields=['created'], name='applications_that_wait')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'open')), fields=('organisation',), name='one_open_application_each')],
            },
        ),
        migrations.CreateModel(
            name='OrganisationLoad',
            fields=[
                ('load_id', models.CharField(default=sinetti.database.ids.random_id, editable=False, max_length=32, primary_key=True, serialize=False)),
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
                ('user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='loads', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('invitation_id', models.CharField(default=sinetti.database.ids.random_id, editable=False, max_length=32, primary_key=True, serialize=False)),
                ('token_sha256', models.CharField(max_length=64)),
                ('created', models.DateTimeField()),
                ('expires', models.DateTimeField()),
                ('used_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('mandate', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='invitations', to='registry.mandate')),
                ('used_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='invitations', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('token_sha256',), name='one_invitation_per_token')],
            },
        ),
        migrations.CreateModel(
            name='Remembered',
            fields=[
                ('key', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('value', models.TextField()),
                ('expires', models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name='RightRequest',
            fields=[
                ('request_id', models.CharField(default=sinetti.database.ids.random_id, editable=False, max_length=32, primary_key=True, serialize=False)),
                ('customer_id', models.CharField(max_length=30)),
                ('folded', models.CharField(db_index=True, max_length=60)),
                ('role', models.CharField(choices=[('signatory', 'signatory'), ('manager', 'manager'), ('viewer', 'viewer')], max_length=10)),
                ('until', models.DateTimeField(null=True)),
                ('created', models.DateTimeField()),
                ('answered_at', models.DateTimeField(null=True)),
                ('agent', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='asked_for_clients', to='registry.organisation')),
                ('mandate', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='requests', to='registry.mandate')),
                ('user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='asked', to=settings.AUTH_USER_MODEL)),
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
    ]
