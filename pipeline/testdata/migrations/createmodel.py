# class: additive
# why: CreateModel
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Coupon",
            fields=[("id", models.BigAutoField(primary_key=True)), ("code", models.CharField(max_length=8))],
        ),
        migrations.AddIndex("coupon", models.Index(fields=["code"], name="by_code")),
    ]
