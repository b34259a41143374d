/** Bundle the client and the parts that it loads, each marked with a hash of all sources (see check.py). */
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { minify } from 'terser';

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

const hash = sourceHash();
const parser = `includes eventsource-parser ${versionOf('eventsource-parser')}, its licence is in eventsource-parser.LICENSE.txt`;

/** Of each built file: where it begins, its format, and what its head says beside its name and hash. */
const FILES = {
  'djust-sse.js': { entry: 'index.js', format: 'iife', notice: parser },
  'djust-sse-sharing.js': { entry: 'shared.js', format: 'esm' },
  'djust-sse-attributes.js': { entry: 'attributes.js', format: 'esm' },
  'djust-sse-advice.js': { entry: 'advice.js', format: 'esm' },
  'djust-sse-morph.js': {
    entry: 'morphing.js',
    format: 'esm',
    notice: `includes idiomorph ${versionOf('idiomorph')}, ${licence('idiomorph')}`,
  },
};

for (const [file, { entry, format, notice }] of Object.entries(FILES)) {
  const { outputFiles } = await build({
    absWorkingDir: fileURLToPath(here),
    bundle: true,
    minify: true,
    target: 'es2022',
    charset: 'utf8',
    // Tabs of different clients do not share.
    define: { VERSION: JSON.stringify(hash.slice(0, 8)) },
    entryPoints: [entry],
    format,
    write: false,
  });
  const head = `/*! djust-sse ${version} sha256:${hash} */\n${notice ? `/*! ${notice} */\n` : ''}`;
  // It puts functions that are used once where they are used, which esbuild does not.
  const { code } = await minify(outputFiles[0].text, { ecma: 2022, compress: { passes: 3 }, module: format === 'esm' });
  writeFileSync(new URL(`../static/sse/${file}`, here), `${head}${code}\n`);
}

// Licences travel beside what they are for: each visitor would have to load them otherwise.
copyFileSync(
  new URL('vendor/eventsource-parser/LICENSE', here),
  new URL('../static/sse/eventsource-parser.LICENSE.txt', here),
);
