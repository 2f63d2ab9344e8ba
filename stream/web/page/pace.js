/** How fast the stream's own time passes, and whether that is worth saying. */

const LONGEST = 20_000;
const SHORTEST = 2_000;

/** From what the stream says its time is, and when it said so. */
export class Pace {
  constructor() {
    /** @type {{ stream: number, wall: number }[]} */
    this.seen = [];
  }

  /**
   * @param {number} streamMs
   * @param {number} wallMs
   */
  saw(streamMs, wallMs) {
    const last = this.seen.at(-1);
    if (last && streamMs < last.stream) this.seen = [];
    this.seen.push({ stream: streamMs, wall: wallMs });
    while (this.seen.length > 2 && wallMs - this.seen[0].wall > LONGEST) this.seen.shift();
  }

  /** The stream's ms in one of ours; null until it can be told. */
  speed() {
    const [first, last] = [this.seen[0], this.seen.at(-1)];
    if (!first || !last || last.wall - first.wall < SHORTEST) return null;
    return (last.stream - first.stream) / (last.wall - first.wall);
  }

  /** Whether stream and wall clock are so far apart, or so unequally fast, that a reader must know. */
  differs() {
    const last = this.seen.at(-1);
    if (!last) return false;
    return (this.speed() ?? 1) > 1.5 || Math.abs(last.wall - last.stream) > 30 * 60_000;
  }
}
