# class: destructive
# why: RenameField
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]

    operations = [
        migrations.RenameField("order", "total", "amount"),
    ]
