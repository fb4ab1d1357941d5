"""O passaporte do modelo: cada notebook carimba nele o que mediu, em artifacts/passport.json."""

import json
import os

from course_utils.model import artifacts

FILE = artifacts.ARTIFACTS / "passport.json"


def read(file=FILE):
    """`{notebook: {medida: número ou texto}}`, em ordem de notebook; vazio se nada foi carimbado (ou se o
    arquivo estragou: nesse caso rodar os notebooks o refaz)."""
    try:
        return dict(sorted(json.loads(file.read_text(encoding="utf-8")).items()))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


def stamp(notebook, measures, file=FILE):
    """Carimba as `measures` (`{"Tamanho do ONNX (MB)": 7.4, …}`: a unidade faz parte do nome) do notebook."""
    stamps = read(file) | {notebook: measures}
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(f".{os.getpid()}.tmp")
    draft.write_text(json.dumps(stamps, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    draft.replace(file)  # troca atômica: quem lê nunca vê meio passaporte
    print(f"Passaporte carimbado: {notebook} ({len(measures)} medidas).")


def text(stamps):
    """O passaporte como tabela de texto, com vírgula decimal."""
    if not stamps:
        return "O passaporte ainda está em branco: rode um notebook até o carimbo."
    width = max(len(name) for measures in stamps.values() for name in measures)
    lines = ["PASSAPORTE DO MODELO"]
    for notebook, measures in stamps.items():
        lines.append(f"\n{notebook}")
        lines += [f"  {name:{width}}  {_format(value)}" for name, value in measures.items()]
    return "\n".join(lines)


def _format(value):
    """Três algarismos significativos e vírgula decimal; texto e inteiros ficam como estão."""
    if not isinstance(value, float):
        return str(value)
    return (f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}").replace(".", ",")  # nunca 1e+03
