// A página de desenho: caneta (mouse, dedo, teclado) → dígito de 28×28 → POST predict → resposta.
import { toDigit } from "./digit.js";

const paper = document.getElementById("paper");
const pen = paper.getContext("2d", { willReadFrequently: true });
const answer = document.getElementById("answer");
const cost = document.getElementById("cost");
const bars = document.getElementById("bars");
const percent = new Intl.NumberFormat("pt-BR", { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
const decimal = new Intl.NumberFormat("pt-BR", { maximumFractionDigits: 1 });

pen.lineWidth = 22;
pen.lineCap = pen.lineJoin = "round";
pen.strokeStyle = "#000";

const rows = Array.from({ length: 10 }, (_, digit) => {
  const row = bars.insertRow();
  row.innerHTML = `<th scope="row">${digit}</th><td><span class="bar" style="--value:0">–</span></td>`;
  return row;
});

let last = 0; // número da última requisição: uma resposta atrasada não sobrescreve a mais nova

async function read() {
  const digit = toDigit(paper);
  if (!digit) return;
  showSeen(digit);
  const request = ++last;
  const start = performance.now();
  try {
    // Endereço relativo: funciona direto, dentro do JupyterLab e atrás do proxy do Binder.
    const response = await fetch("predict", {
      method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: digit,
    });
    const data = await response.json();
    if (request !== last) return;
    if (!response.ok) throw new Error(data.detail);
    show(data, performance.now() - start, digit.length);
  } catch (error) {
    if (request === last) showError(error);
  }
}

function show(data, milliseconds, bytes) {
  const { digit, probabilities } = data.predictions[0];
  answer.textContent = `É um ${digit}, com ${percent.format(probabilities[digit])} de probabilidade.`;
  rows.forEach((row, index) => {
    const bar = row.querySelector(".bar");
    bar.style.setProperty("--value", probabilities[index]);
    bar.textContent = percent.format(probabilities[index]);
    row.classList.toggle("best", index === digit);
  });
  cost.textContent = `${bytes} bytes enviados; ida e volta em ${decimal.format(milliseconds)} ms, ` +
    `dos quais ${decimal.format(data.inference_ms)} ms de inferência. Modelo versão ${data.model_version}.`;
}

function showError(error) {
  const offline = error instanceof TypeError;
  answer.textContent = offline ? "O servidor não responde." : `O servidor recusou: ${error.message}`;
  cost.textContent = offline ? "No notebook, rode de novo a célula que o inicia e, depois, a desta página." : "";
}

function showSeen(digit) {
  const seen = document.getElementById("seen").getContext("2d");
  const image = seen.createImageData(28, 28);
  digit.forEach((value, index) => image.data.set([0, 0, 0, value], 4 * index));
  seen.putImageData(image, 0, 0);
}

function clear() {
  last++;
  pen.clearRect(0, 0, paper.width, paper.height);
  document.getElementById("seen").getContext("2d").clearRect(0, 0, 28, 28);
  answer.textContent = "Esperando um desenho.";
  cost.textContent = "";
  rows.forEach((row) => {
    row.classList.remove("best");
    row.querySelector(".bar").style.setProperty("--value", 0);
    row.querySelector(".bar").textContent = "–";
  });
}

function stroke(from, to) {
  pen.beginPath();
  pen.moveTo(from.x, from.y);
  pen.lineTo(to.x, to.y);
  pen.stroke();
}

// Mouse, caneta e dedo chegam pelos mesmos eventos de ponteiro.
let point = null;
const position = (event) => ({
  x: (event.offsetX * paper.width) / paper.clientWidth,
  y: (event.offsetY * paper.height) / paper.clientHeight,
});
paper.addEventListener("pointerdown", (event) => {
  paper.setPointerCapture(event.pointerId);
  point = position(event);
  stroke(point, point);
});
paper.addEventListener("pointermove", (event) => {
  if (!point) return;
  const next = position(event);
  stroke(point, next);
  point = next;
});
for (const end of ["pointerup", "pointercancel"])
  paper.addEventListener(end, () => {
    if (point) read();
    point = null;
  });

// Teclado: a caneta anda de 10 em 10 pixels; abaixada, risca.
const MOVES = { ArrowLeft: [-10, 0], ArrowRight: [10, 0], ArrowUp: [0, -10], ArrowDown: [0, 10] };
const cursor = { x: 140, y: 140, down: false };
paper.addEventListener("keydown", (event) => {
  const move = MOVES[event.key];
  if (move) {
    const next = { x: Math.min(270, Math.max(10, cursor.x + move[0])), y: Math.min(270, Math.max(10, cursor.y + move[1])) };
    if (cursor.down) stroke(cursor, next);
    Object.assign(cursor, next);
  } else if (event.key === " ") {
    cursor.down = !cursor.down;
    if (cursor.down) stroke(cursor, cursor);
  } else if (event.key === "Enter") {
    read();
  } else if (event.key === "Escape") {
    clear();
    Object.assign(cursor, { x: 140, y: 140, down: false });
  } else {
    return;
  }
  event.preventDefault();
  if (move || event.key === " ")
    answer.textContent = `Caneta ${cursor.down ? "abaixada" : "levantada"}, coluna ${cursor.x / 10}, linha ${cursor.y / 10}.`;
});

document.getElementById("clear").addEventListener("click", clear);
