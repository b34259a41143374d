/** What makes the tabs of one session know each other; empty on pages that do not say. */
export function shareKey() {
  return document.querySelector('[dj-sse-share-key]')?.getAttribute('dj-sse-share-key') ?? '';
}

/**
 * Call `wake` when the page or the network is back, `leave` when the page goes away, perhaps into
 * the back/forward cache, or is frozen. Returns a function that stops this.
 */
export function followPage({ wake, leave }) {
  const controller = new AbortController();
  const { signal } = controller;
  window.addEventListener('online', wake, { signal });
  window.addEventListener('pageshow', (event) => event.persisted && wake(), { signal });
  window.addEventListener('pagehide', leave, { signal });
  document.addEventListener('visibilitychange', () => document.hidden || wake(), { signal });
  document.addEventListener('freeze', leave, { signal });
  document.addEventListener('resume', wake, { signal });
  return () => controller.abort();
}
