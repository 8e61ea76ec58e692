#!/usr/bin/python3
"""The method table: numbers are never given away again, and the build says what to do."""
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from otk_test import ROOT, check, check_equal, run  # noqa: E402

FOLDER = Path(tempfile.mkdtemp(dir=os.environ.get("OTKLIK_TEST_DIR")))
OPTIONS = ROOT / "proto/otklik/v1/options.proto"
HEAD = 'syntax = "proto3";\npackage otklik.v1;\nimport "otklik/v1/options.proto";\n'
RPC = """message A {} message B {}
service S {
  rpc %s(A) returns (B) {
    option (otklik.v1.method) = {id: %d permission: %s timeout_ms: 30000};
  }
}
"""


def make(proto, ids):
    """methods.py on a schema of one file: (exit code, what it said, the table)."""
    source = FOLDER / "otklik/v1"
    source.mkdir(parents=True, exist_ok=True)
    shutil.copy(OPTIONS, source / "options.proto")
    (source / "s_service.proto").write_text(HEAD + proto)
    (FOLDER / "ids").write_text(ids)
    subprocess.run(["protoc", "-I", FOLDER, "--include_imports",
                    f"--descriptor_set_out={FOLDER}/set", source / "s_service.proto"], check=True)
    out = FOLDER / "out"
    shutil.rmtree(out, ignore_errors=True)
    done = subprocess.run(["/usr/bin/python3", ROOT / "proto/tools/methods.py", FOLDER / "set",
                           FOLDER / "ids", out], capture_output=True, text=True, check=False)
    table = (out / "methods.inc").read_text() if done.returncode == 0 else ""
    return done.returncode, done.stderr, table


def a_method_of_the_list_gets_its_line():
    code, said, table = make(RPC % ("DoIt", 7, "PERMISSION_ADMIN"), "# numbers\n6 Gone\n7 DoIt\n")
    check_equal((code, said), (0, ""), "made")
    check("METHOD(7, do_it, DO_IT, Otklik__V1__A, otklik__v1__a, Otklik__V1__B, otklik__v1__b, "
          "PERMISSION_ADMIN, 30000, 0)" in table, "its line", table)


def what_breaks_a_rule_is_refused_and_says_what_to_do():
    good = RPC % ("DoIt", 7, "PERMISSION_ADMIN")
    for what, proto, ids, words in (
        ("a new number", good, "6 Gone\n", "add the line `7 DoIt`"),
        ("a number given away before", good, "7 Gone\n9 Last\n", "take one above 9"),
        ("a number twice", good.replace("service S {", "service S {\n  rpc Two(A) returns (B) "
         "{ option (otklik.v1.method) = {id: 7 permission: PERMISSION_ADMIN}; }"),
         "7 DoIt\n", "id 7"),
        ("a list with a number twice", good, "7 DoIt\n7 DoIt\n", "listed twice"),
        ("a list that is no list", good, "DoIt 7\n", "expected `id name`"),
        ("no number", RPC % ("DoIt", 0, "PERMISSION_ADMIN"), "", "needs an id"),
        ("a number past 16 bits", RPC % ("DoIt", 65536, "PERMISSION_ADMIN"), "", "1 to 65535"),
        ("no permission", RPC % ("DoIt", 7, "PERMISSION_UNSPECIFIED"), "7 DoIt\n",
         "name its permission"),
        ("a message within itself", good + "message C { D d = 1; } message D { C c = 1; }",
         "7 DoIt\n", "must not contain themselves"),
        ("proto3 optional", good + "message C { optional int32 n = 1; }", "7 DoIt\n", "oneof"),
        ("129 fields", good + "message C { %s }" % " ".join(
            f"int32 f{i} = {i};" for i in range(1, 130)), "7 DoIt\n", "129 fields"),
    ):
        code, said, _ = make(proto, ids)
        check(code == 1 and words in said, what, said)


run()
