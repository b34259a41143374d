# GeneratorSource by Django 6.1.3 on 2026-11-25 17:52

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tasks", "0001_initial"),
    ]

    operations = [
        migrations.AlterField(
            model_name="task",
            name="bad",
            field=models.PositiveIntegerField(default=0, verbose_name="rows with errors"),
        ),
        migrations.AlterField(
            model_name="task",
            name="beat_at",
            field=models.DateTimeField(null=True, verbose_name="last heartbeat"),
        ),
        migrations.AlterField(
            model_name="task",
            name="claim",
            field=models.CharField(blank=True, max_length=32, verbose_name="worker's claim"),
        ),
        migrations.AlterField(
            model_name="task",
            name="done",
            field=models.PositiveBigIntegerField(default=0, verbose_name="bytes or rows done"),
        ),
        migrations.AlterField(
            model_name="task",
            name="place",
            field=models.JSONField(default=dict, verbose_name="position to continue from"),
        ),
        migrations.AlterField(
            model_name="task",
            name="total",
            field=models.PositiveBigIntegerField(default=0, verbose_name="total bytes or rows"),
        ),
    ]
