from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('sinetti', '0011_early_reach'),
    ]

    operations = [
        migrations.CreateModel(
            name='FeedEvent',
            fields=[
                ('number', models.BigIntegerField(primary_key=True, serialize=False)),
                ('kind', models.CharField(max_length=10)),
                ('authority', models.CharField(blank=True, max_length=100)),
                ('list_number', models.BigIntegerField()),
                ('serial', models.CharField(blank=True, max_length=40)),
            ],
        ),
    ]
