#!/usr/bin/python3
"""Mail becomes tickets and words on tickets: once, whole, from whom it is, and never in circles."""
# time-limit: 200
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from mail_gateway import MailDesk, answer, bounce, letter  # noqa: E402
from mailbox import Mailbox  # noqa: E402
from otk_test import check, check_equal, eventually, run  # noqa: E402


def _texts(otk, ticket, kind):
    return [r[0] for r in otk.rows(
        f"SELECT x.content FROM event e JOIN event_content x USING (customer_id, ticket_id, seq)"
        f" WHERE e.ticket_id = {ticket} AND e.kind = {kind} ORDER BY e.seq")]


def _letters(box, person, count):
    eventually(lambda: len(box.to(person)) >= count, f"{person} has {count} letters", 20)
    check_equal(len(box.to(person)), count, f"letters to {person}")
    return box.to(person)[-1]


def a_conversation_goes_to_and_fro():
    with Mailbox() as box, MailDesk(box.port) as otk:
        ticket = otk.takes(letter())
        row = otk.rows(f"SELECT customer_id, requester_id, channel, title FROM ticket WHERE ticket_id = {ticket}")[0]
        check_equal(tuple(row), ("1", "11", "mail", "Нет света"), "filed for her")
        check_equal(_texts(otk, ticket, 1), ["В цехе № 4 нет света"], "what she wrote")
        first = _letters(box, "olga", 1)
        check(first["Reply-To"].startswith(f"desk+{ticket}.11."), "answers find back", first["Reply-To"])
        check("19:30 (Asia/Vladivostok)" in first.get_body(("plain",)).get_content(), "dues in her zone")

        eva = otk.peer("eva")
        eva.ticket("take", ticket_id=ticket)
        eva.ticket("pend", ticket_id=ticket, reason=1, text="Какой щит?")
        asked = _letters(box, "olga", 2)
        check_equal(otk.takes(answer(asked, "Щит № 2"), outcome="appended"), ticket, "joins its ticket")
        check_equal(eva.ticket("get", ticket_id=ticket).state, 3, "an answer resumes the work")
        check_equal(_texts(otk, ticket, 4)[-1], "Щит № 2", "without what she quoted")
        files = otk.as_("eva").json("ticket", "attachment", "list", ticket)
        check_equal([(f["name"], f["kind"], f["by"]) for f in files], [("message.txt", "original", "olga")],
                    "which hangs there whole")
        check_equal(otk.takes(answer(asked, "Ещё", by="references"), outcome="appended"), ticket, "by References")
        check_equal(otk.takes(answer(asked, "И ещё", by="message"), outcome="appended"), ticket, "by In-Reply-To")
        # Three answers: one letter or more, as they happen to be due together.
        told = eventually(lambda: box.to("eva"), "eva is told")[-1]
        check_equal(otk.takes(answer(told, "Еду", "eva"), outcome="appended"), ticket, "she answers by mail too")
        check_equal(otk.value(f"SELECT side FROM event WHERE ticket_id = {ticket} AND kind = 4"
                              " ORDER BY seq DESC LIMIT 1"), "1", "as the provider's")

        eva.ticket("resolve", ticket_id=ticket, text="Готово")
        otk.peer("olga").ticket("close", ticket_id=ticket)
        later = otk.takes(answer(asked, "Опять темно"))
        check(later != ticket, "a closed ticket takes no words: another one")
        check_equal(otk.value(f"SELECT related_id FROM event WHERE ticket_id = {later} AND kind = 25"), str(ticket),
                    "that names it")


def nobody_speaks_as_somebody_else():
    with Mailbox() as box, MailDesk(box.port) as otk:
        ticket = otk.takes(letter())
        to_olga = _letters(box, "olga", 1)
        otk.peer("eva").ticket("assign", ticket_id=ticket, assignee="eva")

        otk.takes(answer(to_olga, "I did nothing", "eva"), outcome="noted")
        check_equal(otk.value(f"SELECT first_reply_at IS NULL FROM ticket WHERE ticket_id = {ticket}"), "t",
                    "whoever has the customer's letter does not answer for the provider")
        check("not proven" in _texts(otk, ticket, 29)[-1], "it is kept, and says why")
        check(otk.takes(answer(to_olga, "Mine?", "boris")) != ticket, "another customer gets a ticket of his own")
        check_equal(otk.takes(answer(to_olga, "Ich auch", "mark"), outcome="appended"), ticket, "a colleague may")
        check_equal(otk.takes(answer(to_olga, "From home", "olga@home.test"), outcome="noted"), ticket,
                    "an unknown address with a true letter of ours: kept for its people to judge")
        forged = to_olga["Reply-To"][:-1].replace(f"+{ticket}.", f"+{ticket + 1}.")
        check(otk.takes(letter(subject="x", text="x", To=forged)) != ticket + 1, "a tag is for one ticket")
        otk.refuses(letter("nobody@else.test", To=forged))

        otk.set_policy(unknown="customer bravo", unknown_reply="refuse")
        theirs = otk.takes(letter("nobody@else.test", "Hello"))
        check_equal(otk.rows(f"SELECT customer_id, coalesce(requester_id, 0) FROM ticket WHERE ticket_id = {theirs}"),
                    [["2", "0"]], "unknown senders are filed where the policy says")
        check("nobody@else.test" in _texts(otk, theirs, 1)[0], "and named")
        otk.refuses(answer(to_olga, "From home again", "olga@home.test"))
        otk.set_policy(unknown="queue")
        queued = otk.takes(letter("nobody@else.test", "Hello 2", files=[("a.txt", "text/plain", b"a")]))
        check_equal(otk.value(f"SELECT customer_id FROM ticket WHERE ticket_id = {queued}"), "0",
                    "or wait on a ticket of the provider's own, with their files")
        check_equal(len(otk.as_("eva").json("ticket", "attachment", "list", queued)), 1, "which its people see")

        otk.set_policy(authserv_id="mx.otklik.test", unknown="queue")
        otk.takes(letter(subject="Unproven", text="x"))
        denied = {"Authentication_Results": "mx.otklik.test; dmarc=fail (p=none) header.from=example.test"}
        stray = otk.takes(letter(subject="Forged", text="x", **denied))
        check_equal(otk.rows(f"SELECT customer_id, coalesce(requester_id, 0) FROM ticket WHERE ticket_id = {stray}"),
                    [["0", "0"]], "whom the mail server calls forged is nobody, whatever else is accepted")
        check_equal(otk.takes(answer(to_olga, "As mark", "mark", **denied), outcome="noted"), ticket, "in answers too")
        otk.set_policy(authserv_id="mx.otklik.test", unverified="refuse")
        passed = "mx.otklik.test; dkim=pass header.d=example.test; spf=fail"
        otk.refuses(letter())
        otk.refuses(letter(Authentication_Results="mx.evil.test; dkim=pass header.d=example.test"))
        otk.refuses(letter(Authentication_Results="mx.otklik.test; dkim=pass header.d=evil.test"))
        otk.takes(letter(Authentication_Results=passed))
        check_equal(otk.takes(answer(to_olga, "Done", "eva", Authentication_Results=passed), outcome="appended"),
                    ticket, "a confirmed colleague speaks for the provider")
        mallory = {"sender": "mallory@evil.test", "subject": "x",
                   "Authentication_Results": "mx.otklik.test; dkim=pass header.d=evil.test; spf=fail"}
        otk.refuses(letter(text="As Eva", **mallory), "--sender", "eva@example.test")
        check_equal(otk.takes(letter("eva@gone.test", text="Eva", Authentication_Results=passed), "--sender",
                              "eva@example.test") != 0, True, "an envelope that is confirmed itself names her")
        otk.psql("UPDATE principal SET email = 'OLGA@example.test' WHERE code = 'mark'")
        otk.refuses(letter(Authentication_Results=passed))


def machines_are_journalled_and_never_answered():
    with Mailbox() as box, MailDesk(box.port) as otk:
        ticket = otk.takes(letter())
        first = _letters(box, "olga", 1)
        eva = otk.peer("eva")
        eva.ticket("pend", ticket_id=ticket, reason=1, text="Где?")
        asked = _letters(box, "olga", 2)
        for headers in ({"Auto_Submitted": "auto-replied"}, {"Precedence": "bulk"}, {"X_Autoreply": "yes"},
                        {"X_Auto_Response_Suppress": "OOF"}, {"List_Id": "<x.example.test>"}):
            check_equal(otk.takes(answer(asked, "Я в отпуске", **headers), outcome="journalled"), ticket, headers)
        check_equal(otk.takes(answer(asked, "Я в отпуске"), "--sender", "<>", outcome="journalled"), ticket,
                    "without a sender")
        check_equal(eva.ticket("get", ticket_id=ticket).state, 4, "nothing resumes")
        check_equal(otk.value(f"SELECT count(*) FROM event WHERE ticket_id = {ticket} AND kind = 29 AND cause = 24"
                              " AND NOT is_public"), "6", "each is in the journal, for the provider")
        check_equal(otk.takes(letter("nobody@else.test", Auto_Submitted="auto-generated"), outcome="journalled"), 0,
                    "of no ticket")
        check_equal(otk.takes(first.as_bytes(), outcome="journalled"), ticket, "our own letter come back")

        otk.set_policy(unknown="queue")
        for own in ("desk@otklik.test", "Desk@Otklik.test", f"desk+{ticket}.11.abc@otklik.test"):
            check_equal(otk.takes(letter(own, subject="Fwd"), outcome="journalled"), 0, "from our own address")
        otk.set_policy()
        otk.refuses(letter("desk@otklik.test.evil.test", subject="Fwd"))

        returned = bounce(asked)
        check_equal(otk.takes(returned, "--sender", "", outcome="journalled"), ticket, "a bounce")
        check_equal(otk.takes(returned, "--sender", "", outcome="journalled"), ticket, "again")
        check_equal(_texts(otk, ticket, 29)[-1],
                    "a letter to <olga@example.test> did not arrive: 5.1.1 550 no such user", "is told once")
        dead = otk.admin.json("outbox", "list", "--state", "dead")
        check_equal(len({n["message"] for n in dead}), 1, "its notices are put aside")
        check("did not arrive" in dead[0]["error"], "with the reason")
        otk.takes(bounce(letter(Message_ID="<notice.1.aaaaaaaaaaaaaaaaaaaa.demo@otklik.test>")), outcome="journalled")
        check_equal(len(otk.admin.json("outbox", "list", "--state", "dead")), len(dead), "a forged one does nothing")
        eventually(otk.quiet, "all is told")
        check_equal((len(box.to("olga")), otk.value("SELECT count(*) FROM ticket")), (2, "1"),
                    "nothing was answered, nothing was filed")
        check_equal(otk.takes(letter(Message_ID="<null@acme.test>"), "--sender", "<>", outcome="journalled"), 0, "no sender")
        listed = otk.admin.json("mail", "list")
        check_equal(listed[-1]["why"], "no envelope sender",
                    "what is on no ticket is listed, with why")


run()
