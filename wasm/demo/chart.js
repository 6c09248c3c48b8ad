// The time of each proof, on a logarithmic scale from a tenth of a millisecond to ten seconds.

const WIDTH = 900;
const LEFT = 58;
const BOTTOM = 200;
const TOP = 14;
const DECADES = [0.1, 1, 10, 100, 1000, 10_000];

/** Draws `proofs`, each `{ milliseconds, ready }`, the latest at the right. */
export function drawChart(svg, proofs) {
  const step = (WIDTH - LEFT - 30) / Math.max(proofs.length - 1, 8);
  const marks = DECADES.map((decade) => [
    node("line", { class: "grid", x1: LEFT, x2: WIDTH - 8, y1: height(decade), y2: height(decade) }),
    node("text", { x: LEFT - 10, y: height(decade) + 4, "text-anchor": "end" }, label(decade)),
  ]);
  const latest = (number) => number === proofs.length - 1;
  const points = proofs.map(({ milliseconds, ready }, number) => {
    const [x, y] = [LEFT + 15 + number * step, height(milliseconds)];
    const point = node("circle", { cx: x, cy: y, r: 6, class: ready ? "ready" : "cold" });
    point.append(node("title", {}, label(milliseconds)));
    return [
      node("line", { class: "stem", x1: x, x2: x, y1: BOTTOM, y2: y }),
      point,
      node("text", { x, y: y - 11, "text-anchor": "middle" }, latest(number) ? label(milliseconds) : ""),
    ];
  });
  svg.replaceChildren(...marks.flat(), ...points.flat());
}

function height(milliseconds) {
  const [low, high] = [Math.log10(DECADES[0]), Math.log10(DECADES.at(-1))];
  const part = (Math.log10(Math.max(milliseconds, DECADES[0])) - low) / (high - low);
  return Math.min(BOTTOM, Math.max(TOP, BOTTOM - part * (BOTTOM - TOP)));
}

function label(milliseconds) {
  if (milliseconds >= 1000) return `${+(milliseconds / 1000).toFixed(1)} s`;
  return `${milliseconds >= 10 ? Math.round(milliseconds) : +milliseconds.toFixed(1)} ms`;
}

function node(name, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}
