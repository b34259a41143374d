# GeneratorSource by Django 6.1.3 on 2026-11-24 21:10

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="OutgoingEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("channel", models.CharField(max_length=200)),
                ("name", models.TextField()),
                ("text", models.TextField()),
                ("tag", models.CharField(max_length=8)),
                ("sent_at", models.FloatField()),
                ("durable", models.BooleanField(default=True)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="LoggedEvent",
            fields=[
                ("channel", models.CharField(max_length=200)),
                ("name", models.TextField()),
                ("text", models.TextField()),
                ("tag", models.CharField(max_length=8)),
                ("sent_at", models.FloatField()),
                ("durable", models.BooleanField(default=True)),
                ("number", models.BigAutoField(primary_key=True, serialize=False)),
            ],
            options={
                "indexes": [models.Index(fields=["channel", "number"], name="sse_channel_number")],
            },
        ),
    ]
