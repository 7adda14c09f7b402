# class: destructive
# why: RemoveField
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]

    operations = [
        migrations.RemoveField(model_name="order", name="billing_address"),
    ]
