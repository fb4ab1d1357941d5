"""Exercícios do notebook 01 e do seu laboratório."""

from course_utils.classroom.exercises.engine import NotYetError, exercise


@exercise("01_salvar_e_carregar")
def salvar_formato_certo(answer):
    """Um formato para cada caso; cada erro diz o que falta ao formato escolhido."""
    expected = {"A": "keras", "B": "savedmodel", "C": "safetensors"}
    code = "ele leva mais que números, e o que leva pode executar código."
    reasons = {
        "Ah5": "o .h5 volta com um otimizador que não reconhece as variáveis.",
        "Apt": "ele é do PyTorch; o treino que parou é do Keras.",
        "Asavedmodel": "o SavedModel não guarda o estado do otimizador.",
        "Asafetensors": "ele guarda só os pesos; sem o estado do Adam, o treino é outro.",
        "Bkeras": "o pré-processamento ficaria fora, e o servidor precisaria do Keras.",
        "Bsafetensors": "ele guarda só os pesos: nem a rede nem o pré-processamento vão junto.",
        "Bpt": "ele guarda só os pesos: nem a rede nem o pré-processamento vão junto.",
        "Cpt": "dentro dele há um pickle, e abrir um pickle pode executar código.",
        **{f"C{name}": code for name in ("keras", "h5", "savedmodel")},
    }
    if not isinstance(answer, dict):
        raise NotYetError("um dicionário", type(answer).__name__, 'escreva {"A": "…", "B": "…", "C": "…"}.')
    if set(answer) != set(expected):
        raise NotYetError("os casos A, B e C", f"{list(answer)}", "dê um formato a cada caso, e só a eles.")
    for case, right in expected.items():
        chosen = str(answer[case]).strip(" .").lower()
        if chosen != right:
            reason = reasons.get(case + chosen)
            next_step = f"escolha outro: {reason}" if reason else "veja, na figura, o que cada formato leva."
            raise NotYetError(f"outro formato no caso {case}", repr(answer[case]), next_step)


@exercise("laboratorios/01_formatos_e_retomada")
def salvar_arquivo_misterioso(answer):
    """Uma função que reconhece o formato de um arquivo sem extensão, pelos bytes; cinco arquivos de prova."""
    import tempfile
    import zipfile
    from pathlib import Path

    if not callable(answer):
        raise NotYetError(
            "uma função", type(answer).__name__, "escreva resposta = e o nome da sua função, sem parênteses."
        )
    header = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    files = [
        ("h5", b"\x89HDF\r\n\x1a\n" + bytes(100), "leia os primeiros bytes: um HDF5 começa por b'\\x89HDF'."),
        ("keras", ["metadata.json", "config.json", "model.weights.h5"], "abra o zip: há um config.json dentro."),
        (
            "safetensors",
            len(header).to_bytes(8, "little") + header + bytes(4),
            "leia o nono byte: nele está a chave {.",
        ),
        ("pt", ["pesos/data.pkl", "pesos/data/0"], "abra o zip: não há config.json."),
        ("pt", ["leitor/data.pkl", "leitor/data/0"], "não conte com o nome da pasta: ele muda em cada arquivo."),
    ]
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, content, next_step) in enumerate(files):
            path = Path(folder, f"misterio_{number}")
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                with zipfile.ZipFile(path, "w") as package:
                    for member in content:
                        package.writestr(member, "{}")
            received = answer(path)
            if received != name:
                raise NotYetError(f'"{name}" no arquivo {number + 1} de {len(files)}', repr(received), next_step)
