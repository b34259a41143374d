import { DjustSSE } from './connection.js';
import { start } from './declarative.js';
import { loadSharing } from './source.js';

// A page that loads the script twice keeps its first streams.
if (!globalThis.DjustSSE) {
  globalThis.DjustSSE = DjustSSE;
  start();
  if (document.documentElement.hasAttribute('dj-sse-share-key')) loadSharing();
}
