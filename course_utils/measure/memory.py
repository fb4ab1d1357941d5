"""Memória de um processo e de tudo o que ele iniciou."""

import psutil


def tree_bytes(pid):
    """Memória residente (RSS) do processo `pid` somada à dos seus descendentes, em bytes (int).

    Conta duas vezes as páginas compartilhadas: é um teto. Um processo que some no meio da conta vale 0.
    """
    total = 0
    try:
        root = psutil.Process(pid)
        processes = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for process in processes:
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total
