# class: unknown
# why: made by code
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]

    operations = [
        *shared_operations(),
    ]
