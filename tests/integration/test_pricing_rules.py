"""The page that explains the price rules, and the database that holds them, say the same."""

import sqlite3
from decimal import Decimal

import expected_total
import pytest


@pytest.fixture(scope="module")
def rules(root):
    database = sqlite3.connect(":memory:")
    database.execute("PRAGMA foreign_keys = ON")
    database.executescript((root / "services/pricing/schema.sql").read_text(encoding="utf-8"))
    return lambda sql: sorted(database.execute(sql))


def percent(basis_points):
    return Decimal(basis_points) / 10000


def pounds(pence):
    return Decimal(pence) / 100


def page(heading, row):
    return sorted(row(cells) for cells in expected_total.RULES[heading])


def test_volume_discounts(rules):
    assert page("Volume discounts", lambda row: (
        int(row["least quantity"]), expected_total.share(row["discount"]))) == [
        (least, percent(off)) for least, off in rules("SELECT * FROM volume_discounts")]


def test_coupons(rules):
    def value(kind, number):
        return {"percent": percent, "amount": pounds}.get(kind, lambda _: None)(number)

    def said(row):
        text = row["value"]
        return (row["code"], row["kind"],
                expected_total.share(text) if text.endswith("%") else
                None if text == "–" else Decimal(text), Decimal(row["least goods"]))

    assert page("Coupons", said) == [
        (code, kind, value(kind, number), pounds(least))
        for code, kind, number, least in rules(
            "SELECT code, kind, value, least_goods_pence FROM coupons")]


def test_zones_and_rates(rules):
    assert page("Zones", lambda row: (
        row["zone"], Decimal(row["extra kilogram"]), row["free from"])) == [
        (zone, pounds(extra), "never" if free is None else f"{pounds(free):.2f}")
        for zone, extra, free in rules("SELECT * FROM zones")]
    assert page("Shipping rates", lambda row: (
        row["zone"], int(row["up to (g)"]), Decimal(row["price"]))) == [
        (zone, grams, pounds(pence))
        for zone, grams, pence in rules("SELECT * FROM shipping_rates")]


def test_taxes_and_regions(rules):
    assert page("Taxes", lambda row: (
        row["tax"], row["name"], expected_total.share(row["rate"]))) == [
        (tax, name, percent(rate)) for tax, name, rate in rules("SELECT * FROM taxes")]
    assert page("Regions", lambda row: (row["region"], row["zone"], row["tax"])) == rules(
        "SELECT * FROM regions")


def test_every_region_can_be_shipped_to(rules):
    zones = {zone for zone, in rules("SELECT DISTINCT zone FROM shipping_rates")}
    assert {zone for _, zone, _ in rules("SELECT * FROM regions")} <= zones
