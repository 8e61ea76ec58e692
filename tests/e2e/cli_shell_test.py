#!/usr/bin/python3
"""The command line without a server: help, manual pages, mistakes, profiles, completion in a real
bash."""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from otk_test import binary, check, check_equal, free_port, run  # noqa: E402

def _otklik(*words, **environment):
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environment}
    return subprocess.run([binary("otklik"), *words], capture_output=True, text=True, env=env,
                          stdin=subprocess.DEVNULL, timeout=60, check=False)


def _verbs():
    """As the help lists them: two blanks, the words, two blanks or more, the summary."""
    text = _otklik("--help").stdout
    found = re.findall(r"^  ([a-z-]+(?: [a-z-]+)?)  +\S", text, re.MULTILINE)
    check({"ticket create", "ticket promise", "sla explain", "completion"} <= set(found), "the help lists verbs", found)
    return found


def every_verb_has_help_with_examples():
    listed = _otklik("--help")
    check_equal(listed.returncode, 0, "help")
    for verb in _verbs():
        done = _otklik(*verb.split(), "--help")
        check_equal((done.returncode, done.stderr), (0, ""), f"{verb} --help")
        check("Usage: otklik" in done.stdout and "Examples:\n" in done.stdout, "usage and examples", verb)
    check(all(f"{code} " in listed.stdout for code in (0, 1, 2, 64, 65, 66, 69, 70, 74, 75, 77, 78)),
          "help lists the exit codes")


def manual_pages_name_every_verb_option_and_setting():
    pages = Path(__file__).resolve().parent.parent.parent / "deploy/man"
    text = (pages / "otklik.1").read_text().replace("\\-", "-")
    sections = dict(re.findall(r"^\.SS (.*?)\n(.*?)(?=^\.S[SH] )", text, re.MULTILINE | re.DOTALL))
    for verb in _verbs():
        own = _otklik(*verb.split(), "--help").stdout.partition("\nEverywhere:")[0]
        options = set(re.findall(r"--[a-z-]+", own)) - {"--help"}
        lacking = [option for option in options if option not in sections.get(verb, "")]
        check(verb in sections and not lacking, f"otklik(1) has {verb}", lacking)
    settings = set(re.findall(r"^\.B ([a-z_]+)(?: |$)", (pages / "otklikd.conf.5").read_text(), re.MULTILINE))
    with tempfile.TemporaryDirectory() as folder:
        conf = Path(folder, "otklikd.conf")
        conf.write_text("installation = demo\ncertificate = a\nkey = b\nca = c\ndatabase = dbname=x\n")
        shown = subprocess.run([binary("otklikd"), "print-config", "--config", conf],
                               capture_output=True, text=True, timeout=60, check=False)
    names = re.findall(r"^#? ?([a-z_]+) =", shown.stdout, re.MULTILINE)
    check(len(names) > 30, "print-config names the settings", shown.stdout, shown.stderr)
    check_equal([name for name in names if name not in settings], [], "settings that otklikd.conf(5) lacks")


def mistakes_on_the_command_line_are_64_and_say_what_helps():
    for words, said in (
            ([], "Usage:"), (["tickets"], "there is no command 'tickets'"),
            (["ticket"], "ticket create"), (["ticket", "drop"], "ticket create"),
            (["ticket", "show"], "<ticket> is needed"), (["ticket", "show", "x"], "whole number"),
            (["ticket", "list", "--state", "open"], "none of new, assigned"),
            (["ticket", "create", "--title", "x", "--type", "wish"], "incident or service_request"),
            (["ticket", "pend", "1", "--reason", "lunch"], "must be customer, scheduled, supplier or change"),
            (["sla", "explain", "1", "lunch"], "response, update, resolution"),
            (["--format", "xml", "whoami"], "table, json or csv"),
            (["--zone", "Moon/Base", "whoami"], "--zone"),
            (["whoami", "--zone=Moon/Base"], "--zone"),
            (["completion", "fish"], "bash")):
        done = _otklik(*words)
        check_equal(done.returncode, 64, f"exit code of {words}")
        check(said in done.stderr, "it says what is right", words, done.stderr)
        check_equal(done.stdout, "", f"nothing on standard output for {words}")


def a_missing_or_bad_profile_is_78():
    with tempfile.TemporaryDirectory() as folder:
        done = _otklik("whoami", OTKLIK_CONFIG_DIR=folder)
        check_equal(done.returncode, 78, "no profile")
        check(f"{folder}/profiles/default.conf" in done.stderr, "the file is named", done.stderr)
        done = _otklik("whoami", OTKLIK_CONFIG_DIR=folder, OTKLIK_PROFILE="work")
        check("profiles/work.conf" in done.stderr, "OTKLIK_PROFILE is read", done.stderr)
        check_equal(_otklik("--profile", "../x", "whoami").returncode, 78, "a path as a name")
        Path(folder, "profiles").mkdir()
        for text, said in (("sever = x\n", "sever"), ("server = a:b:c\n", "host:port"),
                           ("server = localhost\nca = nowhere.crt\n", "nowhere.crt")):
            Path(folder, "profiles/default.conf").write_text(text)
            done = _otklik("whoami", OTKLIK_CONFIG_DIR=folder)
            check_equal(done.returncode, 78, f"exit code with {text!r}: {done.stderr}")
            check(said in done.stderr, "what is wrong is named", done.stderr)


def output_that_is_lost_is_74():
    with open("/dev/full", "w") as full:
        for words in (["--help"], ["kpi", "list"], ["completion", "bash"], ["whoami", "--help"],
                      ["--format", "json", "kpi", "list"]):
            done = subprocess.run([binary("otklik"), *words], stdout=full, stderr=subprocess.PIPE,
                                  text=True, check=False, timeout=60)
            check_equal(done.returncode, 74, f"exit code of {words} into a full disk")
            check("No space left" in done.stderr, "and why", done.stderr)


def texts_are_utf8_without_a_locale_too():
    done = _otklik("kpi", "list", LC_ALL="C")
    check("\\x" not in done.stdout and "mttr" in done.stdout, "no escapes", done.stdout)


def files_that_cannot_be_read_are_66_and_wrong_ones_65():
    check_equal(_otklik("apply", "-f", "/nowhere.yaml").returncode, 66, "apply of no file")
    check_equal(_otklik("import", "event-log", "x", "--map", "/nowhere.yaml").returncode, 66, "no map")
    check_equal(_otklik("calendar", "due", "--batch", "/nowhere.tsv").returncode, 66, "no batch")
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write("name: demo\ncustomers:\n  - code: verf\n    nmae: Верфь\n")
        file.flush()
        done = _otklik("apply", "-f", file.name)
        check_equal(done.returncode, 65, "a file with an unknown key")
        check(f"{file.name}:4: customers[0].nmae: there is no such key here; it may be code, name"
              in done.stderr, "file and line", done.stderr)


def _complete(*words):
    """What bash offers after these words, the last being completed."""
    script = (f'PATH="{binary("otklik").parent}:$PATH"\nsource <(otklik completion bash)\n'
              'COMP_WORDS=(otklik "$@")\nCOMP_CWORD=$#\n_otklik\nprintf "%s\\n" "${COMPREPLY[@]}"\n')
    done = subprocess.run(["bash", "-c", script, "bash", *words], capture_output=True, text=True,
                          check=True, timeout=60)
    return done.stdout.split()


def bash_completes_verbs_options_and_values():
    first = _complete("")
    check_equal(sorted(set(verb.split()[0] for verb in _verbs())),
                sorted(w for w in first if not w.startswith("-")), "first words, each once")
    check_equal(_complete("tick"), ["ticket"], "a beginning")
    check_equal(_complete("ticket", "re"), ["reply", "resume", "resolve", "reopen"], "second words")
    check_equal(_complete("ticket", "reply", "--pe"), ["--pend"], "an option of the verb")
    check("--until" in _complete("--profile", "x", "ticket", "pend", "--"), "after global options")
    check("--until" in _complete("--format", "=", "json", "ticket", "pend", "--"), "and in one word")
    check_equal(_complete("--format", ""), ["table", "json", "csv"], "values of --format")
    check_equal(_complete("--format", "=", "c"), ["csv"], "and after an equals sign")
    check_equal(_complete("ticket", "list", "--color", "n"), ["never"], "values at the end too")
    check("list" in _complete("kpi", "") and "mttr" in _complete("kpi", ""), "KPIs and their verbs")
    check_equal(_complete("kpi", "first-response-"), ["first-response-wall"], "a KPI by name")
    check("--pause" in _complete("calendar", "due", "--"), "options of calendar due")
    check_equal(_complete("server", ""), ["status"], "one second word")
    check_equal(_complete("nothing", ""), [], "nothing for what is not there")


def a_server_that_is_away_is_69():
    with tempfile.TemporaryDirectory() as folder:
        from otk_test import PKI
        for words in (["ca", folder], ["person", folder, "demo", "olga"]):
            subprocess.run([PKI, *words], check=True, capture_output=True)
        Path(folder, "profiles").mkdir()
        Path(folder, "profiles/default.conf").write_text(
            f"server = localhost:{free_port()}\nca = {folder}/ca.crt\n"
            f"cert = {folder}/person-olga.crt\nkey = {folder}/person-olga.key\n")
        for words in (["whoami"], ["ticket", "list"], ["watch"], ["ticket", "create", "--title", "x"]):
            done = _otklik(*words, OTKLIK_CONFIG_DIR=folder)
            check_equal(done.returncode, 69, f"exit code of {words}: {done.stderr}")
            check("localhost" in done.stderr, "the server is named", done.stderr)


run()
