"""Letters as a real mail program reads them: mblaze, which decodes, shows and threads by itself."""
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from otk_test import Skip


def _mblaze(tool, *words, stdin=None):
    if shutil.which(tool) is None:
        raise Skip("mblaze is not installed")
    return subprocess.run([tool, *map(str, words)], input=stdin, capture_output=True, text=True,
                          check=True, timeout=120).stdout


def header(letter, name):
    """A header, decoded, on one line."""
    return re.sub(r"\s*\n\s*", " ", _mblaze("mhdr", "-d", "-h", name, letter)).strip()


def headers(letters, name):
    """One header of many letters, in their order; "" where a letter lacks it."""
    found = {}
    for line in _mblaze("mhdr", "-H", "-d", "-h", name, *letters).splitlines():
        place, _, value = line.partition("\t")
        found[place.rstrip(":")] = value.strip().strip("<>")
    return [found.get(str(letter), "") for letter in letters]


def body(letter):
    """What it shows of the body: the plain text."""
    return _mblaze("mshow", "-n", "-N", "-h", "", letter).replace("\r\n", "\n")


def attachments(letter):
    """Its parts, a line each, with their types."""
    return _mblaze("mshow", "-t", letter)


def threads(letters):
    """Lists of letters that it takes for one conversation."""
    out = _mblaze("mthread", stdin="".join(f"{letter}\n" for letter in letters))
    found = []
    for line in out.splitlines():
        depth = len(line) - len(line.lstrip(" "))
        if depth == 0:
            found.append([])
        if not line.strip().startswith("<"):
            found[-1].append(line.strip())
    return found


def reply(letter, sender, text):
    """The draft of an answer as mrep makes it, with the text above what it quotes."""
    if shutil.which("mrep") is None:
        raise Skip("mblaze is not installed")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "profile").write_text(f"Local-Mailbox: {sender}\nReply-From: {sender}\nFQDN: example.test\n")
        (home / "seq").write_text(f"{letter}\n")
        subprocess.run(["mrep", "1"], input="c\n", text=True, cwd=home, check=False, timeout=60,
                       capture_output=True,
                       env={**os.environ, "MBLAZE": folder, "MAILSEQ": str(home / "seq"), "EDITOR": "true",
                            "LC_ALL": "C.UTF-8"})
        return (home / "snd.0").read_text().replace("\n\n", f"\n\n{text}\n\n", 1)


def mime(draft):
    """The draft as mmime encodes it for sending."""
    return subprocess.run(["mmime"], input=draft.encode(), capture_output=True, check=True, timeout=60,
                          env={**os.environ, "LC_ALL": "C.UTF-8"}).stdout
