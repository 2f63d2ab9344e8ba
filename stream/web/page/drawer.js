/** The panel at the side, which tells of one person or one incident and is opened by the address. */

import { byId, el, say } from "./elements.js";
import { incidentStory } from "./incident.js";
import { personStory } from "./person.js";
import { go, read } from "./places.js";

const AGAIN = 10_000;

/** Closed by Escape, its button, or a click beside it; the browser keeps the focus in it and gives it back. */
export class Drawer {
  constructor() {
    this.dialog = /** @type {HTMLDialogElement} */ (byId("drawer"));
    this.asked = "";
    this.shown = "";
    /** @type {string | undefined} */
    this.person = undefined;
    this.timer = 0;
    this.dialog.addEventListener("close", () => this.#closed());
    this.dialog.addEventListener("click", (event) => {
      const target = /** @type {Element} */ (event.target);
      if (target === this.dialog) this.dialog.close();
    });
    byId("drawer-close").addEventListener("click", () => this.dialog.close());
  }

  /** Shows what the address names, if that is a person or an incident. */
  follow() {
    const { person, incident } = read(location.hash);
    const asked = person ? `person ${person}` : incident ? `incident ${incident}` : "";
    if (!asked) {
      if (this.dialog.open) this.dialog.close();
      return;
    }
    if (!this.dialog.open) this.dialog.showModal();
    if (asked === this.asked) return;
    this.asked = asked;
    this.shown = "";
    say(byId("drawer-title"), person ?? "Incident");
    byId("drawer-body").replaceChildren(el("p", { class: "quiet" }, "Loading …"));
    void this.load();
  }

  /** Asks again for what is shown. */
  async load() {
    const { asked } = this;
    const { person, incident } = read(location.hash);
    if (!asked) return;
    clearTimeout(this.timer);
    /** @type {{ title: string, body: Node[], person?: string }} */
    const story = person ? await personStory(person) : await incidentStory(incident ?? "");
    if (asked !== this.asked) return;
    this.person = story.person;
    this.#show(story.title, story.body);
    this.timer = setTimeout(() => this.load(), AGAIN);
  }

  /**
   * Something happened to this person: if they are shown, asks again.
   * @param {Set<string>} persons
   */
  happened(persons) {
    if (this.person !== undefined && persons.has(this.person)) {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.load(), 500);
    }
  }

  /**
   * @param {string} title
   * @param {Node[]} body
   */
  #show(title, body) {
    say(byId("drawer-title"), title);
    const fresh = el("div", {}, ...body);
    // Equal to what is there: nothing is read out again, and no focus is lost.
    if (fresh.innerHTML === this.shown) return;
    this.shown = fresh.innerHTML;
    byId("drawer-body").replaceChildren(...fresh.childNodes);
  }

  #closed() {
    clearTimeout(this.timer);
    this.asked = "";
    this.person = undefined;
    const { series, person, incident } = read(location.hash);
    if (person || incident) go({ series });
  }
}
