/** Times of the stream, put in the product's time zone. */

/** @type {Record<string, Intl.DateTimeFormat>} */
let formats = {};
let zone = "UTC";

/**
 * Which zone all times are put in from now on; UTC where the browser does not know it.
 * @param {string} name
 */
export function setZone(name) {
  try {
    new Intl.DateTimeFormat("en-GB", { timeZone: name });
    zone = name;
  } catch {
    zone = "UTC";
  }
  formats = {};
}

export const zoneName = () => zone;

/**
 * @param {string} name
 * @param {Intl.DateTimeFormatOptions} options
 */
function format(name, options) {
  return (formats[name] ??= new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    hourCycle: "h23",
    ...options,
  }));
}

/** `13:05:07`. @param {number} ms */
export const clock = (ms) =>
  format("clock", { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(ms);

/** `13:05`. @param {number} ms */
export const minute = (ms) => format("minute", { hour: "2-digit", minute: "2-digit" }).format(ms);

/** `24 Jan 2026`. @param {number} ms */
export const day = (ms) => format("day", { day: "numeric", month: "short", year: "numeric" }).format(ms);

/** `24 Jan`. @param {number} ms */
export const shortDay = (ms) => format("shortDay", { day: "numeric", month: "short" }).format(ms);

/** `24 Jan 13:05`. @param {number} ms */
export const dayMinute = (ms) => `${shortDay(ms)} ${minute(ms)}`;

/** `24 Jan 2026, 13:05:07`. @param {number} ms */
export const full = (ms) => `${day(ms)}, ${clock(ms)}`;

/**
 * A local date (`2026-01-24`) as `24 Jan 2026`.
 * @param {string} date
 */
export function dateOf(date) {
  const ms = Date.parse(`${date}T00:00:00Z`);
  if (Number.isNaN(ms)) return date;
  return new Intl.DateTimeFormat("en-GB", {
    timeZone: "UTC",
    day: "numeric",
    month: "short",
    year: "numeric",
  }).format(ms);
}
