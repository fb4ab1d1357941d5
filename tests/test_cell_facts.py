"""O que uma célula pode exigir: só o que vale em toda máquina, com qualquer carga. A lista é a dos `assert`.

Um `assert` novo, ou mudado, falha aqui até que alguém o leia e o ponha na lista. Se ele depende de um tempo, de
uma vazão, da memória, de um treino ou de uma corrida entre processos, é um veredito (`verdicts.check`).
"""

import ast

import nbformat
import pytest

from course_utils import lesson

FACTS = {
    "00_a_ponte": """
        hits >= 980
        prediction['digit'] == answers[0]
        """,  # 980: pesos guardados, 992 acertos
    "laboratorios/01_formatos_e_retomada": "",
    # 1e-4, trinta vezes o que se mede: a ordem das somas em float32.
    "laboratorios/02_conversoes": "worst <= TOLERANCE",
    "laboratorios/03_servidor_dedicado": """
        len(workers()) == 2
        not victim.is_running()
        seen[0][0] == '1' and set(seen[-10:]) == {('2', labels[0])}
        requests.get(f'{tf_serving.url}v1/models/digits').ok
        requests.get(f'{oip.url}v2/health/ready').ok
        set(used) <= set(rows) and min(usd.values()) > 0
        abs(erlang_c(2, 3) - 4 / 9) < 1e-12
        sum(budget(95, 5)['nuvem, fibra']) > sum(budget(50, 5)['nuvem, fibra'])
        [control.value for control in controls.values()] == [70, 50, 5]
        machines(2.099, 1, 0.7) == 3 and use_with(2, 2.099, 1) > 1
        """,
    # O sorteio: seis desvios-padrão (1 em 500 milhões). O dia simulado: a vazão medida se cancela nas razões.
    "laboratorios/04_nuvem_a_fundo": """
        REAL_ACCOUNT or runtime.meta.endpoint_url == aws.url
        ratio > 3
        180 < len(times['A']) < 270
        days['uma fixa'][3] > days['autoscaling'][3] > 0 == days[f'{peak} fixas'][3]
        saving > 0.3
        health.status_code == 200
        list(answer['predictions'][0]) == promised
        not left and (not processes)
        """,
    # O primeiro roda noutro processo: é ele que diz "não coube" onde o sistema não impõe o limite.
    "laboratorios/05_litert_e_aparelhos": """
        memory.peak_bytes() <= float(limit_mb) * 1000000.0
        len(medians) == len(megabytes) == 6
        'Quem lê?' in page.read().decode()
        ask(remote.url) == 'sem resposta' and readers['int8 completo'](x).argmax() == labels[0]
        """,
    "laboratorios/06_servidor_reforcado": r"""
        reply.startswith(b'HTTP/1.1 200 OK\r\n') and b'"digit":8' in reply
        first['digit'] == 8
        response.status_code == 500 and 'Unrecognized data type' in reason
        response.ok and keras_logits.index(max(keras_logits)) == 8
        np.allclose(logits, keras_logits, atol=0.001)
        right[0] == 200 and failed >= 4 and (accepted == 3)
        describe(*before['NaN no lugar dos pixels'][1:3]).startswith('JSON inválido')
        'é um 0, com 100%' in describe(*before['pixels em outra escala'][1:3])
        (closed, opened, pid) == ('recusado', '2', str(server.process.pid))
        'np.asarray' in page
        refused == 10 and {kind for _, kind, *_ in after.values()} == {'application/problem+json'}
        send(hardened, json.dumps({'images': [pixels.tolist()]}))[0] == 200
        """,
    "laboratorios/07_carga_e_lotes": """
        status == 200 and json.loads(answer)['predictions'][0]['digit'] == labels[0]
        'swagger-ui' in html and 'https://' not in html
        status == 200 and json.loads(answer)['predictions'][0]['digit'] == 1
        statuses['NaN'] == 500 and refused == 9
        """,
    # Pesos guardados: 99,4 % com 4 bits e 57,8 % com 2. Tamanho de arquivo e operadores: do ONNX, não da máquina.
    # O mesmo arquivo, byte a byte: com 1, 2 ou 4 threads na calibração, também.
    "laboratorios/08_quantizacao_a_fundo": """
        same
        errors[7] / errors[8] > 1.8 and scores[4] > 97 and (scores[2] < 90)
        identical
        cnn['float16']['size'] > 1.9 and static['size'] > 3.8 and (dynamic['size'] > 3.8)
        operators['QLinearConv'] == 4 and inside(recipes['int8 dinâmica'])['ConvInteger'] == 4
        litert['int8']['size'] > 3.8 and abs(255 * step - 1) < 0.01
        thin_result['int8 estática']['size'] < static['size'] - 1
        small['size'] > 3.3
        """,
    # Nenhum depende do treino: logo após o corte, 20,2 %; os arquivos, 58 e 105 vezes menores.
    "09_poda": """
        rows[0][1] == rows[1][1]
        kept.sum() == len(small.conv4.weight)
        cut < 0.5
        smaller['poda + int8'] > 40 and smaller['receita completa'] > 100
        """,
    # Nem aqui: o zlib ganha 14,6 vezes; a fc1 tem 87 % dos pesos; os arquivos, 15,8 e 58 vezes menores.
    "laboratorios/09_poda_a_fundo": """
        len({path.stat().st_size for path in sparse.values()}) == 1
        zipped[0.0] > 3 * zipped[0.95]
        share[-1] > 0.8
        cut_accuracy < 0.5
        float(distillation_loss(logits, logits)) < 1e-05
        smaller['só poda'] >= 10 and smaller['poda + int8'] >= 40
        exact
        """,
    "10_consolidacao": """
        0 <= measured <= 7
        len(rows) == 6
        """,
    "laboratorios/10_desafio": """
        report.items
        len(score.by_topic) >= 8
        """,
    "laboratorios/alem_de_uma_maquina": """
        [item['digit'] for item in answer['predictions']] == labels[:3].tolist()
        len(phases) == len(PHASES)
        set(before) == {'1'}
        split['1'] > split['2'] > 0
        len(read) == 8
        """,  # o canário: 300 sorteios de 10 %, nenhum à versão 2 uma vez em 10¹³
    # Pesos guardados, figuras sempre iguais: o 7 sai com 98 % ou mais; o servidor lê 20 de 20, e bastam 18.
    "laboratorios/06_imagens_de_verdade": """
        len(sent) == 4
        answer.digit == 7
        all((ours >= 0.9 for _, ours in table.values()))
        answer.status_code == 200 and problem.status_code == 422
        """,
    # Pesos e imagens guardados: PSI 4,4 contra 0,25; acurácia 99 e 98,5 contra 90, 22 contra 50, 78 contra 90.
    "laboratorios/vigiar_ao_vivo": """
        (clean == labels[:200]).mean() > 0.9
        count == {'200': 8, '422': 1} and now['drift_window_images',] == 200
        table['com ruído'][1] > drift.ALARM and table['com ruído'][0] > 0.9
        table['invertidas'][0] < 0.5
        false[5, 50] > 0.5 > false[5, 400] and false[10, 200] > false[5, 200]
        table['6 e 9'][0] < 0.9 and max(table['6 e 9'][1:]) < drift.ALARM < table['todos'][2]
        """,
}


def facts(path):
    """O que os `assert` das células exigem, menos o das perguntas do quiz, que só conta quantas há."""
    cells = nbformat.read(path, as_version=4).cells
    sources = [cell.source for cell in cells if cell.cell_type == "code" and not cell.source.startswith("%%")]
    nodes = [node for source in sources for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Assert)]
    return [text for node in nodes if "quiz.show(" not in (text := ast.unparse(node.test))]


@pytest.mark.parametrize("path", lesson.find_notebooks([""]), ids=lesson.name_of)
def test_a_cell_only_asserts_what_holds_on_every_machine(path):
    assert facts(path) == [line.strip() for line in FACTS.get(lesson.name_of(path), "").strip().splitlines()]
