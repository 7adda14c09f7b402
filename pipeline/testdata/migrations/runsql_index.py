# class: additive
# why: only adds
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]

    operations = [
        migrations.RunSQL("SET lock_timeout = '2s'; CREATE INDEX CONCURRENTLY by_code ON orders_order (code);", "DROP INDEX by_code"),
    ]
