# class: unknown
# why: not in the file
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]

    operations = [
        migrations.RunSQL(open("forward.sql").read(), migrations.RunSQL.noop),
    ]
