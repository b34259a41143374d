from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("operations", "0001_running")]
    operations = [
        migrations.AddField("page", "summary", models.TextField(null=True)),
        migrations.RunPython(print, migrations.RunPython.noop),
        migrations.RemoveField("page", "title"),
    ]
