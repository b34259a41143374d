# GeneratorSource by Django 6.1.3 on 2026-11-25 17:52

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0001_initial"),
    ]

    operations = [
        migrations.AlterField(
            model_name="broadcast",
            name="sent",
            field=models.PositiveIntegerField(default=0, editable=False, verbose_name="notified"),
        ),
        migrations.AlterField(
            model_name="broadcast",
            name="url",
            field=models.CharField(
                blank=True,
                max_length=500,
                validators=[
                    django.core.validators.RegexValidator(
                        "^(/(?![/\\\\])|https?://)[^\\s\\x00-\\x1f]*\\Z",
                        "Enter a path or URL without spaces: /… or https://….",
                    )
                ],
                verbose_name="address",
            ),
        ),
        migrations.AlterField(
            model_name="notification",
            name="url",
            field=models.CharField(
                blank=True,
                max_length=500,
                validators=[
                    django.core.validators.RegexValidator(
                        "^(/(?![/\\\\])|https?://)[^\\s\\x00-\\x1f]*\\Z",
                        "Enter a path or URL without spaces: /… or https://….",
                    )
                ],
                verbose_name="address",
            ),
        ),
    ]
