# class: destructive
# why: RemoveField
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]

    operations = [
        migrations.CreateModel(name="A", fields=[]),
        migrations.RunPython(f, g),
        migrations.RemoveField("order", "x"),
        migrations.RunPython(f),
    ]
