"""References to secrets are resolved, and secrets never appear anywhere else."""

import io
import json
import traceback
from pathlib import Path

import pytest
import structlog

from stratoscope import logs
from stratoscope.config import InvalidConfig, expand, load
from stratoscope.config.secret import Resolver

CANARY = "hunter2-CANARY-7f3a"


def config(tmp_path: Path, password: str, more: str = "") -> Path:
    path = tmp_path / "c.yaml"
    path.write_text(f"rigs:\n  - address: 10.0.0.1\n    user: a\n    password: {password}\n{more}")
    return path


def password_of(path: Path, environ: dict[str, str]) -> str | None:
    return expand(load(path, environ))[0].password


def test_s14_a_secret_comes_from_the_environment_a_file_or_a_systemd_credential(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text(f"{CANARY}\n")
    (tmp_path / "pw").chmod(0o600)
    assert password_of(config(tmp_path, "env:PW"), {"PW": CANARY}) == CANARY
    assert password_of(config(tmp_path, "file:pw"), {}) == CANARY
    assert password_of(config(tmp_path, f"file:{tmp_path / 'pw'}"), {}) == CANARY
    assert password_of(config(tmp_path, "credential:pw"), {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == CANARY


def test_s14_a_readable_file_and_a_plain_text_secret_cause_warnings(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text(CANARY)
    (tmp_path / "pw").chmod(0o640)
    loaded = load(config(tmp_path, "file:pw"), {})
    assert loaded.warnings == (
        f"{tmp_path / 'pw'} contains a secret and can be read by others: chmod 600 {tmp_path / 'pw'}",
    )
    path = config(tmp_path, CANARY)
    assert load(path, {}).warnings == (
        f"{path}:4: rigs[0].password is a secret in plain text: write env:NAME, file:/path or credential:name instead",
    )
    (tmp_path / "rigs.csv").write_text(f"address,user,password\n10.0.0.2,a,{CANARY}\n")
    path.write_text("rigs: [{file: rigs.csv}]\n")
    assert load(path, {}).warnings == (
        (
            f"{tmp_path / 'rigs.csv'}:2: password is a secret in plain text: "
            "write env:NAME, file:/path or credential:name instead"
        ),
    )


def test_s14_the_mode_of_a_secret_mounted_by_a_container_engine_causes_no_warning(tmp_path: Path) -> None:
    for name in ("run/secrets/pw", "run/secrets-of-others/pw"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(CANARY)
        (tmp_path / name).chmod(0o444)
    resolver = Resolver(tmp_path, {}, mounted=tmp_path / "run/secrets")
    assert resolver.secret("file:run/secrets/pw") == CANARY
    assert resolver.warnings == []
    assert resolver.secret("file:run/secrets-of-others/pw") == CANARY
    assert len(resolver.warnings) == 1


def test_s14_a_private_secret_causes_no_warning(tmp_path: Path) -> None:
    assert load(config(tmp_path, "env:PW"), {"PW": CANARY}).warnings == ()


@pytest.mark.parametrize(
    "reference",
    [
        "env:",
        "env:A B",
        "env:1",
        "env:EMPTY",
        "file:",
        "file:none",
        "credential:../pw",
        "credential:",
        "credential:..",
        "file:big",
        "file:binary",
        "file:empty",
        "file:lines",
    ],
)
def test_a_reference_to_a_missing_secret_is_a_mistake(tmp_path: Path, reference: str) -> None:
    (tmp_path / "big").write_text("x" * 70_000)
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "lines").write_text("a\nb\n")
    with pytest.raises(InvalidConfig, match=r"rigs\[0\]\.password refers to"):
        load(config(tmp_path, f"'{reference}'"), {"EMPTY": "", "CREDENTIALS_DIRECTORY": str(tmp_path)})


def test_s15_no_message_about_a_mistake_contains_a_secret(tmp_path: Path) -> None:
    """The canary is in every place where a secret belongs or gets by mistake; no message contains it."""
    slips = [
        f"rigs: [{{address: a, user: b, password: {CANARY}, port: x}}]",
        f"rigs: [{{address: a, user: b, pasword: {CANARY}}}]",
        f"rigs: [{{address: a, user: b, password: [{CANARY}]}}]",
        f"rigs: [{{address: a, user: b, password: {{x: {CANARY}}}}}]",
        f"rigs: [{{address: a, password: {CANARY}}}]",
        f"rigs:\n- address: a\n  password: {CANARY}: x\n",
        f"rigs:\n- address: a\n  password: '{CANARY}\n",
        f"rigs:\n- address: a\n  password: &{CANARY} x\n",
        f"rigs:\n- address: a\n  password: *{CANARY}\n",
        f"rigs:\n- address: a\n  password: !{CANARY} x\n",
        f"rigs:\n- address: a\n  password: !{CANARY}!y x\n",
        f"rigs:\n- address: a\n  password: |{CANARY}\n",
        f"rigs:\n- address: a\n  password: %{CANARY}\n",
        f"rigs:\n- address: a\n  password: [{CANARY}\n",
        f"rigs:\n- address: a\n  password: {CANARY}\n  password: {CANARY}\n",
        f"exporters: {{prometheus: {{password: {CANARY}}}}}",
        f"exporters: {{nope: {{token: {CANARY}}}}}",
        f"exporters: {{prometheus: {{listen: 'http://u:{CANARY}@x'}}}}",
        f"password: {CANARY}",
        f"rigs: [{{address: 'http://u:{CANARY}@10.0.0.1'}}]",
    ]
    path = tmp_path / "c.yaml"
    for text in slips:
        path.write_text(text)
        with pytest.raises(InvalidConfig) as caught:
            load(path, {"STRATOSCOPE__SITE": "x"})
        everything = (
            "".join(traceback.format_exception(caught.value)) + repr(caught.value) + str(caught.value.__context__)
        )
        shown = "\n".join(line for line in everything.splitlines() if "File" not in line)
        assert CANARY not in shown, text


def test_s15_no_message_contains_a_secret_from_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("site: x\n")
    environ = {"STRATOSCOPE__RIGS": f'[{{"address": "a", "user": "b", "password": "{CANARY}", "port": "x"}}]'}
    with pytest.raises(InvalidConfig) as caught:
        load(path, environ)
    assert CANARY not in repr(caught.value)
    assert str(caught.value).startswith("environment variable STRATOSCOPE__RIGS: rigs[0].port")
    with pytest.raises(InvalidConfig) as caught:
        load(path, {"STRATOSCOPE__RIGS": f"[{CANARY}"})
    assert CANARY not in repr(caught.value)
    assert "not valid JSON" in str(caught.value)


def test_s15_no_repr_dump_or_log_of_a_config_contains_a_secret(tmp_path: Path) -> None:
    loaded = load(config(tmp_path, "env:PW"), {"PW": CANARY, "OTHER": CANARY})
    entry = expand(loaded)[0]
    assert entry.password == CANARY
    shown = [
        repr(loaded),
        str(loaded),
        loaded.model_dump_json(),
        str(loaded.model_dump()),
        repr(entry),
        repr(entry.target),
    ]
    shown += [repr(loaded.resolver()), repr(vars(loaded))]
    stream = io.StringIO()
    logs.setup("debug", "json", stream=stream)
    log = structlog.get_logger("test")
    log.debug("loaded", config=loaded, entry=entry, target=entry.target, password=entry.password, entries=[entry])
    log.debug("request", url=f"http://a:{CANARY}@10.0.0.1/?token={CANARY}&x=1", headers={"Authorization": CANARY})
    shown.append(stream.getvalue())
    assert json.loads(stream.getvalue().splitlines()[0])["password"] == "[redacted]"
    assert not [text for text in shown if CANARY in text]
