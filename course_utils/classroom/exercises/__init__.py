"""A conferência dos exercícios "Sua vez": diz o que esperava, o que recebeu e o próximo passo.

Aqui está o índice deles; os arquivos, pelos números dos notebooks, têm as tabelas e as conferências.
Dos exercícios de escolha, choices.json diz o que custaria em cada caso cada opção; as que servem têm `null`.
"""

import json
from functools import partial
from pathlib import Path

from course_utils.classroom.exercises import engine, nb01_to_04, nb05_to_07, nb08_and_beyond
from course_utils.classroom.exercises.engine import choose, compare_calls
from course_utils.classroom.exercises.nb05_to_07 import ENDPOINT_LINES

__all__ = ["CHECKS", "CHOICES", "ENDPOINT_LINES", "NOTEBOOKS", "check"]

CHOICES = json.loads(Path(__file__).with_name("choices.json").read_text(encoding="utf-8"))
# nome: (o notebook, sem extensão e a partir de notebooks/, e a conferência, que recebe a resposta)
INDEX = {
    "salvar_formato_certo": ("01_salvar_e_carregar", partial(choose, CHOICES["salvar_formato_certo"])),
    "salvar_arquivo_misterioso": ("laboratorios/01_formatos_e_retomada", nb01_to_04.mystery_files),
    "onnx_lote_dinamico": ("laboratorios/02_conversoes", nb01_to_04.session),
    "opcoes_cinco_casos": ("03_opcoes_de_deploy", partial(choose, CHOICES["opcoes_cinco_casos"])),
    "opcoes_reserva": ("laboratorios/03_calculadoras", partial(compare_calls, nb01_to_04.MACHINES)),
    "nuvem_modo_certo": ("04_nuvem", partial(choose, CHOICES["nuvem_modo_certo"])),
    "borda_desquantizar": ("laboratorios/05_litert_e_aparelhos", partial(compare_calls, nb05_to_07.STEPS)),
    "flask_parsons": ("06_api_flask", nb05_to_07.endpoint),
    "imagens_tinta": ("laboratorios/06_imagens_de_verdade", partial(compare_calls, nb05_to_07.PAGES)),
    "fastapi_rota_livre": ("07_api_fastapi", nb05_to_07.free_route),
    "quantizacao_por_canal": ("laboratorios/08_quantizacao_a_fundo", nb08_and_beyond.per_channel),
    "poda_em_cadeia": ("laboratorios/09_poda_a_fundo", nb08_and_beyond.prune_pair),
    "central_no_ar": ("laboratorios/10_desafio", nb08_and_beyond.delivery),
    "cluster_replicas_desejadas": (
        "laboratorios/alem_de_uma_maquina",
        partial(compare_calls, nb08_and_beyond.REPLICAS),
    ),
    "vigiar_alarme": ("laboratorios/vigiar_ao_vivo", partial(compare_calls, nb08_and_beyond.SERIES)),
    "linguagem_cache_kv": ("laboratorios/modelo_de_linguagem", partial(compare_calls, nb08_and_beyond.CACHES)),
}
NOTEBOOKS = {name: notebook for name, (notebook, _) in INDEX.items()}
CHECKS = {name: judge for name, (_, judge) in INDEX.items()}
LIMIT_S, LIMITS = 20, {"central_no_ar": 150}


def check(name, answer):
    """Confere `answer` do exercício `name` e imprime o resultado; nunca levanta um erro do aluno.

    Enquanto a resposta for `...` (ainda em branco) só lembra o que fazer: "Run All" continua. A certa fica
    anotada no progresso do aluno.
    """
    if answer is ...:
        print("Ainda sem resposta: troque os três pontos (...) pela sua resposta e rode de novo.")
        return
    told, right = engine.judge(CHECKS[name], answer, LIMITS.get(name, LIMIT_S))
    if right:
        engine.record(name)
    print(told)
