/** The words of the lifecycle: states, tiers, reasons, and transitions as sentences. */

import { counted } from "./numbers.js";

/**
 * A record as published (footfall.transition/1).
 * @typedef {object} Transition
 * @property {string} transition_id
 * @property {string} person
 * @property {"lifecycle" | "tier"} kind
 * @property {string | null} from
 * @property {string} to
 * @property {string} reason
 * @property {string} at
 * @property {string} cause
 * @property {string} tier
 * @property {number} engaged_visits
 * @property {number | null} days_in_previous
 */

/** In the order of a life; what each means, briefly. */
export const STATES = {
  prospect: "seen, not registered",
  new: "registered, not engaged yet",
  active: "engaged lately",
  silent: "was there lately, not engaged",
  churned: "long gone",
  hibernating: "gone for very long",
  deleted: "account deleted",
};

export const TIERS = ["none", "low", "medium", "high"];

/** In the order in which they can be chosen. */
export const REASONS = {
  registered: "registered",
  imported: "were users before",
  activated: "became active",
  reactivated: "active again",
  resurrected: "won back",
  stalled: "never got going",
  lapsed: "fell silent",
  churned: "churned",
  hibernated: "went into hibernation",
  returned: "came back, not active yet",
  deleted: "deleted",
  tier_up: "rose to a higher tier",
  tier_down: "fell to a lower tier",
};

/** @type {Record<string, (t: Transition) => string>} */
const SENTENCES = {
  registered: () => "registered",
  imported: () => "was seen for the first time, and is a user from before",
  activated: (t) =>
    t.from === "silent"
      ? `became active for the first time${after(t, "silent")}`
      : `became active${after(t, "new")}`,
  reactivated: (t) => `is active again${after(t, "silent")}`,
  resurrected: (t) => `was won back${after(t, t.from ?? "gone")}`,
  stalled: (t) => `fell silent without having been active${after(t, "new")}`,
  lapsed: (t) => `fell silent${after(t, "active")}`,
  churned: (t) => `churned${after(t, "silent")}`,
  hibernated: (t) => `went into hibernation${after(t, "churned")}`,
  returned: (t) => `came back, not active yet${after(t, t.from ?? "gone")}`,
  deleted: (t) => `was deleted${after(t, t.from ?? "here")}`,
  tier_up: (t) => `rose from tier ${t.from ?? "none"} to ${t.to}${visits(t)}`,
  tier_down: (t) => `fell from tier ${t.from ?? "none"} to ${t.to}${visits(t)}`,
};

/**
 * What happened to the person, without naming them: `fell silent after 41 days active`.
 * @param {Transition} t
 */
export function sentence(t) {
  const words = Object.hasOwn(SENTENCES, t.reason) ? SENTENCES[t.reason] : null;
  return words ? words(t) : `went from ${t.from ?? "nowhere"} to ${t.to} (${t.reason})`;
}

/**
 * What brought it about.
 * @param {Transition} t
 */
export const cause = (t) => (t.cause === "day" ? "at midnight" : `by event ${t.cause}`);

/**
 * @param {Transition} t
 * @param {string} state
 */
function after(t, state) {
  return t.days_in_previous === null || t.days_in_previous === undefined
    ? ""
    : ` after ${t.days_in_previous === 0 ? "less than a day" : counted(t.days_in_previous, "day")} ${state}`;
}

/** @param {Transition} t */
const visits = (t) => `, with ${counted(t.engaged_visits, "engaged visit")}`;
