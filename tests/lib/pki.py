"""A test's certificates. A tree makes each of them once and copies it after that: making them
took more processor time than most tests that need them."""
import datetime
import fcntl
import shutil
from pathlib import Path

from cluster import ROOT, call

PKI = ROOT / "deploy/pki"
KEPT = ROOT / "build/test-pki"


class Pki:
    """The CA and certificates of one installation, in `folder`; its key is there too, so that
    `deploy/pki` can make others beside them."""

    def __init__(self, folder, installation):
        self.folder, self.installation = Path(folder), installation
        # Anew each month: no test meets one that is about to expire.
        self.kept = KEPT / f"{datetime.date.today():%Y-%m}" / installation

    def ca(self):
        self._give("ca", "ca")

    def server(self, name="server"):
        self._give(name, "server", name)

    def person(self, code):
        self._give(f"person-{code}", "person", self.installation, code)

    def agent(self, code):
        self._give(f"agent-{code}", "agent", self.installation, code)

    def _give(self, stem, command, *words):
        """Harmless where the folder has it already."""
        if (self.folder / f"{stem}.crt").exists():
            return
        self.kept.mkdir(parents=True, exist_ok=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        # The certificate comes last: where it is, its key is too.
        with open(self.kept / ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (self.kept / f"{stem}.crt").exists():
                call(PKI, command, self.kept, *words)
        for suffix in ("key", "crt"):
            shutil.copy2(self.kept / f"{stem}.{suffix}", self.folder / f"{stem}.{suffix}")
