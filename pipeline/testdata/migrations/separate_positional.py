# class: destructive
# why: RemoveField
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState([migrations.RemoveField("order", "x")], []),
    ]
