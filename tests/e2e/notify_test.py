#!/usr/bin/python3
"""Notices reach people by e-mail and programs by webhook: whole, in time, at least once, not too many."""
# time-limit: 300
import asyncio
import email
import email.policy
import hashlib
import hmac
import json
import os
import re
import signal
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from desk import Desk  # noqa: E402
from otk_test import Skip, check, check_equal, eventually, free_port, run  # noqa: E402

try:
    from aiosmtpd.controller import Controller
except ImportError:
    Controller = None

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
    """An HTTP server that keeps what is posted; `answers` are taken one a request, then 204."""

    def __init__(self):
        self.calls, self.answers = [], []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.calls.append((dict(self.headers), body))
                self.send_response(outer.answers.pop(0) if outer.answers else 204)
                self.send_header("Location", f"http://127.0.0.1:{outer.port}/elsewhere")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.port = free_port()
        self.server = HTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()


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

    def quiet(self):
        """Whether all that happened is dispatched and nothing is due."""
        return self.value(
            "SELECT (SELECT count(*) FROM event) = (SELECT count(*) FROM feed) AND (SELECT rev FROM dispatch)"
            " = (SELECT rev FROM feed_state) AND NOT EXISTS (SELECT FROM outbox WHERE state = 1)") == "t"


def _text(letter):
    return letter.get_body(("plain",)).get_content()


def _last(mailbox, person, count):
    eventually(lambda: len(mailbox.to(person)) >= count, f"{person} has {count} letters")
    check_equal(len(mailbox.to(person)), count, f"letters to {person}")
    return mailbox.to(person)[-1]


def people_are_told_in_their_language_and_threads_join():
    with Mailbox() as box, Office(box.port) as otk:
        olga, eva = otk.peer("olga"), otk.peer("eva")
        title = "В цехе № 4 нет света — совсем, и это очень длинный заголовок, которому мало одной строки"
        ticket = olga.ticket("create", title=title)
        first = _last(box, "olga", 1)
        check_equal(first["Subject"], f"[#{ticket.id}] {title}", "the subject arrives intact")
        check_equal(first["From"], "desk@otklik.test", "from")
        check_equal(first["To"].addresses[0].display_name, "Ольга Никитина", "to whom")
        check_equal(first["Auto-Submitted"], "auto-generated", "robots do not answer it")
        check("Ответим до: 2026-03-02 19:30 (Asia/Vladivostok)" in _text(first), "due in her zone", _text(first))
        html = first.get_body(("html",)).get_content()
        check("№ 4 нет света" in html and "<p>" in html, "and the same as HTML", html)
        check_equal(first["Date"].datetime.isoformat(), "2026-03-02T09:00:00+00:00", "dated by the server's clock")

        eva.ticket("take", ticket_id=ticket.id)
        words = "Электрик выехал.\n.\nБудет к 12:00 <ждите> & не волнуйтесь"
        eva.ticket("reply", ticket_id=ticket.id, text=words)
        second = _last(box, "olga", 2)
        check(words in _text(second).replace("\r\n", "\n"), "the words arrive whole", _text(second))
        check("&lt;ждите&gt; &amp;" in second.get_body(("html",)).get_content(), "escaped in HTML")
        check_equal(second["References"], first["References"], "one thread")
        check(second["Message-ID"] != first["Message-ID"], "two letters")
        check_equal(box.to("eva"), [], "nobody is told of what he did himself")

        olga.ticket("reply", ticket_id=ticket.id, text="Ждём")
        third = _last(box, "eva", 1)
        check("Ждём" in _text(third) and "Ольга Никитина (Acme) wrote" in _text(third), "in hers", _text(third))
        check_equal(third["References"], first["References"], "the same thread")

        eva.ticket("note", ticket_id=ticket.id, text="Внутреннее")
        eva.ticket("resolve", ticket_id=ticket.id, text="Заменили автомат")
        fourth = _last(box, "olga", 3)
        check_equal(fourth["Subject"], f"[#{ticket.id}] Решено: {title}", "one letter for answer and resolve")
        check("Заменили автомат" in _text(fourth), "how it was solved")
        olga.ticket("reopen", ticket_id=ticket.id, text="Опять")
        check("Reopened" in _last(box, "eva", 2)["Subject"], "she is told")
        eventually(otk.quiet, "all is told")
        check(not any("Внутреннее" in _text(letter) for _, letter in box.letters), "a note is told to nobody")


def levels_reach_whom_the_contract_names():
    with Mailbox() as box, Office(box.port) as otk:
        otk.psql("INSERT INTO team_member VALUES (1, 13), (1, 14)")
        ticket = otk.peer("olga").ticket("create", title="Dark")
        otk.peer("eva").ticket("assign", ticket_id=ticket.id, team="desk")
        otk.clock.advance("16m")
        for person in ("eva", "ivan"):
            letter = _last(box, person, 1)
            check_equal(letter["Subject"], f"[#{ticket.id}] half: Dark", "nobody is assigned: the team")
        check("the response" in _text(letter) and "is due 2026-03-02 09:30" not in _text(letter), "zone", _text(letter))
        otk.clock.advance("10m")
        check_equal(_last(box, "lena", 1)["Subject"], f"[#{ticket.id}] soon: Dark", "then the lead")
        otk.clock.advance("5h")
        eventually(otk.quiet, "the rest is told")
        check_equal(len(box.to("mark")), 1, "late: the customer's manager")
        check_equal(otk.value("SELECT count(*) FROM outbox WHERE kind = 7 AND recipient_id = 13"),
                    "2", "each level once")


def a_dead_mail_server_delays_and_loses_nothing():
    box = Mailbox()
    with Office(box.port) as otk:
        olga = otk.peer("olga")
        ids = []
        for turn in range(6):
            for number in range(5):
                started = time.monotonic()
                ids.append(olga.ticket("create", title=f"t{turn}.{number}").id)
                check(time.monotonic() - started < 2, "nobody waits for a letter")
            otk.clock.advance("10m")
            time.sleep(0.1)
        eventually(lambda: otk.count(WAITING) >= 30, "all of it waits")
        check_equal(otk.count(SENT) + otk.count(DEAD), 0, "nothing is given up")
        with box:
            for _ in range(20):
                otk.clock.advance("5m")
                time.sleep(0.3)
                if otk.quiet():
                    break
            eventually(otk.quiet, "all went out")
            told = "\n".join(_text(letter) for letter in box.to("olga"))
            check_equal([i for i in ids if f"#{i}" not in told], [], "no ticket is missing")
            check_equal(otk.count(DEAD), 0, "nothing is lost")


def a_killed_process_repeats_under_the_same_id():
    with Mailbox() as box, Office(box.port) as otk:
        box.hold = 3600
        otk.peer("olga").ticket("create", title="Twice")
        eventually(lambda: len(box.letters) == 1, "it is on its way")
        pid = otk.servers[0].children("notify")[0]
        os.kill(pid, signal.SIGKILL)
        box.hold = 0
        time.sleep(0.3)
        check_equal(len(box.letters), 1, "the lease holds")
        otk.clock.advance("3m")
        eventually(lambda: len(box.letters) == 2, "it comes again", 15)
        eventually(otk.quiet, "and is done")
        ids = [letter["Message-ID"] for _, letter in box.letters]
        check_equal(ids[0], ids[1], "the same id")
        check(pid not in otk.servers[0].children("notify"), "another process")


def a_storm_becomes_a_summary():
    with Mailbox() as box, Office(box.port) as otk:
        olga = otk.peer("olga")
        waiting = []
        from desk import schema
        for number in range(500):
            request = schema().ticket.CreateTicketRequest(title=f"Шторм {number}")
            waiting.append(olga.start("CreateTicket", request))
            if len(waiting) >= 32:
                olga.answer(waiting.pop(0)[0], schema().ticket.CreateTicketResponse)
        for answers, _ in waiting:
            olga.answer(answers, schema().ticket.CreateTicketResponse)
        eventually(lambda: otk.value("SELECT count(*) FROM outbox") == "500", "each is to be told", 20)
        for _ in range(3):
            time.sleep(0.5)
            otk.clock.advance("6m")
        eventually(otk.quiet, "all is told")
        check(len(box.to("olga")) <= 20, "in few letters", len(box.to("olga")))
        counts = [int(m.group(1)) if m else 1 for m in (
            re.match(r"Сводка: уведомлений (\d+)", letter["Subject"]) for letter in box.to("olga"))]
        check_equal(sum(counts), 500, "that count them all")
        check(max(counts) > 100, "mostly in a summary", counts)
        check_equal(otk.value("SELECT count(*) FROM (SELECT FROM outbox GROUP BY ticket_id, seq, kind, recipient "
                              "HAVING count(*) > 1) x"), "0", "each once")


def letters_travel_encrypted_where_the_server_offers_it():
    box = Mailbox()
    with Office(box.port) as otk:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(otk.pki / "server.crt", otk.pki / "server.key")
        box.start(tls_context=context, require_starttls=True)
        otk.peer("olga").ticket("create", title="Secret")
        for _ in range(30):  # a first attempt that failed is made again by the server's clock
            if box.letters:
                break
            time.sleep(1)
            otk.clock.advance("30s")
        check(len(box.to("olga")) >= 1, "it arrives, and without TLS it could not")
        box.stop()
    with Office(box.port, smtp_tls="require") as otk:
        box.start(tls_context=context)
        otk.peer("olga").ticket("create", title="Secret")
        eventually(lambda: "certificate" in (otk.value("SELECT last_error FROM outbox") or ""),
                   "a stranger is refused")
        check_equal(len(box.letters), 1, "and reads nothing")
        box.stop()


def what_is_refused_is_put_aside():
    with Mailbox() as box, Office(box.port) as otk:
        box.answer = "550 no such user"
        otk.peer("olga").ticket("create", title="Refused")
        eventually(lambda: otk.count(DEAD) == 1, "a refusal is final")
        check("550" in otk.value("SELECT last_error FROM outbox"), "with its reason")
        box.answer = "451 try later"
        otk.peer("boris").ticket("create", title="Later")
        eventually(lambda: otk.value("SELECT last_error FROM outbox WHERE state = 1") != "", "tried once")
        box.answer = "250 OK"
        otk.clock.advance("2m")
        _last(box, "boris", 1)
        eventually(lambda: otk.count(WAITING) == 0, "and was marked")

        dead = otk.admin.json("outbox", "list", "--state", "dead")
        check_equal([(n["customer"], n["kind"], n["person"], n["state"]) for n in dead],
                    [("acme", "created", "olga", "dead")], "what was put aside is listed")
        check_equal(len(otk.admin.json("outbox", "list")), 2, "beside what was sent")
        check("dead" in otk.admin.fails("outbox", "list", "--state", "lost"), "a state that there is not")
        otk.as_("olga").fails("outbox", "list")
        check_equal(otk.admin.json("outbox", "replay", "--id", dead[0]["id"])["replayed"], 1, "sent again")
        letter = _last(box, "olga", 1)
        check_equal(letter["Message-ID"], f"<notice.{dead[0]['message']}.demo@otklik.test>", "under its id")
        eventually(lambda: otk.count(SENT) == 2, "all is sent")
        check_equal(otk.admin.json("outbox", "replay", "--all")["replayed"], 0, "nothing is left")
        otk.admin.fails("outbox", "replay")


def webhooks_are_signed_and_repeated():
    with Receiver() as hook:
        secret = Path(os.environ["OTKLIK_TEST_DIR"]) / "secret"
        secret.write_text("s3cret\n")
        secret.chmod(0o644)
        hook.answers = [500, 302]
        with Office(webhook_url=f"http://127.0.0.1:{hook.port}/in", webhook_secret_file=secret,
                    webhook_allow_private="yes") as otk:
            ticket = otk.peer("olga").ticket("create", title="Крючок")
            for turn, words in enumerate(("500", "302"), 1):
                eventually(lambda: otk.value("SELECT attempts || last_error FROM outbox")
                           == f"{turn}it answered {words}", f"it is posted and answered {words}")
                check_equal(len(hook.calls), turn, "calls")
                otk.clock.advance("30s")
            eventually(lambda: len(hook.calls) == 3, "redirects are not followed")
            eventually(otk.quiet, "until it is taken")
            for headers, body in hook.calls:
                signed = headers["Otklik-Timestamp"].encode() + b"." + body
                expected = "v1=" + hmac.new(b"s3cret", signed, hashlib.sha256).hexdigest()
                check_equal(headers["Otklik-Signature"], expected, "the signature")
            check_equal(len({h["Otklik-Delivery"] for h, _ in hook.calls}), 1, "one id")
            body = json.loads(hook.calls[0][1])
            check_equal((body["kind"], body["ticket"], body["title"], body["customer"]),
                        ("created", ticket.id, "Крючок", "acme"), "what it says")
            check_equal(body["response_due"], "2026-03-02T09:30:00Z", "with its due")


def webhooks_do_not_lead_inside():
    with Receiver() as hook:
        secret = Path(os.environ["OTKLIK_TEST_DIR"]) / "secret"
        secret.write_text("s3cret\n")
        secret.chmod(0o644)
        with Office(webhook_url=f"http://localhost:{hook.port}/in", webhook_secret_file=secret) as otk:
            otk.peer("olga").ticket("create", title="Inside")
            eventually(lambda: otk.count(DEAD) == 1, "it is put aside")
            check("private" in otk.value("SELECT last_error FROM outbox"), "and says why")
            check_equal(hook.calls, [], "nobody was asked")


def without_a_channel_nothing_is_filed_nor_started():
    with Office() as otk:
        otk.peer("olga").ticket("create", title="Silent")
        eventually(lambda: otk.value("SELECT rev > 0 FROM dispatch") == "t", "the watermark follows", 15)
        check_equal(otk.value("SELECT count(*) FROM outbox"), "0", "nothing is kept")
        check_equal(otk.servers[0].children("notify"), [], "no process")


run()
