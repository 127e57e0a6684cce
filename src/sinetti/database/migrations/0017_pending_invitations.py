import django.db.models.deletion
import sinetti.database.ids
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('registry', '0016_early_messages_and_daily_counts'),
    ]

    operations = [
        migrations.AddField(
            model_name='invitation',
            name='vouched',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.CreateModel(
            name='PendingInvitation',
            fields=[
                ('pending_id', models.CharField(default=sinetti.database.ids.random_id, editable=False, max_length=32, primary_key=True, serialize=False)),
                ('state', models.CharField(choices=[('waiting', 'waiting'), ('confirmed', 'confirmed'), ('rejected', 'rejected'), ('withdrawn', 'withdrawn'), ('lapsed', 'lapsed')], max_length=10)),
                ('created', models.DateTimeField()),
                ('expires', models.DateTimeField()),
                ('decided_at', models.DateTimeField(null=True)),
                ('asked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='pending_invitations', to=settings.AUTH_USER_MODEL)),
                ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='decided_invitations', to=settings.AUTH_USER_MODEL)),
                ('invitation', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='pending', to='registry.invitation')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='pending_invitations', to='registry.organisation')),
                ('person', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='pending_invitations', to='registry.person')),
            ],
            options={
                'indexes': [models.Index(fields=['-created'], name='pending_by_time')],
            },
        ),
    ]
