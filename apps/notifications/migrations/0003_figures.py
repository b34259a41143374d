from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0002_labels")]

    operations = [
        migrations.AlterField("notification", "read_at", models.DateTimeField(blank=True, db_index=True, null=True)),
    ]
