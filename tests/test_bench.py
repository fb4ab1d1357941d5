"""O comando bench: um relatório só, partes que se atualizam, falhas que não levam as outras, e o README."""

import importlib
import io
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from endings import wait_for_the_end

from course_utils.bench import __main__ as bench
from course_utils.bench import formats, goals, published, readme, report, setup
from course_utils.bench.formats import readers, worker
from course_utils.measure import machine
from course_utils.model import artifacts

PATIENCE_S = 180


def moment(name, ratio=None):
    """Os tempos inventados de um formato."""
    return {"median": 1.0, "p95": 2.0, "n": 3} | ({} if ratio is None else {"ratio": ratio})


def format_row(name, size=7_400_000, ratio=1.0, **changes):
    row = {"name": name, "bytes": size, "reduced": "int8" in name, "apart": False, "load": moment(name)}
    row |= {"batch1": moment(name, ratio), "batch32": moment(name, ratio)}
    return row | {"max_difference": 0.0, "agreement_percent": 100.0} | changes


ABSENT = dict.fromkeys(("load", "batch1", "batch32", "max_difference", "agreement_percent"))
ROWS = [
    format_row("PyTorch, safetensors", ratio=0.5),
    format_row("ONNX float32", max_difference=3e-7),
    format_row("ONNX int8", 1_850_000, 3.0, agreement_percent=99.8),
    format_row("ONNX int8, podado (small.onnx)", 70_000, 13.0, apart=True, agreement_percent=90.0),
    format_row("TF.js", **ABSENT),
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Os quatro bancos, sem o que demora: o que eles fazem com as medidas é de verdade; as medidas, inventadas."""
    monkeypatch.setattr(report, "FOLDER", tmp_path)
    monkeypatch.setattr(formats, "work", lambda arguments: ROWS)
    monkeypatch.setattr(setup, "size_bytes", lambda folder: 4_400_000_000)
    monkeypatch.setattr(setup, "big_packages", lambda: [("torch", 698_000_000, "treinar")])
    for name in ("serving", "optimization"):
        fake = {key: goal.limit for key, goal in goals.BENCHES[name][1].items()}
        module = SimpleNamespace(run=lambda fake=fake, name=name: judged(fake, name), text=lambda result: "tabela")
        monkeypatch.setitem(sys.modules, f"course_utils.bench.{name}", module)
    return tmp_path


def judged(values, name):
    return goals.judge(values, goals.BENCHES[name][1])


def shape(value):
    """As chaves e os tipos, sem os valores; o que pode não ter sido medido vale por um número."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    return "número" if value is None or isinstance(value, int | float) else type(value).__name__


def test_the_table_of_the_readme_comes_from_the_published_numbers():
    text = readme.FILE.read_text(encoding="utf-8")
    assert readme.replaced(text, published.read()) == text


def test_a_changed_number_changes_the_table():
    content = published.read()
    before = readme.table(content)
    content["benches"]["optimization"]["values"]["size_ratio"] += 1
    assert readme.table(content) != before


def test_a_number_of_another_machine_stands_beside_ours(monkeypatch):
    other = {"bench": "formats", "measure": "int8_speed", "value": 1.0, "machine": "outra", "date": "2026-01"}
    monkeypatch.setattr(published, "elsewhere", lambda: [other | {"source": "alguém"}])
    lines = readme.table(published.read()).splitlines()
    label = goals.FORMATS["int8_speed"].label
    (row,) = (line for line in lines if line.startswith(f"| {label} |"))
    assert "; 1,0× em [1] |" in row and row.endswith("✔ [1] ✘ |")
    assert lines[-1] == "[1] outra: alguém, 2026-01."


def test_every_number_of_another_machine_names_a_goal_and_its_source():
    for item in published.elsewhere():
        assert item["measure"] in goals.BENCHES[item["bench"]][1]
        assert item["value"] > 0 and item["machine"] and item["date"] and item["source"]


def test_a_run_of_today_has_the_shape_of_what_is_published(folder, capsys):
    assert bench.main([]) == 0
    fresh, kept = published.essentials(json.loads((folder / "report.json").read_text())), published.read()
    assert shape(fresh["benches"]) == shape(kept["benches"])
    assert fresh.keys() == kept.keys() and fresh["machine"].keys() == kept["machine"].keys()


def test_one_command_makes_one_report_and_prints_the_summary(folder, capsys):
    assert bench.main([]) == 0
    text, printed = (folder / "report.md").read_text(encoding="utf-8"), capsys.readouterr().out
    for name, (title, bench_goals) in goals.BENCHES.items():
        assert f"## {title} (`{name}`)" in text and title in printed
        for goal in bench_goals.values():
            assert goal.label in text and goal.label in printed
    assert "torch" in text and "ONNX int8" in text and "✔" in text
    assert all(line in text for line in machine.sentences(machine.describe()))
    assert "python -m course_utils bench" in text and "report.md" in printed


def test_a_bench_alone_updates_its_part_and_keeps_the_dates_of_the_others(folder, monkeypatch, capsys):
    monkeypatch.setattr(report, "now", lambda: "2025-01-02T03:04+00:00")
    assert bench.main([]) == 0
    monkeypatch.setattr(report, "now", lambda: "2026-11-23T14:00+00:00")
    assert bench.main(["formats", "setup"]) == 0
    kept = json.loads((folder / "report.json").read_text())["benches"]
    assert {name: part["date"][:4] for name, part in kept.items()} == {
        "setup": "2026", "formats": "2026", "serving": "2025", "optimization": "2025",
    }  # fmt: skip
    assert kept["formats"]["command"] == "python -m course_utils bench formats setup"
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert "Medido em 02/01/2025" in text and "Medido em 23/11/2026" in text


def test_a_broken_or_outdated_part_counts_as_not_measured(folder, capsys):
    assert bench.main([]) == 0
    (folder / "serving.json").write_text('{"values": {"velocidade": 1}}')
    (folder / "formats.json").write_text('{"values"')
    assert bench.main(["setup"]) == 0
    assert "Ainda não medido: formats, serving." in capsys.readouterr().out
    assert "Não medido. Para medir: `python -m course_utils bench serving`." in (folder / "report.md").read_text()


def test_a_failing_bench_is_named_and_loses_nothing_of_the_others(folder, monkeypatch, capsys):
    def fail(arguments):
        raise formats.WorkerError("faltou memória")

    monkeypatch.setattr(formats, "work", fail)
    assert bench.main([]) == 1
    content = json.loads((folder / "report.json").read_text())
    assert content["benches"].keys() == goals.BENCHES.keys() - {"formats"}
    assert content["failed"] == {"formats": "WorkerError: faltou memória"}
    assert "**Falhou nesta rodada:** WorkerError: faltou memória" in (folder / "report.md").read_text()
    assert "O banco formats falhou" in capsys.readouterr().out
    assert "raise formats.WorkerError" in (folder / "formats.log").read_text(encoding="utf-8")
    with pytest.raises(published.IncompleteError, match="formats"):
        published.essentials(content)


def test_ctrl_c_keeps_what_had_ended_and_no_half_file(folder, monkeypatch, capsys):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["course_utils.bench.optimization"], "run", interrupt)
    assert bench.main([]) == 130
    assert "Interrompido" in capsys.readouterr().err
    names = {"setup.json", "formats.json", "serving.json", "report.json", "report.md"}
    assert {path.name for path in folder.iterdir()} == names
    for path in folder.glob("*.json"):
        json.loads(path.read_text(encoding="utf-8"))


def test_an_unknown_bench_is_a_usage_error(capsys):
    with pytest.raises(SystemExit):
        bench.main(["velocidade"])
    assert "não há o banco velocidade" in capsys.readouterr().err


def test_every_bench_of_the_list_is_a_module_with_run_and_text():
    for name in goals.BENCHES:
        module = importlib.import_module(f"course_utils.bench.{name}")
        assert callable(module.run) and callable(module.text)


def test_goals_are_judged_by_their_side_and_what_was_not_measured_has_no_verdict():
    least, most = goals.Goal("a", 3, least=True, unit="×"), goals.Goal("b", 0.5, unit="ms", digits=2)
    result = goals.judge({"a": 2.9, "b": 0.5}, {"a": least, "b": most})
    assert result["met"] == {"a": False, "b": True}
    assert goals.rows(result, {"a": least, "b": most}) == [
        ("a", "2,9×", "≥ 3×", "✘", ""), ("b", "0,50 ms", "≤ 0,5 ms", "✔", "")
    ]  # fmt: skip
    empty = goals.judge({"a": None}, {"a": least})
    assert goals.rows(empty, {"a": least})[0][1::2] == ("não medido", "–")


def test_publishing_seals_the_numbers_and_notes_the_new_hash(folder, tmp_path, capsys):
    assert bench.main([]) == 0
    whole = json.loads((folder / "report.json").read_text())
    place, notes = tmp_path / "data" / "bench.json", tmp_path / "data" / "README.md"
    place.parent.mkdir()
    place.write_text("{}")
    artifacts.seal(place)
    notes.write_text(f"| `bench.json` | `{artifacts.sha256(place)}` |")
    published.write(whole, place, notes)
    assert published.read(place) == published.essentials(whole)
    assert artifacts.sha256(place) in notes.read_text()


def test_a_report_from_two_machines_is_not_published(folder, capsys):
    assert bench.main([]) == 0
    whole = json.loads((folder / "report.json").read_text())
    whole["benches"]["serving"]["machine"] = "outra"
    with pytest.raises(published.IncompleteError, match="máquinas diferentes"):
        published.essentials(whole)


def test_publishing_half_a_report_is_refused_with_a_sentence(folder, capsys):
    assert bench.main(["setup"]) == 0 and bench.main(["--publish"]) == 1
    assert "não está completo (formats, serving, optimization)" in capsys.readouterr().err


def test_a_readme_without_its_marks_is_refused():
    with pytest.raises(readme.MarksError, match="marcas"):
        readme.replaced("sem marcas", published.read())


def test_the_set_up_time_comes_from_the_mark_or_is_not_told(folder, tmp_path):
    context = {"machine": "máquina"}
    assert "não medido" in setup.text(context | setup.run(tmp_path))
    (tmp_path / "course_utils.json").write_text('{"finished": true, "seconds": 187.4, "made": "2026-11-23"}')
    result = setup.run(tmp_path)
    assert result["creation_seconds"] == 187.4 and "187 s, em 23/11/2026" in setup.text(context | result)
    assert "torch" in setup.text(context | result) and result["values"]["disk_share"] == pytest.approx(4.4 / 6)


def test_the_pruned_network_is_not_judged_as_if_it_were_the_original(folder):
    result = formats.run()
    assert result["values"] == {
        "onnx_over_torch": 2.0, "int8_size": 4.0, "int8_speed": 3.0, "float32_agreement": 100.0,
        "reduced_agreement": 99.8, "float32_difference": 3e-7,
    }  # fmt: skip
    text = formats.text({"machine": "máquina"} | result)
    assert "3,00×" in text and "3,0e-07" in text and "90,0 %" in text and "n = 3 cargas" in text


def test_a_worker_that_dies_or_fails_says_why_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "WORKER", "course_utils.bench.inexistente")
    with pytest.raises(formats.WorkerError, match="No module named course_utils.bench.inexistente"):
        formats.work([])

    def fail(folder, step):
        raise OSError("disco cheio")

    monkeypatch.setattr(worker.quiet, "divert_native_logs", lambda: None)
    monkeypatch.setattr(worker, "_one_thread", lambda: None)
    monkeypatch.setattr(worker.files, "build", fail)
    told = []
    monkeypatch.setattr(worker, "_say", lambda **news: told.append(news))
    assert worker.main(tmp_path / "formatos", "1", "1", "1") == 1
    assert told[-1] == {"error": "OSError: disco cheio"}
    with pytest.raises(formats.WorkerError, match="disco cheio"):
        formats.check(told[-1], "")


def test_every_measured_format_has_an_opener_and_the_browser_s_has_none():
    assert readers.opener("ONNX int8, podado (small.onnx)") is readers.onnx
    assert readers.opener("LiteRT int8 completo") is readers.LiteRT
    assert readers.opener("TF.js") is None


def test_the_rows_of_two_small_formats_are_measured_for_real(capsys):
    paths = {"ONNX float32": artifacts.DATA / "reference.onnx", "ONNX int8": artifacts.DATA / "small.onnx"}
    worker_rows = worker.measure(paths, loads=1, singles=2, batches=1, original="ONNX float32")
    base, small = worker_rows
    assert base["batch1"]["ratio"] == base["batch32"]["ratio"] == 1 and base["max_difference"] == 0
    assert base["batch1"]["n"] == 2 and base["agreement_percent"] == 100 and not base["reduced"]
    assert small["agreement_percent"] > 95 and small["bytes"] < base["bytes"] / 100 and small["reduced"]
    steps = [json.loads(line)["step"] for line in capsys.readouterr().out.splitlines()]
    assert steps == ["carregando", "inferindo, lote de 1", "inferindo, lote de 32"]


def test_the_machine_is_described_in_full():
    described = machine.describe()
    assert described["cores"] >= 1 and described["memory_gb"] > 0.5 and described["processor"]
    assert {"torch", "tensorflow", "onnxruntime", "numpy"} <= described["libraries"].keys()
    unknown = machine.sentences(described | {"instructions": None})
    assert "instruções: o sistema não diz" in unknown and np.__version__ in unknown[-1]


@pytest.mark.skipif(os.name == "nt", reason="o Windows não envia SIGINT a um processo só")
def test_a_real_ctrl_c_leaves_the_report_and_no_process(tmp_path):
    source = f"""
        import pathlib, sys
        from course_utils.bench import __main__, formats, report

        formats.FOLDER = report.FOLDER = pathlib.Path({str(tmp_path)!r})
        sys.exit(__main__.main(["formats"]))
    """
    command = [sys.executable, "-c", textwrap.dedent(source)]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, cwd=artifacts.ROOT, encoding="utf-8",
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:  # fmt: skip
        limit, children = time.monotonic() + PATIENCE_S, []
        while not children and time.monotonic() < limit:
            time.sleep(0.05)
            children = psutil.Process(process.pid).children(recursive=True)
        time.sleep(0.5)  # o filho acaba de nascer: que o Popen que o fez também acabe
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130 and "Interrompido" in error and "Traceback" not in error
    assert {path.name for path in tmp_path.glob("report*")} == {"report.json", "report.md"}
    wait_for_the_end([child.pid for child in children])


@pytest.mark.slow
def test_every_format_says_what_the_original_says(tmp_path, monkeypatch):
    bars = []

    class Counted(formats.tqdm):
        def __init__(self, **options):
            super().__init__(**options, disable=False, file=io.StringIO())
            bars.append(self)

    monkeypatch.setattr(formats, "tqdm", Counted)
    monkeypatch.setattr(formats, "FOLDER", tmp_path)
    result = formats.run((1, 3, 2))
    assert [bar.n for bar in bars] == [formats.STEPS]
    rows = {row["name"]: row for row in result["formats"]}
    assert len(rows) == 13 and rows["TF.js"]["batch1"] is None and rows["TF.js"]["bytes"] > 7e6
    for name in ("float32_agreement", "reduced_agreement", "float32_difference", "int8_size"):
        assert result["met"][name], (name, result["values"][name])
    assert all(row["load"]["n"] == 1 and row["batch1"]["n"] == 3 for row in rows.values() if row["load"])
    assert rows["SavedModel"]["bytes"] > 1.9 * rows["Keras (.keras)"]["bytes"]
