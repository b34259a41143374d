const POSITION = /^(\d{1,18})-[0-9a-f]{8}$/;

export function isPosition(id) {
  return POSITION.test(id);
}

/** Whether `id` is a position that is not past the position `last`; never for ids of any other kind. */
export function isRepeat(id, last) {
  const [given, seen] = [POSITION.exec(id), POSITION.exec(last)];
  return given !== null && seen !== null && BigInt(given[1]) <= BigInt(seen[1]);
}
