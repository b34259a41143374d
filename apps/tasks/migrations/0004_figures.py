from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tasks", "0003_imports_only")]

    operations = [
        migrations.AlterField(
            "task",
            "created_at",
            models.DateTimeField(auto_now_add=True, db_index=True, verbose_name="created at"),
        ),
    ]
