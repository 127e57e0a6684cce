from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('sinetti', '0007_persons'),
    ]

    operations = [
        migrations.CreateModel(
            name='LogPlan',
            fields=[
                ('first', models.BigIntegerField(primary_key=True, serialize=False)),
                ('sequences', models.JSONField()),
            ],
        ),
    ]
