#!/usr/bin/python3
"""A storm of notices becomes a summary, and without a channel there are none."""
import re
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from desk import schema  # noqa: E402
from mailbox import Mailbox, Office  # noqa: E402
from otk_test import check, check_equal, eventually, run  # noqa: E402


def a_storm_becomes_a_summary():
    with Mailbox() as box, Office(box.port) as otk:
        olga = otk.peer("olga")
        waiting = []
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


def without_a_channel_nothing_is_filed_nor_started():
    with Office() as otk:
        otk.peer("olga").ticket("create", title="Silent")
        eventually(lambda: otk.value("SELECT rev > 0 FROM dispatch") == "t", "the watermark follows", 15)
        check_equal(otk.value("SELECT count(*) FROM outbox"), "0", "nothing is kept")
        check_equal(otk.servers[0].children("notify"), [], "no process")


run()
