/** Bundle the client into one classic script, marked with a hash of its sources (see check.py). */
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = new URL('.', import.meta.url);
const read = (path) => readFileSync(new URL(path, here));
const vendored = JSON.parse(read('vendor/eventsource-parser/package.json'));
const { version } = JSON.parse(read('package.json'));

function sourcePaths() {
  const own = readdirSync(here).filter((path) => path.endsWith('.js'));
  const others = readdirSync(new URL('vendor', here), { recursive: true })
    .map((path) => `vendor/${path.replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith('.js'));
  return [...own, ...others, 'package.json'].sort();
}

function sourceHash() {
  const hash = createHash('sha256');
  for (const path of sourcePaths()) hash.update(`${path}\0`).update(read(path)).update('\0');
  return hash.digest('hex');
}

const notice = read('vendor/eventsource-parser/LICENSE').toString().trim();

await build({
  absWorkingDir: fileURLToPath(here),
  entryPoints: ['index.js'],
  outfile: '../static/sse/djust-sse.js',
  bundle: true,
  format: 'iife',
  minify: true,
  target: 'es2022',
  banner: {
    js: `/*! djust-sse ${version} sha256:${sourceHash()} */
/*! includes eventsource-parser ${vendored.version}, ${notice} */`,
  },
});
