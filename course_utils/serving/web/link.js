// O cabo entre a página e o servidor: de dois em dois segundos, um GET sem corpo pergunta se ele está vivo.
// De um servidor que se foi pergunta-se cada vez menos: pode haver um proxy registrando cada tentativa.
const [PERIOD_MS, LONGEST_MS] = [2000, 30_000];
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
  let wait = PERIOD_MS;
  const again = async () => {
    if (!document.hidden) wait = (await checkLink()) ? PERIOD_MS : Math.min(2 * wait, LONGEST_MS);
    setTimeout(again, wait);
  };
  setTimeout(again, wait);
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
