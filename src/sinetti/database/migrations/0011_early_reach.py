import django.db.models.deletion
import sinetti.database.sql
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('sinetti', '0010_authority_indexes'),
    ]

    operations = [
        migrations.AddField(
            model_name='earlyreplacement',
            name='is_narrowing',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name='earlyreplacement',
            name='kind',
            field=models.CharField(db_default='early', default='early', max_length=10),
        ),
        migrations.AddField(
            model_name='earlyreplacement',
            name='repeated_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='earlyreplacementitem',
            name='heard_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='earlyreplacementitem',
            name='heard_by',
            field=models.CharField(blank=True, db_default='', default='', max_length=32),
        ),
        migrations.AddField(
            model_name='hintrequest',
            name='software',
            field=models.CharField(blank=True, db_default='', default='', max_length=64),
        ),
        migrations.CreateModel(
            name='Drill',
            fields=[
                ('number', models.BigAutoField(primary_key=True, serialize=False)),
                ('drill_id', models.CharField(default=sinetti.database.sql.random_id, max_length=32)),
                ('officer', models.CharField(max_length=40)),
                ('reason', models.CharField(max_length=200)),
                ('audience', models.CharField(max_length=10)),
                ('reach', models.JSONField()),
                ('created', models.DateTimeField()),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('drill_id',), name='one_drill_per_id')],
            },
        ),
        migrations.CreateModel(
            name='DrillAnswer',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('message_id', models.CharField(max_length=32)),
                ('at', models.DateTimeField()),
                ('drill', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='answers', to='sinetti.drill')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('message_id',), name='one_answer_per_drill_message')],
            },
        ),
        migrations.CreateModel(
            name='DrillItem',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('heard_at', models.DateTimeField(null=True)),
                ('heard_by', models.CharField(blank=True, default='', max_length=32)),
                ('certificate', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='drills', to='sinetti.certificate')),
                ('drill', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='items', to='sinetti.drill')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('drill', 'certificate'), name='one_drill_item_each')],
            },
        ),
    ]
