"""As perguntas como HTML parado, sem as respostas: é o que se vê antes de rodar a célula e fora do JupyterLab."""

import html
import re

INVITATION = "Para responder aqui mesmo, ou retomar de onde parou, rode esta célula (Shift + Enter)."
# O JupyterLab obedece ao estilo; o GitHub, que o apaga, ao atributo.
LETTERED = '<ol type="A" style="list-style-type: upper-alpha">'
# Na volta de quem salvou e fechou, o quiz vivo já não existe: sem isto, um erro em inglês aparece no lugar dele.
NO_GHOST = (
    "<style>.jp-OutputArea-child:has(.quiz-static) + * > .jp-OutputArea-output:not(:has(*)) "
    "{ display: none; }</style>"
)
OPEN_TASK = "Pergunta aberta: você escreve, confere pelos critérios e depois lê uma resposta-modelo."


def inline(text):
    """O texto escapado, com `código` entre crases virando <code>."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))


def plain(text):
    """O texto sem as crases, para onde não cabe HTML (um botão, por exemplo)."""
    return text.replace("`", "")


def heading(question, number, total):
    """O enunciado, com o seu lugar na série, em HTML."""
    return f"<strong>Pergunta {number} de {total}.</strong> {inline(question.text)}"


def group_html(questions):
    """As perguntas e as opções em listas ordenadas, e um convite a responder; nenhuma resposta."""
    parts = [NO_GHOST, '<div class="quiz-static">']
    for number, question in enumerate(questions, start=1):
        parts.append(f"<p>{heading(question, number, len(questions))}</p>")
        items = [f"<li>{inline(option.text)}</li>" for option in question.options]
        parts.append(f"<p>{OPEN_TASK}</p>" if question.is_open else "\n".join([LETTERED, *items, "</ol>"]))
    return "\n".join([*parts, f"<p><em>{INVITATION}</em></p>", "</div>"])


def group_text(questions):
    """Uma frase, para quem não mostra nem HTML."""
    total = len(questions)
    return f"{total} {'pergunta' if total == 1 else 'perguntas'}. {INVITATION}"
