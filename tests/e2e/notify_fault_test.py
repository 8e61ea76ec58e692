#!/usr/bin/python3
"""Notices are delivered at least once, whatever fails, and refused ones are put aside."""
import os
import re
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from mailbox import DEAD, SENT, WAITING, Mailbox, Office, last, text_of  # noqa: E402
from otk_test import check, check_equal, eventually, run  # noqa: E402


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
            told = "\n".join(text_of(letter) for letter in box.to("olga"))
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


def what_is_filed_while_another_claims_is_not_missed():
    with Mailbox() as box, Office(box.port) as otk:
        with otk.session("SELECT pg_advisory_lock(hashtext('otklik.outbox'))"):
            # By now a claim has begun that will see more than was there when it began.
            eventually(lambda: otk.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' "
                                         "AND NOT granted") != "0", "it waits")
            otk.peer("olga").ticket("create", title="Young")
            eventually(lambda: otk.count(WAITING) == 1, "the notice is filed")
        last(box, "olga", 1)
        eventually(otk.quiet, "and marked; no lease had to end")


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
        last(box, "boris", 1)
        eventually(lambda: otk.count(WAITING) == 0, "and was marked")

        dead = otk.admin.json("outbox", "list", "--state", "dead")
        check_equal([(n["customer"], n["kind"], n["person"], n["state"]) for n in dead],
                    [("acme", "created", "olga", "dead")], "what was put aside is listed")
        check_equal(len(otk.admin.json("outbox", "list")), 2, "beside what was sent")
        check("dead" in otk.admin.fails("outbox", "list", "--state", "lost"), "a state that there is not")
        otk.as_("olga").fails("outbox", "list")
        check_equal(otk.admin.json("outbox", "replay", "--id", dead[0]["id"])["replayed"], 1, "sent again")
        letter = last(box, "olga", 1)
        number = dead[0]["message"]
        check(re.fullmatch(rf"<notice\.{number}\.[a-z2-7]{{20}}\.demo@otklik\.test>", letter["Message-ID"]),
              "under its id", letter["Message-ID"])
        eventually(lambda: otk.count(SENT) == 2, "all is sent")
        check_equal(otk.admin.json("outbox", "replay", "--all")["replayed"], 0, "nothing is left")
        otk.admin.fails("outbox", "replay")


run()
