#!/usr/bin/python3
"""Promises, questions and merges are told, to followers too, and an open watch shows them as they
happen."""
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
        check("due: 2026-03-02 13:00 (Europe/Moscow)" in text_of(asked), "and told until when", text_of(asked))
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
        _merges_are_told(otk, box, number)


def _letter(box, person, subject):
    """The one with these words in its subject, once it has come."""
    found = []

    def came():
        found[:] = [letter for letter in box.to(person) if subject in letter["Subject"]]
        return len(found) == 1
    eventually(came, f"{person} has a letter: {subject}")
    return text_of(found[0])


def _merges_are_told(otk, box, older):
    eva = otk.as_("eva")
    younger = otk.peer("olga").ticket("create", title="Тот же станок").id
    eva.run("ticket", "follow", younger, "--person", "ivan")
    eva.run("ticket", "merge", younger, "--into", older, "--text", "нам опять пишут дважды")
    told = _letter(box, "olga", f"[#{younger}] Объединена с #{older}")
    check("нам опять" not in told, "the customer does not read our note", told)
    _letter(box, "ivan", f"#{older}: Тот же станок")
    eva.run("ticket", "unmerge", younger)
    _letter(box, "olga", f"[#{younger}] Снова отдельно")
    eva.run("ticket", "reply", younger, "--text", "Едем")
    eventually(lambda: any("Едем" in text_of(letter) for letter in box.to("ivan")), "who follows is told of replies")
    shown = otk.admin.json("template", "preview", "merged", "--ticket", younger, "--language", "ru",
                           "--customer", "acme")
    check(f"#{older}" in shown["text"], "the preview names the other ticket", shown)
    check("no customer 'nowhere'" in otk.admin.fails("template", "preview", "merged", "--ticket", younger,
                                                     "--customer", "nowhere"), "an unknown customer")


run()
