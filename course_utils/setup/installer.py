"""Chama o pip mostrando o andamento, e traduz as falhas dele em uma frase. Só biblioteca padrão."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

TORCH_INDEX = "https://download.pytorch.org/whl/cpu"
DISK_FULL = "O disco encheu durante a preparação: libere espaço e rode de novo."

# O que procurar na saída do pip, nesta ordem, e a frase para quem o chamou.
FAILURES = (
    (r"No space left on device|\[Errno 28\]|not enough space on the disk", DISK_FULL),
    (
        r"Retrying \(|Max retries exceeded|NewConnectionError|(Read|Connect)TimeoutError|ProxyError",
        "Sem rede não dá para terminar o ambiente: conecte-se à internet e rode de novo.",
    ),
    (
        r"Long Path",
        "O caminho desta pasta é longo demais para o Windows: mova o curso, por exemplo para C:\\curso.",
    ),
)

# O pip morre junto com quem o chamou (o stdin se fecha), para nunca escrever em .venv às escondidas.
# No Windows, ler o stdin numa thread pode travar o processo: lá ele só termina o que começou.
PIP = """
import os, runpy, sys, threading
def watch():
    os.read(0, 1)
    os._exit(1)
if os.name != "nt":
    threading.Thread(target=watch, daemon=True).start()
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""


class SetupError(Exception):
    """Uma frase em português: o que houve e o que fazer."""


class Progress:
    """Uma linha que se reescreve (terminal), ou linhas simples e raras (arquivo, CI). Só caracteres ASCII."""

    def __init__(self, stream=None):
        self.stream = stream or sys.stdout
        self.live = self.stream.isatty()
        self.started = time.monotonic()
        self.last_time, self.last_step = 0.0, ""

    def show(self, text: str) -> None:
        now = time.monotonic()
        text = f"{text}  [{duration(now - self.started)}]"
        if self.live:
            width = shutil.get_terminal_size().columns - 1
            self.stream.write("\r" + text[:width].ljust(width))
        elif text[:3] != self.last_step or now - self.last_time > 20:
            self.stream.write(text + "\n")
            self.last_time, self.last_step = now, text[:3]
        self.stream.flush()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_) -> None:
        if self.live:
            self.stream.write("\r" + " " * (shutil.get_terminal_size().columns - 1) + "\r")
            self.stream.flush()


def duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def install(
    root: Path, venv: Path, python: Path, log, progress: Progress, names: list[str], limits: Path | None = None
) -> None:
    """Instala em `venv` o que pedem os arquivos `names` de `root` e confere o resultado com `pip check`.

    `limits`: um arquivo de versões que o pip não pode mudar.
    """
    requirements = [root / name for name in names]
    site = next(venv.glob("[Ll]ib*/**/site-packages"))
    forget_half_installed(site)
    command = [str(python), "-I", "-X", "utf8", "-c", PIP, "install", "--progress-bar", "off", "--no-input"]
    command += ["--disable-pip-version-check", "--no-warn-script-location"]
    for path in requirements:
        command += ["-r", str(path)]
    if limits:
        command += ["-c", str(limits)]
    if any("torch==" in path.read_text(encoding="utf-8") for path in requirements) and torch_index_answers():
        command += ["--extra-index-url", TORCH_INDEX]
    # Os temporários do pip ficam em .venv: não enchem um /tmp pequeno e somem com ela se houver interrupção.
    # PIP_USER: há quem configure "user = true" para si, e num venv o pip recusa isso.
    temporary = venv / "tmp"
    temporary.mkdir(exist_ok=True)
    before = len(list(site.glob("*.dist-info")))
    run_logged(
        command,
        log,
        lambda lines: progress.show(describe(lines, len(list(site.glob("*.dist-info"))) - before)),
        {**os.environ, "TMPDIR": str(temporary), "TEMP": str(temporary), "TMP": str(temporary), "PIP_USER": "0"},
    )
    shutil.rmtree(temporary, ignore_errors=True)
    check = [str(python), "-I", "-X", "utf8", "-m", "pip", "--disable-pip-version-check", "check"]
    run_logged(check, log, lambda lines: progress.show("3/3 Conferindo"))


def forget_half_installed(site: Path) -> None:
    """O RECORD é o último arquivo que o pip grava: sem ele o pacote ficou pela metade, e passaria por pronto."""
    for info in site.glob("*.dist-info"):
        if not (info / "RECORD").exists():
            shutil.rmtree(info)


def torch_index_answers() -> bool:
    """No Linux x86-64 este índice traz o PyTorch sem CUDA; inalcançável, custaria uns 8 s por pacote."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        return False
    try:
        with urllib.request.urlopen(TORCH_INDEX + "/torch/", timeout=3) as answer:  # noqa: S310 – https, fixo
            return answer.status == 200
    except (OSError, ValueError):
        return False


def describe(lines: list[str], installed: int) -> str:
    """O andamento, lido da saída do pip: o que já veio (arquivos e MB) ou quantos pacotes estão no lugar."""
    for line in reversed(lines):
        if line.startswith("Installing collected packages:"):
            total = line.count(",") + 1
            done = min(max(installed, 0), total)
            filled = 20 * done // total
            return f"3/3 Instalando [{'#' * filled}{'.' * (20 - filled)}] {done} de {total} pacotes"
    count, megabytes, current = 0, 0.0, ""
    for line in lines:
        found = re.match(r"\s*(Downloading|Using cached) (\S+) \(([\d.]+) (\w+)\)", line)
        if found and not found[2].endswith(".metadata"):
            size = float(found[3]) * {"bytes": 1e-6, "kB": 1e-3, "MB": 1, "GB": 1e3}.get(found[4], 0)
            name = re.split(r"-\d", found[2].rsplit("/", 1)[-1])[0]
            count, megabytes, current = count + 1, megabytes + size, f"{name} ({size:.0f} MB)"
    if lines and "Retrying (" in lines[-1]:
        return "2/3 Rede sem resposta: tentando de novo"
    if not count:
        chosen = sum(line.startswith("Collecting ") for line in lines)
        return f"2/3 Escolhendo pacotes: {chosen}"
    return f"2/3 Baixando: {count} pacotes, {megabytes:.0f} MB; agora {current}"


def run_logged(command: list[str], log, tick, env: dict | None = None) -> None:
    """Roda um comando com a saída no log, chamando `tick(linhas)` enquanto ele trabalha."""
    lines: list[str] = []
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        encoding="utf-8", errors="replace", env=env,
    )  # fmt: skip
    reader = threading.Thread(target=collect, args=(process.stdout, lines), daemon=True)
    reader.start()
    try:
        while reader.is_alive():
            tick(lines)
            reader.join(0.3)
        process.wait()
    finally:
        process.kill()
        log.writelines(lines)
        log.flush()
    if process.returncode:
        raise SetupError(explain(lines, Path(log.name)))


def collect(stream, lines: list[str]) -> None:
    for line in stream:
        lines.append(line)


def explain(lines: list[str], log: Path) -> str:
    """Uma frase sobre a falha; se não for das conhecidas, o log e a linha que mais diz."""
    text = "".join(lines)
    for pattern, sentence in FAILURES:
        if re.search(pattern, text):
            return sentence
    useful = [line.strip() for line in lines if line.strip()]
    errors = [line for line in useful if line.startswith("ERROR:")]
    last = (errors or useful or ["nenhuma saída"])[-1]
    return f"A instalação falhou ({last}): a saída completa está em {log.parent.name}/{log.name}."
