"""Mail out: read by a real mail program, and what an hour without a mail server does to everything
else. The halves of tests/acceptance/promises/07-mail-and-a-dead-smtp-server that are about it."""
import os
import re
import time
from pathlib import Path

import mail_reader
from exim import Exim
from mailbox import Office
from otk_test import check, check_equal, eventually

ROUNDS = 60  # minutes of an hour
RATIO = 1.5
# The person moves from one address to the next, so that no address has more letters than one may
# get: beyond that they would become a summary.
ADDRESSES = [f"boris{n}" for n in range(8)]


def post(name, people):
    """An Exim in a folder of this test, not started."""
    return Exim(Path(os.environ["OTKLIK_TEST_DIR"]) / name, people)


def letters_are_whole_and_threads_join():
    """A Russian conversation about two tickets, as mblaze shows it; how many letters it took."""
    exim = post("exim-whole", ["olga", "eva"])
    with exim, Office(exim.port, smtp_tls="try") as otk:
        olga, eva = otk.peer("olga"), otk.peer("eva")
        titles = ["В цехе № 4 нет света — совсем, и это очень длинный заголовок, которому мало строки",
                  "Принтер печатает «кракозябры» ½ ☎"]
        words = "Электрик выехал.\n.\nFrom now on: будет к 12:00 <ждите> & не волнуйтесь"
        tickets = [olga.ticket("create", title=title) for title in titles]
        eventually(otk.quiet, "both are filed and told")
        for ticket in tickets:
            eva.ticket("take", ticket_id=ticket.id)
            eva.ticket("reply", ticket_id=ticket.id, text=words)
        eventually(otk.quiet, "the answers are told")
        otk.clock.advance("10m")
        for ticket in tickets:
            eva.ticket("resolve", ticket_id=ticket.id, text="Заменили автомат")
        eventually(lambda: otk.quiet() and len(exim.mail("olga")) == 6, "all has arrived")
        letters = exim.mail("olga")
        subjects = [mail_reader.header(letter, "Subject") for letter in letters]
        for ticket, title in zip(tickets, titles):
            check_equal([s for s in subjects if f"#{ticket.id}]" in s],
                        [f"[#{ticket.id}] {title}"] * 2 + [f"[#{ticket.id}] Решено: {title}"],
                        "the subjects, intact")
        for letter, subject in zip(letters, subjects):
            text = mail_reader.body(letter)
            check("�" not in text and "�" not in subject, "no letter is broken", text)
            check("text/plain" in mail_reader.attachments(letter)
                  and "text/html" in mail_reader.attachments(letter), "in both forms")
        check_equal(sum(words in mail_reader.body(letter) for letter in letters), 2, "the words, intact")
        joined = mail_reader.threads(letters)
        check_equal(sorted(len(thread) for thread in joined), [3, 3], "a thread a ticket")
        for thread in joined:
            numbers = {re.search(r"\[#(\d+)\]", mail_reader.header(letter, "Subject")).group(1)
                       for letter in thread}
            check_equal(len(numbers), 1, "and nothing else in it")
        return len(letters)


def _hour(otk, boris, calls, told=False):
    """An hour of creates and gets, `calls` of each a minute; seconds that each call took."""
    took, ids = [], []
    for minute in range(ROUNDS):
        if told and minute % 8 == 0:
            otk.psql(f"UPDATE principal SET email = '{ADDRESSES[minute // 8]}@example.test' WHERE code = 'boris'")
        for number in range(calls):
            started = time.monotonic()
            ids.append(boris.ticket("create", title=f"Заявка {number}").id)
            between = time.monotonic()
            boris.ticket("get", ticket_id=ids[-1])
            took += [between - started, time.monotonic() - between]
        otk.clock.advance("1m")
        time.sleep(0.02)  # for the other processes to act on the new time
    return took, ids


def p99(took):
    return sorted(took)[len(took) * 99 // 100]


def an_hour_without_a_mail_server(calls):
    """{idle, dead: p99 in seconds, ratio, notices, letters, repeated}."""
    exim = post("exim-dead", ADDRESSES)
    settings = {"notify_burst": 1000, "notify_window": 30}  # a letter a ticket: so that each can be looked for

    def arrived_letters():
        return [letter for address in ADDRESSES for letter in exim.mail(address)]

    with exim, Office(exim.port, smtp_tls="try", **settings) as otk:
        boris = otk.peer("boris")
        otk.psql("UPDATE principal SET email = ''")
        _hour(otk, boris, 2)
        idle, _ = _hour(otk, boris, calls)
        check_equal(otk.value("SELECT count(*) FROM outbox"), "0", "nobody was told anything in the idle hour")
        exim.stop()
        dead, ids = _hour(otk, boris, calls, told=True)
        eventually(lambda: otk.value("SELECT count(*) FROM outbox WHERE state = 1") == str(len(ids)),
                   "all of it waits", 30)
        exim.start()
        killed = 0
        for _ in range(1200):
            otk.clock.advance("1m")
            time.sleep(0.2)
            if killed < 3 and len(arrived_letters()) > len(ids) * (killed + 1) // 5:
                killed += otk.servers[0].kill_child("notify") is not None
            if otk.quiet():
                break
        eventually(otk.quiet, "all went out", 60)
        check_equal(otk.value("SELECT count(*) FROM outbox WHERE state <> 2"), "0", "nothing was put aside")
        # the tag between number and name proves to mail intake that the letter is ours
        sent = {f"notice.{batch}.{otk.name}@otklik.test" for batch, in
                otk.rows("SELECT DISTINCT batch FROM outbox")}
        eventually(lambda: len(arrived_letters()) >= len(sent), "all has arrived", 30)
        letters = arrived_letters()
        signed = mail_reader.headers(letters, "Message-ID")
        arrived = [re.sub(r"^(notice\.\d+)\.[a-z2-7]{20}\.", r"\1.", name) for name in signed]
        check_equal(len(set(signed)), len(set(arrived)), "one tag a message")
        check_equal(sorted(set(arrived) ^ sent)[:9], [], "every message arrived, and no other")
        told = [int(re.match(r"\[#(\d+)\]", s).group(1)) for s in mail_reader.headers(letters, "Subject")]
        check_equal(set(told), set(ids), "of every ticket")
        pairs = set(zip(arrived, told))
        check_equal(len(pairs), len(ids), "what came twice came under its id")
        # Idle before and after: what grows meanwhile, the journal and the machine's other load, is
        # no work of the mail server's.
        otk.psql("UPDATE principal SET email = ''")
        idle += _hour(otk, boris, calls)[0]
        return {"idle": p99(idle), "dead": p99(dead), "ratio": p99(dead) / p99(idle), "killed": killed,
                "calls": len(dead), "notices": len(ids), "letters": len(letters),
                "repeated": len(letters) - len(sent)}
