// A página de desenho: caneta → dígito de 28×28 → motor escolhido → resposta. Cada peça mora num módulo.
import { watchTraffic } from "./traffic.js";
import { toDigit } from "./digit.js";
import { ENGINES, installed, isLoaded, load, read } from "./engines.js";
import { checkLink, isUp, noteLink, watchLink } from "./link.js";
import { keepForCard } from "./card.js";
import { usePen } from "./pen.js";
import { GoneError } from "./server.js";
import { clearView, decimal, say, showAnswer, showComparison, showError, showSeen } from "./view.js";

const paper = document.getElementById("paper");
const compare = document.getElementById("compare");
const radios = [...document.querySelectorAll("input[name=motor]")];
const wanted = new URLSearchParams(location.search);
const BROWSER = ["tfjs", "onnx"];
const states = {};
let engine = "servidor";
let last = 0; // número da última leitura: uma resposta atrasada não sobrescreve a mais nova

async function readDrawing() {
  const image = toDigit(paper);
  if (!image) return clear();
  showSeen(image);
  const turn = ++last;
  const chosen = await attempt(engine, image);
  if (turn !== last) return;
  if (chosen instanceof Error) showError(engine, chosen, BROWSER.some(isLoaded));
  else {
    showAnswer(chosen);
    keepForCard(paper, chosen);
  }
  if (!compare.open) return;
  const results = { [engine]: chosen };
  for (const name of Object.keys(ENGINES)) results[name] ??= await attempt(name, image, isReachable(name));
  if (turn === last) showComparison(results);
}

// Ao comparar, um servidor que já se sabe fora do ar não recebe o desenho, e nada se baixa no meio da leitura.
const isReachable = (name) => (name === "servidor" ? isUp() : isLoaded(name));

async function attempt(name, image, reachable = true) {
  if (!reachable) return name === "servidor" ? new GoneError() : new Error("não carregado");
  try {
    const answer = await read(name, image);
    if (name === "servidor") noteLink(true);
    return answer;
  } catch (error) {
    if (error instanceof GoneError) noteLink(false);
    return error;
  }
}

function clear() {
  last++;
  paper.getContext("2d").clearRect(0, 0, paper.width, paper.height);
  clearView();
}

/** Carrega o motor `name`, diz como foi e devolve se ele está pronto. */
async function prepare(name) {
  const { title } = ENGINES[name];
  if (name === "servidor") return true;
  if (!isLoaded(name)) tell(name, `Carregando o ${title}…`);
  try {
    const { megabytes, seconds } = await load(name);
    tell(name, `${title} pronto: ${decimal.format(megabytes)} MB carregados em ${decimal.format(seconds)} s.`);
    return true;
  } catch (error) {
    const reason = (await checkLink()) ? error.message : "o servidor, de onde ele viria, não responde";
    tell(name, `Não deu para carregar o ${title}: ${reason}.`);
    return false;
  }
}

/** O que se sabe de cada motor do navegador fica à vista: é o que a página tem quando o cabo sai. */
function tell(name, text) {
  states[name] = text;
  say("engine-state", BROWSER.map((key) => states[key]).filter(Boolean).join(" "));
}

async function choose(name) {
  const before = engine;
  engine = name;
  const ready = await prepare(name);
  if (engine !== name) return; // escolheram outro enquanto este carregava
  if (!ready) engine = before;
  radios.forEach((radio) => (radio.checked = radio.value === engine));
  await readDrawing();
}

async function openComparison() {
  if (!compare.open) return;
  const versions = await installed();
  for (const name of BROWSER) if (versions[name]) await prepare(name);
  await readDrawing();
}

async function start() {
  showComparison({});
  watchTraffic((total) => say("traffic", `Bytes de desenho enviados desde que a página abriu: ${total.toLocaleString("pt-BR")}.`));
  watchLink((up) => {
    say("link", up ? "Servidor no ar." : "Cabo arrancado: o servidor não responde.");
    document.getElementById("link").classList.toggle("down", !up);
  });
  const undo = usePen(paper, document.getElementById("cursor"), {
    onDone: readDrawing,
    onClear: clear,
    onMove: ({ x, y, down }) => say("answer", `Caneta ${down ? "abaixada" : "levantada"}, coluna ${x}, linha ${y}.`),
  });
  document.getElementById("clear").addEventListener("click", clear);
  document.getElementById("undo").addEventListener("click", undo);
  radios.forEach((radio) => radio.addEventListener("change", () => choose(radio.value)));
  compare.addEventListener("toggle", openComparison);

  const versions = await installed();
  for (const radio of radios) radio.disabled = radio.value !== "servidor" && !versions[radio.value];
  document.getElementById("missing").hidden = BROWSER.every((name) => versions[name]);
  if (versions[wanted.get("motor")]) await choose(wanted.get("motor"));
  if (wanted.get("comparar") === "1") compare.open = true;
}

start();
