"""A memória de um processo e de tudo o que ele iniciou; o tamanho de um arquivo ou de uma pasta."""

import contextlib
import sys
import threading
from pathlib import Path

import psutil


def peak_bytes():
    """O maior RSS que este processo já teve, em bytes (int), anotado pelo próprio sistema.

    Linux: `VmHWM` de /proc/self/status (lá o `ru_maxrss` sobrevive ao exec e herda o pico de quem iniciou o
    processo: `exec_mmap`, no kernel); macOS: `ru_maxrss`, que ali vem em bytes; Windows: `PeakWorkingSetSize`.
    """
    if sys.platform == "linux":
        with open("/proc/self/status", encoding="ascii", errors="replace") as status:
            return next(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def tree_bytes(pid):
    """Memória residente (RSS) do processo `pid` e dos seus descendentes, em bytes (int); 0 se ele já acabou.

    As páginas que vêm de arquivos (as bibliotecas, que os processos dividem) contam uma vez, pela maior parcela,
    onde o sistema as diz (o Linux); nos outros contam em cada um, e a soma é um teto. Quem somasse o PSS do Linux
    acertaria mais, e gastaria dezenas de milissegundos a cada vez.
    """
    found = {}
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:  # o pai sempre antes dos filhos
            with contextlib.suppress(psutil.NoSuchProcess):
                memory, parent = process.memory_info(), found.get(process.ppid())
                # Entre o fork e o exec, um filho usa a memória do pai: não conta de novo.
                if parent is None or memory.vms != parent.vms:
                    found[process.pid] = memory
    files = [getattr(memory, "shared", 0) for memory in found.values()]
    return sum(memory.rss for memory in found.values()) - sum(files) + max(files, default=0)


def size_bytes(path):
    """Bytes de um arquivo, ou de tudo o que há numa pasta (int)."""
    path = Path(path)
    files = [path] if path.is_file() else [item for item in path.rglob("*") if item.is_file()]
    return sum(file.stat().st_size for file in files)


def limit(limit_bytes):
    """Proíbe este processo de passar de `limit_bytes`; devolve verdadeiro se o sistema o impõe (só o Linux).

    O Linux conta endereços reservados, que são mais que a memória em uso: o limite vale para o que se reservar
    daqui em diante, além do que o processo já usa. O que passar é negado, com `MemoryError`, `ImportError` ou
    `OSError`, conforme quem pediu. Nos outros sistemas nada muda: compare depois `peak_bytes()` com o limite.
    """
    if sys.platform != "linux":
        return False
    process = psutil.Process()
    allowed = process.memory_info().vms + max(0, int(limit_bytes) - process.memory_info().rss)
    process.rlimit(psutil.RLIMIT_AS, (allowed, allowed))
    return True


class PeakMemory:
    """Gerenciador de contexto: `peak` guarda o maior `tree_bytes(pid)` visto, amostrado a cada 0,1 s."""

    def __init__(self, pid):
        self.peak, self._pid, self._stop = 0, pid, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._stop.set()
        self._thread.join()

    def _watch(self):
        while not self._stop.is_set():
            self.peak = max(self.peak, tree_bytes(self._pid))
            self._stop.wait(0.1)
