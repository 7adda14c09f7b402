# class: unknown
# why: made by code
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]

    operations = [
        migrations.AddIndex("order", models.Index(fields=["code"], name="i")),
    ]
    if settings.LEGACY:
        operations += [migrations.RemoveField('order', 'x')]
