/** Asks the worker for JSON. */

/** What the worker said instead of an answer: an HTTP status, 0 where there was none, and a sentence. */
export class Refusal extends Error {
  /**
   * @param {number} status
   * @param {string} sentence
   */
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

const PATIENCE = 15_000;

/**
 * The answer to a GET. Throws Refusal.
 * @param {string} path relative to the page, so that it may live below another path behind a proxy
 * @returns {Promise<any>}
 */
export async function ask(path) {
  let response;
  try {
    response = await fetch(path, {
      headers: { Accept: "application/json" },
      signal: AbortSignal.timeout(PATIENCE),
    });
  } catch {
    throw new Refusal(0, "The worker does not answer.");
  }
  if (!response.ok) throw await refusal(response);
  try {
    return await response.json();
  } catch {
    throw new Refusal(0, "The worker's answer broke off.");
  }
}

/**
 * Asks again and again, waiting longer each time, until there is an answer. What cannot be helped by
 * waiting (400 to 499) is thrown at once.
 * @param {string} path
 * @param {(refusal: Refusal) => void} onRefusal told of each refusal, to show it
 * @param {AbortSignal} [signal] ends it: then the answer is null
 * @returns {Promise<any>}
 */
export async function askUntilAnswered(path, onRefusal, signal) {
  for (let wait = 1_000; ; wait = Math.min(wait * 2, 15_000)) {
    try {
      return await ask(path);
    } catch (error) {
      if (signal?.aborted) return null;
      const refused = error instanceof Refusal ? error : new Refusal(0, String(error));
      onRefusal(refused);
      if (refused.status >= 400 && refused.status < 500 && refused.status !== 404 && refused.status !== 429)
        throw refused;
      await new Promise((resume) => setTimeout(resume, wait));
      if (signal?.aborted) return null;
    }
  }
}

/**
 * @param {Response} response
 * @returns {Promise<Refusal>}
 */
export async function refusal(response) {
  let sentence = "";
  try {
    const said = await response.json();
    if (typeof said.error === "string") sentence = said.error;
  } catch {
    // Not JSON: a proxy's page, say. The status must do.
  }
  if (!sentence) {
    sentence =
      response.status === 404
        ? "The worker has no such thing."
        : response.status === 503
          ? "The worker is not ready yet; it may be restoring its state."
          : `The worker answered with status ${response.status}.`;
  }
  return new Refusal(response.status, sentence);
}
