#!/usr/bin/python3
"""Every call that is not a plain word on a ticket, by every kind of caller, against what is
another customer's: refused as what is not there would be, and nothing of it is told. And every
field of them beyond its limits.

time-limit: 60
"""
import hashlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from desk import CREDIT, ITEM, RESPONSE, STATUS, Desk, methods, schema  # noqa: E402
from otk_test import Failed, check, check_equal, micros, run  # noqa: E402

START = "2026-03-02T09:00:00Z"
DENIED, MISSING = 7, 5
# People of the provider with a grant for acme only, a gateway for its mail, and secrets of bravo's.
MORE = """
INSERT INTO principal (principal_id, kind, customer_id, code, name, uri, team_id, email) VALUES
	(40, 1, 0, 'ed', 'Ed', 'otklik://demo/person/ed', 1, ''), (41, 1, 0, 'leo', 'Leo', 'otklik://demo/person/leo', 1, ''),
	(42, 1, 0, 'max', 'Max', 'otklik://demo/person/max', NULL, ''),
	(43, 1, 0, 'ada', 'Ada', 'otklik://demo/person/ada', NULL, ''),
	(44, 1, 0, 'gate', 'Gate', 'otklik://demo/person/gate', NULL, ''),
	(45, 1, 2, 'bella', 'hidden Bella', NULL, NULL, 'bella@hidden.example'),
	(46, 1, 0, 'root', 'Root', 'otklik://demo/person/root', 1, '');
INSERT INTO principal_grant VALUES (40, 2, 1), (41, 3, 1), (42, 4, 1), (43, 5, 1), (44, 7, 1), (45, 1, 2), (46, 5, 0), (46, 7, 0);
INSERT INTO mail_policy VALUES (true, 'desk@provider.example', 'queue', 'note', '', 'accept');
INSERT INTO notice_template (customer_id, language, name, subject, body) VALUES
	(2, 'en', 'created', 'hidden {ticket}', 'hidden');
INSERT INTO contract_target (contract_version_id, position, type, priority, clock, target) VALUES
	(1, 4, 0, 0, 4, '47m'), (1, 5, 0, 0, 5, '48m');
INSERT INTO contract_level (contract_version_id, clock, level, at, name, actions) VALUES
	(1, 4, 1, '50%', 'inner', 'notify lead');
UPDATE installation SET epoch = epoch + 1;
"""
SIDES = {"customer": ("olga", "mark"), "provider": ("ed", "leo", "max", "ada"), "machine": ("gate", "van")}
EVERYBODY = sum(SIDES.values(), ())


def _requests(number, contract, customer, person):
    """{rpc: a request about that}; one of each call that could name something of a customer."""
    t, promise, mail, sla = schema().ticket, schema().promise, schema().mail, schema().sla
    notice, outbox, installation = schema().notice, schema().outbox, schema().installation
    file = mail.MailAttachment(kind=1, name="a", media_type="text/plain", size=6,
                               hash=hashlib.sha256(b"hidden").digest())
    terms = installation.Contract(code=contract, customer=customer, calendar="always", targets=[
        installation.Target(clock="response", target="1h")])
    return {
        "WaiveClock": t.WaiveClockRequest(ticket_id=number, clock=1, text="x"),
        "AskTicket": t.AskTicketRequest(ticket_id=number, text="x"),
        "MergeTicket": t.MergeTicketRequest(ticket_id=number, into_ticket_id=1),
        "UnmergeTicket": t.UnmergeTicketRequest(ticket_id=number),
        "PromiseTicket": promise.PromiseTicketRequest(ticket_id=number, promise_at_us=micros("2026-03-03T00:00:00Z")),
        "GetPromiseRecord": promise.GetPromiseRecordRequest(ticket_id=number),
        "WatchTicket": t.WatchTicketRequest(ticket_id=number, person="eva"),
        "ExplainClock": sla.ExplainClockRequest(ticket_id=number),
        "ForecastSla": schema().simulation.ForecastSlaRequest(customer=customer),
        "SimulateContract": schema().simulation.SimulateContractRequest(contract=terms),
        "Watch": schema().watch.WatchRequest(ticket_id=number),
        "QueryKpi": schema().kpi.QueryKpiRequest(name="arrivals", customer=customer),
        "VerifyKpi": schema().kpi.VerifyKpiRequest(),
        "ImportCases": getattr(schema(), "import").ImportCasesRequest(source="x", customer=customer, zone="UTC"),
        "ListOutbox": outbox.ListOutboxRequest(customer=customer),
        "ReplayOutbox": outbox.ReplayOutboxRequest(customer=customer),
        "GetPreference": notice.GetPreferenceRequest(person=person),
        "SetPreference": notice.SetPreferenceRequest(person=person),
        "PreviewTemplate": notice.PreviewTemplateRequest(name="created", ticket_id=number),
        "ListTemplates": notice.ListTemplatesRequest(),
        "ApplyInstallation": installation.ApplyInstallationRequest(
            installation=installation.Installation(), dry_run=True),
        "ApplyContract": schema().contract.ApplyContractRequest(contract=terms, dry_run=True),
        "GetContract": schema().contract.GetContractRequest(code=contract),
        "ListContracts": schema().contract.ListContractsRequest(code=contract),
        "ApplyContractToTickets": schema().contract.ApplyContractToTicketsRequest(code=contract),
        "GetAttachment": mail.GetAttachmentRequest(ticket_id=number, seq=1),
        "ListAttachments": mail.ListAttachmentsRequest(ticket_id=number),
        "AttachFile": mail.AttachFileRequest(ticket_id=number, file=file),
        "PutContent": mail.PutContentRequest(customer=customer, hash=file.hash, size=6, data=b"hidden"),
    }


# Calls that answer everybody who may make them, with what is his: these are looked through.
FREE = {
    "ListOutbox": lambda: schema().outbox.ListOutboxRequest(),
    "ListMail": lambda: schema().mail.ListMailRequest(),
    "ListContracts": lambda: schema().contract.ListContractsRequest(),
    "GetCalendar": lambda: schema().calendar.GetCalendarRequest(),
    "GetOnCall": lambda: schema().oncall.GetOnCallRequest(),
    "QueryKpi": lambda: schema().kpi.QueryKpiRequest(name="arrivals", by=["customer"]),
    "ForecastSla": lambda: schema().simulation.ForecastSlaRequest(history_us=86400 * 10**6),
    "PreviewTemplate": lambda: schema().notice.PreviewTemplateRequest(name="created", ticket_id=1, customer="bravo"),
    "ReplayOutbox": lambda: schema().outbox.ReplayOutboxRequest(ids=range(1, 100)),
    "GetPreference": lambda: schema().notice.GetPreferenceRequest(),
}
# Nothing in their requests can name what is a customer's, or they have tests of their own.
ELSEWHERE = {"WhoAmI", "GetServerStatus", "SubmitReports", "GetMark", "SetOnCallOverride", "DeleteOnCallOverride",
             "SwapOnCall", "IntakeMail"}


def _answers(peer, rpc, request):
    """All that comes: (status or None, bytes of the answers)."""
    answers, number = peer.start(rpc, request)
    said = b""
    while True:
        kind, payload = answers.get(timeout=30)
        if kind == STATUS:
            return schema().session.Status.FromString(payload), said
        said += payload
        if kind == RESPONSE:
            return None, said
        if kind != ITEM:
            raise Failed(f"{rpc}: the connection is gone")
        peer._send(CREDIT, schema().session.Credit(items=1).SerializeToString(), request=number)
        if rpc == "Watch":
            return None, said


def _bravo(otk):
    """A ticket of bravo's with all that hangs on one."""
    boris, eva, mail = otk.peer("boris"), otk.peer("eva"), schema().mail
    ticket = boris.ticket("create", title="hidden title", text="hidden text")
    data = b"hidden"
    file = mail.MailAttachment(kind=1, name="hidden.txt", media_type="text/plain", size=len(data),
                               hash=hashlib.sha256(data).digest())
    boris.call("PutContent", mail.PutContentRequest(hash=file.hash, size=len(data), data=data), mail.PutContentResponse)
    seqs = [eva.call("AttachFile", mail.AttachFileRequest(ticket_id=ticket.id, file=file, internal=internal),
                     mail.AttachFileResponse).attachment.seq for internal in (False, True)]
    eva.ticket("reply", ticket_id=ticket.id, text="hidden reply")
    otk.psql("INSERT INTO outbox (customer_id, outbox_id, ticket_id, seq, kind, channel, recipient_id, recipient, state,"
             f" next_at, created_at, last_error) VALUES (2, 77, {ticket.id}, 1, 1, 1, 45, 'bella@hidden.example', 3,"
             f" '{START}', '{START}', 'hidden error');"
             "INSERT INTO mail_message (customer_id, hash, outcome, received_at, sender, subject, why) VALUES"
             f" (2, 'x', 4, '{START}', 'x@hidden.example', 'hidden', 'hidden')")
    return ticket, seqs


def every_call_about_another_customer_is_refused_as_one_about_nothing():
    with Desk(clock=START) as otk:
        otk.psql(MORE)
        otk.know_agents(["van"])
        for person in ("ed", "leo", "max", "ada", "gate", "root"):
            otk.profile(person)
        own = otk.peer("olga").ticket("create", title="Own")
        ticket, _ = _bravo(otk)
        foreign = _requests(ticket.id, "bravo-basic", "bravo", "bella")
        nothing = _requests(987654321, "no-such", "nowhere", "nobody")
        foreign["MergeTicket"].into_ticket_id = nothing["MergeTicket"].into_ticket_id = own.id
        check_equal({name for name, number in methods().items() if number > 30} - set(foreign) - set(FREE) - ELSEWHERE,
                    set(), "new calls are listed here: in _requests, FREE or ELSEWHERE")
        wrong = []
        for who in EVERYBODY:
            peer = otk.agent_peer(who) if who == "van" else otk.peer(who)
            for rpc, request in foreign.items():
                status, said = _answers(peer, rpc, request)
                none, _ = _answers(peer, rpc, nothing[rpc])
                what = f"{rpc} by {who}"
                if b"hidden" in said or status is None or status.code not in (DENIED, MISSING):
                    wrong.append((what, str(status), said))
                words = [str(s).replace(str(ticket.id), "N").replace("987654321", "N").replace("bravo-basic", "C")
                         .replace("no-such", "C").replace("bravo", "K").replace("nowhere", "K").replace("bella", "P")
                         .replace("nobody", "P") for s in (status, none)]
                if words[0] != words[1]:
                    wrong.append((what, words))
            for rpc, make in FREE.items():
                request = make()
                if rpc == "PreviewTemplate":
                    request.ticket_id = own.id
                status, said = _answers(peer, rpc, request)
                if b"hidden" in said or b"bravo" in said:
                    wrong.append((f"{rpc} by {who} tells of others", str(status), said))
            peer.close()
        check_equal(wrong, [], "nothing is told, and all is refused alike")
        check_equal(otk.value("SELECT state FROM outbox WHERE outbox_id = 77"), "3", "the letter stays where it was")
        check_equal(otk.value(f"SELECT count(*) FROM ticket WHERE ticket_id = {ticket.id} AND merged_into IS NULL"), "1",
                    "the ticket too")
        _beyond(otk, _requests(own.id, "acme-gold", "acme", "olga"))
        _taken(otk)
        _inner(otk)


def _limits(field):
    """Values of a field that are too long, too small, too great or not to be shown."""
    kinds = {field.TYPE_STRING: ("a" + "я" * 300, "\x1b[2J\u202e", "%n%s", "-999999999999999999999bd"),
             field.TYPE_BYTES: (b"x" * 33, b"\0"), field.TYPE_ENUM: (-1, 99),
             field.TYPE_INT64: (-2**63, -1, 2**63 - 1), field.TYPE_INT32: (-2**31, 2**31 - 1),
             field.TYPE_UINT32: (256, 2**32 - 1), field.TYPE_UINT64: (2**64 - 1,)}
    return kinds.get(field.type, ())


def _beyond_limits(message):
    """Undoes each change before it makes the next."""
    for field in message.DESCRIPTOR.fields:
        if field.type == field.TYPE_MESSAGE:
            parts = getattr(message, field.name)
            for part in parts if field.label == field.LABEL_REPEATED else [parts] * message.HasField(field.name):
                yield from _beyond_limits(part)
            continue
        many, was = field.label == field.LABEL_REPEATED, getattr(message, field.name)
        was = list(was) if many else was
        for value in _limits(field):
            message.ClearField(field.name)
            if many:
                getattr(message, field.name).extend([value] * 70)
            else:
                setattr(message, field.name, value)
            yield field.name, value
        message.ClearField(field.name)
        if many:
            getattr(message, field.name).extend(was)
        else:
            setattr(message, field.name, was)


def _beyond(otk, requests):
    root, wrong, count = otk.peer("root"), [], 0
    requests.update({rpc: make() for rpc, make in FREE.items() if rpc not in requests})
    for rpc in {"SimulateContract", "ForecastSla", "Watch"}:  # a process each; no answer
        del requests[rpc]
    for rpc, request in requests.items():
        for name, value in _beyond_limits(request):
            status, _ = _answers(root, rpc, request)
            count += 1
            if status is not None and status.code in (2, 13, 14, 15):
                wrong.append((rpc, name, value, str(status)))
    check_equal(wrong, [], "what is out of bounds is refused by name, or does no harm")
    check(count > 300, "every field was tried", count)


def _taken(otk):
    """The code of a foreign contract cannot be had, and whose it is is not told."""
    ada, contract, installation = otk.peer("ada"), schema().contract, schema().installation
    terms = installation.Contract(code="bravo-basic", customer="acme", calendar="always", services=["mail"], targets=[
        installation.Target(clock="response", target="1h")])
    status, _ = _answers(ada, "ApplyContract", contract.ApplyContractRequest(contract=terms))
    check(status is not None and status.code in (3, 6) and "bravo'" not in str(status), "a code that is taken", status)
    check_equal(otk.value("SELECT customer_id FROM contract WHERE code = 'bravo-basic'"), "2", "it stays bravo's")


def _inner(otk):
    """The customer's own manager reads what was promised, not the provider's own clocks."""
    messages = schema().contract
    ask = lambda who: otk.peer(who).call(  # noqa: E731
        "GetContract", messages.GetContractRequest(code="acme-gold"), messages.GetContractResponse).contract
    mark, ada = ask("mark"), ask("ada")
    check({"operational", "supplier"} < {t.clock for t in ada.targets} and len(ada.levels) == 5, "all of it", ada)
    check_equal({t.clock for t in mark.targets}, {"response", "update", "resolution"}, "what was promised")
    check("operational" not in {level.clock for level in mark.levels}, "nor levels", mark)
    check(not any({"operational", "supplier"} & set(p.clocks) for p in mark.pauses), "nor do pauses tell", mark)


run()
