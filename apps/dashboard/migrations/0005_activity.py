from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("dashboard", "0004_one_pipeline")]

    operations = [
        migrations.CreateModel(
            name="Rollup",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("figure", models.CharField(max_length=100, verbose_name="figure")),
                (
                    "step",
                    models.CharField(choices=[("hour", "hour"), ("day", "day")], max_length=4, verbose_name="step"),
                ),
                ("start", models.DateTimeField(verbose_name="start")),
                ("value", models.FloatField(verbose_name="value")),
                ("computed_at", models.DateTimeField(verbose_name="computed at")),
            ],
            options={
                "verbose_name": "value of a figure",
                "verbose_name_plural": "values of figures",
                "permissions": [("view_activity", "Can view Activity"), ("view_system", "Can view System")],
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=("figure", "step", "start"), name="one_value_per_step")
                ],
            },
        ),
    ]
