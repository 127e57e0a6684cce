from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('registry', '0018_pending_invitations_by_id'),
    ]

    operations = [
        migrations.AddField('organisationload', 'proposed_by', models.CharField(blank=True, db_default='', max_length=32)),
        migrations.AddField('organisationload', 'proposed_at', models.DateTimeField(null=True)),
        migrations.AddField('organisationload', 'expires', models.DateTimeField(null=True)),
        migrations.AddField('organisationload', 'accepted_by', models.CharField(blank=True, db_default='', max_length=32)),
        migrations.AddField('organisationload', 'ended_by', models.CharField(blank=True, db_default='', max_length=32)),
        migrations.AddField('organisationload', 'ended_at', models.DateTimeField(null=True)),
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
    ]
