"""Mail in tests, for pytest and unittest: copy this file."""

import json
import os
import urllib.error
import urllib.parse
import urllib.request

URL = os.environ.get("POSTYARD_URL", "http://127.0.0.1:8025")
TOKEN = os.environ.get("POSTYARD_TOKEN", "")


def ask(method, path, **query):
    request = urllib.request.Request(
        f"{URL}/api/v1{path}?{urllib.parse.urlencode(query)}",
        method=method,
        headers={"Authorization": f"Bearer {TOKEN}"},
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise AssertionError(json.load(error)["error"]["message"]) from None


def wait_for_mail(to, **query):
    """The newest message to this recipient, as soon as it is there."""
    return ask("GET", "/wait", to=to, **query)["messages"][-1]


def delete_mail(filter=""):
    """All that fits a filter; without one, everything."""
    return ask("DELETE", "/messages", filter=filter)
