/**
 * Call `wake` when the page or the network is back, and `suspend` when the page is frozen or goes away,
 * perhaps into the back/forward cache. Returns a function that removes these listeners.
 */
export function watchPage({ wake, suspend }) {
  const controller = new AbortController();
  const { signal } = controller;
  window.addEventListener('online', wake, { signal });
  window.addEventListener('pageshow', (event) => event.persisted && wake(), { signal });
  window.addEventListener('pagehide', suspend, { signal });
  document.addEventListener('visibilitychange', () => document.hidden || wake(), { signal });
  document.addEventListener('freeze', suspend, { signal });
  document.addEventListener('resume', wake, { signal });
  return () => controller.abort();
}
