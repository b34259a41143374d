from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("feed", "0001_initial")]

    operations = [
        migrations.AlterField("post", "created_at", models.DateTimeField(auto_now_add=True, db_index=True)),
    ]
