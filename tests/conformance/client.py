#!/usr/bin/python3
"""An otklik client that shares no code with the project: written from proto/README.md alone.

As a program: client.py --host H --port P --pki DIR [--name person-admin] METHOD [TEXT-PROTO]
calls a method and prints the answer. As a module: class Connection.
"""
import argparse
import importlib
import itertools
import os
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

SCHEMA = Path(__file__).resolve().parent.parent.parent / "proto"

HEADER = struct.Struct(">IBBHQI16s")
HELLO, REQUEST, RESPONSE, STATUS, ITEM, CREDIT, CANCEL, PING, PONG, GOAWAY = range(1, 11)
NO_KEY = bytes(16)
FIRST_CREDIT = 64


class Schema:
    """The schema as protoc's Python modules, and the methods by name."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="otk-py.")
        files = sorted(str(p) for p in (SCHEMA / "otklik/v1").glob("*.proto"))
        subprocess.run(
            ["protoc", "-I", str(SCHEMA), f"--python_out={self.folder.name}", *files], check=True
        )
        sys.path.insert(0, self.folder.name)
        self.methods, self.messages = {}, {}
        option = importlib.import_module("otklik.v1.options_pb2").method
        for file in files:
            name = Path(file).stem
            module = importlib.import_module(f"otklik.v1.{name}_pb2")
            for message in module.DESCRIPTOR.message_types_by_name:
                self.messages[message] = getattr(module, message)
            for service in module.DESCRIPTOR.services_by_name.values():
                for rpc in service.methods:
                    self.methods[rpc.name] = (rpc, rpc.GetOptions().Extensions[option])
        sys.path.remove(self.folder.name)

    def reply_of(self, method):
        return self.messages[self.methods[method][0].output_type.name]

    def request_of(self, method):
        return self.messages[self.methods[method][0].input_type.name]


class StatusError(Exception):
    def __init__(self, status):
        super().__init__(f"{status.code} {status.reason}: {status.message}")
        self.status = status


class Closed(Exception):
    """The server went; `goaway` says why, if it said so."""

    def __init__(self, text, goaway=None):
        super().__init__(text)
        self.goaway = goaway


def frame(kind, payload=b"", method=0, request_id=0, deadline_ms=0, key=NO_KEY, flags=0):
    return HEADER.pack(len(payload), kind, flags, method, request_id, deadline_ms, key) + payload


def tls_context(pki, name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(f"{pki}/ca.crt")
    if name:
        context.load_cert_chain(f"{pki}/{name}.crt", f"{pki}/{name}.key")
    context.set_alpn_protocols(["otklik/1"])
    return context


class Connection:
    """One connection, answers in any order; blocking."""

    def __init__(self, schema, host, port, pki, name="person-admin", greet=True, context=None):
        self.schema = schema
        self.ids = itertools.count(1)
        self.frames = {}  # by request id: those read while another was waited for
        self.hello = self.goaway = None
        raw = socket.create_connection((host, port), timeout=20)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = (context or tls_context(pki, name)).wrap_socket(raw, server_hostname=host)
        if self.socket.selected_alpn_protocol() != "otklik/1":
            raise Closed("the server does not speak otklik/1")
        if greet:
            self.greet()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    # --- frames

    def send(self, *args, **more):
        self.socket.sendall(frame(*args, **more))

    def read_exactly(self, size):
        data = b""
        while len(data) < size:
            try:
                piece = self.socket.recv(size - len(data))
            except (ConnectionError, ssl.SSLError) as error:
                raise Closed(f"the connection broke: {error}", self.goaway) from error
            if not piece:
                raise Closed("the server closed the connection", self.goaway)
            data += piece
        return data

    def read_frame(self):
        """The next frame that is not a PING: (type, request id, payload)."""
        while True:
            head = self.read_exactly(HEADER.size)
            length, kind, flags, method, request_id, deadline, key = HEADER.unpack(head)
            assert flags == 0 and method == 0 and deadline == 0 and key == NO_KEY, head.hex()
            payload = self.read_exactly(length)
            if kind == PING:
                self.send(PONG, request_id=request_id)
            elif kind == GOAWAY:
                self.goaway = self.schema.messages["GoAway"].FromString(payload)
                return kind, request_id, payload
            else:
                return kind, request_id, payload

    def frame_for(self, request_id):
        """The next frame of one request; those of others are kept for them."""
        while not self.frames.get(request_id):
            kind, other, payload = self.read_frame()
            if kind != GOAWAY:
                self.frames.setdefault(other, []).append((kind, payload))
        return self.frames[request_id].pop(0)

    # --- greeting

    def greet(self):
        hello = self.schema.messages["Hello"](version_min=1, version_max=1, build="client.py")
        hello.limits.frame_bytes = 1 << 20
        self.send(HELLO, hello.SerializeToString())
        kind, _, payload = self.read_frame()
        if kind == GOAWAY:
            raise Closed(f"refused: {self.goaway.reason}: {self.goaway.message}", self.goaway)
        assert kind == HELLO, kind
        self.hello = self.schema.messages["Hello"].FromString(payload)
        assert self.hello.version == 1

    # --- calls

    def start(self, method, request=None, key=None, deadline_ms=0, request_id=None, **fields):
        """Sends a request; the id to ask for its answer with."""
        _, options = self.schema.methods[method]
        if request is None:
            request = self.schema.request_of(method)(**fields)
        if key is None:
            key = uuid.uuid4().bytes if options.mutation else NO_KEY
        if request_id is None:
            request_id = next(self.ids)
        payload = request if isinstance(request, bytes) else request.SerializeToString()
        self.send(REQUEST, payload, options.id, request_id, deadline_ms, key)
        return request_id

    def finish(self, method, request_id):
        """The reply of a request, or StatusError."""
        kind, payload = self.frame_for(request_id)
        if kind == STATUS:
            raise StatusError(self.schema.messages["Status"].FromString(payload))
        assert kind == RESPONSE, kind
        return self.schema.reply_of(method).FromString(payload)

    def call(self, method, request=None, **more):
        return self.finish(method, self.start(method, request, **more))

    def items(self, method, request_id):
        """The items of a stream until its end, granting credit as they are taken."""
        credit = FIRST_CREDIT
        while True:
            kind, payload = self.frame_for(request_id)
            if kind == STATUS:
                status = self.schema.messages["Status"].FromString(payload)
                if status.code != 0:
                    raise StatusError(status)
                return
            assert kind == ITEM, kind
            yield self.schema.reply_of(method).FromString(payload)
            credit -= 1
            if credit <= FIRST_CREDIT // 2:
                more = self.schema.messages["Credit"](items=FIRST_CREDIT - credit)
                self.send(CREDIT, more.SerializeToString(), request_id=request_id)
                credit = FIRST_CREDIT

    def cancel(self, request_id):
        self.send(CANCEL, request_id=request_id)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="localhost")
    parser.add_argument("--port", type=int, default=7432)
    parser.add_argument("--pki", required=True)
    parser.add_argument("--name", default="person-admin", help="certificate and key in the PKI")
    parser.add_argument("method")
    parser.add_argument("request", nargs="?", default="", help="fields in protobuf's text form")
    options = parser.parse_args()
    from google.protobuf import text_format

    schema = Schema()
    request = text_format.Parse(options.request, schema.request_of(options.method)())
    with Connection(schema, options.host, options.port, options.pki, options.name) as server:
        if schema.methods[options.method][1].stream:
            for item in server.items(options.method, server.start(options.method, request)):
                print(item, flush=True)
        else:
            print(server.call(options.method, request), end="")


if __name__ == "__main__":
    try:
        main()
    except (StatusError, Closed, OSError) as problem:
        sys.exit(f"client.py: {problem}")
    except BrokenPipeError:
        os._exit(0)
