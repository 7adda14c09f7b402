# class: destructive
# why: AlterUniqueTogether
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]

    operations = [
        migrations.AlterUniqueTogether(name="order", unique_together={("code", "shop")}),
    ]
