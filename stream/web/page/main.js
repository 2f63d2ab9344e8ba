/** Puts the page together: what is asked for at first, what follows, and who shows it. */

import { ask, askUntilAnswered } from "./ask.js";
import { Connection } from "./connection.js";
import { Drawer } from "./drawer.js";
import { byId, el, say } from "./elements.js";
import { Engagement } from "./engagement.js";
import { Flow } from "./flow.js";
import { follow } from "./follow.js";
import { Incidents } from "./incidents.js";
import { TIERS } from "./lifecycle.js";
import { Now } from "./now.js";
import { percent, whole } from "./numbers.js";
import { Pace } from "./pace.js";
import { go, read } from "./places.js";
import { Tally } from "./tally.js";
import { full, setZone, zoneName } from "./times.js";
import { Transitions } from "./transitions.js";
import { MOST, Windows } from "./windows.js";

const BEAT = 250;
const FIRST_TRANSITIONS = 400;
const NAMES_EVERY = 60_000;
const UNSEEN = 60_000;

const tally = new Tally();
const now = new Now();
const pace = new Pace();
const incidents = new Incidents();
const flow = new Flow(tally);
const engagement = new Engagement(incidents);
const transitions = new Transitions();
const drawer = new Drawer();
/** The whole product's windows, whichever series the chart shows. */
const total = new Windows();

/** What has come since the last beat, and is shown together at the next. @type {import("./lifecycle.js").Transition[]} */
let arrived = [];
const dirty = { windows: false, incidents: false };

/** @type {Record<string, (record: any) => void>} */
const TAKE = {
  transition: (record) => arrived.push(record),
  states: showStates,
  incident(record) {
    incidents.add(record);
    dirty.incidents = true;
  },
  engagement(record) {
    if (record.series === "total") total.add(record);
    engagement.add(record);
    dirty.windows = true;
  },
};

/** @type {ReturnType<typeof follow> | null} the second stream, of the series in the chart where that is not `total` */
let ofSeries = null;

/** Ends the questions of the last time that the stream was opened. */
let asking = new AbortController();
let begun = false;

const stream = follow("events?topics=transitions,incidents,engagement,states&series=total", {
  onRecord: (event, record) => TAKE[event]?.(record),
  onOpen() {
    connection.open();
    void catchUp();
  },
  onLost(sentence, waitMs) {
    connection.lost(sentence, waitMs);
    // Without the stream there may still be answers.
    if (!begun) void catchUp();
  },
});
const connection = new Connection(() => stream.retry());

/** What may have been missed: before the stream was opened, or while it was broken. Each panel says that it waits. */
async function catchUp() {
  begun = true;
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  /** @type {(path: string, take: (answer: any) => void, refused?: (refusal: import("./ask.js").Refusal) => void) => Promise<void>} */
  const fetched = async (path, take, refused = () => {}) => {
    const answer = await askUntilAnswered(
      path,
      (refusal) => signal.aborted || refused(refusal),
      signal,
    ).catch(() => null);
    if (answer && !signal.aborted) take(answer);
  };
  await version();
  void engagement.loadNames();
  void engagement.load();
  void fetched("states", showStates, (refusal) => notice(refusal.message));
  void fetched(`series/total?limit=${MOST}`, (answer) => {
    for (const record of [...answer.windows, answer.provisional]) if (record) total.add(record);
    dirty.windows = true;
  });
  void fetched("incidents?status=all", (answer) => {
    for (const record of answer.incidents) incidents.add(record);
    incidents.known = true;
    dirty.incidents = true;
  });
  void fetched(`transitions?limit=${FIRST_TRANSITIONS}`, (answer) => {
    // Before those that the stream has brought meanwhile; what is in both is counted once.
    if (transitions.known) arrived.unshift(...answer.transitions);
    else showTransitions(answer.transitions, false);
    transitions.known = true;
    transitions.show();
  });
}

/** Everything that has come since the last beat, together: however much comes, four times a second is enough. */
function beat() {
  if (transitions.known && arrived.length) {
    const together = arrived;
    arrived = [];
    showTransitions(together, true);
  }
  if (arrived.length > 10_000) arrived.splice(0, arrived.length - 10_000);
  if (dirty.windows) now.happened(total);
  if (dirty.incidents) incidents.show();
  if (dirty.windows || dirty.incidents) engagement.draw();
  dirty.windows = dirty.incidents = false;
}

/**
 * @param {import("./lifecycle.js").Transition[]} records
 * @param {boolean} moving
 */
function showTransitions(records, moving) {
  const fresh = records.filter((record) => tally.add(record));
  transitions.add(fresh);
  if (moving) flow.move(fresh);
  else flow.tallied();
  drawer.happened(new Set(fresh.map((record) => record.person)));
}

/** @param {import("./now.js").States} states */
function showStates(states) {
  if (states.counted) {
    flow.count(states.people);
    now.count(states);
    showTiers(states.tiers);
  }
  const missing = states.partitions - states.counted;
  notice(missing > 0 ? uncounted(states) : "");
  if (states.as_of) showTime(Date.parse(states.as_of));
}

/** @param {import("./now.js").States} states */
const uncounted = ({ counted, partitions }) =>
  counted
    ? `${counted} of ${partitions} partitions are counted; the others are being restored, or their worker does not answer.`
    : `None of the ${partitions} partitions is counted yet: they are being restored, or their worker does not answer.`;

/** @param {Record<string, number>} tiers */
function showTiers(tiers) {
  const all = TIERS.reduce((sum, tier) => sum + (tiers[tier] ?? 0), 0);
  for (const tier of TIERS) {
    const count = tiers[tier] ?? 0;
    say(byId(`tier-${tier}`), whole(count));
    say(byId(`tier-${tier}-share`), all ? percent(count / all) : "");
    byId(`tier-${tier}-bar`).style.flexGrow = String(count);
  }
}

/** @param {number} asOf */
function showTime(asOf) {
  pace.saw(asOf, Date.now());
  const time = byId("clock");
  time.setAttribute("datetime", new Date(asOf).toISOString());
  say(time, `${full(asOf)} ${zoneName()}`);
  const speed = pace.speed();
  const fast =
    speed !== null && speed > 1.5
      ? `, ${speed >= 100 ? whole(Number(speed.toPrecision(2))) : speed.toPrecision(2)}× real time`
      : "";
  say(byId("clock-words"), pace.differs() ? "Stream time" : "As of");
  say(byId("clock-pace"), fast);
}

/** @param {string} words */
function notice(words) {
  say(byId("notice"), words);
  byId("notice").hidden = !words;
}

async function version() {
  try {
    const answer = await ask("version");
    if (typeof answer.timezone === "string") setZone(answer.timezone);
    byId("version").replaceChildren(
      `Footfall ${answer.version}, definition `,
      el("code", {}, answer.definition),
    );
  } catch {
    // The page does without.
  }
}

function goTo() {
  const series = read(location.hash).series ?? "total";
  if (series !== engagement.series) {
    ofSeries?.stop();
    ofSeries =
      series === "total"
        ? null
        : follow(`events?topics=engagement&series=${encodeURIComponent(series)}`, {
            onRecord: (event, record) => TAKE[event]?.(record),
            onOpen: (again) => void (again && engagement.load()),
            onLost: () => {},
          });
    void engagement.choose(series);
    if (series !== "total") byId("engagement").scrollIntoView({ block: "nearest" });
  }
  drawer.follow();
}

byId("find").addEventListener("submit", (event) => {
  event.preventDefault();
  const person = /** @type {HTMLInputElement} */ (byId("find-person")).value.trim();
  if (person) go({ series: read(location.hash).series, person });
});
document.addEventListener("click", (event) => {
  const link = /** @type {Element} */ (event.target).closest("[data-closes]");
  if (link) drawer.dialog.close();
});
// Who does not look needs no stream, and each takes one of the few connections that a browser has for a host.
let hiding = 0;
document.addEventListener("visibilitychange", () => {
  clearTimeout(hiding);
  if (document.hidden) {
    hiding = setTimeout(() => {
      for (const one of [stream, ofSeries]) one?.pause();
      connection.pause();
    }, UNSEEN);
  } else {
    for (const one of [stream, ofSeries]) one?.resume();
  }
});
addEventListener("hashchange", goTo);
setInterval(beat, BEAT);
setInterval(() => document.hidden || void engagement.loadNames(), NAMES_EVERY);
transitions.show();
incidents.show();
goTo();
