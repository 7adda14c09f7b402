"""Orders, their lines and coupons."""

from django.db import models


class Product(models.Model):
    sku = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=200)
    price = models.DecimalField(max_digits=10, decimal_places=2)


class Coupon(models.Model):
    code = models.CharField(max_length=24, unique=True)
    share = models.DecimalField(max_digits=4, decimal_places=3)
    active = models.BooleanField(default=True)


class Order(models.Model):
    number = models.CharField(max_length=24, unique=True)
    customer = models.BigIntegerField(db_index=True)
    placed = models.DateTimeField(auto_now_add=True)
    total = models.DecimalField(max_digits=12, decimal_places=2)
