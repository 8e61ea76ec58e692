"""A deployment with a small desk in it, and a client that speaks the protocol itself: for tests of
what the server does, whatever the command line shows of it."""
import contextlib
import importlib
import queue
import select
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

from otk_test import ROOT, Deployment, Failed, eventually

HELLO, REQUEST, RESPONSE, STATUS, ITEM, CREDIT, CANCEL, PING, PONG, GOAWAY = range(1, 11)
HEADER = struct.Struct(">IBBHQI16s")

# Two customers with a contract each, two engineers and a lead of the provider.
REFERENCE = """
INSERT INTO customer (customer_id, code, name, zone) VALUES
	(1, 'acme', 'Acme', 'Europe/Moscow'), (2, 'bravo', 'Bravo', 'UTC');
INSERT INTO site (site_id, customer_id, code, name, zone) VALUES
	(1, 1, 'hq', 'Head office', 'Europe/Moscow'), (2, 2, 'hq', 'Head office', 'UTC');
INSERT INTO team (team_id, code, name) VALUES (1, 'desk', 'Desk'), (2, 'field', 'Field');
INSERT INTO service (service_id, customer_id, code, name) VALUES (1, 1, 'mail', 'Mail');
INSERT INTO principal (principal_id, kind, customer_id, code, name, uri, team_id) VALUES
	(11, 1, 1, 'olga', 'Olga', 'otklik://demo/person/olga', NULL),
	(12, 1, 2, 'boris', 'Boris', 'otklik://demo/person/boris', NULL),
	(13, 1, 0, 'eva', 'Eva', 'otklik://demo/person/eva', 1),
	(14, 1, 0, 'ivan', 'Ivan', 'otklik://demo/person/ivan', 1),
	(15, 1, 0, 'lena', 'Lena', 'otklik://demo/person/lena', 1),
	(16, 1, 1, 'mark', 'Mark', 'otklik://demo/person/mark', NULL);
INSERT INTO principal_grant (principal_id, role, customer_id) VALUES
	(11, 1, 1), (12, 1, 2), (13, 2, 0), (14, 2, 0), (15, 3, 0), (16, 4, 1);
INSERT INTO calendar (calendar_id, code) VALUES (1, 'always'), (2, 'office');
INSERT INTO calendar_edition (calendar_id, edition, from_at, zone, week) VALUES
	(1, 1, '2020-01-01T00:00:00Z', 'UTC', 'always'),
	(2, 1, '2020-01-01T00:00:00Z', 'Europe/Moscow', 'mon-fri 09:00-18:00');
INSERT INTO contract (contract_id, customer_id, code) VALUES
	(1, 1, 'acme-gold'), (2, 2, 'bravo-basic');
INSERT INTO contract_version (contract_version_id, contract_id, version, calendar_id, valid_from,
	applied_at, matrix, pauses) VALUES
	(1, 1, 1, 1, '2020-01-01T00:00:00Z', '2020-01-01T00:00:00Z', '{1,2,3,2,3,4,3,4,5}', '{0,0,6,6}'),
	(2, 2, 1, 2, '2020-01-01T00:00:00Z', '2020-01-01T00:00:00Z', '{1,2,3,2,3,4,3,4,5}', '{0,0,6,6}');
INSERT INTO contract_target (contract_version_id, position, type, priority, clock, target) VALUES
	(1, 1, 0, 0, 1, '30m'), (1, 2, 0, 0, 3, '4h'), (1, 3, 0, 0, 2, '1h'),
	(2, 1, 0, 0, 1, '1h'), (2, 2, 0, 0, 3, '8h');
INSERT INTO contract_level (contract_version_id, clock, level, at, name, actions) VALUES
	(1, 1, 1, '50%', 'half', 'notify assignee'), (1, 1, 2, '-5m', 'soon', 'notify lead'),
	(1, 3, 1, '50%', 'half', 'notify assignee'), (1, 3, 2, '+1h', 'late', 'notify manager');
UPDATE installation SET epoch = epoch + 1;
"""
PEOPLE = ("olga", "boris", "eva", "ivan", "lena", "mark")


def schema():
    """The messages of the schema, made by protoc: schema().ticket.CreateTicketRequest."""
    if not hasattr(schema, "made"):
        folder = tempfile.mkdtemp(prefix="py")
        protos = sorted(p for p in (ROOT / "proto/otklik/v1").glob("*.proto")
                        if not p.name.endswith("_service.proto"))
        subprocess.run(["protoc", "-I", str(ROOT / "proto"), f"--python_out={folder}",
                        *map(str, protos)], check=True)
        sys.path.insert(0, folder)
        schema.made = type("Schema", (), {
            p.stem: importlib.import_module(f"otklik.v1.{p.stem}_pb2") for p in protos})
    return schema.made


def methods():
    """{name of the rpc: its number}."""
    lines = (ROOT / "proto/method_ids.txt").read_text().splitlines()
    return {line.split()[1]: int(line.split()[0]) for line in lines if not line.startswith("#")}


class Refused(Exception):
    """The server answered with a status; `status` is the message."""

    def __init__(self, status):
        super().__init__(f"{status.code} {status.reason}: {status.message} "
                         f"{[(v.field, v.description) for v in status.violations]}")
        self.status = status


class Peer:
    """One connection of a person or an agent. Calls may be made from several threads."""

    def __init__(self, otk, person, index=0, kind="person"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_verify_locations(otk.pki / "ca.crt")
        context.load_cert_chain(otk.pki / f"{kind}-{person}.crt", otk.pki / f"{kind}-{person}.key")
        context.set_alpn_protocols(["otklik/1"])
        plain = socket.create_connection(("127.0.0.1", otk.ports[index]), 20)
        self.socket = context.wrap_socket(plain, server_hostname="localhost")
        # Python's TLS sockets do not bear a read and a write at once: neither blocks, and
        # `tls` is held for each. `lock` keeps frames whole.
        self.socket.settimeout(0)
        self.tls = threading.Lock()
        self.gone = False
        self.ids, self.waiting, self.lock = 0, {}, threading.Lock()
        session = schema().session
        hello = session.Hello(version_min=1, version_max=1, build="test")
        self._send(HELLO, hello.SerializeToString())
        self.hello = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        if self.hello.get(timeout=20) is None:
            raise Failed(f"{person} was not greeted")

    def _attempt(self, action):
        """What the action on the socket gives, waiting until it can be done."""
        while True:
            try:
                with self.tls:
                    return action()
            except ssl.SSLWantReadError:
                select.select([self.socket], [], [], 1)
            except ssl.SSLWantWriteError:
                select.select([], [self.socket], [], 1)

    def _send(self, kind, payload=b"", method=0, request=0, key=bytes(16)):
        data = memoryview(HEADER.pack(len(payload), kind, 0, method, request, 0, key) + payload)
        with self.lock:
            while data:
                data = data[self._attempt(lambda: self.socket.send(data)):]

    def _exactly(self, size):
        data = b""
        while len(data) < size:
            piece = self._attempt(lambda: self.socket.recv(size - len(data)))
            if not piece:
                raise EOFError
            data += piece
        return data

    def _read(self):
        try:
            while True:
                length, kind, _, _, request, _, _ = HEADER.unpack(self._exactly(HEADER.size))
                payload = self._exactly(length)
                if kind == PING:
                    self._send(PONG, payload)
                elif kind == HELLO:
                    self.hello.put(payload)
                elif request in self.waiting:
                    self.waiting[request].put((kind, payload))
        except (OSError, EOFError, ValueError):
            self.gone = True
            self.hello.put(None)
            for answers in list(self.waiting.values()):
                answers.put((None, b""))

    def start(self, rpc, request, key=None):
        """Sends it; the queue of its answers as (frame type, payload), and its id."""
        with self.lock:
            self.ids += 1
            number = self.ids
        self.waiting[number] = queue.Queue()
        if self.gone:
            raise EOFError("the connection is gone")
        self._send(REQUEST, request.SerializeToString(), methods()[rpc], number,
                   key or uuid.uuid4().bytes)
        return self.waiting[number], number

    def answer(self, answers, response, timeout=20):
        kind, payload = answers.get(timeout=timeout)
        if kind is None:
            raise EOFError("the connection is gone")
        if kind == STATUS:
            status = schema().session.Status.FromString(payload)
            if status.code != 0:
                raise Refused(status)
            return None
        return response.FromString(payload)

    def call(self, rpc, request, response, key=None, timeout=20):
        answers, number = self.start(rpc, request, key)
        try:
            return self.answer(answers, response, timeout)
        finally:
            del self.waiting[number]

    # --- the calls about tickets, by the names of the command line

    def ticket(self, verb, key=None, **fields):
        """create, get, take, reply …: the Ticket of the answer."""
        messages = schema().ticket
        name = f"{verb.capitalize()}Ticket"
        request = getattr(messages, name + "Request")(**fields)
        return self.call(name, request, getattr(messages, name + "Response"), key).ticket

    def list(self, **fields):
        messages = schema().ticket
        return self.call("ListTickets", messages.ListTicketsRequest(**fields),
                         messages.ListTicketsResponse)

    def events(self, ticket_id, **fields):
        messages = schema().ticket
        return self.call("ListEvents", messages.ListEventsRequest(ticket_id=ticket_id, **fields),
                         messages.ListEventsResponse).events

    def explain(self, ticket_id, **fields):
        messages = schema().sla
        return self.call("ExplainClock", messages.ExplainClockRequest(ticket_id=ticket_id, **fields),
                         messages.ExplainClockResponse)

    def watch(self, **fields):
        return Watch(self, **fields)

    # --- the calls of agents

    def mark(self, epoch, head=0, lane=1):
        """The mark, or Refused."""
        messages = schema().agent
        request = messages.GetMarkRequest(queue_epoch=epoch, lane=lane, head_seq=head)
        return self.call("GetMark", request, messages.GetMarkResponse).mark

    def submit(self, epoch, first, reports, lane=1, **fields):
        """Reports as dicts of their fields; the SubmitReportsResponse."""
        messages = schema().agent
        request = messages.SubmitReportsRequest(
            queue_epoch=epoch, lane=lane, first_seq=first,
            reports=[messages.Report(**report) for report in reports], **fields)
        return self.call("SubmitReports", request, messages.SubmitReportsResponse)

    def refused(self, verb, **fields):
        """The Status with which a call about a ticket is refused."""
        try:
            self.ticket(verb, **fields)
        except Refused as refused:
            return refused.status
        raise Failed(f"{verb} {fields} was not refused")

    def close(self):
        """The number of the descriptor is given away only when nobody reads from it any more."""
        with contextlib.suppress(OSError), self.tls:
            self.socket.shutdown(socket.SHUT_RDWR)
        self.reader.join(5)
        self.socket.close()


class Watch:
    """A stream of the feed; credit is given as items are taken."""

    def __init__(self, peer, **fields):
        self.peer = peer
        self.answers, self.id = peer.start("Watch", schema().watch.WatchRequest(**fields))

    def next(self, timeout=10):
        item = self.peer.answer(self.answers, schema().watch.WatchResponse, timeout)
        credit = schema().session.Credit(items=1)
        self.peer._send(CREDIT, credit.SerializeToString(), request=self.id)
        return item

    def drain(self, quiet=0.5):
        """What comes until nothing comes for a while."""
        items = []
        while True:
            try:
                items.append(self.next(quiet))
            except queue.Empty:
                return items


class Desk(Deployment):
    """A deployment whose reference data are those above; `peer(person)` connects."""

    def __init__(self, **options):
        super().__init__(installation=None, start=False, **options)

    def make(self):
        super().make()
        self.psql(REFERENCE)
        for person in PEOPLE:
            self.profile(person)
        for server in self.servers:
            server.start()
        for index in range(self.masters):
            eventually(lambda i=index: self.answers(i), f"server {index} answers", 20)

    def answers(self, index):
        if not self.servers[index].running():
            raise Failed(f"ended: {self.servers[index].log_text()[-2000:]}")
        try:
            peer = Peer(self, "eva", index)
        except (OSError, Failed):
            return False
        try:
            peer.list()
            return True
        except (Refused, EOFError):
            return False
        finally:
            peer.close()

    def peer(self, person, index=0, kind="person"):
        return Peer(self, person, index, kind)

    def know_agents(self, codes, customer=1, site=1, team=2):
        """Site agents of a customer; their certificates are made where they are used."""
        values = ", ".join(f"(2, {customer}, '{code}', '{code}', 'otklik://{self.name}/agent/{code}', "
                           f"{site}, {team})" for code in codes)
        self.psql(f"""SELECT setval('principal_principal_id_seq', (SELECT max(principal_id) FROM principal));
            WITH agent AS (
            INSERT INTO principal (kind, customer_id, code, name, uri, site_id, team_id)
                VALUES {values} RETURNING principal_id, customer_id)
            INSERT INTO principal_grant SELECT principal_id, 6, customer_id FROM agent;
            UPDATE installation SET epoch = epoch + 1""")

    def agent_peer(self, code, index=0):
        """An agent's connection without the agent."""
        self.certificates.agent(code)
        return Peer(self, code, index, "agent")
