"""A server of the protocol that fails on purpose, for tests of agents: TLS, Hello, GetMark and
SubmitReports. Written from proto/README.md, so it shares no code with what it tests."""
import random
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
from pathlib import Path

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

ROOT = Path(__file__).resolve().parent.parent.parent
HELLO, REQUEST, RESPONSE, STATUS, PING, PONG = 1, 2, 3, 4, 8, 9
SUBMIT_REPORTS, GET_MARK = 70, 71
HEADER = struct.Struct(">IBBHQI16s")
ABORTED, UNAVAILABLE = 10, 14


class Schema:
    """schema.Report(...) makes a message of the schema."""

    def __init__(self):
        with tempfile.NamedTemporaryFile() as out:
            names = [str(p.relative_to(ROOT / "proto")) for p in (ROOT / "proto/otklik").rglob("*.proto")]
            subprocess.run(["protoc", "-I", ROOT / "proto", "--include_imports",
                            f"--descriptor_set_out={out.name}", *names], check=True)
            files = descriptor_pb2.FileDescriptorSet.FromString(Path(out.name).read_bytes())
        self._pool = descriptor_pool.DescriptorPool()
        for file in files.file:
            self._pool.Add(file)
        self._factory = message_factory.MessageFactory(self._pool)

    def __getattr__(self, name):
        made = self._factory.GetPrototype(self._pool.FindMessageTypeByName(f"otklik.v1.{name}"))
        setattr(self, name, made)
        return made


class FakeServer:
    """Takes reports like the real one: (epoch, lane) has one mark, only mark + 1 may follow.

    `faults` is the chance, per submit, of each of: break off before the commit, break off after
    it, answer UNAVAILABLE.
    """

    def __init__(self, schema, port, pki, faults=0.0, seed=1):
        self.schema = schema
        self.faults = faults
        self.marks = {}
        self.reports = {}  # epoch -> [Report]
        self.violations = []
        self.faults_made = 0
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(pki / "server.crt", pki / "server.key")
        context.load_verify_locations(pki / "ca.crt")
        context.verify_mode = ssl.CERT_REQUIRED
        context.set_alpn_protocols(["otklik/1"])
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", port))
        self._threads = threading.Thread(target=self._accept, daemon=True)
        self._threads.start()

    def close(self):
        self._listener.close()

    def count(self):
        with self._lock:
            return sum(map(len, self.reports.values()))

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, plain):
        try:
            with self._context.wrap_socket(plain, server_side=True) as connection:
                self._converse(connection)
        except OSError:
            pass  # agents are killed in these tests

    @staticmethod
    def _receive(connection, size):
        data = b""
        while len(data) < size:
            chunk = connection.recv(size - len(data))
            if not chunk:
                raise OSError("closed")
            data += chunk
        return data

    @staticmethod
    def _send(connection, kind, request, message):
        payload = message.SerializeToString() if message is not None else b""
        connection.sendall(HEADER.pack(len(payload), kind, 0, 0, request, 0, bytes(16)) + payload)

    def _converse(self, connection):
        make = self.schema
        while True:
            length, kind, _, method, request, _, _ = HEADER.unpack(self._receive(connection, 36))
            payload = self._receive(connection, length)
            if kind == HELLO:
                limits = make.Limits(frame_bytes=1 << 20, in_flight=64, timeout_ms=120000, ping_after_ms=30000)
                self._send(connection, HELLO, 0, make.Hello(
                    version_min=1, version_max=1, limits=limits, build="fake", version=1,
                    principal="otklik://demo/agent/spb-1", server_time_us=1))
            elif kind == PING:
                self._send(connection, PONG, request, None)
            elif kind == REQUEST and method == GET_MARK:
                asked = make.GetMarkRequest.FromString(payload)
                with self._lock:
                    mark = self.marks.get((asked.queue_epoch, asked.lane), 0)
                self._send(connection, RESPONSE, request, make.GetMarkResponse(mark=mark))
            elif kind == REQUEST and method == SUBMIT_REPORTS:
                answer = self._submit(make.SubmitReportsRequest.FromString(payload))
                if answer is None:
                    return
                kind = STATUS if isinstance(answer, make.Status) else RESPONSE
                self._send(connection, kind, request, answer)

    def _submit(self, batch):
        make = self.schema
        with self._lock:
            key = (batch.queue_epoch, batch.lane)
            mark = self.marks.get(key, 0)
            fault = self._random.random() / self.faults if self.faults else 9
            self.faults_made += fault < 3
            if fault < 1:
                return None
            if fault >= 2 and fault < 3:
                return make.Status(code=UNAVAILABLE, reason="BUSY", message="busy", retry_after_ms=20)
            if not 1 <= len(batch.reports) <= 64:
                self.violations.append(f"{len(batch.reports)} reports in a batch")
            if batch.first_seq > mark + 1:
                self.violations.append(f"first_seq {batch.first_seq} at mark {mark}")
                return make.Status(code=ABORTED, reason="GAP", message="gap")
            fresh = batch.reports[mark + 1 - batch.first_seq:]
            self.reports.setdefault(batch.queue_epoch, []).extend(fresh)
            self.marks[key] = mark + len(fresh)
            if fault < 2:
                return None
            return make.SubmitReportsResponse(mark=self.marks[key])
