/** One person's story. */

import { ask, Refusal } from "./ask.js";
import { el, svg } from "./elements.js";
import { fact, table } from "./incident.js";
import { cause, sentence, STATES } from "./lifecycle.js";
import { counted, whole } from "./numbers.js";
import { dateOf, dayMinute, full } from "./times.js";
import { known } from "./transitions.js";

/** @typedef {{ days_1: number, days_7: number, days_30: number }} Counts */
/** @typedef {{ start: string, last_event: string, events: number, pages: number, key_events: Record<string, number>, passive: boolean }} OpenVisit */
/**
 * A record as published (footfall.explanation/1).
 * @typedef {object} Explanation
 * @property {string} person
 * @property {string} as_of
 * @property {string} state
 * @property {string} tier
 * @property {number} engaged_visits
 * @property {Record<string, number>} engaged_days
 * @property {string | null} registered
 * @property {boolean} imported
 * @property {string} last_event
 * @property {number} visits
 * @property {string | null} state_since
 * @property {string | null} next_check
 * @property {Record<string, Counts>} key_events
 * @property {OpenVisit[]} open_visits
 * @property {string[]} joined_ids
 */
/** @typedef {{ explanation: Explanation, transitions: import("./lifecycle.js").Transition[], complete: boolean }} Story */

const DAYS = 30;
const DAY = 86_400_000;

/**
 * What a drawer shows of the person: a title and its body.
 * @param {string} id
 * @returns {Promise<{ title: string, body: Node[], person?: string }>}
 */
export async function personStory(id) {
  /** @type {Story} */
  let story;
  try {
    story = await ask(`people/${encodeURIComponent(id)}`);
  } catch (error) {
    const refused = /** @type {Refusal} */ (error);
    const lead = refused.status === 404 ? `Nobody is known as “${id}”.` : "This person can't be shown now.";
    const hint =
      refused.status === 404
        ? "Ids are told apart by upper and lower case; a person without an account is anonymous: and their anonymousId."
        : null;
    return {
      title: id,
      body: [
        el("p", { class: "missing" }, lead),
        el("p", { class: "quiet" }, refused.message),
        hint ? el("p", { class: "quiet" }, hint) : null,
      ].filter((node) => node !== null),
    };
  }
  return { title: story.explanation.person, body: body(id, story), person: story.explanation.person };
}

/**
 * @param {string} asked
 * @param {Story} story
 */
function body(asked, { explanation: it, transitions, complete }) {
  const state = Object.hasOwn(STATES, it.state) ? it.state : "unknown";
  return [
    it.person === asked ? null : el("p", {}, `${asked} has been joined to this person.`),
    el(
      "p",
      { class: "kind" },
      el("span", { class: `tag state s-${state}` }, it.state),
      el("span", { class: "tag" }, `tier ${it.tier}`),
      it.state_since ? el("span", {}, `since ${dateOf(it.state_since)}`) : null,
    ),
    el(
      "dl",
      { class: "facts" },
      ...fact(
        "registered",
        it.registered
          ? dateOf(it.registered) + (it.imported ? ", a user from before" : "")
          : "not registered",
      ),
      ...fact("last event", dateOf(it.last_event)),
      ...fact("visits", `${whole(it.visits)}, ${whole(it.open_visits.length)} of them open`),
      ...fact("engaged", `${counted(it.engaged_visits, "visit")} in the days that count`),
      ...(it.next_check
        ? fact("next check", `${dateOf(it.next_check)}; nothing changes before without an event`)
        : []),
    ),
    ...engaged(it),
    ...(it.open_visits.length
      ? [el("h3", {}, "There now"), el("ul", { class: "plain" }, ...it.open_visits.map(openVisit))]
      : []),
    ...table(
      "Key events",
      ["Key event", "1 day", "7 days", "30 days"],
      Object.entries(it.key_events).map(([name, of]) => [
        name,
        whole(of.days_1),
        whole(of.days_7),
        whole(of.days_30),
      ]),
    ),
    el("h3", {}, "Transitions"),
    transitions.length
      ? el("ol", { class: "story" }, ...[...transitions].reverse().map(step))
      : el(
          "p",
          { class: "quiet" },
          it.registered ? "None that is still known." : "None: a life begins with the registration.",
        ),
    complete
      ? null
      : el("p", { class: "quiet" }, "There may be older ones, which are not kept where this page looks."),
    ...(it.joined_ids.length
      ? [
          el("h3", {}, "Joined ids"),
          el("ul", { class: "plain ids" }, ...it.joined_ids.map((id) => el("li", {}, id))),
        ]
      : []),
    el("p", { class: "quiet" }, `As of ${full(Date.parse(it.as_of))}.`),
  ].filter((node) => node !== null);
}

/** @param {import("./lifecycle.js").Transition} t */
function step(t) {
  return el(
    "li",
    { class: `r-${known(t.reason)}` },
    el("time", { datetime: t.at }, full(Date.parse(t.at))),
    el("span", {}, capital(sentence(t)), " ", el("span", { class: "quiet" }, `(${t.reason}, ${cause(t)})`)),
  );
}

/** @param {OpenVisit} visit */
function openVisit(visit) {
  const keys = Object.entries(visit.key_events).map(([name, count]) =>
    count > 1 ? `${name} ×${count}` : name,
  );
  return el(
    "li",
    {},
    `Since ${dayMinute(Date.parse(visit.start))}: ${counted(visit.events, "event")}, ${counted(visit.pages, "page")}`,
    keys.length ? `, ${keys.join(", ")}` : ", no key event",
    visit.passive ? "; asked for by a message" : "",
  );
}

/**
 * The last days with engaged visits, a column a day.
 * @param {Explanation} it
 */
function engaged(it) {
  const last = Math.floor(Date.parse(it.as_of) / DAY);
  const days = Array.from({ length: DAYS }, (_, back) => {
    const name = new Date((last - DAYS + 1 + back) * DAY).toISOString().slice(0, 10);
    return { name, count: it.engaged_days[name] ?? 0 };
  });
  const with_ = days.filter((one) => one.count);
  if (!with_.length) return [];
  const most = Math.max(...days.map((one) => one.count));
  return [
    el("h3", {}, "Engaged visits, day by day"),
    svg(
      "svg",
      {
        class: "days",
        viewBox: `0 0 ${DAYS * 10} 44`,
        preserveAspectRatio: "none",
        role: "img",
        "aria-label": with_.map((one) => `${dateOf(one.name)}: ${one.count}`).join("; "),
      },
      ...days.map((one, place) => {
        const height = one.count ? 8 + (one.count / most) * 34 : 2;
        return svg(
          "rect",
          {
            class: one.count ? "some" : "none",
            x: place * 10 + 1,
            y: 44 - height,
            width: 8,
            height,
            rx: 1.5,
          },
          svg("title", {}, `${dateOf(one.name)}: ${one.count}`),
        );
      }),
    ),
    el(
      "p",
      { class: "quiet ends" },
      el("span", {}, dateOf(days[0].name)),
      el("span", {}, dateOf(days[DAYS - 1].name)),
    ),
  ];
}

/** @param {string} text */
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
