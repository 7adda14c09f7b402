# class: backfill
# why: with a way back
from django.db import migrations

def forwards(apps, schema_editor):
    Order = apps.get_model('orders', 'Order')  # migrations.RemoveField(
    Order.objects.update(state='new')


def backwards(apps, schema_editor):
    pass


class Migration(migrations.Migration):
    operations = [
        migrations.RunPython(forwards, backwards),
    ]
