from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.AddIndex("user", models.Index(fields=["date_joined"], name="accounts_user_joined")),
    ]
