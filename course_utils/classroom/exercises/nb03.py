"""Exercícios do notebook 03 e do laboratório das calculadoras."""

from math import ceil, isfinite

from course_utils.classroom.exercises.engine import NotYetError, exercise, is_number, plain

# O que cada casa custaria em cada caso; a que falta serve (na clínica, duas servem).
COSTS = {
    "banco": {
        "nuvem": "o tráfego não tem vales: pagaria por hora, para sempre, o que já tem comprado, e cada transação "
        "gastaria parte dos 20 ms na viagem até o provedor.",
        "borda": "o modelo iria parar no celular do fraudador, que o estudaria à vontade, e longe do histórico "
        "das contas, sem o qual ele não decide.",
    },
    "loja": {
        "dedicado": "compraria para um dia 200 vezes o que usa nos outros 364 (4.000 ÷ 20), e ainda precisaria de "
        "quem cuidasse das máquinas.",
        "borda": "estoque e preço mudam a cada minuto: cada aparelho teria de recebê-los, e o celular lento "
        "perderia a venda.",
    },
    "clinica": {
        "nuvem": "o exame sairia do prédio, o que o caso proíbe: dado de saúde é sensível (LGPD, art. 5º, II), e "
        "uma cópia que vazou não volta.",
    },
    "coletor": {
        "nuvem": "sem sinal não há nuvem: o carteiro espera a rede voltar para ler um CEP.",
        "dedicado": "o servidor fica do outro lado do sinal que não existe: nenhuma leitura na estrada.",
    },
    "startup": {
        "dedicado": "uma máquina ligada 24 horas para três usuários, mais as horas de quem a cuida: quase todo o "
        "dinheiro compraria espera.",
        "borda": "cada ideia nova viraria uma atualização no aparelho de cada usuário, e você nem veria o que deu "
        "errado.",
    },
}
NAMES = {
    "dedicado": "dedicado", "servidor dedicado": "dedicado", "on-premise": "dedicado", "on premise": "dedicado",
    "nuvem": "nuvem", "cloud": "nuvem", "borda": "borda", "edge": "borda", "edge ai": "borda",
    "dispositivo de borda": "borda",
}  # fmt: skip
SAME_CASE = {"start-up": "startup", "start up": "startup"}


@exercise("03_opcoes_de_deploy", mapping='{"banco": "…", "loja": "…", …}, com os cinco casos')
def opcoes_cinco_casos(answer):
    """Uma casa para cada um dos cinco casos; cada escolha errada diz o que custaria naquele caso."""
    choices = {SAME_CASE.get(plain(case), plain(case)): plain(home) for case, home in answer.items()}
    if set(choices) != set(COSTS):
        cases, received = ", ".join(COSTS), ", ".join(choices) or "nenhum"
        raise NotYetError(f"os casos {cases}", received, "dê uma casa a cada um, e só a eles.")
    unknown = next((home for home in choices.values() if home not in NAMES), None)
    if unknown is not None:
        raise NotYetError("dedicado, nuvem ou borda", repr(unknown), "escolha uma das três casas da tabela.")
    homes = {case: NAMES[choices[case]] for case in COSTS}
    wrong = [(case, home) for case, home in homes.items() if home in COSTS[case]]
    if wrong:
        received = ", ".join(f"{case} em {home}" for case, home in wrong)
        reasons = "\n".join(f"  {case} em {home}: {COSTS[case][home]}" for case, home in wrong)
        expected = f"outra casa em {len(wrong)} dos 5 casos"
        raise NotYetError(expected, received, f"veja o que cada escolha custaria:\n{reasons}")


@exercise("laboratorios/03_calculadoras", function="maquinas")
def opcoes_reserva(answer):
    """`maquinas(pico, vazao, alvo)`: as que bastam para o uso-alvo, e mais uma de reserva."""
    for peak, rate, target in ((1000, 100, 0.7), (210, 100, 0.7), (1, 500, 0.5), (900, 100, 0.9)):
        least = ceil(peak / (rate * target))
        case = f"maquinas({peak}, {rate}, {target})"
        received = answer(peak, rate, target)
        if not is_number(received) or not isfinite(received):
            kind = f"{type(received).__name__} em {case}"
            raise NotYetError("um número inteiro", kind, "termine com return e a conta.")
        if received == least:
            left = f"com uma caída, as outras ficam acima do uso-alvo: {peak} ÷ ({rate} × {least - 1})"
            raise NotYetError(f"{least + 1} em {case}", f"{received}", f"some a reserva; {left}.")
        if received != least + 1:
            step = "arredonde para cima pico ÷ (vazão × alvo) e só então some a reserva."
            raise NotYetError(f"{least + 1} em {case}", f"{received:g}", step)
