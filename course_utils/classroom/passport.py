"""O passaporte do modelo: cada notebook carimba nele o que mediu, em artifacts/passport.json."""

import math

from IPython.display import display

from course_utils import files
from course_utils.classroom import predictions, state, tables

FILE = state.FOLDER / "passport.json"
MINUTES = "Minutos que você usou"


class PassportError(RuntimeError):
    """O carimbo não pôde ser gravado; a mensagem diz por quê e o que fazer."""


def read():
    """`{notebook: {medida: número ou texto}}`, em ordem de notebook; vazio se nada foi carimbado (ou se o
    arquivo estragou: nesse caso rodar os notebooks o refaz)."""
    return dict(sorted(state.read(FILE).items()))


def stamp(notebook, measures, clock=None):
    """Carimba as `measures` (`{"Tamanho do ONNX (MB)": 7.4, …}`: a unidade faz parte do nome) do notebook.

    Com o `clock` (de `lesson_clock.start`), o carimbo leva também os minutos que o aluno usou (`MINUTES`); sem
    ele, ficam os do carimbo anterior.
    """

    def renew(stamps):
        minutes = stamps.get(notebook, {}).get(MINUTES) if clock is None else clock.minutes
        return stamps | {notebook: measures if minutes is None else measures | {MINUTES: minutes}}

    try:
        state.update(FILE, renew)
    except OSError as error:
        raise PassportError(
            f"Não consegui gravar o passaporte {files.explain(error)} e rode esta célula de novo."
        ) from error
    print(f"Passaporte carimbado: {notebook}.")


def number(notebook, measure, stamps):
    """O número carimbado em `stamps` (de `read()`), ou None se esse notebook ainda não o mediu."""
    value = stamps.get(notebook, {}).get(measure)
    return value if isinstance(value, int | float) and math.isfinite(value) else None


def show_page(notebook):
    """Mostra na célula a página do notebook: o que ele carimbou e, ao lado do que você previu, o que ele mediu."""
    display(table("O que você mediu", read().get(notebook, {})))
    predictions.show(notebook)


def table(caption, measures):
    """As `measures` de um carimbo, como `Table`."""
    return tables.Table(caption, ("Medida", "Valor"), [(name, shown(value)) for name, value in measures.items()])


def text(stamps):
    """O passaporte inteiro em texto, com vírgula decimal."""
    pages = [table(notebook, measures).text() for notebook, measures in stamps.items()]
    if not pages:
        return "O passaporte ainda está em branco: rode um notebook até o carimbo."
    return "\n\n".join(["PASSAPORTE DO MODELO", *pages])


def shown(value):
    """Três algarismos significativos e vírgula decimal; texto e inteiros ficam como estão."""
    if not isinstance(value, float):
        return str(value)
    return (f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}").replace(".", ",")  # nunca 1e+03
