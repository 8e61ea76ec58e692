"""Letters as a real mail program reads them: mblaze, which decodes, shows and threads by itself."""
import re
import shutil
import subprocess

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
