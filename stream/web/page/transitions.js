/** The latest transitions as sentences, those with one reason if asked for. */

import { byId, el, say } from "./elements.js";
import { REASONS, sentence } from "./lifecycle.js";
import { beside } from "./places.js";
import { clock, full, shortDay } from "./times.js";

/** @typedef {import("./lifecycle.js").Transition} Transition */

const KEPT = 400;
const SHOWN = 40;

/** Not a live region: hundreds may come in a second. */
export class Transitions {
  constructor() {
    /** @type {Transition[]} newest last */
    this.latest = [];
    this.reason = "";
    this.known = false;
    this.held = false;
    const select = /** @type {HTMLSelectElement} */ (byId("reason"));
    for (const [reason, words] of Object.entries(REASONS))
      select.append(el("option", { value: reason }, `${reason}: ${words}`));
    select.addEventListener("change", () => {
      this.reason = select.value;
      this.show();
    });
    const list = byId("transitions");
    // What moves away under a pointer or the focus cannot be read or followed.
    for (const [begins, ends] of [
      ["pointerenter", "pointerleave"],
      ["focusin", "focusout"],
    ]) {
      list.addEventListener(begins, () => this.#hold(true));
      list.addEventListener(ends, () => this.#hold(false));
    }
  }

  /** @param {Transition[]} transitions in the order in which they came */
  add(transitions) {
    this.latest.push(...transitions);
    if (this.latest.length > KEPT) this.latest.splice(0, this.latest.length - KEPT);
    if (!this.held) this.show();
  }

  show() {
    const chosen = this.reason ? this.latest.filter((t) => t.reason === this.reason) : this.latest;
    const shown = chosen.slice(-SHOWN).reverse();
    const list = byId("transitions");
    const there = new Map(
      [...list.children].map((child) => [/** @type {HTMLElement} */ (child).dataset.id, child]),
    );
    list.replaceChildren(...shown.map((t) => there.get(t.transition_id) ?? line(t)));
    const none = byId("transitions-none");
    none.hidden = shown.length > 0;
    if (!shown.length)
      say(
        none,
        !this.known
          ? "Loading …"
          : this.reason
            ? `None of the latest ${this.latest.length} is ${this.reason}.`
            : "Nobody has changed state or tier yet.",
      );
  }

  /** @param {boolean} held */
  #hold(held) {
    this.held = held;
    byId("transitions-held").hidden = !held;
    if (!held) this.show();
  }
}

/** @param {Transition} t */
function line(t) {
  const at = Date.parse(t.at);
  return el(
    "li",
    { "data-id": t.transition_id },
    el(
      "time",
      { datetime: t.at, title: full(at) },
      el("span", { class: "day" }, shortDay(at)),
      " ",
      clock(at),
    ),
    el("span", { class: `mark r-${known(t.reason)}`, "aria-hidden": "true" }),
    el(
      "span",
      { class: "what" },
      el("a", { href: beside({ person: t.person }), title: t.person }, t.person),
      " ",
      sentence(t),
    ),
  );
}

/** @param {string} reason */
export const known = (reason) => (Object.hasOwn(REASONS, reason) ? reason : "unknown");
