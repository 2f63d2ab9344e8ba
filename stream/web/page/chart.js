/** Draws a series: value, what was expected, between which bounds, the open window apart, incidents behind. */

import { svg } from "./elements.js";
import { amount, figure } from "./numbers.js";
import { Scale } from "./scale.js";

/** @typedef {import("./windows.js").Timed} Timed */
/** @typedef {import("./windows.js").Windows} Windows */
/** @typedef {{ from: number, to: number, page: boolean }} Stretch */

export const HEIGHT = 280;

/**
 * @param {object} asked
 * @param {number} asked.width in pixels
 * @param {Windows} asked.windows
 * @param {"volume" | "people" | "index"} asked.measure
 * @param {Stretch[]} asked.stretches
 * @returns {{ parts: SVGElement[], scale: Scale } | null} null where there is nothing to draw
 */
export function chart({ width, windows, measure, stretches }) {
  const { final, provisional } = windows;
  const shown = provisional ? [...final, provisional] : final;
  if (!shown.length) return null;
  const value = (/** @type {Timed} */ one) => one.record[measure];
  const band = (/** @type {Timed} */ one) => one.record.bands?.[measure];
  // A band that is wide only because little is known yet must not flatten the line: it is cut off at the top.
  const drawn = Math.max(...shown.map(value), ...final.map((one) => band(one)?.expected ?? 0));
  const most = Math.min(Math.max(drawn, ...final.map((one) => band(one)?.upper ?? 0)), drawn * 1.6);
  const frame = { left: 46, right: width - 14, top: 12, bottom: HEIGHT - 24 };
  const scale = new Scale(frame, middle(shown[0]), middle(/** @type {Timed} */ (shown.at(-1))), most);
  const point = (/** @type {Timed} */ one) => `${n(scale.x(middle(one)))} ${n(scale.y(value(one)))}`;
  const parts = [...grid(scale, frame)];
  for (const { from, to, page } of stretches) {
    if (to < scale.first || from > scale.last) continue;
    const [left, right] = [scale.x(from), scale.x(to)];
    parts.push(
      svg("rect", {
        class: page ? "stretch page" : "stretch",
        x: n(left),
        y: frame.top,
        width: n(Math.max(right - left, 3)),
        height: frame.bottom - frame.top,
      }),
      svg("rect", {
        class: page ? "edge-of page" : "edge-of",
        x: n(left),
        y: frame.top - 4,
        width: n(Math.max(right - left, 3)),
        height: 4,
      }),
    );
  }
  for (const stretch of stretchesWith(final, band)) {
    const top = stretch.map(
      (one) =>
        `${n(scale.x(middle(one)))} ${n(scale.y(Math.min(/** @type {any} */ (band(one)).upper, scale.most)))}`,
    );
    const low = stretch
      .map((one) => `${n(scale.x(middle(one)))} ${n(scale.y(/** @type {any} */ (band(one)).lower))}`)
      .reverse();
    parts.push(svg("path", { class: "band", d: `M${[...top, ...low].join("L")}Z` }));
    parts.push(
      svg("path", {
        class: "expected",
        d: `M${stretch.map((one) => `${n(scale.x(middle(one)))} ${n(scale.y(/** @type {any} */ (band(one)).expected))}`).join("L")}`,
      }),
    );
  }
  if (final.length > 1) parts.push(svg("path", { class: "value", d: `M${final.map(point).join("L")}` }));
  for (const one of final) {
    const bounds = band(one);
    if (bounds && (value(one) < bounds.lower || value(one) > bounds.upper)) {
      parts.push(
        svg("circle", { class: "outside", cx: n(scale.x(middle(one))), cy: n(scale.y(value(one))), r: 3 }),
      );
    }
  }
  if (provisional) {
    const last = final.at(-1);
    if (last)
      parts.push(svg("path", { class: "value provisional", d: `M${point(last)}L${point(provisional)}` }));
    parts.push(
      svg("circle", {
        class: "provisional",
        cx: n(scale.x(middle(provisional))),
        cy: n(scale.y(value(provisional))),
        r: 4,
      }),
    );
  } else if (final.length) {
    const last = /** @type {Timed} */ (final.at(-1));
    parts.push(
      svg("circle", { class: "latest", cx: n(scale.x(middle(last))), cy: n(scale.y(value(last))), r: 3 }),
    );
  }
  return { parts, scale };
}

/** @param {Timed} one */
export const middle = (one) => (one.start + one.end) / 2;

/**
 * A window in words: `volume 212, 405 expected (321 to 489)`.
 * @param {Timed} one
 * @param {"volume" | "people" | "index"} measure
 */
export function inWords(one, measure) {
  const band = one.record.bands?.[measure];
  const value = `${measure} ${figure(measure, one.record[measure])}`;
  const far = one.record.status === "final" ? "" : " so far, the window is open";
  if (!band) return value + far;
  return `${value}${far}, ${figure(measure, band.expected)} expected (${figure(measure, band.lower)} to ${figure(measure, band.upper)})`;
}

/**
 * Runs of windows that have a band.
 * @param {Timed[]} final
 * @param {(one: Timed) => unknown} band
 */
function stretchesWith(final, band) {
  /** @type {Timed[][]} */
  const found = [[]];
  for (const one of final) {
    if (band(one)) /** @type {Timed[]} */ (found.at(-1)).push(one);
    else if (found.at(-1)?.length) found.push([]);
  }
  return found.filter((stretch) => stretch.length > 1);
}

/**
 * @param {Scale} scale
 * @param {import("./scale.js").Frame} frame
 */
function grid(scale, frame) {
  const parts = [];
  for (const value of scale.values()) {
    const y = n(scale.y(value));
    parts.push(
      svg("path", { class: value ? "grid" : "zero", d: `M${frame.left} ${y}H${frame.right}` }),
      svg("text", { class: "tick", x: frame.left - 8, y, dy: ".32em", "text-anchor": "end" }, amount(value)),
    );
  }
  for (const { t, words } of scale.times()) {
    const x = scale.x(t);
    const end = x > frame.right - 30 ? "end" : x < frame.left + 30 ? "start" : "middle";
    parts.push(svg("text", { class: "tick", x: n(x), y: frame.bottom + 18, "text-anchor": end }, words));
  }
  return parts;
}

/** @param {number} place */
const n = (place) => place.toFixed(1);
