# class: destructive
# why: RenameModel
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]

    operations = [
        migrations.RenameModel(old_name="Order", new_name="Purchase"),
    ]
