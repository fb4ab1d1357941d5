// O cartão do passaporte: o último desenho lido e a resposta, guardados só neste navegador.
const KEY = "leitor-de-cep: último desenho";
const percent = new Intl.NumberFormat("pt-BR", { style: "percent", maximumFractionDigits: 1 });

/** Guarda o desenho da folha (canvas) e o que se leu nele; sem onde guardar, perde-se o cartão, não a leitura. */
export function keepForCard(paper, { digit, probabilities }) {
  try {
    const text = `O leitor de CEP leu um ${digit}, com ${percent.format(probabilities[digit])} de probabilidade.`;
    localStorage.setItem(KEY, JSON.stringify({ drawing: paper.toDataURL(), text }));
  } catch {}
}

/** O que está guardado, `{drawing, text}`, ou null. */
export function readCard() {
  try {
    return JSON.parse(localStorage.getItem(KEY));
  } catch {
    return null;
  }
}
