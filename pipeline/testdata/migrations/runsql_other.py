# class: unknown
# why: not understood
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]

    operations = [
        migrations.RunSQL("SELECT lock_everything()", migrations.RunSQL.noop),
    ]
