import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tasks', '0004_figures'),
    ]

    operations = [
        migrations.AddField(
            model_name='task',
            name='changed_at',
            field=models.DateTimeField(default=django.utils.timezone.now, verbose_name='changed at'),
        ),
        migrations.CreateModel(
            name='RowProblem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('row', models.PositiveIntegerField(verbose_name='row')),
                ('reason', models.CharField(max_length=250, verbose_name='reason')),
                ('task', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='problems', to='tasks.task', verbose_name='task')),
            ],
            options={
                'verbose_name': 'row with an error',
                'verbose_name_plural': 'rows with errors',
                'ordering': ['row'],
            },
        ),
    ]
