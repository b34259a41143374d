# GeneratorSource by Django 6.1.3 on 2026-11-24 22:10

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("sse", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="OpenStream",
            fields=[],
            options={
                "verbose_name": "open stream",
                "verbose_name_plural": "open streams",
                "proxy": True,
                "default_permissions": ("view", "end"),
                "indexes": [],
                "constraints": [],
            },
            bases=("sse.loggedevent",),
        ),
    ]
