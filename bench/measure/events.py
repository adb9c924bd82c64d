"""The events that the handlers are called with: the same bytes on every machine, since they come from one seed.

An event is grown piece by piece until it has its size, so that a larger one has more pieces rather than longer words.
"""

import base64
import csv
import hashlib
import hmac
import io
import json
import random

SIZES = [1, 5, 50, 500]  # kB
KEY = b"a key that is known to everybody"  # as in handlers/crypto
WORDS = """about after again also always answer because before between called change different does each even every example found from good great
hand heard help here home house just know large learn letter line little live long made make many might most mother much must name need never
number often only other over page part people place point right same sentence should show small sound still study such take tell than their them
there these thing think this thought through time together under until used very want water well went were what when where which while with word
work world would write year""".split()


def words(rng, least, most):
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(least, most)))


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def grow(size, piece, event):
    """Adds pieces until the whole event has the size; gives the event's JSON.

    What quoting adds to a piece is seen only in the event, which is too long to be written anew for each piece: pieces come in batches.
    """
    pieces = [piece(0)]
    empty = len(compact(event([])))
    while (length := len(written := compact(event(pieces)))) < size:
        average = (length - empty) / len(pieces)
        batch = max(1, int(0.8 * (size - length) / average))
        pieces.extend(piece(len(pieces) + index) for index in range(batch))
    return written


def order(rng, index):
    """One order in twelve breaks a rule; two in three have a note."""
    customer = f"{rng.choice(['Ada', 'Bram', 'Céline', 'Dóra', 'Emil', 'Fatma'])} {rng.choice(WORDS).title()}"
    lines = [{"sku": f"{rng.choice(['ABC', 'KLM', 'XYZ'])}-{rng.randrange(10000):04}", "quantity": rng.randint(1, 9), "cents": rng.randint(99, 99999)}
             for _ in range(rng.randint(1, 4))]
    made = {"id": f"ord_{rng.randrange(16 ** 12):012x}", "customer": customer, "email": f"{rng.choice(WORDS)}.{rng.choice(WORDS)}@example.com",
            "phone": f"+{rng.randint(1, 99)} {rng.randint(100, 999)} {rng.randint(1000, 9999)}",
            "placed": f"2026-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}T{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:00Z", "lines": lines}
    if index % 3:
        made["note"] = words(rng, 3, 12)
    if index % 12 == 5:
        made["email"] = "nobody at example.com"
    return made


def json_event(rng, size):
    def event(orders):
        http = {"method": "POST", "path": "/orders", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "bench"}
        return {"version": "2.0", "routeKey": "POST /orders", "rawPath": "/orders", "rawQueryString": "",
                "headers": {"content-type": "application/json", "host": "api.example.com"},
                "requestContext": {"accountId": "123456789012", "apiId": "api", "domainName": "api.example.com", "domainPrefix": "api", "http": http,
                                   "requestId": "id", "routeKey": "POST /orders", "stage": "$default", "time": "24/Nov/2026:00:00:00 +0000",
                                   "timeEpoch": 1795478400000},
                "body": compact(orders), "isBase64Encoded": False}
    return grow(size, lambda index: order(rng, index), event)


def article(rng, _):
    paragraph = f"{words(rng, 8, 30).capitalize()} **{words(rng, 1, 3)}**, [{words(rng, 1, 3)}](https://example.com/{rng.choice(WORDS)}) `{rng.choice(WORDS)}`."
    listed = "\n".join(f"- {words(rng, 2, 8)} & *{rng.choice(WORDS)}*" for _ in range(rng.randint(0, 4)))
    return [words(rng, 2, 5).title(), f"{rng.choice(WORDS)} {rng.choice(WORDS)}".title(), f"2026-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}",
            f"{rng.uniform(0, 100):.2f}", f"{paragraph}\n\n{listed}\n\n> \"{words(rng, 4, 12)}\""]


def text_event(rng, size):
    def event(rows):
        body = io.StringIO()
        csv.writer(body, lineterminator="\n").writerows([["title", "author", "published", "score", "text"], *rows])
        return {"title": "Articles", "body": body.getvalue()}
    return grow(size, lambda index: article(rng, index), event)


def encode(value):
    return base64.urlsafe_b64encode(value).rstrip(b"=")


def crypto_event(rng, size):
    def event(records):
        digest = hashlib.sha256("".join(records).encode()).digest()
        claims = {"sub": "bench", "iat": 1795478400, "sha256": base64.b64encode(digest).decode()}
        signed = encode(compact({"alg": "HS256", "typ": "JWT"}).encode()) + b"." + encode(compact(claims).encode())
        token = signed + b"." + encode(hmac.digest(KEY, signed, "sha256"))
        return {"token": token.decode(), "records": records}
    return grow(size, lambda index: compact({"id": index, "name": words(rng, 2, 4), "text": words(rng, 10, 60)}), event)


def client_event(rng, size):
    """Larger events have larger items too: a function that puts thousands one by one is no function that anybody has."""
    texts = max(2, size // 10_000)

    def item(index):
        return {"id": f"item-{index:06}", "price": rng.randint(100, 99999) / 100, "stocked": rng.random() < 0.5,
                "tags": [rng.choice(WORDS) for _ in range(rng.randint(1, 5))], "texts": {f"{rng.choice(WORDS)}-{n}": words(rng, 5, 30) for n in range(texts)}}
    return grow(size, item, lambda items: {"owner": "bench", "items": items})


EVENTS = {"json": json_event, "text": text_event, "crypto": crypto_event, "client": client_event}


def write(directory, sizes=SIZES):
    """Writes events of these sizes in kB; gives (handler, kB) -> file."""
    directory.mkdir(parents=True, exist_ok=True)
    files = {}
    for handler, make in EVENTS.items():
        for size in sizes:
            files[handler, size] = directory / f"{handler}-{size}kB.json"
            files[handler, size].write_text(make(random.Random(f"{handler} {size}"), size * 1000), encoding="utf-8")
    return files


def write_training(directory):
    """Writes other events of the same kinds and sizes, one directory for each handler: what a build learned is not measured by the same bytes."""
    for handler, make in EVENTS.items():
        (directory / handler).mkdir(parents=True, exist_ok=True)
        for size in SIZES:
            file = directory / handler / f"{size}kB.json"
            file.write_text(make(random.Random(f"training {handler} {size}"), size * 1000), encoding="utf-8")
