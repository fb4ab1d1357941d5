"""Por que não se conseguiu escrever no disco, e o que fazer. Só biblioteca padrão."""

from __future__ import annotations

import errno

FULL = "o disco está cheio", "libere espaço"
READ_ONLY = "a pasta só deixa ler", "copie o projeto para uma pasta sua"
DENIED = "sem permissão", "confira as permissões da pasta do projeto"
REASONS = {errno.ENOSPC: FULL, errno.EDQUOT: FULL, errno.EROFS: READ_ONLY, errno.EACCES: DENIED}
REASONS[errno.EPERM] = DENIED


def explain(problem: OSError) -> str:
    """`(o disco está cheio): libere espaço`: o fim de uma frase que começa pelo que não deu certo."""
    what, cure = REASONS.get(problem.errno, (problem.strerror or str(problem), DENIED[1]))
    return f"({what}): {cure}"
