/** Follows a stream of server-sent events, and takes it up again whenever it breaks. */

import { Refusal, refusal } from "./ask.js";
import { Messages } from "./sse.js";

const SILENCE = 30_000;
const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 15_000;

/**
 * @typedef {object} Listener
 * @property {(event: string, record: any) => void} onRecord
 * @property {(again: boolean) => void} onOpen `again` where there was a gap: what was missed may have to be asked for
 * @property {(sentence: string, waitMs: number) => void} onLost why it broke off, and when it is tried again
 */

/**
 * Follows until `stop()` of what it gives back. By fetch and not by EventSource, which hides heartbeats, so
 * that a connection that is dead without an end is never noticed, and gives up for good at the first 503.
 * @param {string} path
 * @param {Listener} listener
 * @returns {{ stop: () => void, retry: () => void, pause: () => void, resume: () => void }}
 */
export function follow(path, listener) {
  let stopped = false;
  let paused = false;
  let opened = false;
  let lastId = "";
  let wait = FIRST_WAIT;
  /** @type {AbortController} */
  let current = new AbortController();
  /** @type {() => void} */
  let wake = () => {};

  async function once() {
    current = new AbortController();
    const silence = new Silence(() => current.abort());
    try {
      const headers = { Accept: "text/event-stream", ...(lastId ? { "Last-Event-ID": lastId } : {}) };
      const response = await fetch(path, { headers, signal: current.signal, cache: "no-store" });
      if (!response.ok || !response.body) throw await refusal(response);
      listener.onOpen(opened);
      opened = true;
      await read(response.body.getReader(), silence);
    } finally {
      silence.end();
    }
  }

  /**
   * @param {ReadableStreamDefaultReader<Uint8Array>} reader
   * @param {Silence} silence
   */
  async function read(reader, silence) {
    const messages = new Messages();
    const text = new TextDecoder();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      silence.broken();
      // A connection that carries something is one to come back to soon.
      wait = FIRST_WAIT;
      for (const message of messages.take(text.decode(value, { stream: true }))) pass(message);
      // Also that of a frame without data, which tells where the stream begins.
      lastId = messages.id || lastId;
    }
  }

  /** @param {import("./sse.js").Message} message */
  function pass(message) {
    let record;
    try {
      record = JSON.parse(message.data);
    } catch {
      return;
    }
    listener.onRecord(message.event, record);
  }

  async function run() {
    while (!stopped) {
      let why = "";
      try {
        await once();
      } catch (error) {
        if (error instanceof Refusal) why = error.message;
        else if (!(error instanceof TypeError) && !(error instanceof DOMException)) console.error(error);
      }
      if (stopped) return;
      if (!paused) {
        listener.onLost(why, wait);
        await sleep(wait);
        wait = Math.min(wait * 2, LONGEST_WAIT);
      }
      while (paused && !stopped) await sleep();
    }
  }

  /**
   * Until it is woken, or for so long.
   * @param {number} [ms]
   */
  const sleep = (ms) =>
    new Promise((resolve) => {
      const timer = ms === undefined ? 0 : setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve(undefined);
      };
    });

  void run();
  return {
    stop() {
      stopped = true;
      current.abort();
      wake();
    },
    retry: () => wake(),
    // Lets go of the connection, and takes it up where it was: a browser has few for all its tabs.
    pause() {
      paused = true;
      current.abort();
    },
    resume() {
      paused = false;
      wake();
    },
  };
}

/** Says so when nothing, not even a heartbeat, has come for too long. */
class Silence {
  /** @param {() => void} tooLong */
  constructor(tooLong) {
    this.heard = Date.now();
    this.timer = setInterval(() => {
      if (Date.now() - this.heard > SILENCE) tooLong();
    }, 5_000);
  }

  broken() {
    this.heard = Date.now();
  }

  end() {
    clearInterval(this.timer);
  }
}
