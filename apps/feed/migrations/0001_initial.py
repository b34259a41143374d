# GeneratorSource by Django 6.1.3 on 2026-11-24 22:27

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Post",
            fields=[
                (
                    "id",
                    models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("text", models.TextField(blank=True, max_length=2000, verbose_name="text")),
                (
                    "link",
                    models.URLField(
                        blank=True,
                        max_length=500,
                        validators=[django.core.validators.URLValidator(["http", "https"])],
                        verbose_name="link",
                    ),
                ),
                ("image", models.ImageField(blank=True, upload_to="feed/%Y/%m/", verbose_name="image")),
                (
                    "thumbnail",
                    models.ImageField(
                        blank=True,
                        editable=False,
                        height_field="height",
                        upload_to="feed/%Y/%m/",
                        width_field="width",
                    ),
                ),
                ("width", models.PositiveIntegerField(editable=False, null=True)),
                ("height", models.PositiveIntegerField(editable=False, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("edited_at", models.DateTimeField(editable=False, null=True)),
                (
                    "author",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="posts",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("image", ""), ("link", ""), ("text", ""), _negated=True),
                        name="feed_post_not_empty",
                        violation_error_message="Write something, or add a link or an image.",
                    )
                ],
            },
        ),
    ]
