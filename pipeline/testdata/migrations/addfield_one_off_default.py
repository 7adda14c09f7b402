# class: destructive
# why: only the newer code knows
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]

    operations = [
        migrations.AddField("order", "total", models.IntegerField(default=0), preserve_default=False),
    ]
