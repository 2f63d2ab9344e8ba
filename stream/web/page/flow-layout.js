/**
 * Where the states and their edges lie: four steps of a life in two rows, or on a narrow screen in two columns.
 *
 *     prospect -> new    -> active  -> deleted          u: along the life, v: across
 *     (first)  -> silent -> churned -> hibernating
 */

/** @typedef {{ x: number, y: number }} Point */
/** @typedef {{ name: string, x: number, y: number, width: number, height: number }} Box its middle and size */
/** @typedef {{ key: string, from: string | null, to: string, path: string, rare: boolean }} Edge */
/** @typedef {{ reason: string, x: number, y: number }} Label */
/** @typedef {{ width: number, height: number, boxes: Box[], entry: Point, edges: Edge[], labels: Label[] }} Layout */

/** @type {Record<string, [number, number]>} */
const PLACES = {
  prospect: [0, 0],
  new: [1, 0],
  active: [2, 0],
  deleted: [3, 0],
  silent: [1, 1],
  churned: [2, 1],
  hibernating: [3, 1],
};
const ENTRY = "";

/**
 * From a side of one state to a side of another: `+v-0.4` is the far side across, 0.4 of the half length back.
 * A rare edge is drawn only once somebody has gone along it.
 * @type {[from: string, to: string, leaves: string, arrives: string, rare?: "rare"][]}
 */
const EDGES = [
  ["prospect", "new", "+u0", "-u0"],
  ["new", "active", "+u0", "-u0"],
  ["active", "deleted", "+u0", "-u0"],
  [ENTRY, "silent", "+u0", "-u0"],
  [ENTRY, "new", "-v0", "-u0.6"],
  ["prospect", "silent", "+v0.5", "-u-0.6", "rare"],
  ["new", "silent", "+v-0.6", "-v-0.6"],
  ["active", "silent", "+v-0.85", "-v-0.15"],
  ["silent", "active", "-v0.7", "+v0"],
  ["silent", "churned", "+u-0.3", "-u-0.3"],
  ["churned", "silent", "-u0.4", "+u0.4"],
  ["churned", "hibernating", "+u0", "-u0"],
  ["hibernating", "silent", "+v-0.3", "+v0.3"],
  ["churned", "active", "-v0.6", "+v0.6"],
  ["hibernating", "active", "-v-0.4", "+u0.6"],
  ["deleted", "new", "-v-0.2", "-v0.2", "rare"],
  ["new", "deleted", "-v0.4", "-v-0.5", "rare"],
  ["silent", "deleted", "-v0.95", "+v-0.6", "rare"],
  ["churned", "deleted", "-v0.9", "+v-0.1", "rare"],
  ["hibernating", "deleted", "-v0.4", "+v0.4", "rare"],
  ["prospect", "deleted", "-v0.4", "-v-0.7", "rare"],
];

/**
 * Where a reason's word and count stand, in units of the grid; [wide, narrow].
 * @type {Record<string, [[number, number], [number, number]]>}
 */
const LABELS = {
  registered: [
    [0.5, 0],
    [0.5, 0],
  ],
  activated: [
    [1.5, 0],
    [1.5, 0],
  ],
  deleted: [
    [2.5, 0],
    [2.5, 0],
  ],
  imported: [
    [0.5, 1],
    [0.5, 1],
  ],
  stalled: [
    [0.84, 0.5],
    [0.9, 0.5],
  ],
  lapsed: [
    [1.23, 0.4],
    [1.34, 0.46],
  ],
  reactivated: [
    [1.76, 0.56],
    [1.66, 0.5],
  ],
  resurrected: [
    [2.17, 0.5],
    [2.33, 0.5],
  ],
  churned: [
    [1.5, 0.88],
    [1.44, 0.81],
  ],
  hibernated: [
    [2.5, 1],
    [2.5, 1],
  ],
  returned: [
    [1.5, 1.17],
    [1.5, 1.21],
  ],
};

export const NARROW = 640;

/**
 * The layout for a width in pixels.
 * @param {number} width
 * @returns {Layout}
 */
export function layout(width) {
  const narrow = width < NARROW;
  const box = narrow
    ? { width: Math.min(124, width * 0.34), height: 62 }
    : { width: Math.min(150, width * 0.155), height: 68 };
  const height = narrow ? 600 : 380;
  const margin = narrow
    ? { x: box.width / 2 + 30, y: box.height / 2 + 8 }
    : { x: box.width / 2 + 4, y: box.height / 2 + 34 };
  /** @type {(u: number, v: number) => Point} */
  const at = (u, v) =>
    narrow
      ? { x: margin.x + v * (width - 2 * margin.x), y: margin.y + (u / 3) * (height - 2 * margin.y) }
      : { x: margin.x + (u / 3) * (width - 2 * margin.x), y: margin.y + v * (height - 2 * margin.y) };
  const boxes = Object.entries(PLACES).map(([name, [u, v]]) => ({ name, ...at(u, v), ...box }));
  const entry = at(0, 1);
  const known = new Map(boxes.map((one) => [one.name, one]));
  known.set(ENTRY, { name: ENTRY, ...entry, width: 18, height: 18 });
  const edges = EDGES.map(([from, to, leaves, arrives, rare]) => ({
    key: `${from}>${to}`,
    from: from || null,
    to,
    path: curve(
      anchor(/** @type {Box} */ (known.get(from)), leaves, narrow),
      anchor(/** @type {Box} */ (known.get(to)), arrives, narrow),
      narrow ? 34 : 46,
    ),
    rare: rare === "rare",
  }));
  const labels = Object.entries(LABELS).map(([reason, places]) => {
    const [u, v] = places[narrow ? 1 : 0];
    return { reason, ...at(u, v) };
  });
  return { width, height, boxes, entry, edges, labels };
}

/**
 * A point on a side, and the direction in which an edge leaves it.
 * @param {Box} box
 * @param {string} side
 * @param {boolean} narrow
 * @returns {{ x: number, y: number, dx: number, dy: number }}
 */
function anchor(box, side, narrow) {
  const sign = side[0] === "+" ? 1 : -1;
  const along = Number(side.slice(2));
  const horizontal = (side[1] === "u") !== narrow;
  const gap = 3;
  return horizontal
    ? { x: box.x + sign * (box.width / 2 + gap), y: box.y + along * (box.height / 2), dx: sign, dy: 0 }
    : { x: box.x + along * (box.width / 2), y: box.y + sign * (box.height / 2 + gap), dx: 0, dy: sign };
}

/**
 * @param {{ x: number, y: number, dx: number, dy: number }} a
 * @param {{ x: number, y: number, dx: number, dy: number }} b
 * @param {number} aside how far an arc stays away from what it passes
 */
function curve(a, b, aside) {
  const far = Math.hypot(b.x - a.x, b.y - a.y);
  // Two points on the same side: an arc beside what lies between. Else as much bend as the way allows.
  const pull = a.dx === b.dx && a.dy === b.dy ? Math.min(aside, far * 0.4) : far * 0.45;
  const n = (/** @type {number} */ value) => value.toFixed(1);
  return (
    `M${n(a.x)} ${n(a.y)}C${n(a.x + a.dx * pull)} ${n(a.y + a.dy * pull)} ` +
    `${n(b.x + b.dx * pull)} ${n(b.y + b.dy * pull)} ${n(b.x)} ${n(b.y)}`
  );
}
