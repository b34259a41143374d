# GeneratorSource by Django 6.1.3 on 2026-11-24 22:13

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("dashboard", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="sample",
            name="delivered",
            field=models.PositiveIntegerField(db_default=0, verbose_name="events delivered, once for each client"),
        ),
        migrations.AddField(
            model_name="sample",
            name="published",
            field=models.PositiveIntegerField(db_default=0, verbose_name="events published"),
        ),
    ]
