/** Incidents: those that are open as an alarm, all of them as a list. */

import { byId, el, say, set } from "./elements.js";
import { beside } from "./places.js";
import { seriesName } from "./series.js";
import { dayMinute } from "./times.js";

/** @typedef {{ series: string, measure: string, value: number, expected: number }} Moved */
/** @typedef {{ series: string, share: number, value: number, expected: number }} Cause */
/**
 * A record as published (footfall.incident/1).
 * @typedef {object} Incident
 * @property {string} record_id
 * @property {string} incident_id
 * @property {string} series
 * @property {string} measure
 * @property {"spike" | "drop"} direction
 * @property {"ticket" | "page"} severity
 * @property {"opened" | "updated" | "resolved"} status
 * @property {string} since
 * @property {string} at
 * @property {number} value
 * @property {number} expected
 * @property {number} lower
 * @property {number} upper
 * @property {number} score
 * @property {Moved[]} moved
 * @property {Cause[]} causes
 * @property {string[]} owners
 * @property {string} sentence
 * @property {string | null} note
 * @property {string} chart
 */

const KEPT = 100;
const LISTED = 30;

export class Incidents {
  constructor() {
    /** @type {Map<string, Incident>} the latest record of each */
    this.latest = new Map();
    this.known = false;
  }

  /**
   * Takes a record in; an older one than is known of the incident changes nothing.
   * @param {Incident} record
   */
  add(record) {
    const before = this.latest.get(record.incident_id);
    if (before && (before.at > record.at || (before.status === "resolved" && record.status !== "resolved")))
      return;
    this.latest.set(record.incident_id, record);
    if (this.latest.size > KEPT)
      this.latest.delete(/** @type {string} */ (this.#newestFirst().at(-1)?.incident_id));
  }

  /**
   * When incidents were open that the series moved in, for a chart of it.
   * @param {string} series
   * @returns {import("./chart.js").Stretch[]}
   */
  stretches(series) {
    return [...this.latest.values()]
      .filter((one) => one.series === series || one.moved.some((moved) => moved.series === series))
      .map((one) => ({
        from: Date.parse(one.since),
        to: one.status === "resolved" ? Date.parse(one.at) : Infinity,
        page: one.severity === "page" && one.status !== "resolved",
      }));
  }

  /** Shows all. */
  show() {
    const all = this.#newestFirst();
    const open = all.filter((one) => one.status !== "resolved");
    this.#alarm(open);
    const list = byId("incidents");
    const items = all.slice(0, LISTED).map((one) => this.#item(one));
    keep(list, items);
    say(
      byId("incidents-none"),
      this.known
        ? "No incident. One is listed here when engagement moves in a way that rhythm and chance do not explain."
        : "Loading …",
    );
    byId("incidents-none").hidden = all.length > 0;
    say(byId("incidents-count"), open.length ? `${open.length} open` : "");
  }

  #newestFirst() {
    return [...this.latest.values()].sort((a, b) => rank(b) - rank(a) || (a.since < b.since ? 1 : -1));
  }

  /**
   * The live region: only what is open, so that it is read out when something opens and not at each change.
   * @param {Incident[]} open
   */
  #alarm(open) {
    const items = open
      .slice(0, 3)
      .map((one) =>
        el(
          "li",
          { class: one.severity, "data-key": one.incident_id + one.severity },
          el("strong", {}, one.severity === "page" ? "Look now: " : "Look today: "),
          el("a", { href: beside({ incident: one.incident_id }) }, one.sentence),
        ),
      );
    keep(byId("alarm"), items);
    const none = byId("alarm-none");
    none.hidden = items.length > 0;
    if (this.known) say(none, "No incident is open.");
  }

  /** @param {Incident} one */
  #item(one) {
    const state = one.status === "resolved" ? "resolved" : one.severity;
    const largest = one.causes[0];
    return el(
      "li",
      { class: state, "data-key": one.record_id },
      el(
        "p",
        { class: "kind" },
        el(
          "span",
          { class: `tag ${state}` },
          state === "resolved" ? "over" : state === "page" ? "page" : "ticket",
        ),
        el("span", { class: "arrow" }, one.direction === "drop" ? "▼ drop" : "▲ spike"),
        el("time", { datetime: one.since }, dayMinute(Date.parse(one.since))),
      ),
      el("p", {}, el("a", { href: beside({ incident: one.incident_id }) }, one.sentence)),
      one.note ? el("p", { class: "quiet" }, one.note) : null,
      el(
        "p",
        { class: "quiet facts" },
        one.owners.length ? el("span", {}, `Owner: ${one.owners.join(", ")}`) : null,
        largest
          ? el(
              "span",
              {},
              `Likeliest cause: ${seriesName(largest.series)} (${Math.round(largest.share * 100)} %)`,
            )
          : null,
      ),
    );
  }
}

/** Open ones first, those that page before the others. @param {Incident} one */
const rank = (one) => (one.status === "resolved" ? 0 : one.severity === "page" ? 2 : 1);

/**
 * Puts these in, and keeps those that are there already, so that nothing is read out or loses focus for nothing.
 * @param {HTMLElement} list
 * @param {HTMLElement[]} items each with a `data-key`
 */
function keep(list, items) {
  const there = new Map(
    [...list.children].map((child) => [/** @type {HTMLElement} */ (child).dataset.key, child]),
  );
  const wanted = items.map((item) => there.get(item.dataset.key) ?? item);
  if (wanted.length === list.children.length && wanted.every((item, place) => list.children[place] === item))
    return;
  for (const child of [...list.children]) if (!wanted.includes(child)) child.remove();
  wanted.forEach((item, place) => {
    if (list.children[place] !== item) list.insertBefore(item, list.children[place] ?? null);
  });
  set(list, { "data-count": items.length });
}
