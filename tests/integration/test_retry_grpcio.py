"""Retries of our client beside those of grpcio's, with the same service config and the same server:
both come to the same status after the same attempts."""

import concurrent.futures
import itertools
import json
import subprocess

import grpc
import pytest

CODES = {"U": grpc.StatusCode.UNAVAILABLE, "N": grpc.StatusCode.NOT_FOUND,
         "I": grpc.StatusCode.INTERNAL, "A": grpc.StatusCode.ABORTED}


class Script(grpc.GenericRpcHandler):
    """The request is a key and a script, a word for each attempt: a letter of CODES fails it, "O"
    answers, "late" fails it behind headers; "=MS" after a letter pushes back. What each attempt
    said of the earlier ones is kept by key."""

    def __init__(self):
        self.seen = {}

    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(self.run)

    def run(self, request, context):
        key, *words = request.decode().split()
        seen = self.seen.setdefault(key, [])
        word = words[len(seen)]
        seen.append(dict(context.invocation_metadata()).get("grpc-previous-rpc-attempts", "0"))
        if word == "O":
            return b"done"
        letter, _, pushback = word.partition("=")
        if letter == "late":
            context.send_initial_metadata([("x-early", "1")])
            letter = "U"
        if pushback:
            context.set_trailing_metadata([("grpc-retry-pushback-ms", pushback)])
        return context.abort(CODES[letter], "as the script says")


@pytest.fixture(scope="module")
def scripted():
    handler = Script()
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(4), handlers=[handler])
    handler.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    handler.keys = itertools.count()
    server.start()
    yield handler
    server.stop(None).wait()


def policy(**changes):
    return {"maxAttempts": 4, "initialBackoff": "0.01s", "maxBackoff": "0.05s",
            "backoffMultiplier": 2, "retryableStatusCodes": ["UNAVAILABLE", "ABORTED"], **changes}


def config(**method):
    return {"methodConfig": [{"name": [{"service": "test.Script"}], **method}]}


def by_grpcio(address, text, request, timeout):
    with grpc.insecure_channel(address, [("grpc.service_config", text),
                                         ("grpc.enable_retries", 1)]) as channel:
        try:
            channel.unary_unary("/test.Script/Run")(request.encode(), timeout=timeout)
            return "OK"
        except grpc.RpcError as error:
            return error.code().name


def by_ours(build, path, address, request, *options, timeout=20):
    done = subprocess.run(
        [build / "tests/support/rpc_client", "--timeout-ms", str(int(timeout * 1000)),
         "--service-config", path, *options, address, "/test.Script/Run", request],
        capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout.splitlines()[-1].split()[1]


# The script, and what both must come to: the status, and how many attempts were executed.
ROWS = {
    "ok": (config(retryPolicy=policy()), "O", "OK", 1),
    "once": (config(retryPolicy=policy()), "U O", "OK", 2),
    "second": (config(retryPolicy=policy()), "A O", "OK", 2),
    "all": (config(retryPolicy=policy()), "U U U O", "OK", 4),
    "spent": (config(retryPolicy=policy()), "U U U U O", "UNAVAILABLE", 4),
    "five": (config(retryPolicy=policy(maxAttempts=9)), "U U U U U O", "UNAVAILABLE", 5),
    "other": (config(retryPolicy=policy()), "N O", "NOT_FOUND", 1),
    "then": (config(retryPolicy=policy()), "U I O", "INTERNAL", 2),
    "late": (config(retryPolicy=policy()), "late O", "UNAVAILABLE", 1),
    "push": (config(retryPolicy=policy(initialBackoff="15s", maxBackoff="15s")), "U=5 O", "OK", 2),
    "no": (config(retryPolicy=policy()), "U=-1 O", "UNAVAILABLE", 1),
    "what": (config(retryPolicy=policy()), "U=soon O", "UNAVAILABLE", 1),
    "none": (config(), "U O", "UNAVAILABLE", 1),
    "wait": (config(retryPolicy=policy(initialBackoff="15s", maxBackoff="15s")), "U O",
             "DEADLINE_EXCEEDED", 1),
    "tokens": ({**config(retryPolicy=policy()),
                "retryThrottling": {"maxTokens": 4, "tokenRatio": 0.1}}, "U U U O",
               "UNAVAILABLE", 2),
}


@pytest.mark.parametrize("row", ROWS)
def test_both_do_the_same(scripted, build, tmp_path, row):
    what, script, status, attempts = ROWS[row]
    text = json.dumps(what)
    path = tmp_path / "config.json"
    path.write_text(text)
    keys = [f"{row}-{next(scripted.keys)}" for _ in range(2)]
    timeout = 0.5 if status == "DEADLINE_EXCEEDED" else 20

    theirs = by_grpcio(scripted.address, text, f"{keys[0]} {script}", timeout)
    ours = by_ours(build, path, scripted.address, f"{keys[1]} {script}", "--idempotent",
                   timeout=timeout)
    expected = [str(i) for i in range(attempts)]
    assert (theirs, scripted.seen[keys[0]]) == (status, expected)
    assert (ours, scripted.seen[keys[1]]) == (status, expected)


def test_ours_does_nothing_twice(scripted, build, tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config(retryPolicy=policy())))
    assert by_ours(build, path, scripted.address, "twice U O") == "UNAVAILABLE"
    assert scripted.seen["twice"] == ["0"]


def test_hedges_reach_it(scripted, build, tmp_path):
    path = tmp_path / "config.json"
    hedging = {"maxAttempts": 3, "hedgingDelay": "15s", "nonFatalStatusCodes": ["UNAVAILABLE"]}
    path.write_text(json.dumps(config(hedgingPolicy=hedging)))
    assert by_ours(build, path, scripted.address, "hedged U U O", "--idempotent") == "OK"
    assert scripted.seen["hedged"] == ["0", "1", "2"]


def test_a_broken_config_is_refused(build, tmp_path):
    path = tmp_path / "config.json"
    path.write_text('{\n  "methodConfig": [\n    { "retryPolicy": { "maxAttempts": 1 } } ] }\n')
    done = subprocess.run(
        [build / "tests/support/rpc_client", "--service-config", path, "unix:/x", "/a/b"],
        capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "line 3: methodConfig[0].retryPolicy.maxAttempts: expected 2 or more" in done.stderr
