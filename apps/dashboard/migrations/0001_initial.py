# GeneratorSource by Django 6.1.3 on 2026-11-24 17:37

import django.core.serializers.json
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Sample",
            fields=[
                (
                    "id",
                    models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("bucket", models.BigIntegerField(verbose_name="start of the bucket, in unix seconds")),
                ("process", models.CharField(max_length=16, verbose_name="process")),
                (
                    "kind",
                    models.CharField(
                        choices=[("web", "web process"), ("worker", "task worker")],
                        max_length=8,
                        verbose_name="kind",
                    ),
                ),
                ("requests", models.PositiveIntegerField(verbose_name="requests answered")),
                ("durations", models.JSONField(default=dict, verbose_name="histogram of response times")),
                ("queries", models.PositiveIntegerField(verbose_name="database queries")),
                ("cpu", models.FloatField(verbose_name="CPU seconds used")),
                ("memory", models.PositiveBigIntegerField(verbose_name="resident memory, in bytes")),
                ("streams", models.PositiveIntegerField(verbose_name="open streams")),
                ("anonymous", models.PositiveIntegerField(verbose_name="open streams of visitors not logged in")),
                (
                    "users",
                    models.JSONField(
                        default=list,
                        encoder=django.core.serializers.json.DjangoJSONEncoder,
                        verbose_name="users with open streams",
                    ),
                ),
                ("running", models.PositiveIntegerField(default=0, verbose_name="tasks running in this process")),
                ("queued", models.PositiveIntegerField(null=True, verbose_name="tasks waiting, for any process")),
            ],
            options={
                "verbose_name": "sample",
                "verbose_name_plural": "samples",
                "constraints": [
                    models.UniqueConstraint(fields=("bucket", "process"), name="one_sample_per_bucket")
                ],
            },
        ),
    ]
