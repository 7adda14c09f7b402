# class: destructive
# why: RemoveField
from django.db.migrations import Migration as Base, RemoveField


class Migration(Base):
    operations = [RemoveField('order', 'x')]
