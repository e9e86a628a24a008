"""What ./dev bench rpc has measured, as lines, as JSON, and as a page with a chart."""

import json

from peers import ORDER

COLOURS = {"weft": "#1b6ca8", "nghttpd": "#9aa5b1", "grpc-go": "#6bb8a5",
           "grpc C++ queue": "#d9a05b", "grpc C++ callback": "#c9804b"}
GRPC = [name for name in ORDER if name not in ("weft", "nghttpd")]


def mode(tls):
    return "TLS" if tls else "plaintext"


def title(result):
    return f"{result['scenario']}, {mode(result['tls'])}"


def share(values, peer):
    """A value with Weft's as a share of it."""
    if peer not in values:
        return ""
    if peer == "weft":
        return f"{values[peer]:.2f}"
    return f"{values[peer]:.2f} ({values['weft'] / values[peer]:.2f}×)"


def load_line(result):
    costs = result["median_us"]
    return (f"{title(result)}, µs per {result['unit']}: " +
            ", ".join(f"{name} {share(costs, name)}" for name in ORDER if name in costs))


def rows(head, lines):
    yield "| " + " | ".join(head) + " |"
    yield "|---" * len(head) + "|"
    for line in lines:
        yield "| " + " | ".join(line) + " |"


# --- The sections. ---

def load_section(results):
    yield "## Under load"
    yield ""
    yield ("The server's CPU time for a unary call of 32 bytes, or for one message of a stream, in "
           "µs; in brackets Weft's as a share of that peer's.")
    yield ""
    yield from rows(["", *ORDER], ([title(result)] +
                                   [share(result["median_us"], name) for name in ORDER]
                                   for result in results))
    yield ""
    yield "![the same as bars](performance.svg)"


def latency_section(modes):
    yield "## One call at a time"
    yield ""
    yield "Server and client on one core; µs until the answer is there, p50 and p99."
    yield ""
    yield from rows(["", *ORDER], ([key] + [f"{peers[name]['p50']:.0f}, {peers[name]['p99']:.0f}"
                                            if name in peers else "" for name in ORDER]
                                   for key, peers in modes.items()))


def idle_section(kib):
    yield "## An idle TLS connection"
    yield ""
    yield "KiB by which the server's resident memory grows for each of 500."
    yield ""
    yield from rows(ORDER, [[f"{kib[name]:.1f}" if name in kib else "" for name in ORDER]])


def start_section(modes):
    yield "## Starting"
    yield ""
    yield ("Milliseconds from exec to the first answered call, and the MB that are resident then, "
           "at rest. nghttpd is met by trying to connect; the others say when they listen.")
    yield ""
    yield from rows(["", *ORDER],
                    ([key] + [f"{peers[name]['ms']:.0f} ms, {peers[name]['kib'] / 1024:.1f} MB"
                              if name in peers else "" for name in ORDER]
                     for key, peers in modes.items()))


def connections_section(costs):
    yield "## Many connections"
    yield ""
    yield ("The server's CPU time for a unary call, in µs, plaintext, by how many connections have "
           "one call each under way.")
    yield ""
    yield from rows(["", *map(str, costs["weft"])],
                    ([name] + [f"{cost:.2f}" if cost else "SKIPPED: too few descriptors"
                               for cost in row.values()] for name, row in costs.items()))
    yield ""
    yield "Of one connection with one call, most is that the server sleeps and is woken each time."


def stub_section(modes):
    yield "## The stub"
    yield ""
    yield ("The client's CPU time for a unary call in µs, 32 at a time on one channel, against "
           "Weft's server.")
    yield ""
    yield from rows(["", "weft", *GRPC],
                    ([key] + [share(costs, name) for name in ["weft", *GRPC]]
                     for key, costs in modes.items()))


def profile_section(profile):
    yield "## Where the instructions go"
    yield ""
    if not profile:
        yield "Not measured: there is no valgrind."
        return
    total = sum(profile["libraries"].values())
    yield (f"Of a unary call, 8×32, plaintext, in user space, by callgrind: {total} at the server, "
           "of which " + ", ".join(f"{name} {n}" for name, n in profile["libraries"].items()) +
           ". The dearest functions, each without what it calls:")
    yield ""
    yield from rows(["function", "library", "instructions", "share"],
                    ([f"`{one['name']}`", one["library"], str(one["instructions"]),
                      f"{one['instructions'] / total:.1%}"] for one in profile["functions"]))


SECTIONS = {"load": load_section, "latency": latency_section, "idle": idle_section,
            "start": start_section, "connections": connections_section, "stub": stub_section,
            "profile": profile_section}


def section(part, result):
    return SECTIONS[part](result)


# --- What was to be reached. ---

def cheapest(values, names=GRPC):
    return min(values[name] for name in names if name in values)


def load_targets(results):
    bounds = {"unary 8×32": [("nghttpd", 0.8), ("grpc-go", 0.3), ("grpc C++ callback", 0.2)],
              "unary 32×1": [("nghttpd", 0.9), ("the cheapest gRPC peer", 0.65)],
              "stream 1 KiB": [("grpc-go", 0.45)],
              "stream 64 KiB": [("the cheapest gRPC peer", 0.9)]}
    for result in results:
        costs = {**result["median_us"]}
        costs["the cheapest gRPC peer"] = cheapest(costs)
        for peer, bound in bounds.get(result["scenario"], []):
            if peer in costs:
                yield f"{title(result)}, of {peer}'s", costs["weft"] / costs[peer], bound, "×"


def latency_targets(modes):
    for key, peers in modes.items():
        for which in ("p50", "p99"):
            values = {name: figures[which] for name, figures in peers.items()}
            yield f"{which}, {key}, of the fastest gRPC peer's", \
                values["weft"] / cheapest(values), 1, "×"
        yield f"p50, {key}, of nghttpd's", peers["weft"]["p50"] / peers["nghttpd"]["p50"], 1.1, "×"


def start_targets(modes):
    for key, peers in modes.items():
        if "grpc-go" in peers:
            yield (f"start, {key}, of grpc-go's", peers["weft"]["ms"] / peers["grpc-go"]["ms"],
                   1, "×")
        yield f"at rest, {key}", peers["weft"]["kib"] / 1024, 8 if key == "TLS" else 5, " MB"


def stub_targets(modes):
    for key, costs in modes.items():
        names = [name for name in GRPC if "C++" in name]
        yield f"stub, {key}, of grpc C++'s", costs["weft"] / cheapest(costs, names), 0.3, "×"


def targets(results):
    if "load" in results:
        yield from load_targets(results["load"])
    if "stub" in results:
        yield from stub_targets(results["stub"])
    if "latency" in results:
        yield from latency_targets(results["latency"])
    if "idle" in results:
        yield "an idle TLS connection", results["idle"]["weft"], 40, " KiB"
    if "start" in results:
        yield from start_targets(results["start"])
    costs = results.get("connections", {"weft": {}})["weft"].values()
    if costs and all(costs):
        yield "the dearest number of connections, of the cheapest's", \
            max(costs) / min(costs), 1.5, "×"
    yield "libweft.so, stripped", results["library_kib"], 400, " KiB"


def targets_section(results):
    yield "## Against the targets"
    yield ""
    yield from rows(["", "measured", "at most", ""],
                    ([what, f"{value:.2f}{unit}", f"{bound}{unit}",
                      "met" if value <= bound else "**missed**"]
                     for what, value, bound, unit in targets(results)))


# --- The page. ---

def chart(results):
    """A bar for each server, in each scenario as a share of the dearest."""
    bar, gap, left, width = 14, 16, 230, 430
    out, y = [], 8
    for result in results:
        costs = result["median_us"]
        names = [name for name in ORDER if name in costs]
        dearest = max(costs.values())
        out.append(f'<text x="{left - 10}" y="{y + bar * len(names) / 2 + 4:.0f}" '
                   f'text-anchor="end" font-weight="bold">{title(result)}</text>')
        for name in names:
            length = costs[name] / dearest * width
            out.append(f'<rect x="{left}" y="{y}" width="{length:.1f}" height="{bar - 2}" '
                       f'fill="{COLOURS[name]}"/>')
            out.append(f'<text x="{left + length + 6:.1f}" y="{y + bar - 4}">'
                       f'{name} {costs[name]:.2f} µs</text>')
            y += bar
        y += gap
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 190}" height="{y}" '
            'font-family="sans-serif" font-size="11" fill="#222">\n'
            '<rect width="100%" height="100%" fill="#fff"/>\n' + "\n".join(out) + "\n</svg>\n")


PAGE = """# What a call costs

Measured {date} by

```sh
{command}
```

{sections}

## How it is measured

- Servers run pinned to one core, the load (h2load, the same for all) on the other; {rounds} rounds,
  interleaved, of which the median counts. The microseconds drift with the machine and with what
  else it does; the ratios are from one run. When this one began, {load_average:.1f} processes
  wanted the machine's {cores} cores{noise}.
- `8×32` is 8 connections with 32 calls each under way; `32×1` is 32 connections with one, where
  system calls are most of the cost. Streams are 8 connections with 4 streams each.
- Weft runs with the defaults of every limit, and with health. grpc C++ is Debian's, by its
  completion queue and by its callbacks; grpc-go is the release that `bench/rpc/go/go.mod` names.
  nghttpd answers the same POST from a static file: no protobuf and no handler, the limit of the
  HTTP/2 library.
- h2load gives every peer windows of 1 GiB, so flow control costs none of them anything where they
  send; where they receive it is their own.
- A foreign client (grpcio) checks each peer's answers before; after each measurement under load
  the calls that succeeded and the bytes that came are held against what is due.
- What the kernel does for a server in the interrupts of the loopback device is counted where it
  happens to run. That cannot be separated here, and it is most of what streams of 64 KiB cost.
- Callgrind names the functions inside a library only where that has its symbols
  (`--symbols FOLDER`, here nghttp2 1.52 built with them).

The rounds one by one are in `performance.json`.
"""


def write(folder, results):
    sections = [list(targets_section(results))]
    sections += [list(section(part, results[part])) for part in SECTIONS if part in results]
    busy = results["load_average"] > results["cores"] / 2
    folder.mkdir(exist_ok=True)
    (folder / "performance.json").write_text(
        json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    (folder / "performance.svg").write_text(chart(results.get("load", [])))
    (folder / "performance.md").write_text(PAGE.format(
        **{key: results[key] for key in ("date", "command", "rounds", "load_average", "cores")},
        noise=": it was not idle, and no figure in µs or ms is clean" if busy else "",
        sections="\n\n".join("\n".join(lines) for lines in sections)))
