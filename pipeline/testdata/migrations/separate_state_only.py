# class: additive
# why: own state
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.RemoveField("order", "billing_address"), migrations.DeleteModel("Coupon")],
        ),
    ]
