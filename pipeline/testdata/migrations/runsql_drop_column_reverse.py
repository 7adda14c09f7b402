# class: destructive
# why: DROP COLUMN
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]

    operations = [
        migrations.RunSQL(
            sql="""
            ALTER TABLE orders_order
              DROP   COLUMN billing_address;
            """,
            reverse_sql="ALTER TABLE orders_order ADD COLUMN billing_address text",
        ),
    ]
