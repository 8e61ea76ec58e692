"""A client of the protocol by hand, which can also misbehave, and a server to try it on."""
import socket
import ssl
import struct

from otk_test import Deployment, Failed, check, check_equal, eventually

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


def message(**fields):
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

    def __init__(self, otk, name="admin", alpn=("otklik/1",), hello=True, index=0):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_verify_locations(otk.pki / "ca.crt")
        if name:
            context.load_cert_chain(otk.pki / f"{name}.crt", otk.pki / f"{name}.key")
        if alpn:
            context.set_alpn_protocols(list(alpn))
        plain = socket.create_connection(("127.0.0.1", otk.ports[index]), 20)
        self.socket = context.wrap_socket(plain, server_hostname="localhost")
        self.certificate = self.socket.getpeercert(True)
        self.next_id = 0
        if hello:
            self.send(HELLO, message(f1=1, f2=1, f5=b"test"))

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


def deployment(**options):
    otk = Deployment(installation=None, start=False, jobs=0, **options)
    return otk


def start(otk):
    otk.servers[0].start()

    def answers():
        if not otk.servers[0].running():
            raise Failed(otk.servers[0].log_text()[-2000:])
        return ready(otk)
    eventually(answers, "the server answers", 15)


def ready(otk):
    try:
        peer = Peer(otk, "person-admin").greeted()
    except (OSError, EOFError, Failed) as problem:
        raise AssertionError(problem) from None
    peer.close()
    return True


def person(otk, code, role=1):
    otk.certificates.person(code)
    otk.cluster.psql(f"""WITH p AS (INSERT INTO principal (kind, customer_id, code, name, uri)
        VALUES (1, 0, '{code}', '{code}', 'otklik://{otk.name}/person/{code}')
        RETURNING principal_id)
        INSERT INTO principal_grant SELECT principal_id, {role}, 0 FROM p""")


def dies(function):
    """True when TLS or TCP refuse."""
    try:
        peer = function()
        peer.receive()
    except (ssl.SSLError, EOFError, ConnectionError):
        return True
    return False
