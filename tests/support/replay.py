"""Places the retailer's real invoices as orders through the edge, as a client of its REST API.

An invoice becomes one PlaceOrder with a request id of its own, so a second replay gets the stored
replies. Cancellations and broken lines are sent as they are: the shop has to refuse them.
"""

import argparse
import collections
import concurrent.futures
import http.client
import json
import pathlib
import re
import ssl
import sys
import threading
import time
import urllib.parse

import retail


class Edge:
    """Keep-alive connections to the edge, one per thread."""

    def __init__(self, state):
        self.url = urllib.parse.urlsplit((state / "edge.url").read_text().strip())
        self.tls = ssl.create_default_context(cafile=state / "ca.pem")
        self.local = threading.local()

    def request(self, method, path, body=None):
        """(status, parsed answer); a connection that was closed while idle is opened again."""
        for last in (False, True):
            try:
                connection = getattr(self.local, "connection", None)
                if connection is None:
                    connection = http.client.HTTPSConnection(
                        self.url.hostname, self.url.port, context=self.tls, timeout=60)
                    self.local.connection = connection
                connection.request(method, path, body, {"Content-Type": "application/json"})
                response = connection.getresponse()
                return response.status, json.loads(response.read() or b"null")
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                self.local.connection = None
                if last:
                    raise

    def place(self, order):
        return self.request("POST", "/v1/orders", json.dumps(order))


def reason(status, answer):
    """Why an order was refused, short enough to count: status, field and the rule it broke."""
    for detail in answer.get("details", []):
        for violation in detail.get("fieldViolations", []):
            field = re.sub(r"\[\d+\]", "[]", violation["field"])
            words = re.split(r', not|"', violation["description"])[0]
            return f"{status} {field}: {words.strip()}"
    return f"{status} {answer.get('message', '').split(':')[0]}"


class Progress:
    """A bar on a terminal; nothing elsewhere."""

    def __init__(self, total):
        self.total, self.shown = total, 0.0

    def show(self, done, placed):
        now = time.monotonic()
        if not sys.stderr.isatty() or (now - self.shown < 0.1 and done < self.total):
            return
        self.shown = now
        filled = 40 * done // max(self.total, 1)
        print(f"\r[{'#' * filled}{'.' * (40 - filled)}] {done}/{self.total}  {placed} placed ",
              end="\n" if done == self.total else "", file=sys.stderr, flush=True)


class Tally:
    def __init__(self):
        self.placed, self.refused, self.seconds = [], collections.Counter(), []

    def quantile(self, q):
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(q * len(ordered)))] if ordered else 0.0


def replay(edge, orders, concurrency, on_answer=None):
    """Places `orders` (a list) and returns a Tally; on_answer(order, status, answer) sees each."""
    tally, bar, lock = Tally(), Progress(len(orders)), threading.Lock()

    def place(order):
        start = time.monotonic()
        status, answer = edge.place(order)
        seconds = time.monotonic() - start
        with lock:
            tally.seconds.append(seconds)
            if status == 200:
                tally.placed.append(answer["name"])
            else:
                tally.refused[reason(status, answer)] += 1
            if on_answer:
                on_answer(order, status, answer)
            bar.show(len(tally.seconds), len(tally.placed))

    with concurrent.futures.ThreadPoolExecutor(concurrency) as pool:
        for _ in pool.map(place, orders):
            pass
    return tally


def main():
    parser = argparse.ArgumentParser(prog="./dev replay", description=__doc__.splitlines()[0])
    parser.add_argument("--state", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--invoices", type=int, default=2000, metavar="N",
                        help="how many of the 16,459 invoices (default 2000; 0: all)")
    parser.add_argument("--concurrency", type=int, default=16, metavar="N",
                        help="orders under way at once (default 16)")
    options = parser.parse_args()

    orders = retail.orders(options.invoices or None)
    start = time.monotonic()
    tally = replay(Edge(options.state), orders, options.concurrency)
    seconds = time.monotonic() - start

    print(f"{len(orders)} invoices: {len(tally.placed)} placed, "
          f"{sum(tally.refused.values())} refused")
    for words, count in tally.refused.most_common():
        print(f"  {count:6} {words}")
    print(f"{len(tally.placed) / seconds:.0f} orders a second with {options.concurrency} at once, "
          f"p50 {1000 * tally.quantile(0.5):.1f} ms, p99 {1000 * tally.quantile(0.99):.1f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
