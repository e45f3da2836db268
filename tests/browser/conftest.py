"""What the browser tests share: Chromium, a page in one origin, and services in another."""

import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NoReturn

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page

ROOT = Path(__file__).parents[2]
WIDGET = ROOT / "qa_service" / "static" / "widget.js"
AXE = ROOT / "widget" / "node_modules" / "axe-core" / "axe.min.js"

CSP = (
    "default-src 'none'; script-src 'self' {service}; style-src 'self'; connect-src {service}; img-src 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""The strictest policy that a page can have and still load the widget from `service`."""

JSON = dict[str, Any]
Headers = dict[str, str]


class Handler(BaseHTTPRequestHandler):
    """One request; `origin.answer` writes the reply."""

    server: "Origin"

    def handle_one_request(self) -> None:
        with suppress(ConnectionError):
            super().handle_one_request()

    def _answer(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.requests.append(f"{self.command} {self.path}")
        self.server.answer(self)

    do_GET = do_POST = do_OPTIONS = _answer  # noqa: N815 - the names that the base class looks for

    def log_message(self, *_args: object) -> None:
        """Nothing: a test says what went wrong."""

    def start(self, status: int, headers: Headers) -> None:
        """Send the head of a reply."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def send(self, status: int, body: str | bytes, headers: Headers) -> None:
        """Send a whole reply."""
        data = body.encode() if isinstance(body, str) else body
        self.start(status, {"Content-Length": str(len(data)), **headers})
        self.wfile.write(data)


class Origin(ThreadingHTTPServer):
    """A web server with an origin of its own; `requests` are all that reached it, as `METHOD /path`."""

    daemon_threads = True

    def __init__(self, answer: Callable[[Handler], None]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.requests: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[Handler], None]], Origin]]:
    """Starts web servers, each on a port of its own."""
    started = []

    def start(answer: Callable[[Handler], None]) -> Origin:
        origin = Origin(answer)
        threading.Thread(target=origin.serve_forever, args=(0.02,), daemon=True).start()
        started.append(origin)
        return origin

    yield start
    for origin in started:
        origin.shutdown()
        origin.server_close()


def missing(what: str) -> NoReturn:
    """A test that can't be run here is skipped; in CI that is a failure."""
    if os.environ.get("CI"):
        pytest.fail(f"{what}, and CI must run the browser tests", pytrace=False)
    pytest.skip(f"{what}: the browser tests were not run")


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A new profile, of a window 1000 by 720 pixels."""
    context = browser.new_context(viewport={"width": 1000, "height": 720})
    yield context
    context.close()


@dataclass
class Stream:
    """A reply to a question, written as its test says."""

    handler: Handler
    cors: Headers

    def begin(self) -> None:
        self.handler.start(200, {"Content-Type": "text/event-stream; charset=utf-8", **self.cors})

    def event(self, name: str, data: JSON) -> None:
        frame = f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
        self.handler.wfile.write(frame.encode(errors="surrogatepass"))
        self.handler.wfile.flush()

    def problem(self, status: int, code: str, detail: str, headers: Headers | None = None) -> None:
        body = json.dumps({"status": status, "code": code, "detail": detail})
        kind = {"Content-Type": "application/problem+json"}
        self.handler.send(status, body, {**kind, **(headers or {}), **self.cors})

    def answer(self, answer: JSON) -> None:
        """A whole answer, as the service streams it."""
        by_number = {citation["number"]: citation for citation in answer["citations"]}
        self.begin()
        self.event("retrieval", {"passages": answer["passages"]})
        for claim in answer["claims"]:
            self.event("claim", {**claim, "citations": [by_number[number] for number in claim["citations"]]})
        self.event("done", answer)


@dataclass
class Scripted:
    """A service that replies by a script, to pages of one other origin; `asked` holds the bodies of its requests."""

    origin: Origin
    page_origin: str
    script: list[Callable[[Stream], None]] = field(default_factory=list)
    asked: list[JSON] = field(default_factory=list)
    feedback: list[JSON] = field(default_factory=list)
    takes_feedback: bool = True

    @property
    def url(self) -> str:
        return self.origin.url

    def reply(self, handler: Handler) -> None:
        cors = cors_for(handler, self.page_origin)
        match handler.command, handler.path:
            case "OPTIONS", _:
                handler.send(204, b"", cors)
            case "GET", "/widget.js":
                send_widget(handler)
            case "POST", "/v1/answers":
                self.asked.append(json.loads(handler.body))
                self.script.pop(0)(Stream(handler, cors))
            case "POST", "/v1/feedback" if self.takes_feedback:
                self.feedback.append(json.loads(handler.body))
                handler.send(201, "{}", {"Content-Type": "application/json", **cors})
            case _:
                handler.send(404, '{"code": "not_found"}', {"Content-Type": "application/json", **cors})


def send_widget(handler: Handler) -> None:
    headers = {"Content-Type": "text/javascript; charset=utf-8", "Access-Control-Allow-Origin": "*"}
    handler.send(200, WIDGET.read_bytes(), headers)


def cors_for(handler: Handler, page_origin: str) -> Headers:
    """What the service has to send to pages of an origin that a key is for, and to no others."""
    if handler.headers.get("Origin") != page_origin:
        return {"Vary": "Origin"}
    return {
        "Access-Control-Allow-Origin": page_origin,
        "Access-Control-Allow-Headers": "authorization, content-type",
        "Access-Control-Allow-Methods": "POST",
        "Access-Control-Expose-Headers": "Retry-After",
        "Access-Control-Max-Age": "600",
        "Vary": "Origin",
    }


PAGE = """<!doctype html>
<html lang="{lang}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>Tern Island handbook</title>
<link rel="stylesheet" href="/page.css"><script type="module" src="/page.js"></script>
<script type="module" src="{service}/widget.js"></script></head>
<body><main><h1>Tern Island handbook</h1>
<p>The field station on Tern Island is open from March to October, and everybody who works here reads this page.</p>
<h2>Boats</h2>
<p>The station has two boats. The <b>small boat</b> carries four people, and nobody takes it out alone. The large
boat carries twelve people and is steered only by the boat master.</p>
<h2>Diving</h2>
<p>Dives deeper than 18 metres need two divers and a tender. After a dive nobody flies for 24 hours.</p>
<p class="sea">The sea is cold.</p>
<h2>Guests</h2>
<p>Guests stay for at most fourteen nights. 客人最多住十四晚。短波收音机放在厨房里。</p></main>
<qa-chat {attributes}></qa-chat></body></html>"""

PAGE_CSS = """body { font: 16px/1.6 Georgia, serif; max-width: 34rem; margin: 3rem 4rem; }
button { all: unset; background: red !important; } p, h2 { letter-spacing: .01em; }
.sea { block-size: 150vh; }"""

PAGE_JS = """window.seen = [];
for (const name of ["qa-answer", "qa-feedback", "qa-error"])
  addEventListener(name, ({ type, detail }) => seen.push({ type, detail }));
window.reports = [];
addEventListener("securitypolicyviolation", (event) => reports.push(`${event.effectiveDirective} ${event.blockedURI}`));
customElements.whenDefined("qa-chat").then(() => performance.mark("qa-ready"));"""


class Host:
    """A page of somebody else's, with the widget on it. `requests` are those of the browser, by origin and path."""

    def __init__(self, origin: Origin, context: BrowserContext, service: str) -> None:
        self.origin = origin
        self.context = context
        self.service = service
        self.attributes = ""
        self.key = "pk_test"
        self.collection: str | None = "handbook"
        self.lang = "en"
        self.page: Page = context.new_page()
        self.requests: list[str] = []
        self.errors: list[str] = []
        context.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def answer(self, handler: Handler) -> None:
        policy = {"Content-Security-Policy": CSP.format(service=self.service)}
        match handler.path.partition("?")[0]:
            case "/page.css":
                handler.send(200, PAGE_CSS, {"Content-Type": "text/css"})
            case "/page.js":
                handler.send(200, PAGE_JS, {"Content-Type": "text/javascript"})
            case "/handbook" | "/other":
                named = f'{self.attributes} api="{self.service}" key="{self.key}"'
                named += f' collection="{self.collection}"' if self.collection else ""
                body = PAGE.format(lang=self.lang, service=self.service, attributes=named)
                handler.send(200, body, {"Content-Type": "text/html; charset=utf-8", **policy})
            case _:
                handler.send(404, "", {})

    def open(self, attributes: str = "", *, lang: str = "en", path: str = "/handbook") -> Page:
        """Load the page; `attributes` are the element's, beside the service, the key and the collection."""
        self.attributes, self.lang = attributes, lang
        self.page.goto(f"{self.origin.url}{path}")
        self.page.locator("qa-chat [part=log]").wait_for(state="attached")
        return self.page

    def ask(self, question: str = "How many people does the small boat carry?") -> Locator:
        """Ask in the panel, opened where it is not, and wait for the end; the turn with the answer."""
        self.begin(question)
        turn = self.page.locator("article:last-child:not([data-state=busy])")
        turn.wait_for()
        return turn

    def begin(self, question: str = "How many people does the small boat carry?") -> None:
        """Ask in the panel, opened where it is not, and wait for nothing."""
        launcher = self.page.locator("[part=launcher]")
        if launcher.is_visible():
            launcher.click()
        self.page.locator("[part=field]").fill(question)
        self.page.keyboard.press("Enter")

    @property
    def reports(self) -> list[str]:
        """The violations of the page's policy."""
        return list(self.page.evaluate("reports"))

    @property
    def seen(self) -> list[JSON]:
        """The widget's events, as type and detail."""
        return list(self.page.evaluate("seen"))

    @property
    def focused(self) -> Locator:
        """The element of the widget that has the focus."""
        return self.page.locator("qa-chat").locator(":focus")


@pytest.fixture
def site(serve: Callable[..., Origin]) -> Origin:
    """The web server of the page; it has nothing before a page is put there."""
    return serve(lambda handler: handler.send(404, "", {}))


@pytest.fixture
def service(serve: Callable[..., Origin], site: Origin) -> Scripted:
    """The service that the page's widget asks, in another origin; a test gives it its script."""
    origin = serve(lambda handler: handler.send(404, "", {}))
    service = Scripted(origin, site.url)
    origin.answer = service.reply
    return service


@pytest.fixture
def host(site: Origin, service: Scripted, context: BrowserContext) -> Host:
    """The page, not loaded yet."""
    host = Host(site, context, service.url)
    site.answer = host.answer
    return host


class Make:
    """Answers as the service sends them, about the page's own text."""

    text = (
        "The station has two boats. The small boat carries four people, and nobody takes it out alone. "
        "The large boat carries twelve people and is steered only by the boat master."
    )

    def citation(self, number: int, quote: str, **changed: object) -> JSON:
        start = 1000 + max(0, self.text.find(quote))
        return {
            "number": number,
            "document_id": "d1",
            "title": "Handbook",
            "source": "handbook.md",
            "chunk_id": "1:0",
            "span": {"start": start, "end": start + len(quote)},
            "quote": quote,
            "url": f"/documents/d1?start={start}&end={start + len(quote)}",
            **changed,
        }

    def claim(self, text: str, *numbers: int, verdict: str = "supported", **changed: object) -> JSON:
        support = {"verdict": verdict, "method": "guards", "score": 1.0}
        return {"text": text, "citations": list(numbers), "support": support, **changed}

    def answer(self, claims: list[JSON], citations: list[JSON], **changed: object) -> JSON:
        passage = {
            "rank": 1,
            "score": 0.9,
            "chunk_id": "1:0",
            "document_id": "d1",
            "title": "Handbook",
            "source": "handbook.md",
            "span": {"start": 1000, "end": 1000 + len(self.text)},
            "text": self.text,
            "headings": ["Boats"],
            "url": f"/documents/d1?start=1000&end={1000 + len(self.text)}",
        }
        return {
            "id": "a1",
            "status": "answered",
            "text": " ".join(claim["text"] for claim in claims),
            "claims": claims,
            "citations": citations,
            "missing": [],
            "passages": [passage],
            "model": "extractive",
            **changed,
        }

    @property
    def answered(self) -> JSON:
        """Three claims: supported by two sentences, partly supported, not checked."""
        small = "The small boat carries four people, and nobody takes it out alone."
        large = "The large boat carries twelve people and is steered only by the boat master."
        claims = [
            self.claim("There are two boats, and the smaller one carries four people.", 1, 2),
            self.claim("The larger one is steered only by the boat master.", 3, verdict="partial"),
            self.claim("Nobody goes out alone in the small boat.", 2, verdict="unchecked"),
        ]
        citations = [
            self.citation(1, "The station has two boats.", page=4),
            self.citation(2, small, page=4),
            self.citation(3, large, title="Boat master, duties", document_id="d2"),
        ]
        return self.answer(claims, citations)

    @property
    def partial(self) -> JSON:
        """One claim, and what is missing."""
        changed = {
            "status": "partial",
            "reason": "partly_not_in_passages",
            "missing": ["The price of a trip."],
        }
        claim = self.claim("The small boat carries four people.", 1)
        return self.answer([claim], [self.citation(1, "The small boat carries four people")], **changed)

    @property
    def conflict(self) -> JSON:
        """A disagreement: its statement and its two sides."""
        claims = [
            self.claim("The documents give different depths for a dive without a tender.", 1, 2),
            self.claim("Without a tender, dives go to 18 metres.", 1, side="a"),
            self.claim("Without a tender, dives go to 12 metres.", 2, side="b"),
        ]
        citations = [
            self.citation(1, "Dives deeper than 18 metres need a tender.", title="Diving policy 3.0"),
            self.citation(2, "Dives deeper than 12 metres need a tender.", title="Diving policy 4.0"),
        ]
        return self.answer(claims, citations, status="conflict")

    @property
    def abstained(self) -> JSON:
        """No claim: nothing comes close."""
        return self.answer([], [], status="abstained", reason="no_relevant_passage")


@pytest.fixture
def make() -> Make:
    """Answers for the scripted service to give."""
    return Make()


@pytest.fixture(scope="session")
def node() -> str:
    """Node, with the widget's development packages beside it."""
    node = shutil.which("node")
    if node is None or not AXE.exists():
        missing("no Node or no packages of the widget were found (cd widget && npm ci)")
    return node


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core, from the widget's development packages."""
    if not AXE.exists():
        missing("axe-core was not found (cd widget && npm ci)")
    return AXE.read_text()


@pytest.fixture
def show(host: Host, service: Scripted, make: Make) -> Iterator[Callable[[str], Page]]:
    """Brings the page into one of the widget's states, by name."""
    written = threading.Event()

    def writing(stream: Stream) -> None:
        stream.begin()
        stream.event("retrieval", {"passages": make.answered["passages"]})
        stream.event("claim", {**make.answered["claims"][0], "citations": make.answered["citations"][:2]})
        written.wait(30)

    def broken(stream: Stream) -> None:
        stream.begin()
        stream.event("claim", {**make.answered["claims"][0], "citations": make.answered["citations"][:2]})

    def error(stream: Stream) -> None:
        stream.problem(429, "rate_limited", "slow down", {"Retry-After": "7"})

    def show(name: str) -> Page:
        page = host.open(
            'persist="none" suggestions="How many people does the small boat carry?|Who steers?"'
        )
        scripts = {"writing": writing, "broken": broken, "error": error}
        answer = getattr(make, name if name in ("partial", "conflict", "abstained") else "answered")
        service.script = [scripts.get(name, lambda stream: stream.answer(answer))]
        if name == "empty":
            page.locator("[part=launcher]").click()
        elif name == "writing":
            host.begin()
            page.locator("[part=claim]").wait_for()
        elif name != "closed":
            turn = host.ask()
            if name == "card":
                turn.locator("[part=citation]").nth(1).click()
            if name == "reason":
                turn.get_by_role("button", name="Not helpful").click()
        return page

    yield show
    written.set()
