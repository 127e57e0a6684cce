from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('sinetti', '0013_unrestored_people'),
    ]

    operations = [
        migrations.AddField(
            model_name='cadistrust',
            name='checkpoint',
            field=models.TextField(blank=True, db_default='', default=''),
        ),
        migrations.AddField(
            model_name='gateway',
            name='anchors_number',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='gateway',
            name='distrust_number',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='hintrequest',
            name='anchors_number',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='hintrequest',
            name='distrust_number',
            field=models.BigIntegerField(null=True),
        ),
    ]
