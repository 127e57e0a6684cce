from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('sinetti', '0002_trigram_indexes'),
    ]

    operations = [
        migrations.AddField('roleassignment', 'end_notice', models.SmallIntegerField(null=True)),
        migrations.AddField('roleassignment', 'giver_noted_at', models.DateTimeField(null=True)),
        migrations.AddField('roleassignment', 'holder_noted_at', models.DateTimeField(null=True)),
    ]
