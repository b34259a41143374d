/** Bundle the client into one classic script, marked with a hash of its sources (see check.py). */
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = new URL('.', import.meta.url);
const read = (path) => readFileSync(new URL(path, here));
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

const licence = (name) => read(`vendor/${name}/LICENSE`).toString().trim();
const versionOf = (name) => JSON.parse(read(`vendor/${name}/package.json`)).version;

const common = { absWorkingDir: fileURLToPath(here), bundle: true, minify: true, target: 'es2022', charset: 'utf8' };

await build({
  ...common,
  entryPoints: ['index.js'],
  outfile: '../static/sse/djust-sse.js',
  format: 'iife',
  banner: {
    js: `/*! djust-sse ${version} sha256:${sourceHash()} */
/*! includes eventsource-parser ${versionOf('eventsource-parser')}, its licence is in eventsource-parser.LICENSE.txt */`,
  },
});

await build({
  ...common,
  entryPoints: ['vendor/idiomorph/dist/idiomorph.esm.js'],
  outfile: '../static/sse/idiomorph.js',
  format: 'esm',
  banner: { js: `/*! idiomorph ${versionOf('idiomorph')}, ${licence('idiomorph')} */` },
});

// Licences travel beside what they are for: each visitor would have to load them otherwise.
copyFileSync(
  new URL('vendor/eventsource-parser/LICENSE', here),
  new URL('../static/sse/eventsource-parser.LICENSE.txt', here),
);
