#!/usr/bin/python3
"""Notices reach people by e-mail: whole, in their language, encrypted where that can be."""
import ssl
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from mailbox import Mailbox, Office, last, text_of  # noqa: E402
from otk_test import check, check_equal, eventually, run  # noqa: E402


def people_are_told_in_their_language_and_threads_join():
    with Mailbox() as box, Office(box.port) as otk:
        olga, eva = otk.peer("olga"), otk.peer("eva")
        title = "В цехе № 4 нет света — совсем, и это очень длинный заголовок, которому мало одной строки"
        ticket = olga.ticket("create", title=title)
        first = last(box, "olga", 1)
        check_equal(first["Subject"], f"[#{ticket.id}] {title}", "the subject arrives intact")
        check_equal(first["From"], "desk@otklik.test", "from")
        check_equal(first["To"].addresses[0].display_name, "Ольга Никитина", "to whom")
        check_equal(first["Auto-Submitted"], "auto-generated", "robots do not answer it")
        check("Ответим до: 2026-03-02 19:30 (Asia/Vladivostok)" in text_of(first), "due in her zone", text_of(first))
        html = first.get_body(("html",)).get_content()
        check("№ 4 нет света" in html and "<p>" in html, "and the same as HTML", html)
        check_equal(first["Date"].datetime.isoformat(), "2026-03-02T09:00:00+00:00", "dated by the server's clock")

        eva.ticket("take", ticket_id=ticket.id)
        words = "Электрик выехал.\n.\nБудет к 12:00 <ждите> & не волнуйтесь"
        eva.ticket("reply", ticket_id=ticket.id, text=words)
        second = last(box, "olga", 2)
        check(words in text_of(second).replace("\r\n", "\n"), "the words arrive whole", text_of(second))
        check("&lt;ждите&gt; &amp;" in second.get_body(("html",)).get_content(), "escaped in HTML")
        check_equal(second["References"], first["References"], "one thread")
        check(second["Message-ID"] != first["Message-ID"], "two letters")
        check_equal(box.to("eva"), [], "nobody is told of what he did himself")

        olga.ticket("reply", ticket_id=ticket.id, text="Ждём")
        third = last(box, "eva", 1)
        check("Ждём" in text_of(third) and "Ольга Никитина (Acme) wrote" in text_of(third), "in hers", text_of(third))
        check_equal(third["References"], first["References"], "the same thread")

        eva.ticket("note", ticket_id=ticket.id, text="Внутреннее")
        eva.ticket("resolve", ticket_id=ticket.id, text="Заменили автомат")
        fourth = last(box, "olga", 3)
        check_equal(fourth["Subject"], f"[#{ticket.id}] Решено: {title}", "one letter for answer and resolve")
        check("Заменили автомат" in text_of(fourth), "how it was solved")
        olga.ticket("reopen", ticket_id=ticket.id, text="Опять")
        check("Reopened" in last(box, "eva", 2)["Subject"], "she is told")
        eventually(otk.quiet, "all is told")
        check(not any("Внутреннее" in text_of(letter) for _, letter in box.letters), "a note is told to nobody")


def levels_reach_whom_the_contract_names():
    with Mailbox() as box, Office(box.port) as otk:
        otk.psql("INSERT INTO team_member VALUES (1, 13), (1, 14)")
        ticket = otk.peer("olga").ticket("create", title="Dark")
        otk.peer("eva").ticket("assign", ticket_id=ticket.id, team="desk")
        otk.clock.advance("16m")
        for person in ("eva", "ivan"):
            letter = last(box, person, 1)
            check_equal(letter["Subject"], f"[#{ticket.id}] half: Dark", "nobody is assigned: the team")
        check("the response" in text_of(letter) and "is due 2026-03-02 09:30" not in text_of(letter), "zone", text_of(letter))
        otk.clock.advance("10m")
        check_equal(last(box, "lena", 1)["Subject"], f"[#{ticket.id}] soon: Dark", "then the lead")
        otk.clock.advance("5h")
        last(box, "mark", 1)  # before it the levels may not have fired yet
        eventually(otk.quiet, "the rest is told")
        check_equal(len(box.to("mark")), 1, "late: the customer's manager")
        check_equal(otk.value("SELECT count(*) FROM outbox WHERE kind = 7 AND recipient_id = 13"),
                    "2", "each level once")


def letters_travel_encrypted_where_the_server_offers_it():
    box = Mailbox()
    with Office(box.port) as otk:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(otk.pki / "server.crt", otk.pki / "server.key")
        box.start(tls_context=context, require_starttls=True)
        otk.peer("olga").ticket("create", title="Secret")
        last(box, "olga", 1)  # and without TLS it could not
        box.stop()
    with Office(box.port, smtp_tls="require") as otk:
        box.start(tls_context=context)
        otk.peer("olga").ticket("create", title="Secret")
        eventually(lambda: "certificate" in (otk.value("SELECT last_error FROM outbox") or ""),
                   "a stranger is refused")
        check_equal(len(box.letters), 1, "and reads nothing")
        box.stop()


run()
