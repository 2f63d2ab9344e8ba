/** The lifecycle as a flow: states with how many are in each, transitions as dots between them. */

import { Dots } from "./dots.js";
import { byId, el, say, set, svg } from "./elements.js";
import { layout, NARROW } from "./flow-layout.js";
import { REASONS, STATES } from "./lifecycle.js";
import { counted, percent, whole } from "./numbers.js";
import { dayMinute } from "./times.js";

/** @typedef {import("./lifecycle.js").Transition} Transition */
/** @typedef {import("./tally.js").Tally} Tally */
/** @typedef {{ count: Element, share: Element, fill: Element, card: Element, width: number }} Node_ */

const FLASH = 500;
/** Room for a share beside its bar. */
const SHARE = 38;
const LONG = 7;

/** Draws into `#flow`; counts of states are the worker's own, counts of transitions those of the tally. */
export class Flow {
  /** @param {Tally} tally */
  constructor(tally) {
    this.tally = tally;
    /** @type {Record<string, number>} */
    this.people = {};
    this.known = false;
    this.drawn = 0;
    /** @type {Map<string, Node_>} */
    this.nodes = new Map();
    /** @type {Map<string, SVGPathElement>} */
    this.edges = new Map();
    /** @type {Map<string, Element>} */
    this.counts = new Map();
    this.picture = svg("svg", { role: "img", "aria-labelledby": "flow-words" });
    this.dots = new Dots(svg("g", { class: "dots" }));
    const frame = byId("flow");
    frame.append(this.picture);
    this.#draw(frame.clientWidth);
    new ResizeObserver(() => this.#draw(frame.clientWidth)).observe(frame);
    byId("flow-table-of").addEventListener("toggle", () => this.#table());
  }

  /**
   * What the worker counts.
   * @param {Record<string, number>} people
   */
  count(people) {
    this.people = people;
    this.known = true;
    this.#counts();
  }

  /**
   * Moves those who have just changed, and shows what the tally has now.
   * @param {Transition[]} transitions
   */
  move(transitions) {
    /** @type {Map<string, { path: SVGPathElement, reason: string, to: string, count: number }>} */
    const together = new Map();
    for (const t of transitions) {
      const path = t.kind === "lifecycle" ? this.edges.get(`${t.from ?? ""}>${t.to}`) : undefined;
      if (!path) continue;
      const key = `${t.from ?? ""}>${t.to}>${t.reason}`;
      const same = together.get(key);
      if (same) same.count += 1;
      else together.set(key, { path, reason: t.reason, to: t.to, count: 1 });
    }
    for (const { path, reason, to, count } of together.values()) {
      set(path, { "data-used": true });
      this.dots.send(path, count, `r-${reason}`, () => this.#flash(to));
    }
    this.tallied();
  }

  /** Shows what the tally has, without moving anybody. */
  tallied() {
    let most = 1;
    /** @type {Map<string, number>} */
    const byEdge = new Map();
    for (const { from, to, count } of this.tally.edges.values()) {
      const key = `${from ?? ""}>${to}`;
      const sum = (byEdge.get(key) ?? 0) + count;
      byEdge.set(key, sum);
      most = Math.max(most, sum);
    }
    for (const [key, path] of this.edges) {
      const count = byEdge.get(key) ?? 0;
      const width = path.classList.contains("rare") ? 1.2 : 1.2 + 4 * Math.sqrt(count / most);
      set(path, { "stroke-width": width.toFixed(1), "data-used": count > 0 });
    }
    for (const [reason, count] of this.counts) say(count, whole(this.tally.reasons.get(reason) ?? 0));
    const deleted = this.nodes.get("deleted");
    if (deleted) say(deleted.count, whole(this.tally.reasons.get("deleted") ?? 0));
    say(
      byId("flow-since"),
      this.tally.since === null
        ? "No transition yet."
        : `Transitions since ${dayMinute(this.tally.since)}; a dot is a person, a larger one several.`,
    );
    this.#table();
  }

  /** @param {number} width */
  #draw(width) {
    if (!width || width === this.drawn) return;
    this.drawn = width;
    const plan = layout(width);
    this.dots.clear();
    this.nodes.clear();
    this.edges.clear();
    this.counts.clear();
    set(this.picture, {
      viewBox: `0 0 ${plan.width} ${plan.height}`,
      width: plan.width,
      height: plan.height,
    });
    const arrow = svg(
      "marker",
      {
        id: "arrow",
        viewBox: "0 0 8 8",
        refX: 6.5,
        refY: 4,
        markerWidth: 8,
        markerHeight: 8,
        markerUnits: "userSpaceOnUse",
        orient: "auto",
      },
      svg("path", { class: "arrow", d: "M0 .5 7.5 4 0 7.5Z" }),
    );
    const edges = plan.edges.map((edge) => {
      const path = /** @type {SVGPathElement} */ (
        svg("path", { class: edge.rare ? "edge rare" : "edge", d: edge.path, "marker-end": "url(#arrow)" })
      );
      this.edges.set(edge.key, path);
      return path;
    });
    const labels = plan.labels.map(({ reason, x, y }) => {
      const count = svg("text", { class: "count", x, y: y + 15 }, "0");
      this.counts.set(reason, count);
      return svg("g", { class: "reason" }, svg("text", { class: "word", x, y: y - 6 }, reason), count);
    });
    const boxes = plan.boxes.map((box) => this.#box(box));
    const entry = svg(
      "g",
      { class: "entry" },
      svg("circle", { cx: plan.entry.x, cy: plan.entry.y, r: 7 }),
      svg("text", { x: plan.entry.x, y: plan.entry.y + 24 }, "first seen"),
    );
    this.picture.replaceChildren(
      svg("defs", {}, arrow),
      ...edges,
      entry,
      this.dots.layer,
      ...boxes,
      ...labels,
    );
    this.picture.classList.toggle("narrow", width < NARROW);
    this.#counts();
    this.tallied();
  }

  /** @param {import("./flow-layout.js").Box} box */
  #box(box) {
    const left = box.x - box.width / 2;
    const top = box.y - box.height / 2;
    const inner = box.width - 24 - SHARE;
    const count = svg("text", { class: "count", x: left + 12, y: top + 45 }, "–");
    const share = svg("text", { class: "share", x: left + box.width - 10, y: top + box.height - 6 });
    const fill = svg("rect", {
      class: "fill",
      x: left + 12,
      y: top + box.height - 12,
      width: 0,
      height: 4,
      rx: 2,
    });
    const card = svg(
      "g",
      { class: `state s-${box.name}` },
      svg("rect", { class: "card", x: left, y: top, width: box.width, height: box.height, rx: 8 }),
      svg("circle", { class: "mark", cx: left + 16, cy: top + 16, r: 4.5 }),
      svg("text", { class: "name", x: left + 26, y: top + 20.5 }, box.name),
      count,
      share,
      svg("rect", { class: "track", x: left + 12, y: top + box.height - 12, width: inner, height: 4, rx: 2 }),
      fill,
      svg("title", {}, `${box.name}: ${STATES[/** @type {keyof typeof STATES} */ (box.name)]}`),
    );
    this.nodes.set(box.name, { count, share, fill, card, width: inner });
    return card;
  }

  #counts() {
    if (!this.known) return;
    const registered = Object.entries(this.people).reduce(
      (sum, [state, n]) => sum + (state === "prospect" ? 0 : n),
      0,
    );
    for (const [state, node] of this.nodes) {
      if (state === "deleted") continue;
      const n = this.people[state] ?? 0;
      say(node.count, whole(n));
      node.count.classList.toggle("long", whole(n).length > LONG);
      if (state === "prospect") continue;
      const share = registered ? n / registered : 0;
      say(node.share, registered ? percent(share) : "");
      set(node.fill, { width: (share * node.width).toFixed(1) });
    }
    const words = Object.keys(STATES)
      .filter((state) => state !== "deleted")
      .map((state) => `${whole(this.people[state] ?? 0)} ${state}`);
    say(
      byId("flow-words"),
      `The lifecycle: ${words.join(", ")}. ${counted(registered, "registered person", "registered persons")} in all; the table below has the transitions.`,
    );
  }

  /** @param {string} state */
  #flash(state) {
    const card = this.nodes.get(state)?.card;
    if (!card) return;
    card.classList.add("flash");
    setTimeout(() => card.classList.remove("flash"), FLASH);
  }

  #table() {
    const details = /** @type {HTMLDetailsElement} */ (byId("flow-table-of"));
    if (!details.open) return;
    const order = Object.keys(REASONS);
    const rows = [...this.tally.edges.values()]
      .sort((a, b) => order.indexOf(a.reason) - order.indexOf(b.reason) || b.count - a.count)
      .map(({ from, to, reason, count }) =>
        el(
          "tr",
          {},
          el("th", { scope: "row" }, reason),
          el("td", {}, from ?? "first seen"),
          el("td", {}, to),
          el("td", { class: "number" }, whole(count)),
        ),
      );
    byId("flow-rows").replaceChildren(...rows);
  }
}
