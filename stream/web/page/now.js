/** What is going on now: who is there, who was there lately, how much happens. */

import { byId, el, say, svg } from "./elements.js";
import { amount, counted, rate, whole } from "./numbers.js";
import { spark } from "./spark.js";
import { dayMinute, minute } from "./times.js";

/** @typedef {{ days_1: number, days_7: number, days_30: number }} Reached */
/**
 * The answer of /states.
 * @typedef {object} States
 * @property {string | null} as_of
 * @property {number} partitions
 * @property {number} counted
 * @property {Record<string, number>} people
 * @property {Record<string, number>} tiers
 * @property {Reached} registered
 * @property {Reached} visitors
 * @property {number} open_visits
 */
/** @typedef {import("./windows.js").Windows} Windows */

const REMEMBERED = 90;
const DRAWN = 60;

export class Now {
  constructor() {
    /** @type {number[]} */
    this.there = [];
  }

  /** @param {States} states */
  count(states) {
    this.there.push(states.open_visits);
    if (this.there.length > REMEMBERED) this.there.shift();
    tile("there", whole(states.open_visits), null, this.there);
    for (const days of /** @type {const} */ ([1, 7, 30])) {
      const field = /** @type {keyof Reached} */ (`days_${days}`);
      tile(
        `days-${days}`,
        whole(states.registered[field]),
        `and ${counted(states.visitors[field], "visitor")}`,
      );
    }
  }

  /**
   * The whole product's windows: rates are of the last one that is final.
   * @param {Windows} windows
   */
  happened(windows) {
    const last = windows.last;
    if (!last) return;
    const ms = last.end - last.start;
    const keyed = (/** @type {Record<string, number>} */ names) =>
      Object.values(names).reduce((sum, n) => sum + n, 0);
    const shown = windows.final.slice(-DRAWN).map((one) => one.record);
    const when = `${ms < 86_400_000 ? minute(last.start) : dayMinute(last.start)}–${minute(last.end)}`;
    for (const [name, of] of /** @type {[string, (w: import("./windows.js").Window) => number][]} */ ([
      ["visits", (w) => w.visits],
      ["events", (w) => w.events],
      ["keys", (w) => keyed(w.key_events)],
    ])) {
      const { rate: a, unit } = rate(of(last.record), ms);
      tile(name, amount(a), `${unit}, ${when}`, shown.map(of));
    }
    this.#keys(windows);
  }

  /** @param {Windows} windows */
  #keys(windows) {
    /** @type {Map<string, number>} */
    const sums = new Map();
    for (const { record } of windows.final) {
      for (const [name, count] of Object.entries(record.key_events))
        sums.set(name, (sums.get(name) ?? 0) + count);
    }
    const first = windows.final[0];
    if (!first) return;
    const most = Math.max(...sums.values(), 1);
    const rows = [...sums]
      .sort((a, b) => b[1] - a[1])
      .slice(0, 6)
      .map(([name, count]) => {
        const bar = svg(
          "svg",
          { class: "bar", viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" },
          svg("rect", { class: "all", width: 100, height: 8 }),
          svg("rect", { class: "some", width: (count / most) * 100, height: 8 }),
        );
        return el(
          "li",
          {},
          el("a", { href: `#series=${encodeURIComponent(`key:${name}`)}` }, name),
          bar,
          el("b", {}, whole(count)),
        );
      });
    byId("keys-list").replaceChildren(...rows);
    say(byId("keys-since"), rows.length ? `since ${dayMinute(first.start)}` : "None has happened yet.");
  }
}

/**
 * @param {string} name
 * @param {string} value
 * @param {string | null} more null leaves it as it is
 * @param {number[]} [values]
 */
function tile(name, value, more, values) {
  say(byId(`now-${name}`), value);
  if (more !== null) say(byId(`now-${name}-more`), more);
  if (values) byId(`now-${name}-spark`).replaceChildren(spark(values));
}
