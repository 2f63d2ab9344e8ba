/** Says whether the page is up to date: live, or lost and tried again when. */

import { byId, say } from "./elements.js";

export class Connection {
  /** @param {() => void} retry */
  constructor(retry) {
    this.timer = 0;
    byId("retry").addEventListener("click", retry);
  }

  open() {
    clearInterval(this.timer);
    document.documentElement.dataset.connection = "open";
    say(byId("connection-words"), "Live");
    byId("lost").hidden = true;
  }

  pause() {
    clearInterval(this.timer);
    document.documentElement.dataset.connection = "paused";
    say(byId("connection-words"), "Paused");
    byId("lost").hidden = true;
  }

  /**
   * @param {string} sentence what the worker said, if it did
   * @param {number} waitMs
   */
  lost(sentence, waitMs) {
    clearInterval(this.timer);
    document.documentElement.dataset.connection = "lost";
    say(byId("connection-words"), "Not live");
    const until = Date.now() + waitMs;
    say(
      byId("lost-words"),
      `Connection lost, trying again. ${sentence || "What is shown may be out of date."}`,
    );
    const tick = () => {
      const seconds = Math.ceil((until - Date.now()) / 1000);
      say(byId("lost-when"), seconds > 0 ? `in ${seconds} s` : "now …");
    };
    tick();
    this.timer = setInterval(tick, 500);
    byId("lost").hidden = false;
  }
}
