"""CPU e memória de processos, vigiadas enquanto outra coisa acontece."""

import contextlib
from time import monotonic

import numpy as np
import psutil


class Usage:
    """CPU e memória, ao longo do tempo, dos processos `pids` e dos descendentes que tinham no início."""

    def __init__(self, pids):
        self.samples, self.cpu = [], {}
        for pid in pids:
            with contextlib.suppress(psutil.NoSuchProcess):
                root = psutil.Process(pid)
                self.cpu |= dict.fromkeys([root, *root.children(recursive=True)], 0.0)

    def sample(self):
        """Anota o instante, a CPU gasta até aqui e a memória; de quem terminou fica a CPU que já tinha gasto."""
        memory = 0
        for process in self.cpu:
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                self.cpu[process] = times.user + times.system
                memory += process.memory_info().rss
        self.samples.append((monotonic(), sum(self.cpu.values()), memory))

    def between(self, began, ended):
        """`(CPU em %, pico de memória em bytes)` entre os dois instantes; `(None, None)` se nada foi vigiado."""
        if not self.cpu:
            return None, None
        times, cpu, memory = np.array(self.samples).T
        used = np.interp(ended, times, cpu) - np.interp(began, times, cpu)
        return float(100 * used / (ended - began)), int(memory[times >= began].max())
