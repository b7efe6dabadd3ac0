"""What every script here shares. `cargo retail conformance` speaks with it in lines of JSON: it tells of the world, hears
of checks, and drives the browser when it is asked to visit an address."""

import json
import sys
import traceback
from urllib.parse import parse_qs, urlsplit


def _say(what):
    print(json.dumps(what), file=sys.__stdout__, flush=True)


def _hear():
    return json.loads(sys.stdin.readline())


WORLD = _hear()
REDIRECT = "http://127.0.0.1/callback"


def check(name):
    """One line of the report: passes unless the function throws."""

    def run(body):
        try:
            body()
            _say({"check": name, "ok": True})
        except Exception:
            _say({"check": name, "ok": False, "detail": traceback.format_exc()})

    return run


def visit(url, **how):
    """Sends the browser to `url`; says where it ended."""
    _say({"visit": url, **how})
    return _hear()


def comes_back(url, **how):
    """The same, for visits that end at the client's own address: alice logs in and allows what is asked for."""
    landing = visit(url, **(how or {"user": "alice", "press": "allow"}))
    assert "left" in landing, f"did not come back: {landing}"
    return landing["left"]


def register(**wish):
    """A client that is registered for this script: id and secret."""
    _say({"register": wish})
    return _hear()


def forget():
    """A browser without cookies."""
    _say({"forget": True})
    _hear()


def parameters(url):
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
