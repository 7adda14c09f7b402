# class: unknown
# why: narrows
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]

    operations = [
        migrations.AlterField(model_name="order", name="code", field=models.CharField(max_length=4)),
    ]
