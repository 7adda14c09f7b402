# class: additive
# why: squashes 3 migrations
from django.db import migrations


class Migration(migrations.Migration):
    replaces = [("orders", "0002_a"), ("orders", "0003_b"), ("orders", "0004_c")]

    operations = [
        migrations.RemoveField("order", "x"),
    ]
