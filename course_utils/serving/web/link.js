// O cabo entre a página e o servidor: de dois em dois segundos, um GET sem corpo pergunta se ele está vivo.
const PERIOD_MS = 2000;
let alive = true;
let tell = () => {};

/** Verdadeiro se o servidor respondeu da última vez. */
export const isUp = () => alive;

/** Quem tentou falar com o servidor conta o que viu; `watchLink` avisa só quando muda. */
export function noteLink(up) {
  if (up === alive) return;
  alive = up;
  tell(up);
}

/** Chama `watcher(no ar?)` agora e a cada mudança. */
export function watchLink(watcher) {
  tell = watcher;
  tell(alive);
  setInterval(() => document.hidden || checkLink(), PERIOD_MS);
}

/** Pergunta agora; devolve se o servidor respondeu. */
export async function checkLink() {
  try {
    const response = await fetch("health/live", { cache: "no-store", signal: AbortSignal.timeout(PERIOD_MS) });
    noteLink(response.ok);
  } catch {
    noteLink(false);
  }
  return alive;
}
