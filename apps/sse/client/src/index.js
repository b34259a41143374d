import { DjustSSE } from './connection.js';
import { start } from './elements.js';
import { loadSharing } from './source.js';

// If a page loads the script twice, the first one keeps its streams.
if (!globalThis.DjustSSE) {
  globalThis.DjustSSE = DjustSSE;
  start();
  if (document.documentElement.hasAttribute('dj-sse-share-key')) loadSharing();
}
