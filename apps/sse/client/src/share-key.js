/** Return the key that the tabs of one session have in common; empty on pages without one. */
export function shareKey() {
  return document.querySelector('[dj-sse-share-key]')?.getAttribute('dj-sse-share-key') ?? '';
}
