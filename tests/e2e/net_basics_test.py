#!/usr/bin/python3
"""Connections from accept to close: TLS, Hello, dealing, reload, stop, limits, database away."""
import os
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from otk_test import PKI, Deployment, Failed, binary, check, check_equal, eventually, run  # noqa: E402

HELLO, REQUEST, RESPONSE, STATUS, ITEM, CREDIT, CANCEL, PING, PONG, GOAWAY = range(1, 11)
WHO_AM_I, SERVER_STATUS, CREATE_TICKET, APPLY = 1, 2, 10, 80
OK, INVALID, DENIED, UNIMPLEMENTED, UNAVAILABLE = 0, 3, 7, 12, 14
HEADER = struct.Struct(">IBBHQI16s")


def _varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _message(**fields):
    """{field number as "f1": int or bytes} as protobuf."""
    out = b""
    for name, value in fields.items():
        number = int(name[1:])
        if isinstance(value, int):
            out += _varint(number << 3) + _varint(value)
        else:
            out += _varint(number << 3 | 2) + _varint(len(value)) + value
    return out


def _parse(data):
    """Protobuf as {field number: last value}."""
    fields, at = {}, 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        tag = varint()
        if tag & 7 == 0:
            fields[tag >> 3] = varint()
        else:
            size = varint()
            fields[tag >> 3] = data[at:at + size]
            at += size
    return fields


class Peer:
    """A client that can also misbehave."""

    def __init__(self, otk, person="admin", alpn=("otklik/1",), hello=True, index=0):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_verify_locations(otk.pki / "ca.crt")
        if person:
            context.load_cert_chain(otk.pki / f"{person}.crt", otk.pki / f"{person}.key")
        if alpn:
            context.set_alpn_protocols(list(alpn))
        plain = socket.create_connection(("127.0.0.1", otk.ports[index]), 20)
        self.socket = context.wrap_socket(plain, server_hostname="localhost")
        self.certificate = self.socket.getpeercert(True)
        self.next_id = 0
        if hello:
            self.send(HELLO, _message(f1=1, f2=1, f5=b"test"))

    def send(self, kind, payload=b"", method=0, request=0, key=bytes(16), deadline=0, length=None):
        size = len(payload) if length is None else length
        self.socket.sendall(HEADER.pack(size, kind, 0, method, request, deadline, key) + payload)

    def _exactly(self, size):
        data = b""
        while len(data) < size:
            piece = self.socket.recv(size - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    def receive(self):
        """(type, request id, fields) of the next frame that is no PING."""
        while True:
            length, kind, _, _, request, _, _ = HEADER.unpack(self._exactly(HEADER.size))
            fields = _parse(self._exactly(length))
            if kind != PING:
                return kind, request, fields

    def greeted(self):
        kind, _, fields = self.receive()
        if kind != HELLO:
            raise Failed(f"no Hello but {kind}: {fields}")
        return self

    def call(self, method, payload=b"", key=bytes(16)):
        """(type, fields) of the answer."""
        self.next_id += 1
        self.send(REQUEST, payload, method, self.next_id, key)
        kind, request, fields = self.receive()
        check_equal(request, self.next_id, "the answer's request id")
        return kind, fields

    def refused(self, what):
        """The reason of the GOAWAY that comes, with the connection closed behind it."""
        kind, _, fields = self.receive()
        check_equal(kind, GOAWAY, what)
        try:
            self.receive()
            check(False, f"{what}: the connection stays open")
        except (EOFError, ssl.SSLError, ConnectionError):
            pass
        return fields[1].decode()

    def close(self):
        self.socket.close()


def _deployment(**options):
    otk = Deployment(installation=None, start=False, jobs=0, **options)
    return otk


def _start(otk):
    otk.servers[0].start()

    def answers():
        if not otk.servers[0].running():
            raise Failed(otk.servers[0].log_text()[-2000:])
        return _ready(otk)
    eventually(answers, "the server answers", 15)


def _ready(otk):
    try:
        peer = Peer(otk, "person-admin").greeted()
    except (OSError, EOFError, Failed) as problem:
        raise AssertionError(problem) from None
    peer.close()
    return True


def _person(otk, code, role=1):
    subprocess.run([PKI, "person", otk.pki, otk.name, code], check=True)
    otk.cluster.psql(f"""WITH p AS (INSERT INTO principal (kind, customer_id, code, name, uri)
        VALUES (1, 0, '{code}', '{code}', 'otklik://{otk.name}/person/{code}')
        RETURNING principal_id)
        INSERT INTO principal_grant SELECT principal_id, {role}, 0 FROM p""")


def _dies(function):
    """True when TLS or TCP refuse."""
    try:
        peer = function()
        peer.receive()
    except (ssl.SSLError, EOFError, ConnectionError):
        return True
    return False


def whom_a_certificate_names_decides():
    with _deployment() as otk:
        _start(otk)
        peer = Peer(otk, "person-admin").greeted()
        kind, me = peer.call(WHO_AM_I)
        check_equal(kind, RESPONSE, "an answer")
        check_equal(me[1], b"otklik://demo/person/admin", "the principal")
        check_equal(me[3], b"person", "the kind")
        kind, status = peer.call(SERVER_STATUS)
        check_equal((kind, status.get(5)), (RESPONSE, 1), "the database is up")

        subprocess.run([PKI, "person", otk.pki, otk.name, "nobody"], check=True)
        check_equal(Peer(otk, "person-nobody").refused("an unknown person"), "PRINCIPAL_UNKNOWN",
                    "the reason")
        subprocess.run([PKI, "self-signed", otk.pki, otk.name, "admin"], check=True)
        check(_dies(lambda: Peer(otk, "self-signed-admin")), "a foreign certificate is refused")
        check(_dies(lambda: Peer(otk, None)), "no certificate is refused")
        check(_dies(lambda: Peer(otk, "person-admin", alpn=())), "no protocol is refused")
        check(_dies(lambda: Peer(otk, "person-admin", alpn=("h2",))), "another one is refused")

        kind, answer = peer.call(999)
        check_equal((kind, answer[1]), (STATUS, UNIMPLEMENTED), "an unknown method")
        kind, answer = peer.call(CREATE_TICKET)
        check_equal(answer[2], b"IDEMPOTENCY_KEY_REQUIRED", "a mutation needs a key")
        kind, answer = peer.call(WHO_AM_I, b"\xff\xff")
        check_equal(answer[1], INVALID, "a malformed message")
        _person(otk, "rita")
        rita = Peer(otk, "person-rita").greeted()
        kind, answer = rita.call(APPLY, key=os.urandom(16))
        check_equal((kind, answer[1]), (STATUS, DENIED), "a method for administrators")
        otk.cluster.psql("UPDATE principal SET disabled = true WHERE code = 'rita';"
                         "UPDATE installation SET epoch = epoch + 1")
        check_equal(rita.refused("who is disabled is put out"), "PRINCIPAL_DISABLED", "why")
        check_equal(Peer(otk, "person-rita").refused("and stays out"), "PRINCIPAL_DISABLED", "why")
        check_equal(peer.call(WHO_AM_I)[0], RESPONSE, "others stay")
        check_equal(otk.servers[0].stop(), 0, "exit status")


def what_a_peer_may_not_do_is_answered_or_ends_it():
    with _deployment(settings={"in_flight_per_connection": 4, "per_address_connections": 12,
                               "per_address_handshakes": 6}) as otk:
        _start(otk)
        peer = Peer(otk, "person-admin", hello=False)
        peer.send(REQUEST, method=WHO_AM_I, request=1)
        check_equal(peer.refused("a request before Hello"), "UNEXPECTED_FRAME", "why")
        peer = Peer(otk, "person-admin", hello=False)
        peer.send(HELLO, length=16385)
        check_equal(peer.refused("a great frame before Hello"), "FRAME_TOO_LARGE", "why")
        peer = Peer(otk, "person-admin", hello=False)
        peer.send(HELLO, _message(f1=7, f2=9))
        check_equal(peer.refused("a version of the future"), "VERSION_MISMATCH", "why")
        peer = Peer(otk, "person-admin").greeted()
        peer.send(77)
        check_equal(peer.refused("a type of the future"), "UNKNOWN_FRAME_TYPE", "why")

        peer = Peer(otk, "person-admin").greeted()
        peer.send(PING, request=5)
        check_equal(peer.receive()[:2], (PONG, 5), "a ping is answered")
        for number in range(1, 301):
            peer.send(REQUEST, method=WHO_AM_I, request=number)
        peer.send(CANCEL, request=12345)
        answers = {peer.receive()[1] for _ in range(300)}
        check_equal(answers, set(range(1, 301)), "300 at once, 4 at a time")
        # Bytes one by one make the same frame.
        for byte in HEADER.pack(0, REQUEST, 0, WHO_AM_I, 900, 0, bytes(16)):
            peer.socket.sendall(bytes([byte]))
        check_equal(peer.receive()[:2], (RESPONSE, 900), "a frame in pieces")

        silent = [Peer(otk, "person-admin", hello=False) for _ in range(6)]
        check(_dies(lambda: Peer(otk, "person-admin")), "too many that say nothing")
        check_equal(peer.call(WHO_AM_I)[0], RESPONSE, "who is known is not touched")
        for one in silent:
            one.close()
        eventually(lambda: _ready(otk), "there is room again")
        many = [peer]
        while len(many) < 12:
            try:
                many.append(Peer(otk, "person-admin").greeted())
            except (OSError, EOFError):
                break
        check(_dies(lambda: Peer(otk, "person-admin")), "more than an address may have")
        check(len(many) >= 10, "but as many as it may", len(many))


def a_killed_child_loses_nobody_who_was_not_served_yet():
    with _deployment(api=2) as otk:
        _start(otk)
        served = Peer(otk, "person-admin").greeted()
        children = otk.servers[0].children("api")
        check_equal(len(children), 2, "children")
        for child in children:
            os.kill(child, signal.SIGSTOP)
        # Connected by TCP; their handshakes wait in the stopped children and in the master.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(otk.pki / "ca.crt")
        context.load_cert_chain(otk.pki / "person-admin.crt", otk.pki / "person-admin.key")
        context.set_alpn_protocols(["otklik/1"])
        waiting = [socket.create_connection(("127.0.0.1", otk.ports[0]), 20) for _ in range(20)]
        report = [binary("otklikd"), "status", "--config", otk.folder / "otklikd0.conf"]

        def dealt():
            text = subprocess.run(report, check=True, capture_output=True, text=True).stdout
            return text.count("unconfirmed=4") == 2 and "waiting=12" in text
        eventually(dealt, "four for each child, the others wait")
        for child in children:
            os.kill(child, signal.SIGKILL)
        for plain in waiting:
            peer = Peer.__new__(Peer)
            peer.socket, peer.next_id = context.wrap_socket(plain, server_hostname="localhost"), 0
            peer.send(HELLO, _message(f1=1, f2=1, f5=b"test"))
            check_equal(peer.greeted().call(WHO_AM_I)[0], RESPONSE, "served by another child")
            peer.close()
        try:
            served.receive()
            check(False, "who was being served is told by the end of the connection")
        except (EOFError, OSError):
            pass
        eventually(lambda: len(otk.servers[0].children("api")) == 2, "two children again")
        master = otk.servers[0].process.pid
        children = otk.servers[0].children()
        os.kill(master, signal.SIGKILL)
        eventually(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in children),
                   "children die with their master")


def a_stop_says_goodbye_and_a_reload_brings_new_certificates():
    with _deployment(api=2) as otk:
        _start(otk)
        old = Peer(otk, "person-admin").greeted()
        server = otk.servers[0]
        before = server.children()
        for name in ("server.crt", "server.key"):
            shutil.copy(otk.pki / name, otk.pki / f"old-{name}")
        (otk.pki / "server.crt").write_text("nonsense")
        server.signal(signal.SIGHUP)
        eventually(lambda: "not usable" in server.log_text(), "a bad certificate is refused")
        check_equal(Peer(otk, "person-admin").greeted().certificate, old.certificate, "the old one")
        check_equal(server.children(), before, "the old generation stays")

        (otk.pki / "server.crt").unlink()
        subprocess.run([PKI, "server", otk.pki, "server"], check=True)
        server.signal(signal.SIGHUP)
        kind, _, goodbye = old.receive()
        check_equal((kind, goodbye[1]), (GOAWAY, b"SHUTTING_DOWN"), "the old generation drains")
        check(Peer(otk, "person-admin").greeted().certificate != old.certificate, "the new one")
        eventually(lambda: len(server.children()) == 2 and not set(server.children()) & set(before),
                   "new children only")

        peer = Peer(otk, "person-admin").greeted()
        started = time.monotonic()
        server.process.terminate()
        kind, _, goodbye = peer.receive()
        check_equal((kind, goodbye[1]), (GOAWAY, b"SHUTTING_DOWN"), "a stop says goodbye")
        check_equal(server.wait(), 0, "exit status")
        check(time.monotonic() - started < 8, "nothing was in flight, so nothing is waited for")


def the_server_outlives_its_database():
    with _deployment() as otk:
        _start(otk)
        peer = Peer(otk, "person-admin").greeted()
        otk.cluster.kill()

        def away():
            kind, answer = peer.call(WHO_AM_I)
            return kind == STATUS and answer[1] == UNAVAILABLE and answer.get(4, 0) > 0
        eventually(away, "UNAVAILABLE with a time to come again")
        kind, status = peer.call(SERVER_STATUS)
        check_equal((kind, status.get(5, 0)), (RESPONSE, 0), "the status says so")
        otk.cluster.start()
        eventually(lambda: peer.call(WHO_AM_I)[0] == RESPONSE, "it recovers by itself", 20)



def running_out_of_descriptors_passes():
    with _deployment() as otk:
        server = otk.servers[0]
        server.command = ["prlimit", "--nofile=36:36", *server.command]
        _start(otk)
        crowd = [socket.create_connection(("127.0.0.1", otk.ports[0]), 20) for _ in range(60)]
        eventually(lambda: "descriptor" in server.log_text() or
                   "cannot accept" in server.log_text(), "no descriptor is left")
        for one in crowd:
            one.close()
        eventually(lambda: _ready(otk), "everybody is served again")
        check_equal(server.stop(), 0, "exit status")


run()
