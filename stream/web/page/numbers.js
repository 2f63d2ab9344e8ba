/** Numbers as people read them. */

const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const TENTH = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const HUNDREDTH = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** @param {number} n */
export const whole = (n) => WHOLE.format(n);

/**
 * Whole from 10 on, a digit more for each power of ten below.
 * @param {number} n
 */
export const amount = (n) => (Math.abs(n) >= 9.95 ? WHOLE : Math.abs(n) >= 1 ? TENTH : HUNDREDTH).format(n);

/** A share of 1 in percent. @param {number} share */
export const percent = (share) => `${amount(share * 100)} %`;

/**
 * `1 visit`, `1,200 visits`.
 * @param {number} n
 * @param {string} thing
 * @param {string} [things]
 */
export const counted = (n, thing, things = `${thing}s`) => `${whole(n)} ${n === 1 ? thing : things}`;

/**
 * A value of a measure of engagement: an index has three digits after the point.
 * @param {string} measure
 * @param {number} value
 */
export const figure = (measure, value) => (measure === "index" ? value.toFixed(3) : amount(value));

/**
 * So many in so long, as a rate: a minute, unless fewer than one comes in one.
 * @param {number} count
 * @param {number} ms
 * @returns {{ rate: number, unit: string }}
 */
export function rate(count, ms) {
  const aMinute = (count / ms) * MINUTE;
  if (aMinute >= 1 || ms <= 5 * MINUTE) return { rate: aMinute, unit: "a minute" };
  return { rate: (count / ms) * HOUR, unit: "an hour" };
}

/**
 * `2 h 05 min`, `12 min`, `30 s`.
 * @param {number} ms
 */
export function duration(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${String(minutes % 60).padStart(2, "0")} min`;
  return `${Math.floor(hours / 24)} days`;
}

/**
 * 1, 2 or 5 times a power of ten, so that about `lines` steps make up the extent.
 * @param {number} extent
 * @param {number} lines
 */
export function tidyStep(extent, lines) {
  if (!(extent > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(extent / lines));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => extent / step <= lines) ?? 10 * power;
}
