/** Series by the names that people use. */

/**
 * `The product`, `Order Completed`, `channel app`, `no campaign`, as incidents' sentences have it.
 * @param {string} series
 */
export function seriesName(series) {
  if (series === "total") return "the product";
  const colon = series.indexOf(":");
  if (colon < 0) return series;
  const kind = series.slice(0, colon);
  const value = series.slice(colon + 1);
  if (kind === "key") return value;
  if (value === "(none)") return `no ${kind}`;
  return value === "other" ? `other values of ${kind}` : `${kind} ${value}`;
}
