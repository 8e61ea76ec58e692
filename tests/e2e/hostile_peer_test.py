#!/usr/bin/python3
"""Peers that want the server's memory, descriptors or patience: it serves the others meanwhile."""
import os
import queue
import random
import socket
import sys
import threading
import time
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from desk import CANCEL, CREDIT, HEADER, PING, REQUEST, Desk, Refused, Watch, methods, schema  # noqa: E402
from otk_test import PRESET, SHORT, check, check_equal, eventually, run  # noqa: E402

START = "2026-03-02T09:00:00Z"


def _memory(pid):
    """Resident KiB."""
    return int(next(line.split()[1] for line in Path(f"/proc/{pid}/status").read_text().splitlines()
                    if line.startswith("VmRSS")))


def _serves(otk, person="eva"):
    peer = otk.peer(person)
    peer.list()
    peer.close()


def cancels_credits_and_pings_in_storms_are_borne():
    with Desk(clock=START) as otk:
        olga, eva = otk.peer("olga"), otk.peer("eva")
        ticket = olga.ticket("create", title="x")
        pick, answers = random.Random(1), []
        request = schema().ticket.ReplyTicketRequest(ticket_id=ticket.id, text="word")
        watch = schema().watch.WatchRequest()
        credit = schema().session.Credit(items=2**32 - 1).SerializeToString()
        for _ in range(150 if SHORT else 600):
            replies, number = olga.start("ReplyTicket", request)
            answers.append(replies)
            if pick.random() < 0.5:
                olga._send(CANCEL, request=number)
            if pick.random() < 0.2:
                items, number = olga.start("Watch", watch)
                answers.append(items)
                olga._send(CREDIT, credit, request=number)
                olga._send(CREDIT, credit, request=number)
                olga._send(CANCEL, request=number)
            if pick.random() < 0.2:
                olga._send(PING, request=pick.getrandbits(64))
                olga._send(CANCEL, request=pick.getrandbits(63))
        ends, reasons = [], set()
        for frames in answers:
            kind, payload = frames.get(timeout=60)
            while kind == 5:
                kind, payload = frames.get(timeout=60)
            ends.append(kind)
            if kind == 4:
                reasons.add(schema().session.Status.FromString(payload).reason)
        check_equal(set(ends) - {3, 4}, set(), "every request had its one end")
        check_equal(reasons, {"CANCELLED"}, "who was not cancelled had his turn")
        replies = [e for e in eva.events(ticket.id, page_size=1000) if e.text == "word"]
        done = sum(1 for kind in ends if kind == 3)
        check(len(replies) >= done, "what was answered is there", len(replies), done)
        seqs = [e.seq for e in eva.events(ticket.id, page_size=1000)]
        check_equal(seqs, list(range(1, len(seqs) + 1)), "the journal has no gap")


def a_watcher_that_does_not_read_costs_a_bounded_sum():
    with Desk(clock=START) as otk:
        olga, deaf = otk.peer("olga"), otk.peer("eva")
        api = otk.servers[0].children("api")[0]
        ticket = olga.ticket("create", title="x")
        watches = [Watch(deaf) for _ in range(20)]
        for watch in watches:
            watch.next()
            deaf._send(CREDIT, schema().session.Credit(items=4000).SerializeToString(), request=watch.id)
        deaf.tls.acquire()  # nothing is read from here on
        before = _memory(api)
        for _ in range(60):
            olga.ticket("reply", ticket_id=ticket.id, text="y" * 32000)
        _serves(otk)
        time.sleep(1)
        grown = _memory(api) - before
        if PRESET != "asan":
            check(grown < 64 * 1024, "memory of a server with a deaf watcher", grown)
        deaf.tls.release()
        items = watches[3].drain(2)
        check_equal(sum(i.event.kind == 4 for i in items), 60, "when it reads again it gets everything")


def those_who_do_not_introduce_themselves_leave_room():
    with Desk(clock=START) as otk:
        served = otk.peer("eva")
        idle = []
        for _ in range(40):
            plain = socket.create_connection(("127.0.0.1", otk.ports[0]), 5)
            idle.append(plain)
        for plain in idle[::2]:
            try:
                plain.sendall(b"\x16\x03\x01\x02\x00\x01\x00" + os.urandom(8))
            except OSError:
                pass
        served.list()

        def gone():
            left = 0
            for plain in idle:
                plain.setblocking(False)
                try:
                    if plain.recv(4096) != b"":
                        left += 1
                except BlockingIOError:
                    left += 1
                except OSError:
                    pass
            return left == 0

        eventually(gone, "those who say nothing are put out", 20)
        _serves(otk)


def great_frames_are_judged_before_they_are_kept():
    with Desk(clock=START) as otk:
        olga = otk.peer("olga")
        api = otk.servers[0].children("api")[0]
        before = _memory(api)
        number = methods()["CreateTicket"]
        # A mebibyte of nothing but unknown fields, of empty strings, and of one long text.
        for body in (b"\xf8\x3f\x00" * 349000, b"\x22\x00" * 500000, b"\x2a\xfc\xff\x3f" + b"x" * 1048572):
            answers, request = olga.start("GetServerStatus", schema().server.GetServerStatusRequest())
            answers.get(timeout=20)
            olga.ids += 1
            olga.waiting[olga.ids] = queue.Queue()
            olga._send(REQUEST, body, number, olga.ids, uuid.uuid4().bytes)
            kind, payload = olga.waiting[olga.ids].get(timeout=20)
            check_equal(kind, 4, "refused")
            status = schema().session.Status.FromString(payload)
            check(status.code in (3, 8), status.reason, status.message)
            check(request > 0, "and the connection goes on")
        if PRESET != "asan":
            check(_memory(api) - before < 48 * 1024, "memory", _memory(api) - before)
        # A header that promises a payload which never comes.
        slow = otk.peer("olga")
        slow._send(REQUEST, b"", number, 1, uuid.uuid4().bytes)
        with slow.lock:
            slow._attempt(lambda: slow.socket.send(
                HEADER.pack(1 << 20, REQUEST, 0, number, 77, 0, uuid.uuid4().bytes)))
        threads = [threading.Thread(target=_serves, args=(otk,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        try:
            olga.ticket("get", ticket_id=1)
        except Refused as refused:
            check_equal(refused.status.code, 5, "still answered")


run()
