"""O laudo: uma linha por item conferido e, embaixo, o próximo passo de cada um que falhou."""

import textwrap
from dataclasses import dataclass

MARKS = {True: "✔", False: "✘", None: "–"}


@dataclass(frozen=True)
class Item:
    """Um item do laudo. `ok`: verdadeiro, falso, ou None se não deu para conferir."""

    what: str
    ok: bool | None
    expected: str
    received: str
    next_step: str = ""


@dataclass(frozen=True)
class Report:
    """O laudo inteiro; `print(laudo)` mostra a tabela."""

    items: tuple[Item, ...]

    @property
    def failures(self):
        """Os itens com ✘ (lista de `Item`)."""
        return [item for item in self.items if item.ok is False]

    def __str__(self):
        width = max(len(item.what) for item in self.items)
        rows = [
            _wrap(
                f"{MARKS[item.ok]} {item.what:{width}}  esperava {item.expected}; recebi {item.received}",
                width + 4,
            )
            for item in self.items
        ]
        steps = [_wrap(f"→ {item.what}: {item.next_step}", 2) for item in self.failures if item.next_step]
        passed = sum(item.ok is True for item in self.items)
        head = f"LAUDO DA CENTRAL: {passed} de {len(self.items)} itens atendidos"
        return "\n".join([head, *rows, *(["", "Próximos passos:", *steps] if steps else [])])


def _wrap(line, indent):
    """A linha dobrada em 100 colunas, com o resto recuado."""
    return textwrap.fill(line, 100, subsequent_indent=" " * indent, break_long_words=False)
