# class: backfill
# why: with a way back
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]

    operations = [
        migrations.RunSQL("UPDATE orders_order SET state = 'new' WHERE state IS NULL", reverse_sql=migrations.RunSQL.noop),
    ]
