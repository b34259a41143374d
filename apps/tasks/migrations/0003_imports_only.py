from django.db import migrations, models

REMOVED = ("beat_at", "claim", "kind", "left", "place", "rate", "tries")
STATES = [(state, state.title()) for state in ("waiting", "running", "done", "cancelled", "failed")]


# An import that was not started can be started with "Retry".
KEEP_IMPORTS = """
DELETE FROM tasks_task WHERE kind = 'export';
UPDATE tasks_task SET state = 'cancelled' WHERE state = 'draft';
"""


def delete_exported_files(apps, schema_editor):
    for export in apps.get_model("tasks", "Task").objects.filter(kind="export").exclude(file=""):
        export.file.delete(save=False)


class Migration(migrations.Migration):
    dependencies = [("tasks", "0002_labels")]

    operations = [
        migrations.RunPython(delete_exported_files, migrations.RunPython.noop),
        migrations.DeleteModel("RowError"),
        migrations.RunSQL(KEEP_IMPORTS, migrations.RunSQL.noop),
        *(migrations.RemoveField("task", name) for name in REMOVED),
        migrations.AddField(
            "task", "problem", models.CharField(blank=True, max_length=300, verbose_name="first error")
        ),
        migrations.AlterField(
            "task", "done", models.PositiveBigIntegerField(default=0, verbose_name="bytes done")
        ),
        migrations.AlterField(
            "task", "total", models.PositiveBigIntegerField(default=0, verbose_name="total bytes")
        ),
        migrations.AlterField(
            "task",
            "state",
            models.CharField(choices=STATES, default="waiting", max_length=10, verbose_name="state"),
        ),
    ]
