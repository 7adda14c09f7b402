# class: destructive
# why: DeleteModel
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]

    operations = [
        migrations.DeleteModel(name="Coupon"),
    ]
