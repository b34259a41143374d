from django.conf import settings
from django.db import migrations, models

USER = settings.AUTH_USER_MODEL
SENDER = models.ForeignKey(
    USER, models.SET_NULL, null=True, editable=False, verbose_name="sent by", related_name="+"
)
READ_AT = models.DateTimeField(blank=True, db_index=True, null=True)


class Migration(migrations.Migration):
    dependencies = [("notifications", "0002_labels"), migrations.swappable_dependency(USER)]

    operations = [
        migrations.AlterModelOptions(name, {"verbose_name": name, "verbose_name_plural": f"{name}s"})
        for name in ("broadcast", "notification")
    ] + [
        migrations.AlterField("broadcast", "sent_by", SENDER),
        migrations.AlterField("notification", "read_at", READ_AT),
    ]
