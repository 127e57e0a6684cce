from django.db import migrations, models


class Migration(migrations.Migration):
    """When a reservation was made by the machine's clock; empty in rows of earlier code, which waits by the office's."""

    dependencies = (("registry", "0002_audit_forbids_change"),)
    operations = (
        migrations.AddField(
            model_name="certificate",
            name="waits_since",
            field=models.DateTimeField(null=True),
        ),
    )
