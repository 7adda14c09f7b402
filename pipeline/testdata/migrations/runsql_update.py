# class: irreversible
# why: without a way back
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]

    operations = [
        migrations.RunSQL("UPDATE orders_order SET state = 'new'"),
    ]
