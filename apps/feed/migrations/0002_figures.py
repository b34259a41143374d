from django.conf import settings
from django.db import migrations, models

USER = settings.AUTH_USER_MODEL


class Migration(migrations.Migration):
    dependencies = [("feed", "0001_initial"), migrations.swappable_dependency(USER)]

    operations = [
        migrations.AlterModelOptions("post", {"verbose_name": "post", "verbose_name_plural": "posts"}),
        migrations.AlterField(
            "post", "author", models.ForeignKey(USER, models.CASCADE, verbose_name="author", related_name="posts")
        ),
        migrations.AlterField(
            "post", "created_at", models.DateTimeField("created at", auto_now_add=True, db_index=True)
        ),
        migrations.AlterField("post", "edited_at", models.DateTimeField("edited at", null=True, editable=False)),
    ]
