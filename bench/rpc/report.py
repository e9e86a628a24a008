"""What ./dev bench rpc has measured, as lines, as JSON, and as a page with a chart."""

import json

ORDER = ["weft", "nghttpd", "grpc-go", "grpc C++"]
COLOURS = {"weft": "#1b6ca8", "nghttpd": "#9aa5b1", "grpc-go": "#6bb8a5", "grpc C++": "#d9a05b"}


def title(result):
    return f"{result['scenario']}, {'TLS' if result['tls'] else 'plaintext'}"


def ratio(result, peer):
    return result["median_us"]["weft"] / result["median_us"][peer]


def row(result):
    costs = result["median_us"]
    cells = [f"weft {costs['weft']:.2f}"]
    cells += [f"{name} {costs[name]:.2f} ({ratio(result, name):.2f}×)"
              for name in ORDER[1:] if name in costs]
    return f"{title(result)}, µs per {result['unit']}: " + ", ".join(cells)


def table(results):
    yield "| | weft, µs | " + " | ".join(f"{name}, µs" for name in ORDER[1:]) + " |"
    yield "|---" * (len(ORDER) + 1) + "|"
    for result in results:
        costs = result["median_us"]
        cells = [f"{costs['weft']:.2f}"]
        for name in ORDER[1:]:
            cells.append(f"{costs[name]:.2f} ({ratio(result, name):.2f}×)" if name in costs else "")
        yield f"| {title(result)} | " + " | ".join(cells) + " |"


def chart(results):
    """A bar for each server, in each scenario as a share of the dearest."""
    bar, gap, left, width = 14, 16, 190, 430
    rows, y = [], 8
    for result in results:
        costs = result["median_us"]
        names = [name for name in ORDER if name in costs]
        dearest = max(costs.values())
        rows.append(f'<text x="{left - 10}" y="{y + bar * len(names) / 2 + 4:.0f}" '
                    f'text-anchor="end" font-weight="bold">{title(result)}</text>')
        for name in names:
            length = costs[name] / dearest * width
            rows.append(f'<rect x="{left}" y="{y}" width="{length:.1f}" height="{bar - 2}" '
                        f'fill="{COLOURS[name]}"/>')
            rows.append(f'<text x="{left + length + 6:.1f}" y="{y + bar - 4}">'
                        f'{name} {costs[name]:.2f} µs</text>')
            y += bar
        y += gap
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 140}" height="{y}" '
            'font-family="sans-serif" font-size="11" fill="#222">\n'
            '<rect width="100%" height="100%" fill="#fff"/>\n' + "\n".join(rows) + "\n</svg>\n")


PAGE = """# What a call costs

The server's user and system CPU time for one unary call of 32 bytes, or for one message of a
server stream; in brackets, Weft's cost as a share of that peer's. Measured {date} by

```sh
{command}
```

{table}

![the same as bars](performance.svg)

- Servers run pinned to one core, the load (h2load, the same for all) on the other; {rounds} rounds,
  interleaved, of which the median counts. The microseconds drift with the machine and with what
  else it does; the ratios are from one run.
- `8×32` is 8 connections with 32 calls each under way; `32×1` is 32 connections with one, where
  system calls are most of the cost. Streams are 8 connections with 4 streams each.
- Weft runs with the defaults of every limit, and with health. grpc C++ is Debian's, with the
  callback API; grpc-go is the release that `bench/rpc/go/go.mod` names. nghttpd answers the same
  POST from a static file: no protobuf and no handler, the limit of the HTTP/2 library.
- h2load gives every peer windows of 1 GiB, so flow control costs none of them anything here.
- Not measured yet: client stubs, client streams and bidirectional ones, latency, memory of idle
  connections, 10,000 connections, the completion queue of grpc C++.

The rounds one by one are in `performance.json`.
"""


def write(folder, results, rounds, date, command):
    folder.mkdir(exist_ok=True)
    (folder / "performance.json").write_text(
        json.dumps({"date": date, "results": results}, indent=1, ensure_ascii=False) + "\n")
    (folder / "performance.svg").write_text(chart(results))
    (folder / "performance.md").write_text(
        PAGE.format(date=date, rounds=rounds, command=command,
                    table="\n".join(table(results))))
