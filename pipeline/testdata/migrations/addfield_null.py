# class: additive
# why: may be empty
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]

    operations = [
        migrations.AddField(model_name="order", name="coupon", field=models.ForeignKey(null=True, blank=True, on_delete=models.SET_NULL, to="coupons.coupon")),
    ]
