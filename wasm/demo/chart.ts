// The time of each proof, on a logarithmic scale from a tenth of a millisecond to ten seconds.

const WIDTH = 900;
const LEFT = 58;
const BOTTOM = 200;
const TOP = 14;
const [SHORTEST, LONGEST] = [0.1, 10_000];
const DECADES = [SHORTEST, 1, 10, 100, 1000, LONGEST];

/** What a proof took, and whether its slot was ready. */
export interface Timing {
  milliseconds: number;
  ready: boolean;
}

/** Draws the timings, the latest at the right. */
export function drawChart(svg: Element, proofs: Timing[]): void {
  const step = (WIDTH - LEFT - 30) / Math.max(proofs.length - 1, 8);
  const marks = DECADES.map((decade) => [
    node("line", { class: "grid", x1: LEFT, x2: WIDTH - 8, y1: height(decade), y2: height(decade) }),
    node("text", { x: LEFT - 10, y: height(decade) + 4, "text-anchor": "end" }, label(decade)),
  ]);
  const latest = (number: number) => number === proofs.length - 1;
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

function height(milliseconds: number): number {
  const [low, high] = [Math.log10(SHORTEST), Math.log10(LONGEST)];
  const part = (Math.log10(Math.max(milliseconds, SHORTEST)) - low) / (high - low);
  return Math.min(BOTTOM, Math.max(TOP, BOTTOM - part * (BOTTOM - TOP)));
}

function label(milliseconds: number): string {
  if (milliseconds >= 1000) return `${+(milliseconds / 1000).toFixed(1)} s`;
  return `${milliseconds >= 10 ? Math.round(milliseconds) : +milliseconds.toFixed(1)} ms`;
}

function node(name: string, attributes: Record<string, string | number>, text?: string): Element {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  if (text !== undefined) element.textContent = text;
  return element;
}
