// A caneta: mouse, dedo e teclado riscam na mesma folha.
const STEP = 10;
const MOVES = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
const HOME = { x: 140, y: 140, down: false };

/**
 * Liga a folha `paper`; chama `onDone()` ao fim de um traço, `onClear()` no Esc e `onMove({x, y, down})` nas setas.
 * `cursorMark` é o elemento que mostra onde está a caneta do teclado. Devolve a função que desfaz o último traço.
 */
export function usePen(paper, cursorMark, { onDone, onClear, onMove }) {
  const pen = paper.getContext("2d", { willReadFrequently: true });
  pen.lineWidth = 22;
  pen.lineCap = pen.lineJoin = "round";
  pen.strokeStyle = "#000";

  function stroke(from, to) {
    pen.beginPath();
    pen.moveTo(from.x, from.y);
    pen.lineTo(to.x + 0.01, to.y); // um clique sem movimento também deixa um ponto
    pen.stroke();
  }

  // Antes de cada traço guarda-se a folha: desfazer é voltar a ela.
  const sheets = [];
  const keep = () => sheets.push(pen.getImageData(0, 0, paper.width, paper.height));
  function undo() {
    const before = sheets.pop();
    if (!before) return;
    pen.putImageData(before, 0, 0);
    onDone();
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
    keep();
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
      if (point) onDone();
      point = null;
    });

  // Teclado: a caneta anda de 10 em 10 pixels; abaixada, risca.
  const cursor = { ...HOME };
  function showCursor() {
    cursorMark.hidden = false;
    cursorMark.style.left = `${(100 * cursor.x) / paper.width}%`;
    cursorMark.style.top = `${(100 * cursor.y) / paper.height}%`;
    cursorMark.classList.toggle("down", cursor.down);
  }
  paper.addEventListener("blur", () => (cursorMark.hidden = true));
  const inside = (value) => Math.min(paper.width - STEP, Math.max(STEP, value));
  paper.addEventListener("keydown", (event) => {
    const move = MOVES[event.key];
    if (move) {
      const next = { x: inside(cursor.x + move[0]), y: inside(cursor.y + move[1]) };
      if (cursor.down) stroke(cursor, next);
      Object.assign(cursor, next);
    } else if (event.key === " ") {
      cursor.down = !cursor.down;
      if (cursor.down) keep();
      if (cursor.down) stroke(cursor, cursor);
    } else if (event.key === "Enter") {
      onDone();
    } else if (event.key === "Escape") {
      onClear();
      Object.assign(cursor, HOME);
    } else if (event.key === "z" && (event.ctrlKey || event.metaKey)) {
      undo();
    } else {
      return;
    }
    event.preventDefault();
    showCursor();
    if (move || event.key === " ") onMove({ x: cursor.x / STEP, y: cursor.y / STEP, down: cursor.down });
  });

  return undo;
}
