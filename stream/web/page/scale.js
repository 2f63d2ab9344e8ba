/** From times and values to places in a drawing, and the ticks beside it. */

import { tidyStep } from "./numbers.js";
import { dayMinute, minute, shortDay } from "./times.js";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const STEPS = [1, 2, 5, 10, 15, 30]
  .map((n) => n * 60_000)
  .concat(
    [1, 2, 3, 6, 12].map((n) => n * HOUR),
    [1, 2, 3, 4, 7, 14, 28].map((n) => n * DAY),
  );

/** @typedef {{ left: number, right: number, top: number, bottom: number }} Frame */

export class Scale {
  /**
   * @param {Frame} frame
   * @param {number} first ms
   * @param {number} last ms
   * @param {number} most the greatest value; the least is 0
   */
  constructor(frame, first, last, most) {
    this.frame = frame;
    this.first = first;
    this.last = Math.max(last, first + 1);
    this.step = tidyStep(most, 4);
    this.most = Math.max(most, 1e-9) * 1.04;
  }

  /** @param {number} ms */
  x(ms) {
    const within = Math.min(Math.max(ms, this.first), this.last);
    return (
      this.frame.left +
      ((within - this.first) / (this.last - this.first)) * (this.frame.right - this.frame.left)
    );
  }

  /** @param {number} value */
  y(value) {
    return this.frame.bottom - (Math.max(value, 0) / this.most) * (this.frame.bottom - this.frame.top);
  }

  values() {
    const found = [];
    for (let n = 0; n * this.step <= this.most; n++) found.push(n * this.step);
    return found;
  }

  /** Times with their words, far enough apart to be read. */
  times() {
    const room = Math.max(2, Math.floor((this.frame.right - this.frame.left) / 80));
    const step = STEPS.find((one) => (this.last - this.first) / one <= room) ?? 28 * DAY;
    const words = step >= DAY ? shortDay : this.last - this.first > DAY ? dayMinute : minute;
    const found = [];
    for (let t = Math.ceil(this.first / step) * step; t <= this.last; t += step)
      found.push({ t, words: words(t) });
    return found;
  }
}
