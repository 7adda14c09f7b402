# class: destructive
# why: DROP TABLE
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL("DROP TABLE coupons", migrations.RunSQL.noop)],
            state_operations=[],
        ),
    ]
