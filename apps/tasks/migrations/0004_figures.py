from django.conf import settings
from django.db import migrations, models

USER = settings.AUTH_USER_MODEL


class Migration(migrations.Migration):
    dependencies = [("tasks", "0003_imports_only"), migrations.swappable_dependency(USER)]

    operations = [
        migrations.AlterField(
            name, "owner", models.ForeignKey(USER, models.CASCADE, verbose_name="owner", related_name=f"{name}s")
        )
        for name in ("contact", "task")
    ] + [
        migrations.AlterField(
            "task", "created_at", models.DateTimeField("created at", auto_now_add=True, db_index=True)
        ),
    ]
