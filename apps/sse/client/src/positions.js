const POSITION = /^(\d{1,18})-[0-9a-f]{8}$/;

export function isPosition(id) {
  return POSITION.test(id);
}

/** Return whether `id` is a position at or before the position `last`; false for ids of other kinds. */
export function isDuplicate(id, last) {
  const [given, seen] = [POSITION.exec(id), POSITION.exec(last)];
  return given !== null && seen !== null && BigInt(given[1]) <= BigInt(seen[1]);
}
