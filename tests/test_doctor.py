"""`lossreg doctor`: what it shows, and that it finds what is wrong."""

from types import SimpleNamespace

import pytest

import lossreg
from lossreg.commands.plugins import doctor


@pytest.mark.slow  # 2 s of processor time
def test_an_intact_installation_has_no_problems(capsys, monkeypatch):
    monkeypatch.setattr(doctor, "SECONDS", 0.1)
    doctor.run(SimpleNamespace())
    printed = capsys.readouterr().out
    for text in ("lossreg        0.1.0", "processor features", "losses: ", "compared: ok", "no problems found"):
        assert text in printed


def test_what_is_wrong_is_reported_and_the_exit_code_is_1(capsys, monkeypatch):
    monkeypatch.setattr(doctor, "agrees", lambda _: False)
    monkeypatch.setattr(doctor, "SECONDS", 0.1)
    with pytest.raises(SystemExit) as ended:
        doctor.run(SimpleNamespace())
    assert ended.value.code == 1
    printed = capsys.readouterr().out
    assert "WRONG" in printed
    assert "compiled and plain results differ" in printed


def test_the_self_check_compares_compiled_code_with_plain_python(monkeypatch):
    assert doctor.agrees(lossreg.get("mse"))
    exact = lossreg.Loss.at
    monkeypatch.setattr(lossreg.Loss, "at", lambda self, *point: (exact(self, *point)[0] * (1 + 1e-9), 2 * point[0]))
    assert not doctor.agrees(lossreg.get("mse"))
