# class: additive
# why: no operations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]

    operations = [
        # migrations.RemoveField("order", "x"),
    ]
