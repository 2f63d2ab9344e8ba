/** Counts transitions by reason and by edge, each once. */

/** @typedef {import("./lifecycle.js").Transition} Transition */

const REMEMBERED = 20_000;

/** Counts since the first that was seen. Repeats, by id, are told and not counted. */
export class Tally {
  constructor() {
    /** @type {Map<string, number>} */
    this.reasons = new Map();
    /** @type {Map<string, { from: string | null, to: string, reason: string, count: number }>} */
    this.edges = new Map();
    /** @type {number | null} the earliest `at`, in ms */
    this.since = null;
    /** @type {Set<string>} */
    this.seen = new Set();
  }

  /**
   * Whether it is new.
   * @param {Transition} t
   */
  add(t) {
    if (this.seen.has(t.transition_id)) return false;
    this.#remember(t.transition_id);
    this.reasons.set(t.reason, (this.reasons.get(t.reason) ?? 0) + 1);
    if (t.kind === "lifecycle") {
      const key = `${t.from ?? ""}>${t.to}>${t.reason}`;
      const edge = this.edges.get(key);
      if (edge) edge.count += 1;
      else this.edges.set(key, { from: t.from, to: t.to, reason: t.reason, count: 1 });
    }
    const at = Date.parse(t.at);
    if (this.since === null || at < this.since) this.since = at;
    return true;
  }

  /** @param {string} id */
  #remember(id) {
    this.seen.add(id);
    if (this.seen.size <= REMEMBERED) return;
    for (const oldest of this.seen) {
      this.seen.delete(oldest);
      break;
    }
  }
}
