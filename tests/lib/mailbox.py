"""Where notices arrive: an SMTP server and an HTTP receiver that keep what they get, and a desk whose
people have addresses."""
import asyncio
import contextlib
import email
import email.policy
import logging
import os
import socket
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cluster import PSQL
from desk import Desk
from otk_test import Skip, check_equal, eventually, free_port

try:
    from aiosmtpd.controller import Controller
except ImportError:
    Controller = None

# What it thinks of clients that break off is no part of a test's output.
logging.getLogger("mail.log").addHandler(logging.NullHandler())
logging.getLogger("mail.log").propagate = False

START = "2026-03-02T09:00:00Z"
WAITING, SENT, DEAD = 1, 2, 3
PEOPLE = """UPDATE principal SET email = code || '@example.test', language = 'en';
UPDATE principal SET language = 'ru', zone = 'Asia/Vladivostok', name = 'Ольга Никитина' WHERE code = 'olga';"""


class Mailbox:
    """An SMTP server that keeps what it takes. `answer`: what it says to DATA; `hold`: seconds
    between keeping a letter and saying so."""

    def __init__(self, port=None):
        if Controller is None:
            raise Skip("python3-aiosmtpd is not installed")
        self.port = port or free_port()
        self.letters, self.answer, self.hold = [], "250 OK", 0
        self.controller = None

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802
        if self.answer.startswith("250"):
            letter = email.message_from_bytes(envelope.content, policy=email.policy.default)
            self.letters.append((envelope.rcpt_tos[0], letter))
        answer = self.answer
        if self.hold:
            await asyncio.sleep(self.hold)
        return answer

    def start(self, **options):
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port, **options)
        self.controller.start()
        return self

    def stop(self):
        if self.controller:
            self.controller.stop()
            self.controller = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def to(self, person):
        return [letter for to, letter in self.letters if to == f"{person}@example.test"]


class Receiver:
    """An HTTP server that keeps what is posted; `answers` are taken one a request, then 204. While
    `hold` is not set, nobody is answered."""

    def __init__(self):
        self.calls, self.answers = [], []
        self.hold = threading.Event()
        self.hold.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.calls.append((dict(self.headers), body))
                outer.hold.wait()
                self.send_response(outer.answers.pop(0) if outer.answers else 204)
                self.send_header("Location", f"http://127.0.0.1:{outer.port}/elsewhere")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.port = free_port()
        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.hold.set()
        self.server.shutdown()


class Dripper:
    """An HTTP server whose answer never ends: a byte now and then, or another piece at once."""

    def __init__(self, piece=b".", pause=0.05):
        self.piece, self.pause = piece, pause
        self.calls, self.gone = 0, False
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while not self.gone:
                connection, _ = self.socket.accept()
                threading.Thread(target=self._drip, args=(connection,), daemon=True).start()

    def _drip(self, connection):
        self.calls += 1
        with contextlib.suppress(OSError), connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            while not self.gone:
                connection.sendall(self.piece)
                time.sleep(self.pause)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.gone = True
        self.socket.close()


class Office(Desk):
    """A desk whose people have addresses."""

    def __init__(self, port=None, **settings):
        if port:
            settings = {"smtp_url": f"smtp://127.0.0.1:{port}", "smtp_from": "desk@otklik.test", **settings}
        super().__init__(clock=START, settings=settings)

    def make(self):
        super().make()
        self.psql(PEOPLE)

    def count(self, state):
        return int(self.value(f"SELECT count(*) FROM outbox WHERE state = {state}"))

    @contextlib.contextmanager
    def session(self, statement):
        """A session of the database in which the statement has been run and that stays."""
        psql = subprocess.Popen([PSQL, "-XqAt"], env=self.cluster.environment(), text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            psql.stdin.write(f"{statement};\n\\echo done\n")
            psql.stdin.flush()
            while psql.stdout.readline().strip() != "done":
                pass
            yield
        finally:
            psql.stdin.close()
            psql.wait()

    def quiet(self):
        """Whether all that happened is dispatched and nothing is due."""
        return self.value(
            "SELECT (SELECT count(*) FROM event) = (SELECT count(*) FROM feed) AND (SELECT rev FROM dispatch)"
            " = (SELECT rev FROM feed_state) AND NOT EXISTS (SELECT FROM outbox WHERE state = 1)") == "t"


def text_of(letter):
    """Its plain text."""
    return letter.get_body(("plain",)).get_content()


def last(mailbox, person, count):
    """The letter that makes `count` of them to that person."""
    eventually(lambda: len(mailbox.to(person)) >= count, f"{person} has {count} letters")
    check_equal(len(mailbox.to(person)), count, f"letters to {person}")
    return mailbox.to(person)[-1]


def secret_file():
    """A file with the secret "s3cret", readable by the server."""
    secret = Path(os.environ["OTKLIK_TEST_DIR"]) / "secret"
    secret.write_text("s3cret\n")
    secret.chmod(0o644)
    return secret
