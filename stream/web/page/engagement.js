/** Engagement of a series: its chart, a cursor to read it by pointer or keys, and the numbers as a table. */

import { ask, askUntilAnswered } from "./ask.js";
import { chart, HEIGHT, inWords, middle } from "./chart.js";
import { byId, el, say, set, svg } from "./elements.js";
import { figure, whole } from "./numbers.js";
import { go, read } from "./places.js";
import { seriesName } from "./series.js";
import { dayMinute, minute } from "./times.js";
import { MOST, Windows } from "./windows.js";

/** @typedef {import("./windows.js").Window} Window */
/** @typedef {import("./windows.js").Timed} Timed */
/** @typedef {import("./incidents.js").Incidents} Incidents */
/** @typedef {"volume" | "people" | "index"} Measure */

const MEASURES = /** @type {Measure[]} */ (["volume", "people", "index"]);
const ROWS = 24;
const NAMES_FOR = 10_000;

/** Shows `series`, one of the names that the worker gives. */
export class Engagement {
  /** @param {Incidents} incidents */
  constructor(incidents) {
    this.incidents = incidents;
    this.series = "total";
    /** @type {Measure} */
    this.measure = "volume";
    this.windows = new Windows();
    /** @type {number | null} which window the reader points at; null for the latest */
    this.pointed = null;
    /** @type {Set<string>} the series that can be chosen */
    this.names = new Set(["total"]);
    this.namesAsked = 0;
    /** @type {import("./scale.js").Scale | null} */
    this.scale = null;
    this.asking = new AbortController();
    this.frame = byId("chart");
    this.picture = svg("svg", { role: "img", "aria-labelledby": "chart-words", height: HEIGHT });
    this.cursor = svg("g", { class: "cursor" });
    this.frame.append(this.picture);
    new ResizeObserver(() => this.draw()).observe(this.frame);
    this.#listen();
  }

  /**
   * Turns to another series.
   * @param {string} series
   */
  async choose(series) {
    this.series = series;
    this.windows = new Windows();
    this.pointed = null;
    this.#option(series);
    this.#wait(`Loading ${seriesName(series)} …`);
    await this.load();
  }

  /** Asks for the latest windows, until there is an answer. */
  async load() {
    this.asking.abort();
    this.asking = new AbortController();
    const { signal } = this.asking;
    let answer;
    try {
      answer = await askUntilAnswered(
        `series/${encodeURIComponent(this.series)}?limit=${MOST}`,
        (refusal) => signal.aborted || this.#wait(`${refusal.message} Trying again.`),
        signal,
      );
    } catch (error) {
      this.#wait(/** @type {Error} */ (error).message);
      return;
    }
    if (!answer || signal.aborted) return;
    for (const record of answer.windows) this.windows.add(record);
    if (answer.provisional) this.windows.add(answer.provisional);
    this.draw();
  }

  /** Asks which series there are; keeps those it knows where there is no answer. Not more often than is of use. */
  async loadNames() {
    if (Date.now() - this.namesAsked < NAMES_FOR) return;
    this.namesAsked = Date.now();
    try {
      for (const { series } of (await ask("series")).series) this.#option(series);
    } catch {
      // The reader has `total`, and a series named in the address; asked again when the stream is back.
    }
  }

  /** @param {Window} record */
  add(record) {
    this.#option(record.series);
    if (record.series === this.series) this.windows.add(record);
  }

  draw() {
    const width = this.frame.clientWidth;
    if (!width) return;
    const drawn = chart({
      width,
      windows: this.windows,
      measure: this.measure,
      stretches: this.incidents.stretches(this.series),
    });
    this.scale = drawn?.scale ?? null;
    set(this.picture, { viewBox: `0 0 ${width} ${HEIGHT}`, width });
    if (!drawn) {
      this.#wait("No window of this series yet. One is shown when it has ended.");
      return;
    }
    byId("chart-wait").hidden = true;
    this.picture.replaceChildren(...drawn.parts, this.cursor);
    this.#read();
    this.#table();
  }

  #listen() {
    for (const measure of MEASURES) {
      byId(`measure-${measure}`).addEventListener("change", () => {
        this.measure = measure;
        this.draw();
      });
    }
    const select = /** @type {HTMLSelectElement} */ (byId("series"));
    select.addEventListener("focus", () => void this.loadNames());
    select.addEventListener("change", () => {
      go({ ...read(location.hash), series: select.value === "total" ? undefined : select.value });
    });
    this.frame.addEventListener("pointermove", (event) => this.#point(event.offsetX));
    this.frame.addEventListener("pointerleave", () => this.#pointAt(null));
    this.frame.addEventListener("blur", () => this.#pointAt(null));
    this.frame.addEventListener("keydown", (event) => {
      const count = this.#shown().length;
      const here = this.pointed ?? count - 1;
      const to = {
        ArrowLeft: here - 1,
        ArrowRight: here + 1,
        PageUp: here - 10,
        PageDown: here + 10,
        Home: 0,
        End: count - 1,
      }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      this.#pointAt(Math.min(Math.max(to, 0), count - 1));
      say(byId("chart-said"), byId("chart-readout").textContent ?? "");
    });
    byId("chart-table-of").addEventListener("toggle", () => this.#table());
  }

  #shown() {
    const { final, provisional } = this.windows;
    return provisional ? [...final, provisional] : final;
  }

  /** @param {number} x */
  #point(x) {
    if (!this.scale) return;
    const { scale } = this;
    const shown = this.#shown();
    let nearest = 0;
    for (let place = 1; place < shown.length; place++) {
      if (Math.abs(scale.x(middle(shown[place])) - x) < Math.abs(scale.x(middle(shown[nearest])) - x))
        nearest = place;
    }
    this.#pointAt(nearest);
  }

  /** @param {number | null} place */
  #pointAt(place) {
    this.pointed = place;
    this.#read();
  }

  #read() {
    const shown = this.#shown();
    const one = shown[this.pointed ?? shown.length - 1];
    if (!one || !this.scale) return;
    say(byId("chart-readout"), `${when(one)}: ${inWords(one, this.measure)}`);
    say(
      byId("chart-words"),
      `${seriesName(this.series)}: ${this.measure} over ${whole(shown.length)} windows from ${dayMinute(shown[0].start)}. Latest: ${inWords(/** @type {Timed} */ (shown.at(-1)), this.measure)}. Arrow keys read it.`,
    );
    if (this.pointed === null) {
      this.cursor.replaceChildren();
      return;
    }
    const x = this.scale.x(middle(one)).toFixed(1);
    const y = this.scale.y(one.record[this.measure]).toFixed(1);
    const { top, bottom } = this.scale.frame;
    this.cursor.replaceChildren(
      svg("path", { d: `M${x} ${top}V${bottom}` }),
      svg("circle", { cx: x, cy: y, r: 4.5 }),
    );
  }

  /** @param {string} words */
  #wait(words) {
    const wait = byId("chart-wait");
    say(wait, words);
    wait.hidden = false;
    this.scale = null;
    this.picture.replaceChildren();
    say(byId("chart-readout"), " ");
  }

  /** @param {string} series */
  #option(series) {
    const select = /** @type {HTMLSelectElement} */ (byId("series"));
    if (!this.names.has(series)) {
      this.names.add(series);
      const group = series.includes(":") ? series.slice(0, series.indexOf(":")) : "";
      let under = /** @type {HTMLElement} */ (select);
      if (group) {
        under =
          [...select.querySelectorAll("optgroup")].find((one) => one.label === groupName(group)) ??
          el("optgroup", { label: groupName(group) });
        if (!under.parentNode) select.append(under);
      }
      under.append(el("option", { value: series }, seriesName(series)));
    }
    select.value = this.series;
  }

  #table() {
    if (!(/** @type {HTMLDetailsElement} */ (byId("chart-table-of")).open)) return;
    const rows = this.#shown()
      .slice(-ROWS)
      .reverse()
      .map((one) => {
        const band = one.record.bands?.[this.measure];
        const cell = (/** @type {number | undefined} */ value) =>
          el("td", { class: "number" }, value === undefined ? "–" : figure(this.measure, value));
        return el(
          "tr",
          {},
          el("th", { scope: "row" }, when(one), one.record.status === "final" ? null : " (open)"),
          cell(one.record[this.measure]),
          cell(band?.expected),
          cell(band?.lower),
          cell(band?.upper),
        );
      });
    byId("chart-rows").replaceChildren(...rows);
  }
}

/** @param {Timed} one */
const when = (one) => `${dayMinute(one.start)}–${minute(one.end)}`;

/** @param {string} kind */
const groupName = (kind) => (kind === "key" ? "key events" : kind);
