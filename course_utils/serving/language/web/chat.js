// Pergunta ao servidor desta página e mostra cada token quando ele chega.

const find = (id) => document.getElementById(id);
const [form, answer, status, stop, send] = ["form", "answer", "status", "stop", "send"].map(find);
const comma = (number, digits = 1) => number.toLocaleString("pt-BR", { maximumFractionDigits: digits });
let leaving = null;

/** Os eventos de um corpo `text/event-stream`, um a um: o texto depois de `data:`. */
async function* events(body) {
  let rest = "";
  for await (const text of chunks(body.pipeThrough(new TextDecoderStream()))) {
    const blocks = (rest + text).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const data = block.split("\n").filter((line) => line.startsWith("data: ")).map((line) => line.slice(6));
      if (data.length) yield data.join("\n");
    }
  }
}

/** O que um ReadableStream traz (nem todo navegador o percorre com `for await`). */
async function* chunks(stream) {
  const reader = stream.getReader();
  try {
    for (let step = await reader.read(); !step.done; step = await reader.read()) yield step.value;
  } finally {
    reader.cancel();
  }
}

async function ask(signal) {
  const start = performance.now();
  const request = {
    messages: [{ role: "user", content: find("prompt").value }],
    max_tokens: Number(find("limit").value),
    stream: true,
  };
  const headers = { "Content-Type": "application/json" };
  // Relativo à página: funciona também atrás do proxy do Binder.
  const response = await fetch("v1/chat/completions", { method: "POST", headers, body: JSON.stringify(request), signal });
  if (!response.ok) throw new Error((await response.json()).detail);
  let count = 0;
  let first = 0;
  let end = "a resposta foi cortada";
  for await (const data of events(response.body)) {
    if (data === "[DONE]") break;
    const { choices, error } = JSON.parse(data);
    if (error) throw new Error(error.message);
    const [{ delta, finish_reason: finish }] = choices;
    if (finish) end = finish === "length" ? "chegou ao limite de tokens" : "o modelo terminou";
    if (!delta.content) continue;
    count += 1;
    const now = performance.now();
    if (count === 1) first = now - start;
    show(delta.content, count, first, (1000 * (count - 1)) / (now - start - first || 1));
  }
  return end;
}

function show(text, count, first, rate) {
  const token = document.createElement("span");
  token.textContent = text;
  answer.append(token);
  answer.scrollTop = answer.scrollHeight;
  find("first").textContent = `${comma(first, 0)} ms`;
  find("count").textContent = comma(count);
  if (count > 1) find("rate").textContent = comma(rate);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  leaving = new AbortController();
  answer.replaceChildren();
  for (const id of ["first", "count", "rate"]) find(id).textContent = "–";
  [send.disabled, stop.disabled] = [true, false];
  answer.setAttribute("aria-busy", "true");
  status.textContent = "Esperando o primeiro token…";
  try {
    status.textContent = `Pronto: ${await ask(leaving.signal)}.`;
  } catch (error) {
    // TypeError: ninguém atendeu; SyntaxError: quem respondeu foi um proxy, com uma página.
    const gone = error instanceof TypeError || error instanceof SyntaxError;
    status.textContent = leaving.signal.aborted ? "Parado por você." : `Não deu: ${gone ? "o servidor não respondeu" : error.message}`;
  } finally {
    answer.removeAttribute("aria-busy");
    [send.disabled, stop.disabled] = [false, true];
  }
});
stop.addEventListener("click", () => leaving?.abort());
