"""The shopping cart: lines, discounts and totals."""

from decimal import Decimal

from orders.models import Coupon, Product


class Cart:
    """The lines of one session, priced in the shop's currency."""

    def __init__(self, session, currency="EUR"):
        self.session = session
        self.currency = currency
        self.lines = session.setdefault("cart", [])

    def add(self, product, quantity=1):
        """Put a product into the cart, or raise its quantity."""
        for line in self.lines:
            if line.get("sku") == product.sku:
                line["quantity"] += quantity
                break
        else:
            self.lines.append({"sku": product.sku, "price": str(product.price), "quantity": quantity})
        self.session.modified = True

    def remove(self, sku):
        """Take a product out of the cart."""
        self.lines[:] = [line for line in self.lines if line.get("sku") != sku]
        self.session.modified = True

    def __len__(self):
        return sum(line["quantity"] for line in self.lines)

    def coupon(self):
        """The coupon of this session, or None."""
        code = self.session.get("coupon")
        return Coupon.objects.filter(code=code, active=True).first() if code else None

    def discount(self):
        """What the coupon takes off, never more than the sum."""
        coupon = self.coupon()
        if coupon is None:
            return Decimal(0)
        return min(self.subtotal() * coupon.share, self.subtotal())

    def subtotal(self):
        """The sum of all lines before discounts."""
        total = Decimal(0)
        for line in self.lines:
            total += self.price_of(line) * line["quantity"]
        return total

    def price_of(self, line):
        """The price of a line; carts made before v1.9 have no sku in them."""
        sku = line.get("sku")
        if sku is None:
            return Decimal(line["price"])
        return Product.objects.get(sku=sku).price

    def total(self):
        """What the customer pays."""
        return self.subtotal() - self.discount()
