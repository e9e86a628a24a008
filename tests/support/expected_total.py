"""What an order must cost, computed from docs/pricing.md alone, in decimal.

The page is the specification: its tables are read, its steps are followed. Nothing here knows the C
code or its database, so that the two agree only if both are right.

    bill = expected_total.bill(lines=[(6, Decimal("2.55"), 193)], region="GB")
    bill.total  # Decimal("24.96")
"""

import dataclasses
import pathlib
from decimal import ROUND_CEILING, ROUND_HALF_UP, Context, Decimal

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "pricing.md"
PENNY = Decimal("0.01")
# Wide enough that no product below is ever rounded by the context itself.
WIDE = Context(prec=60)


class Refused(Exception):
    """The page says that the request is refused; `field` says which of its fields is at fault."""

    def __init__(self, field):
        super().__init__(field)
        self.field = field


def tables(page=PAGE):
    """{heading: [row, ...]}, a row being {column: text}."""
    found, heading, columns = {}, None, None
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            heading, columns = line.lstrip("# "), None
        elif line.startswith("|"):
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if columns is None:
                columns = cells
            elif set(cells[0]) != {"-"}:
                found.setdefault(heading, []).append(dict(zip(columns, cells)))
    return found


RULES = tables()


def share(text):
    """ "8.5%" as a factor. """
    return Decimal(text.rstrip("%")) / 100


def penny(amount):
    """ROUND_HALF_UP is decimal's name for half away from zero."""
    return amount.quantize(PENNY, ROUND_HALF_UP, WIDE)


def times(a, b):
    return WIDE.multiply(a, Decimal(b))


def one(heading, column, value):
    return next((row for row in RULES[heading] if row[column] == value), None)


@dataclasses.dataclass
class Line:
    subtotal: Decimal
    discount: Decimal
    discount_rule: str  # "" when there is none

    @property
    def total(self):
        return self.subtotal - self.discount


@dataclasses.dataclass
class Bill:
    lines: list
    goods: Decimal
    discount: Decimal
    discount_rule: str
    shipping: Decimal
    shipping_rule: str
    tax: Decimal
    tax_rule: str

    @property
    def total(self):
        return self.goods - self.discount + self.shipping + self.tax


def line(quantity, unit_price):
    subtotal = penny(times(unit_price, quantity))
    reached = [row for row in RULES["Volume discounts"] if int(row["least quantity"]) <= quantity]
    if not reached:
        return Line(subtotal, Decimal(0), "")
    row = max(reached, key=lambda row: int(row["least quantity"]))
    return Line(subtotal, penny(times(subtotal, share(row["discount"]))),
                "volume/" + row["least quantity"])


def shipping(grams, zone, value, coupon):
    rates = sorted((int(row["up to (g)"]), Decimal(row["price"]))
                   for row in RULES["Shipping rates"] if row["zone"] == zone["zone"])
    if grams == 0:
        return Decimal(0), "shipping/none"
    if coupon and coupon["kind"] == "free-shipping":
        return Decimal(0), "coupon/" + coupon["code"]
    if zone["free from"] != "never" and value >= Decimal(zone["free from"]):
        return Decimal(0), f"shipping/{zone['zone']}/free"
    for most, price in rates:
        if grams <= most:
            return price, f"shipping/{zone['zone']}/{most}"
    most, price = rates[-1]
    kilograms = (Decimal(grams - most) / 1000).to_integral_value(ROUND_CEILING)
    return price + times(kilograms, zone["extra kilogram"]), f"shipping/{zone['zone']}/over-{most}"


def bill(lines, region, coupon_code=""):
    """`lines` are (quantity, unit price as Decimal, weight of one in grams)."""
    region_row = one("Regions", "region", region)
    if region_row is None:
        raise Refused("region_code")
    coupon = one("Coupons", "code", coupon_code.upper()) if coupon_code else None
    if coupon_code and coupon is None:
        raise Refused("coupon")

    priced = [line(quantity, unit_price) for quantity, unit_price, _ in lines]
    goods = sum((each.total for each in priced), Decimal(0))
    discount, discount_rule = Decimal(0), ""
    if coupon:
        if goods < Decimal(coupon["least goods"]):
            raise Refused("coupon")
        if coupon["kind"] == "percent":
            discount = penny(times(goods, share(coupon["value"])))
        elif coupon["kind"] == "amount":
            discount = min(Decimal(coupon["value"]), goods)
        if coupon["kind"] != "free-shipping":
            discount_rule = "coupon/" + coupon["code"]

    grams = sum(quantity * weight for quantity, _, weight in lines)
    zone = one("Zones", "zone", region_row["zone"])
    carried, carried_rule = shipping(grams, zone, goods - discount, coupon)
    rate = share(one("Taxes", "tax", region_row["tax"])["rate"])
    tax = penny(times(goods - discount + carried, rate))
    return Bill(priced, goods, discount, discount_rule, carried, carried_rule, tax,
                "tax/" + region_row["tax"])
