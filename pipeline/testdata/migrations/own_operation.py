# class: unknown
# why: not an operation of Django's own
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]

    operations = [
        partitioning.DetachPartition("order", "2019"),
    ]
