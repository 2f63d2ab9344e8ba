/** A line as small as a word. */

import { svg } from "./elements.js";

const WIDTH = 120;
const HEIGHT = 28;

/**
 * Values in order, the newest last, from 0 up; hidden from screen readers, who have the number beside it.
 * @param {number[]} values
 * @returns {SVGElement}
 */
export function spark(values) {
  const most = Math.max(...values, 0) || 1;
  const step = WIDTH / Math.max(values.length - 1, 1);
  const place = (/** @type {number} */ value, /** @type {number} */ number) =>
    `${(number * step).toFixed(1)} ${(HEIGHT - 2 - (value / most) * (HEIGHT - 4)).toFixed(1)}`;
  const line = values.length > 1 ? `M${values.map(place).join("L")}` : "";
  return svg(
    "svg",
    { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    line ? svg("path", { class: "under", d: `${line}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}Z` }) : null,
    line ? svg("path", { class: "line", d: line }) : null,
  );
}
