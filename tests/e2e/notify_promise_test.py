#!/usr/bin/python3
"""Promises and questions are told, watchers too, and an open watch shows them as they happen."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from mailbox import Mailbox, Office, last, text_of  # noqa: E402
from otk_test import check, check_equal, eventually, run  # noqa: E402


def promises_and_questions_are_told():
    with Mailbox() as box, Office(box.port) as otk:
        olga, eva = otk.peer("olga"), otk.peer("eva")
        number = olga.ticket("create", title="Станок").id
        last(box, "olga", 1)
        eva.ticket("take", ticket_id=number)
        watch = otk.peer("eva").watch(ticket_id=number)
        otk.as_("eva").run("ticket", "promise", number, "2026-03-02T12:00:00Z", "--reason", "деталь в пути")
        told = last(box, "olga", 2)
        check_equal(told["Subject"], f"[#{number}] Обещанный срок: Станок", "she is told of the promise")
        check("2026-03-02 22:00 (Asia/Vladivostok)" in text_of(told), "in her zone", text_of(told))
        otk.as_("eva").run("ticket", "promise", number, "2026-03-02T11:00:00Z", "--reason", "успеем раньше")
        told = text_of(last(box, "olga", 3))
        check("2026-03-02 21:00" in told and "Прежний: 2026-03-02 22:00" in told, "and of every move", told)
        check_equal(len(box.to("eva")), 0, "nobody is told of what he did himself")
        otk.as_("olga").run("ticket", "ask", number, "Что там?")
        asked = last(box, "eva", 1)
        check_equal(asked["Subject"], f"[#{number}] How does it stand? Станок", "the owner is asked")
        otk.clock.advance("119m")
        eventually(lambda: any("Promise comes due" in letter["Subject"] for letter in box.to("eva")),
                   "and warned before it is broken")
        otk.clock.advance("2m")
        eventually(lambda: any("Promise broken" in letter["Subject"] for letter in box.to("eva")), "and told after")
        eventually(lambda: any("Promise broken" in letter["Subject"] for letter in box.to("lena")), "with the lead")
        eventually(otk.quiet, "all is told")
        check(not any("broken" in letter["Subject"] for letter in box.to("olga")), "not the customer")
        kinds = set()

        def seen():
            kinds.update(item.event.kind for item in watch.drain(0.2) if item.HasField("event"))
            return {19, 20, 21, 22} <= kinds
        eventually(seen, "an open watch has shown them all")


run()
