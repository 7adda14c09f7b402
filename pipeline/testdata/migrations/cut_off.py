# class: unknown
# why: no list of operations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]

    operations = [
        migrations.AddIndex("order", models.Index(fields=["co