// The claims that were sent from this tab: no record has them, and a verdict is read beside them.

const kPrefix = 'medsynth.claims.';

/** @param {string} id @param {[string, string]} claims */
export function remember(id, claims) {
  sessionStorage.setItem(kPrefix + id, JSON.stringify(claims));
}

/** @param {string} id @returns {[string, string] | undefined} */
export function claimsOf(id) {
  const text = sessionStorage.getItem(kPrefix + id);
  return text ? JSON.parse(text) : undefined;
}
