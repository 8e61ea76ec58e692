#!/usr/bin/python3
"""Notices reach programs by webhook: signed, repeated, never inside."""
import hashlib
import hmac
import json
import os
import signal
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from mailbox import DEAD, SENT, WAITING, Dripper, Office, Receiver, secret_file  # noqa: E402
from otk_test import check, check_equal, eventually, run  # noqa: E402


def webhooks_are_signed_and_repeated():
    with Receiver() as hook:
        hook.answers = [500, 302]
        with Office(webhook_url=f"http://127.0.0.1:{hook.port}/in", webhook_secret_file=secret_file(),
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


def several_at_once_come_again_under_their_ids():
    with Receiver() as hook, Office(webhook_url=f"http://127.0.0.1:{hook.port}/in", webhook_secret_file=secret_file(),
                                    webhook_allow_private="yes") as otk:
        olga = otk.peer("olga")
        hook.hold.clear()
        first = olga.ticket("create", title="t0").id
        eventually(lambda: len(hook.calls) == 1, "the first is posted")
        olga.ticket("reply", ticket_id=first, text="More")
        for number in range(1, 6):
            olga.ticket("create", title=f"t{number}")
        eventually(lambda: len(hook.calls) == 4, "others beside it")
        eventually(lambda: otk.count(WAITING) == 7, "all are filed")
        check_equal([json.loads(b)["ticket"] for _, b in hook.calls].count(first), 1, "of a ticket one at a time")
        os.kill(otk.servers[0].children("notify")[0], signal.SIGKILL)
        hook.hold.set()
        otk.clock.advance("3m")
        eventually(otk.quiet, "all come, some again", 15)
        ids = [h["Otklik-Delivery"] for h, _ in hook.calls]
        check_equal(len(set(ids)), 7, "every one, under its id")
        check_equal(otk.value("SELECT count(*) FROM outbox WHERE state = 2 AND attempts > 2"), "0", "once more at most")
        of_first = [json.loads(b)["kind"] for _, b in hook.calls if json.loads(b)["ticket"] == first]
        check_equal(of_first[-2:], ["created", "answered"], "in order")

        hook.hold.clear()
        before = len(hook.calls)
        olga.ticket("create", title="last")
        eventually(lambda: len(hook.calls) == before + 1, "one more is under way")
        stopping = threading.Thread(target=otk.servers[0].stop)
        stopping.start()
        eventually(lambda: "draining" in otk.servers[0].log_text(), "while it stops")
        hook.hold.set()
        stopping.join()
        check_equal((otk.count(SENT), otk.count(WAITING)), (8, 0), "it is marked: nothing comes twice")


def webhooks_do_not_lead_inside_nor_talk_without_end():
    with Dripper(b"a" * 1000 + b"\r\nX: ", 0) as flood, Office(
            webhook_url=f"http://127.0.0.1:{flood.port}/", webhook_secret_file=secret_file(),
            webhook_allow_private="yes") as otk:
        otk.peer("olga").ticket("create", title="Flood")
        eventually(lambda: "answered more" in (otk.value("SELECT max(last_error) FROM outbox") or ""),
                   "headers without end are not kept")
    with Receiver() as hook:
        with Office(webhook_url=f"http://localhost:{hook.port}/token", webhook_secret_file=secret_file()) as otk:
            otk.peer("olga").ticket("create", title="Inside")
            eventually(lambda: otk.count(DEAD) == 1, "it is put aside")
            check("private" in otk.value("SELECT last_error FROM outbox"), "and says why")
            check_equal(hook.calls, [], "nobody was asked")
            log = otk.servers[0].log_text()
            check("put aside" in log and "/token" not in log, "its address is no matter of the log", log)


run()
