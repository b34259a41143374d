"""The table of samples stays for a release that still runs beside this one; a later release drops it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("dashboard", "0003_ranges"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel(name="Sample")]),
        migrations.AddField(
            model_name="summary",
            name="durations",
            field=models.JSONField(null=True, verbose_name="histogram of response times"),
        ),
    ]
