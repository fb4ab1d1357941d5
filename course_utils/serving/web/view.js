// O que a página mostra: a resposta, as dez barras, o custo e a comparação.
import { ENGINES } from "./engines.js";
import { GoneError } from "./server.js";

const find = (id) => document.getElementById(id);
const percent = new Intl.NumberFormat("pt-BR", { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
export const decimal = new Intl.NumberFormat("pt-BR", { maximumFractionDigits: 1 });

const rows = Array.from({ length: 10 }, (_, digit) => {
  const row = find("bars").insertRow();
  row.innerHTML = `<th scope="row">${digit}</th><td><span class="bar" style="--value:0">–</span></td>`;
  return row;
});

export const say = (id, text) => {
  if (find(id).textContent !== text) find(id).textContent = text;
};

export function showAnswer({ name, digit, probabilities, ms, inferenceMs, bytes, version }) {
  say("answer", `É um ${digit}, com ${percent.format(probabilities[digit])} de probabilidade.`);
  rows.forEach((row, index) => fill(row, probabilities[index], index === digit));
  say("cost", name === "servidor"
    ? `${bytes} bytes enviados; ida e volta em ${decimal.format(ms)} ms, ` +
      `dos quais ${decimal.format(inferenceMs)} ms de inferência. Modelo versão ${version}.`
    : `${bytes} bytes enviados; inferência em ${decimal.format(ms)} ms, aqui no navegador.`);
}

/** `escape`: há um motor do navegador que leria sem o servidor? */
export function showError(name, error, escape) {
  empty();
  const gone = error instanceof GoneError;
  if (gone) say("answer", "O servidor não responde.");
  else if (name === "servidor") say("answer", `O servidor recusou: ${error.message}`);
  else say("answer", `O ${ENGINES[name].title} falhou: ${error.message}`);
  const cure = "No notebook, rode de novo a célula que o inicia e, depois, a desta página.";
  say("cost", !gone ? "" : escape ? "Escolha um motor do navegador: ele não precisa do servidor." : cure);
}

export function showSeen(image) {
  const seen = find("seen").getContext("2d");
  const picture = seen.createImageData(28, 28);
  image.forEach((value, index) => picture.data.set([0, 0, 0, value], 4 * index));
  seen.putImageData(picture, 0, 0);
}

export function clearView() {
  find("seen").getContext("2d").clearRect(0, 0, 28, 28);
  say("answer", "Esperando um desenho.");
  say("cost", "");
  empty();
  showComparison({});
}

function empty() {
  rows.forEach((row) => fill(row, 0, false, "–"));
}

function fill(row, value, best, text = percent.format(value)) {
  const bar = row.querySelector(".bar");
  bar.style.setProperty("--value", value);
  bar.textContent = text;
  row.classList.toggle("best", best);
}

/** `results`: nome → resposta, ou → Error de quem não respondeu. Vazio apaga a tabela. */
export function showComparison(results) {
  const body = find("engines-table");
  body.replaceChildren();
  for (const [name, { title }] of Object.entries(ENGINES)) {
    const answer = results[name];
    const cells = !answer ? ["–", "–", "–", "–"]
      : answer instanceof Error ? [answer instanceof GoneError ? "sem resposta" : "não carregado", "–", "–", "–"]
      : [answer.digit, percent.format(answer.probabilities[answer.digit]), `${decimal.format(answer.ms)} ms`, answer.bytes];
    const row = body.insertRow();
    row.innerHTML = `<th scope="row">${title}</th>`;
    for (const cell of cells) row.insertCell().textContent = cell;
  }
  const answers = Object.values(results).filter((answer) => answer && !(answer instanceof Error));
  say("difference", answers.length < 2 ? "" :
    `Maior diferença entre as probabilidades: ${largest(answers).toExponential(1).replace(".", ",")}.`);
}

/** A maior distância entre dois motores, em qualquer das dez probabilidades. */
function largest(answers) {
  const spreads = answers[0].probabilities.map((_, digit) => {
    const values = answers.map((answer) => answer.probabilities[digit]);
    return Math.max(...values) - Math.min(...values);
  });
  return Math.max(...spreads);
}
