"""The retailer's file (tests/data) as the shop sees it: a catalogue and a stream of invoices.

    retail.py products            the catalogue, a catalog.v1.ImportProductsRequest a line (NDJSON)
    retail.py orders [--limit N]  the invoices, an orders.v1.PlaceOrderRequest a line

The catalogue is every stock code with its most frequent positive unit price and its most frequent
description; a code that was never sold at a positive price is left out, so that orders for it are
refused. Ties go to the larger price and the alphabetically first description. The file knows no
weights, so they are estimated from the price: 40 g and 60 g a pound, at most 5 kg; postage, fees
and the like, whose codes do not begin with five digits, weigh nothing.
"""

import argparse
import collections
import csv
import itertools
import json
import lzma
import pathlib
import re
import sys
import uuid
from decimal import Decimal

DATA = pathlib.Path(__file__).resolve().parents[1] / "data"
FILE = DATA / "online-retail-2010-12-to-2011-08.csv.xz"

# CLDR region codes (ISO 3166-1 alpha-2) of the retailer's country names. "Unspecified" and
# "European Community" are no countries: "ZZ", the code for an unknown region.
REGIONS = {
    "Australia": "AU", "Austria": "AT", "Bahrain": "BH", "Belgium": "BE", "Brazil": "BR",
    "Canada": "CA", "Channel Islands": "JE", "Cyprus": "CY", "Czech Republic": "CZ",
    "Denmark": "DK", "EIRE": "IE", "Finland": "FI", "France": "FR", "Germany": "DE",
    "Greece": "GR", "Hong Kong": "HK", "Iceland": "IS", "Israel": "IL", "Italy": "IT",
    "Japan": "JP", "Lebanon": "LB", "Lithuania": "LT", "Malta": "MT", "Netherlands": "NL",
    "Norway": "NO", "Poland": "PL", "Portugal": "PT", "Saudi Arabia": "SA", "Singapore": "SG",
    "Spain": "ES", "Sweden": "SE", "Switzerland": "CH", "USA": "US",
    "United Arab Emirates": "AE", "United Kingdom": "GB",
}

# Invoices become request ids: the same invoice is the same order, however often it is replayed.
INVOICES = uuid.UUID("6c1dbd5e-6f0f-4c3e-9b0f-3f0f6a7d9a10")


def rows():
    with lzma.open(FILE, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def money(amount, currency="GBP"):
    """google.type.Money as JSON, exactly."""
    nanos = int(Decimal(amount).scaleb(9).to_integral_exact())
    sign = -1 if nanos < 0 else 1
    units, nanos = divmod(abs(nanos), 10**9)
    return {"currencyCode": currency, "units": str(sign * units), "nanos": sign * nanos}


def product_name(stock_code):
    """A stock code as a resource name: what no product id may hold becomes "-"."""
    return "products/" + re.sub(r"[^A-Za-z0-9_.-]", "-", stock_code)


def most_frequent(counter, tie):
    most = max(counter.values())
    return tie(value for value, count in counter.items() if count == most)


def catalogue(lines=None):
    """{stock code: (title, unit price as Decimal)}"""
    prices = collections.defaultdict(collections.Counter)
    titles = collections.defaultdict(collections.Counter)
    for row in lines if lines is not None else rows():
        price = Decimal(row["UnitPrice"])
        if price > 0:
            prices[row["StockCode"]][price] += 1
        title = " ".join(row["Description"].split())
        if title:
            titles[row["StockCode"]][title] += 1
    return {
        code: (most_frequent(titles[code], min) if titles[code] else code,
               most_frequent(prices[code], max))
        for code in sorted(prices)
    }


def weight_grams(stock_code, price):
    if not re.match(r"\d{5}", stock_code):
        return 0
    return min(5000, 40 + int(60 * price))


def products():
    for code, (title, price) in catalogue().items():
        product = {"name": product_name(code), "title": title, "unitPrice": money(price)}
        if weight_grams(code, price):
            product["weightGrams"] = weight_grams(code, price)
        yield {"product": product}


def invoices():
    """{invoice number: its rows}, in order of their beginnings; the file tears one in two."""
    found = {}
    for row in rows():
        found.setdefault(row["InvoiceNo"], []).append(row)
    return found


def order(number, lines):
    """An invoice as an order, whatever is wrong with it: refusing is the shop's job."""
    value = {
        "requestId": str(uuid.uuid5(INVOICES, number)),
        "regionCode": REGIONS.get(lines[0]["Country"], "ZZ"),
        "externalReference": number,
        "lines": [{"product": product_name(line["StockCode"]), "quantity": int(line["Quantity"])}
                  for line in lines],
    }
    if lines[0]["CustomerID"]:
        value["customerId"] = lines[0]["CustomerID"].split(".")[0]
    return value


def orders(limit=None):
    return [order(number, lines) for number, lines in itertools.islice(invoices().items(), limit)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["products", "orders"])
    parser.add_argument("--limit", type=int, metavar="N", help="orders: the first N")
    options = parser.parse_args()
    for message in products() if options.what == "products" else orders(options.limit):
        print(json.dumps(message, separators=(",", ":")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
