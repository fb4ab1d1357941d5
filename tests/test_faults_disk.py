"""O disco contra o aluno: só leitura, cheio, apagado, cortado. Nada se perde e uma frase diz o que fazer."""

import errno
import shutil
import urllib.request

import pytest
from faults import call, disk, fill, sketches
from waiting import PATIENCE_S

from course_utils import files
from course_utils.classroom import passport, servers, workspace
from course_utils.classroom.exercises import engine
from course_utils.measure import prices
from course_utils.model import artifacts
from course_utils.setup import command


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Uma pasta artifacts/ só deste teste."""
    folder = tmp_path / "artifacts"
    monkeypatch.setattr(files, "ARTIFACTS", folder)
    monkeypatch.setattr(passport, "FILE", folder / "passport.json")
    return folder


def refusal(action, kind):
    with pytest.raises(kind) as problem:
        action()
    return str(problem.value)


def test_a_read_only_folder_is_told_in_one_sentence(place, monkeypatch):
    with disk(place, "ro"):
        assert refusal(lambda: workspace.empty("01_x"), workspace.WorkspaceError) == (
            "Não consigo escrever em artifacts/ (a pasta só deixa ler): copie o projeto para uma pasta sua e rode "
            "esta célula de novo."
        )
        stamped = refusal(lambda: passport.stamp("01_x", {}), passport.PassportError)
        assert stamped.startswith("Não consegui gravar o passaporte (a pasta só deixa ler): copie o projeto")
        said = refusal(servers.start, servers.ServerError)
        assert said.startswith("Não consegui gravar o registro do servidor (a pasta só deixa ler): copie o")
        monkeypatch.setattr(engine, "FILE", place / "exercises.json")
        engine.record("um")  # perde-se a anotação, não a aula


def test_a_full_disk_is_told_and_keeps_what_was_there(place, monkeypatch):
    with disk(place, "size=64k"):
        passport.stamp("00_x", {"a": 1})
        fill(place)
        said = refusal(lambda: workspace.empty("01_x"), workspace.WorkspaceError)
        assert said.startswith("Falta espaço em disco: restam 0 MB") and said.endswith("rode esta célula de novo.")
        said = refusal(lambda: passport.stamp("01_x", {"b": "x" * 9000}), passport.PassportError)
        assert said.startswith("Não consegui gravar o passaporte (o disco está cheio): libere espaço e rode")
        monkeypatch.setattr(engine, "FILE", passport.FILE)
        engine.record("um" * 5000)
        assert passport.read() == {"00_x": {"a": 1}}
        assert sketches(place) == []


@pytest.mark.slow
@pytest.mark.parametrize(("options", "reason"), [("ro", "só deixa ler): copie"), ("size=4k", "cheio): libere")])
def test_a_command_without_disk_ends_in_one_sentence(place, options, reason):
    code = (
        "import sys; from pathlib import Path; from course_utils import files\n"
        "files.ARTIFACTS = Path(sys.argv.pop()); from course_utils.setup import command\n"
        "sys.exit(command.main(['course_utils.slides', '00']))"
    )
    with disk(place, options):
        fill(place)
        result = call(["-c", code, place])
    said = result.stderr.decode()
    assert result.returncode == 1 and len(said.splitlines()) == 1, said
    assert said.startswith("Não consegui gravar ") and reason in said and said.endswith("e rode de novo.\n")


def test_only_what_the_student_can_mend_loses_its_traceback():
    said = command.explain(PermissionError(errno.EACCES, "Permission denied", "x.json"))
    assert said.startswith("Não consegui gravar x.json (sem permissão): confira as permissões da pasta do projeto")
    assert command.explain(prices.PriceError("Falta a linha x.")) == "Falta a linha x."
    assert command.explain(FileNotFoundError(errno.ENOENT, "No such file", "x")) is None
    assert command.explain(ZeroDivisionError()) is None


def test_artifacts_deleted_half_way_can_be_made_again(place):
    folder = workspace.empty("03_x")
    model = artifacts.seal(shutil.copy(artifacts.DATA / "small.onnx", folder / "m.onnx"))
    with servers.start(model=model) as server:
        shutil.rmtree(place)
        with urllib.request.urlopen(server.url + "health/ready", timeout=PATIENCE_S) as answer:
            assert answer.status == 200  # quem já serve continua servindo
        assert server.log_tail() == "(o registro foi apagado)"
        said = refusal(lambda: artifacts.verify(model), artifacts.CorruptedFileError)
        assert said == "Falta o arquivo m.onnx. Para restaurar: rode de novo a célula que o grava."
    assert workspace.empty("03_x").is_dir()
    passport.stamp("03_x", {"a": 1})


@pytest.mark.parametrize("name", artifacts.read_sums(artifacts.DATA))
def test_a_truncated_data_file_is_named_with_its_cure(name, tmp_path, monkeypatch):
    content = (artifacts.DATA / name).read_bytes()
    shutil.copy(artifacts.DATA / artifacts.SUMS, tmp_path)
    monkeypatch.setattr(artifacts, "DATA", tmp_path)
    for size in (0, len(content) - 1):
        (tmp_path / name).write_bytes(content[:size])
        said = refusal(lambda: artifacts.verify(tmp_path / name), artifacts.CorruptedFileError)
        assert said.startswith(f"{name} está corrompido") and f"git checkout -- data/{name}" in said
