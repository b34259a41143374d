# GeneratorSource by Django 6.1.3 on 2026-11-25 16:28

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("dashboard", "0002_events"),
    ]

    operations = [
        migrations.AddField(
            model_name="sample",
            name="errors",
            field=models.PositiveIntegerField(db_default=0, verbose_name="of these, answered with a server error"),
        ),
        migrations.CreateModel(
            name="Summary",
            fields=[
                (
                    "id",
                    models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("step", models.PositiveIntegerField(verbose_name="seconds")),
                ("bucket", models.BigIntegerField(verbose_name="start, in unix seconds")),
                ("point", models.JSONField(verbose_name="figures")),
            ],
            options={
                "verbose_name": "summary",
                "verbose_name_plural": "summaries",
                "constraints": [models.UniqueConstraint(fields=("step", "bucket"), name="one_summary_per_step")],
            },
        ),
    ]
