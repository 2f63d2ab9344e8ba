/** One incident in full. */

import { ask, Refusal } from "./ask.js";
import { el } from "./elements.js";
import { figure, percent } from "./numbers.js";
import { fragment } from "./places.js";
import { seriesName } from "./series.js";
import { full } from "./times.js";

/** @typedef {import("./incidents.js").Incident} Incident */

/**
 * What a drawer shows of the incident: a title and its body.
 * @param {string} id
 * @returns {Promise<{ title: string, body: Node[] }>}
 */
export async function incidentStory(id) {
  /** @type {Incident[]} */
  let records;
  try {
    records = (await ask(`incidents/${encodeURIComponent(id)}`)).records;
  } catch (error) {
    const refused = /** @type {Refusal} */ (error);
    const lead =
      refused.status === 404
        ? `No incident “${id}” is known, or it is too long ago.`
        : "The incident can't be shown now.";
    return {
      title: "Incident",
      body: [el("p", { class: "missing" }, lead), el("p", { class: "quiet" }, refused.message)],
    };
  }
  const latest = records.at(-1);
  if (!latest)
    return {
      title: "Incident",
      body: [el("p", { class: "missing" }, `Nothing is known of the incident “${id}”.`)],
    };
  return {
    title: `${latest.direction === "drop" ? "Drop" : "Spike"} of ${seriesName(latest.series)}`,
    body: body(latest, records),
  };
}

/**
 * @param {Incident} latest
 * @param {Incident[]} records
 */
function body(latest, records) {
  const state = latest.status === "resolved" ? "resolved" : latest.severity;
  const number = (/** @type {number} */ value) => figure(latest.measure, value);
  return [
    el(
      "p",
      { class: "kind" },
      el("span", { class: `tag ${state}` }, state === "resolved" ? "over" : state),
      el("span", {}, `since ${full(Date.parse(latest.since))}`),
    ),
    el("p", { class: "lead" }, latest.sentence),
    latest.note ? el("p", {}, latest.note) : null,
    // As an image a drawing runs no script and loads nothing, whatever is in it.
    latest.chart
      ? el("img", {
          class: "record-chart",
          alt: `Chart: ${latest.sentence}`,
          width: 640,
          height: 220,
          src: `data:image/svg+xml,${encodeURIComponent(latest.chart)}`,
        })
      : null,
    el(
      "dl",
      { class: "facts" },
      ...fact(latest.measure, number(latest.value)),
      ...fact("expected", `${number(latest.expected)} (${number(latest.lower)} to ${number(latest.upper)})`),
      ...fact("owners", latest.owners.join(", ") || "nobody is named"),
    ),
    el(
      "p",
      {},
      el(
        "a",
        {
          href: fragment({ series: latest.series === "total" ? undefined : latest.series }),
          "data-closes": true,
        },
        `Show ${seriesName(latest.series)} in the chart`,
      ),
    ),
    ...table(
      "Where it comes from",
      ["Cause", "Share", "Is", "Expected"],
      latest.causes.map((one) => [
        seriesName(one.series),
        percent(one.share),
        figure("volume", one.value),
        figure("volume", one.expected),
      ]),
    ),
    ...table(
      "What moves with it",
      ["Series", "Measure", "Is", "Expected"],
      latest.moved.map((one) => [
        seriesName(one.series),
        one.measure,
        figure(one.measure, one.value),
        figure(one.measure, one.expected),
      ]),
    ),
    el("h3", {}, "What was said of it"),
    el(
      "ol",
      { class: "story" },
      ...[...records]
        .reverse()
        .map((one) =>
          el(
            "li",
            {},
            el("time", { datetime: one.at }, full(Date.parse(one.at))),
            el("span", {}, `${one.status}: ${one.sentence}`),
          ),
        ),
    ),
    el(
      "p",
      { class: "quiet" },
      "Acknowledge, snooze or call it a false alarm with ",
      el("code", {}, `footfall incidents ack ${latest.incident_id}`),
      ".",
    ),
  ].filter((node) => node !== null);
}

/**
 * @param {string} name
 * @param {string} value
 */
export const fact = (name, value) => [el("dt", {}, name), el("dd", {}, value)];

/**
 * A heading and a table; nothing where there are no rows.
 * @param {string} heading
 * @param {string[]} columns
 * @param {string[][]} rows the first cell names the row
 */
export function table(heading, columns, rows) {
  if (!rows.length) return [];
  return [
    el("h3", {}, heading),
    el(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": heading },
      el(
        "table",
        {},
        el(
          "thead",
          {},
          el(
            "tr",
            {},
            ...columns.map((name, place) => el("th", { scope: "col", class: place ? "number" : null }, name)),
          ),
        ),
        el(
          "tbody",
          {},
          ...rows.map(([first, ...rest]) =>
            el(
              "tr",
              {},
              el("th", { scope: "row" }, first),
              ...rest.map((cell) => el("td", { class: "number" }, cell)),
            ),
          ),
        ),
      ),
    ),
  ];
}
