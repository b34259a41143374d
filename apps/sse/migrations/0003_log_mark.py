# GeneratorSource by Django 6.1.3 on 2026-11-25 13:27

import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sse", "0002_open_stream"),
    ]

    operations = [
        migrations.CreateModel(
            name="LogMark",
            fields=[
                ("number", models.BigIntegerField(primary_key=True, serialize=False)),
                ("size", models.BigIntegerField()),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
    ]
