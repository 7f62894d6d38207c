"""Runs the real mosquitto on a loopback port of its own, with what a test needs of logins, rules and certificates."""

import os
import pwd
import signal
import subprocess
from pathlib import Path

from fakes.addresses import free_port
from fakes.programs import Program


class Mosquitto(Program):
    """One broker; `lines` are further lines of its config."""

    def __init__(self, folder: Path, *lines: str, port: int | None = None, anonymous: bool = True) -> None:
        self.folder, self.lines = folder, lines
        self.port = port or free_port()
        own = pwd.getpwuid(os.getuid()).pw_name
        config = [
            f"listener {self.port} 127.0.0.1",
            f"allow_anonymous {'true' if anonymous else 'false'}",
            f"user {own}",
            "log_type all",
            *lines,
        ]
        (folder / "mosquitto.conf").write_text("\n".join(config) + "\n")
        super().__init__(["mosquitto", "-c", "mosquitto.conf"], folder, f"mosquitto-{self.port}")
        self.until_ready(lambda: "running" in self.log() or self.process.poll() is not None, what="mosquitto")
        assert self.process.poll() is None, self.log()

    def freeze(self) -> None:
        """Stop it without a word: connections stay, nothing is answered."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait()

    def again(self) -> "Mosquitto":
        """Return a new broker at the same port."""
        return Mosquitto(self.folder, *self.lines, port=self.port)

    def stop(self, patience: float = 30.0) -> int:
        """End it, frozen or not, and return its exit code."""
        if self.process.poll() is None:
            self.thaw()
        return super().stop(patience)


def passwords(folder: Path, **users: str) -> str:
    """Write a password file and return the config line that names it."""
    for user, password in users.items():
        create = [] if (folder / "passwords").exists() else ["-c"]
        command = ["mosquitto_passwd", *create, "-b", "passwords", user, password]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return "password_file passwords"


def certificates(folder: Path, *, key_usage: bool = True) -> None:
    """Create an authority, and certificates of it for the broker at 127.0.0.1 and for a client called `miner`.

    Without `key_usage` the authority lacks that extension, as many private ones do.
    """

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    (folder / "ca.cnf").write_text(
        "[req]\ndistinguished_name=name\nx509_extensions=ca\n[name]\n[ca]\n"
        + "\n".join(
            (
                "basicConstraints=critical,CA:true",
                "subjectKeyIdentifier=hash",
                "authorityKeyIdentifier=keyid:always",
                *(["keyUsage=critical,keyCertSign,cRLSign"] if key_usage else []),
            )
        )
        + "\n"
    )
    openssl(
        "req",
        "-x509",
        "-config",
        "ca.cnf",
        *new,
        "-keyout",
        "ca.key",
        "-out",
        "ca.crt",
        "-days",
        "2",
        "-subj",
        "/CN=test authority",
    )
    leaf = (
        "basicConstraints=critical,CA:false",
        "keyUsage=critical,digitalSignature",
        "subjectKeyIdentifier=hash",
        "authorityKeyIdentifier=keyid,issuer",
    )
    for name, extension in (("broker", "subjectAltName=IP:127.0.0.1"), ("miner", "extendedKeyUsage=clientAuth")):
        (folder / f"{name}.ext").write_text("\n".join((*leaf, extension)) + "\n")
        openssl("req", *new, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl(
            "x509",
            "-req",
            "-in",
            f"{name}.csr",
            "-CA",
            "ca.crt",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-days",
            "2",
            "-extfile",
            f"{name}.ext",
            "-out",
            f"{name}.crt",
        )


TLS = ("cafile ca.crt", "certfile broker.crt", "keyfile broker.key")
