"""Makes the method table from the compiled schema, and refuses a schema that breaks its rules.

methods.py DESCRIPTOR_SET COMMITTED_IDS OUT_DIR writes there method_ids.h, methods.inc
and schema.h, which includes the protobuf-c header of every message file.
"""

import io
import os
import re
import sys

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "otklik.v1"
FIELDS_MAX = 128  # WIRE_FIELDS_MAX: the decoder counts each field of a message
DEPTH_MAX = 16  # WIRE_DEPTH_MAX


def fail(text):
    sys.exit("methods.py: " + text)


def snake(camel):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", camel).lower()


def c_prefix(full_name):
    """otklik.v1.CreateTicketRequest as protobuf-c writes it in function names."""

    def lower(part):
        out, was_upper = "", True
        for char in part:
            out += ("_" if char.isupper() and not was_upper else "") + char.lower()
            was_upper = char.isupper()
        return out

    return "__".join(lower(part) for part in full_name.split("."))


def c_type(full_name):
    return "__".join(part[0].upper() + part[1:] for part in full_name.split("."))


def messages(file_set):
    """Every message of our package by full name, nested ones included."""
    found = {}

    def add(prefix, message):
        name = prefix + "." + message.name
        found[name] = message
        for nested in message.nested_type:
            add(name, nested)

    for file in file_set.file:
        if file.package == PACKAGE:
            for message in file.message_type:
                add(file.package, message)
    return found


def check_messages(found):
    """Acyclic (protobuf-c recurses without a limit), not too wide, enums start at 0."""
    depth = {}

    def visit(name, path):
        if name in path:
            fail("message types must not contain themselves: " + " > ".join(path + [name]))
        if name not in depth:
            inner = [f.type_name[1:] for f in found[name].field if f.type_name[1:] in found]
            depth[name] = 1 + max((visit(i, path + [name]) for i in inner), default=0)
        return depth[name]

    for name, message in found.items():
        if len(message.field) > FIELDS_MAX:
            fail(f"{name} has {len(message.field)} fields; the decoder allows {FIELDS_MAX}")
        if visit(name, []) > DEPTH_MAX:
            fail(f"{name} nests deeper than {DEPTH_MAX}")
        for field in message.field:
            if field.proto3_optional:
                fail(f"{name}.{field.name}: protobuf-c cannot do proto3 optional; use a oneof")


def committed(path):
    """{id: name} of the committed list; a line is `id name`, # starts a comment."""
    ids = {}
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            words = line.split("#")[0].split()
            if not words:
                continue
            if len(words) != 2 or not words[0].isdigit():
                fail(f"{path}:{number}: expected `id name`")
            if int(words[0]) in ids:
                fail(f"{path}:{number}: id {words[0]} is listed twice; ids are never reused")
            ids[int(words[0])] = words[1]
    return ids


def methods(file_set):
    """(id, rpc name, service, options, in, out) of every rpc, by id."""
    pool = descriptor_pool.DescriptorPool()
    for file in file_set.file:
        pool.Add(file)
    option = pool.FindExtensionByName(PACKAGE + ".method")
    factory = message_factory.MessageFactory(pool)
    options_class = factory.GetPrototype(
        pool.FindMessageTypeByName("google.protobuf.MethodOptions")
    )
    factory.GetMessages([option.file.name])
    permissions = pool.FindEnumTypeByName(PACKAGE + ".Permission")
    found = []
    for file in file_set.file:
        for service in file.service:
            for rpc in service.method:
                options = options_class.FromString(rpc.options.SerializeToString())
                value = options.Extensions[option]
                found.append(
                    {
                        "id": value.id,
                        "name": rpc.name,
                        "service": f"{file.package}.{service.name}",
                        "permission": permissions.values_by_number[value.permission].name,
                        "timeout": value.timeout_ms,
                        "flags": [
                            flag
                            for flag, on in (
                                ("METHOD_MUTATION", value.mutation),
                                ("METHOD_STREAM", value.stream or rpc.server_streaming),
                            )
                            if on
                        ],
                        "in": rpc.input_type[1:],
                        "out": rpc.output_type[1:],
                    }
                )
    return sorted(found, key=lambda m: m["id"]), permissions


def check_methods(found, ids, list_path):
    by_id, by_name = {}, {}
    for method in found:
        number, name = method["id"], method["name"]
        where = f"rpc {method['service']}/{name}"
        if not 0 < number < 65536:
            fail(f"{where}: option (otklik.v1.method) needs an id from 1 to 65535")
        if method["permission"] == "PERMISSION_UNSPECIFIED":
            fail(f"{where}: name its permission (PERMISSION_ANY for everybody)")
        if number in by_id:
            fail(f"{where}: id {number} is already that of {by_id[number]}")
        if name in by_name:
            fail(f"{where}: the name is already used by {by_name[name]}")
        if number not in ids:
            fail(f"{where}: add the line `{number} {name}` to {list_path}")
        if ids[number] != name:
            fail(
                f"{where}: id {number} belonged to {ids[number]} and is never given away "
                f"again; take one above {max(ids)} and add it to {list_path}"
            )
        by_id[number] = by_name[name] = where


HEAD = "/* Generated from the schema by proto/tools/methods.py. */\n"


def write_ids(out, found, permissions):
    out.write(HEAD + "#ifndef OTKLIK_WIRE_METHOD_IDS_H\n#define OTKLIK_WIRE_METHOD_IDS_H\n\n")
    out.write("enum method_id {\n")
    for method in found:
        out.write(f"\tMETHOD_{snake(method['name']).upper()} = {method['id']},\n")
    out.write("};\n\nenum wire_permission {\n")
    for value in permissions.values:
        out.write(f"\tWIRE_{value.name} = {value.number},\n")
    out.write("};\n\n#endif\n")


def write_table(out, found):
    out.write(HEAD)
    for method in found:
        name = snake(method["name"])
        fields = [
            str(method["id"]),
            name,
            name.upper(),
            c_type(method["in"]),
            c_prefix(method["in"]),
            c_type(method["out"]),
            c_prefix(method["out"]),
            method["permission"],
            str(method["timeout"]),
            " | ".join(method["flags"]) or "0",
        ]
        out.write(f"/* {method['service']}/{method['name']} */\n")
        out.write(f"METHOD({', '.join(fields)})\n")


def write_schema(out, file_set):
    out.write(HEAD + "#ifndef OTKLIK_WIRE_SCHEMA_H\n#define OTKLIK_WIRE_SCHEMA_H\n\n")
    for name in sorted(file.name for file in file_set.file if file.package == PACKAGE):
        if not name.endswith(("_service.proto", "/options.proto")):
            out.write(f'#include "{name[: -len(".proto")]}.pb-c.h"\n')
    out.write("\n#endif\n")


def write_if_changed(path, write):
    """Leaves the file alone when it would be the same, so that nothing is rebuilt."""
    text = io.StringIO()
    write(text)
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            if file.read() == text.getvalue():
                return
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.getvalue())


def main(set_path, list_path, out_dir):
    file_set = descriptor_pb2.FileDescriptorSet()
    with open(set_path, "rb") as file:
        file_set.ParseFromString(file.read())
    check_messages(messages(file_set))
    found, permissions = methods(file_set)
    check_methods(found, committed(list_path), list_path)
    os.makedirs(out_dir, exist_ok=True)
    write_if_changed(
        os.path.join(out_dir, "method_ids.h"), lambda out: write_ids(out, found, permissions)
    )
    write_if_changed(os.path.join(out_dir, "methods.inc"), lambda out: write_table(out, found))
    write_if_changed(os.path.join(out_dir, "schema.h"), lambda out: write_schema(out, file_set))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        fail("usage: methods.py DESCRIPTOR_SET COMMITTED_IDS OUT_DIR")
    main(*sys.argv[1:])
