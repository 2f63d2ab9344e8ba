/** The latest windows of one series, each once, in order, and the one that is still open. */

/** @typedef {{ expected: number, lower: number, upper: number, score: number }} Band */
/**
 * A record as published (footfall.engagement/1).
 * @typedef {object} Window
 * @property {string} window_id
 * @property {string} series
 * @property {"provisional" | "final"} status
 * @property {string} start
 * @property {string} end
 * @property {number} events
 * @property {number} people
 * @property {number} visits
 * @property {number} engaged
 * @property {Record<string, number>} key_events
 * @property {number} volume
 * @property {number} index
 * @property {Record<string, Band>} bands
 */
/** @typedef {{ start: number, end: number, record: Window }} Timed */

export const MOST = 200;
/** Windows further ahead of the last final one are not shown: one partition is ahead of the others by so much. */
const NEAR = 12;

export class Windows {
  constructor() {
    /** @type {Timed[]} final ones, oldest first */
    this.final = [];
    /** @type {Timed | null} */
    this.latestOpen = null;
  }

  /** The latest window that is still open; null where there is none, or where it lies too far ahead. */
  get provisional() {
    const { last, latestOpen } = this;
    if (!last || !latestOpen) return latestOpen;
    const near = last.end + NEAR * (last.end - last.start);
    return latestOpen.start > last.start && latestOpen.start < near ? latestOpen : null;
  }

  /**
   * Takes a record in, in whatever order they come.
   * @param {Window} record
   */
  add(record) {
    const timed = { start: Date.parse(record.start), end: Date.parse(record.end), record };
    if (record.status === "final") this.#final(timed);
    else if (!this.latestOpen || timed.start >= this.latestOpen.start) this.latestOpen = timed;
  }

  get last() {
    return this.final.at(-1) ?? null;
  }

  /** @param {Timed} timed */
  #final(timed) {
    let place = this.final.length;
    while (place > 0 && this.final[place - 1].start > timed.start) place -= 1;
    if (place > 0 && this.final[place - 1].start === timed.start) this.final[place - 1] = timed;
    else this.final.splice(place, 0, timed);
    if (this.final.length > MOST) this.final.splice(0, this.final.length - MOST);
  }
}
