# GeneratorSource by Django 6.1.3 on 2026-11-24 22:27

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import apps.tasks.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Task",
            fields=[
                (
                    "id",
                    models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("import", "Import"), ("export", "Export")], max_length=8, verbose_name="kind"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "Ready to start"),
                            ("waiting", "Waiting"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("cancelled", "Cancelled"),
                            ("failed", "Failed"),
                        ],
                        default="draft",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("name", models.CharField(max_length=200, verbose_name="name")),
                (
                    "file",
                    models.FileField(
                        blank=True,
                        max_length=200,
                        storage=apps.tasks.models.private_storage,
                        upload_to=apps.tasks.models.private_name,
                        verbose_name="file",
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created at")),
                (
                    "total",
                    models.PositiveBigIntegerField(default=0, verbose_name="bytes to read, or rows to write"),
                ),
                ("done", models.PositiveBigIntegerField(default=0, verbose_name="of these, done")),
                ("place", models.JSONField(default=dict, verbose_name="where to go on")),
                ("rows", models.PositiveIntegerField(default=0, verbose_name="rows")),
                ("bad", models.PositiveIntegerField(default=0, verbose_name="of these, with errors")),
                ("rate", models.FloatField(null=True, verbose_name="rows per second")),
                ("left", models.FloatField(null=True, verbose_name="seconds left")),
                ("claim", models.CharField(blank=True, max_length=32, verbose_name="claim of the worker")),
                ("beat_at", models.DateTimeField(null=True, verbose_name="last sign of life")),
                ("tries", models.PositiveSmallIntegerField(default=0, verbose_name="claims since the last batch")),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tasks",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "task",
                "verbose_name_plural": "tasks",
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="Contact",
            fields=[
                (
                    "id",
                    models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("email", models.EmailField(max_length=254, verbose_name="email")),
                ("name", models.CharField(max_length=200, verbose_name="name")),
                ("company", models.CharField(blank=True, max_length=200, verbose_name="company")),
                ("phone", models.CharField(blank=True, max_length=40, verbose_name="phone")),
                ("city", models.CharField(blank=True, max_length=100, verbose_name="city")),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="contacts",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "contact",
                "verbose_name_plural": "contacts",
                "constraints": [models.UniqueConstraint(fields=("owner", "email"), name="one_contact_per_email")],
            },
        ),
        migrations.CreateModel(
            name="RowError",
            fields=[
                (
                    "id",
                    models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("line", models.PositiveIntegerField(verbose_name="line")),
                ("reason", models.CharField(max_length=300, verbose_name="reason")),
                ("text", models.CharField(max_length=500, verbose_name="beginning of the row")),
                (
                    "task",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="errors", to="tasks.task"
                    ),
                ),
            ],
            options={
                "verbose_name": "row error",
                "verbose_name_plural": "row errors",
                "constraints": [models.UniqueConstraint(fields=("task", "line"), name="one_error_per_line")],
            },
        ),
    ]
