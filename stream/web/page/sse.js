/** Takes a text/event-stream apart. */

/** @typedef {{ event: string, data: string }} Message */

/** Text in pieces as they come, out come messages; comments and blank ones yield nothing. */
export class Messages {
  constructor() {
    this.rest = "";
    /** The latest id. */
    this.id = "";
    this.event = "";
    /** @type {string[]} */
    this.data = [];
  }

  /**
   * @param {string} text
   * @returns {Message[]}
   */
  take(text) {
    /** @type {Message[]} */
    const found = [];
    const lines = (this.rest + text).split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "") this.#end(found);
      else if (!line.startsWith(":")) this.#field(line);
    }
    return found;
  }

  /** @param {string} line */
  #field(line) {
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") this.data.push(value);
    else if (name === "event") this.event = value;
    else if (name === "id") this.id = value;
  }

  /** @param {Message[]} found */
  #end(found) {
    if (this.data.length) found.push({ event: this.event || "message", data: this.data.join("\n") });
    this.event = "";
    this.data = [];
  }
}
