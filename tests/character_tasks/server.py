"""A real HTTP server on the loopback that speaks OpenAI's chat completions, and misbehaves."""

import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class ChatServer:
    """Answers each question by a rule; `trouble` decides what goes wrong on which attempt."""

    def __init__(self, answer, trouble=lambda _question, _attempt: None, delay=0.0):
        self.asked = Counter()
        self.answered = Counter()
        self.keys = set()
        self.in_flight = self.most_in_flight = 0
        self.changed = threading.Condition()
        self._never = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                """The tests read counters, not a log."""

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                question = body["messages"][-1]["content"]
                with outer.changed:
                    outer.keys.add(self.headers.get("Authorization"))
                    outer.asked[question] += 1
                    attempt = outer.asked[question]
                    outer.in_flight += 1
                    outer.most_in_flight = max(outer.most_in_flight, outer.in_flight)
                try:
                    if delay:
                        outer._never.wait(delay)
                    self.reply(question, trouble(question, attempt))
                finally:
                    with outer.changed:
                        outer.in_flight -= 1
                        outer.changed.notify_all()

            def reply(self, question, what):
                if what == "drop":
                    self.close_connection = True
                    self.connection.close()
                    return
                if what == "broken":
                    self.send(200, b'{"id": "x", "choices": [{"mess')
                    return
                if isinstance(what, int):
                    message = f"trouble; you sent {self.headers.get('Authorization')}"
                    self.send(what, json.dumps({"error": {"message": message}}).encode())
                    return
                finish = "content_filter" if what == "refuse" else "stop"
                self.send(200, json.dumps({
                    "id": "x", "object": "chat.completion", "created": 0, "model": "tiny",
                    "choices": [{
                        "index": 0, "finish_reason": finish,
                        "message": {"role": "assistant", "content": answer(question)},
                    }],
                    "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10},
                }).encode())  # fmt: skip
                with outer.changed:
                    outer.answered[question] += 1

            def send(self, status, body):
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Retry-After-Ms", "10")
                self.end_headers()
                self.wfile.write(body)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._never.set()
        self.server.shutdown()
        self.server.server_close()
