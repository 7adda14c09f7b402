# class: additive
# why: merge
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0002_a"),
        ("orders", "0002_b"),
    ]

    operations: list = [
        # nothing: both sides are kept
    ]
