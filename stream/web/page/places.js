/** Which person, incident or series the address's fragment names: `#person=…`, `#incident=…`, `#series=…`. */

const NAMES = ["person", "incident", "series"];

/** @typedef {{ person?: string, incident?: string, series?: string }} Place */

/**
 * What a fragment names; anything else in it is passed over.
 * @param {string} fragment
 * @returns {Place}
 */
export function read(fragment) {
  /** @type {Record<string, string>} */
  const found = {};
  for (const part of fragment.replace(/^#/, "").split("&")) {
    const equals = part.indexOf("=");
    const name = part.slice(0, Math.max(equals, 0));
    if (NAMES.includes(name) && part.length > equals + 1) found[name] = decode(part.slice(equals + 1));
  }
  return found;
}

/**
 * The fragment that names it, `#` for none.
 * @param {Place} place
 */
export function fragment(place) {
  const parts = Object.entries(place)
    .filter(([, value]) => value)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return `#${parts.join("&")}`;
}

/**
 * Names this place beside the series that is shown, which a reader keeps.
 * @param {Place} place
 */
export function beside(place) {
  const { series } = read(location.hash);
  return fragment(series ? { series, ...place } : place);
}

/**
 * Goes there without leaving the place on the page, as a link to a bare `#` would.
 * @param {Place} place
 */
export function go(place) {
  history.pushState(null, "", fragment(place));
  dispatchEvent(new HashChangeEvent("hashchange"));
}

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
