/**
 * Build the files that are served from the sources in `src`, and record the hashes of both in build.json.
 *
 * With `--check`, write nothing, and exit with 1 if a file differs from what would be written.
 */

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { minify } from 'terser';

const CLIENT = import.meta.dirname;
const STATIC = join(CLIENT, '../static/sse');
const read = (path) => readFileSync(join(CLIENT, path), 'utf8');
const readJSON = (path) => JSON.parse(read(path));
const sha256 = (text) => createHash('sha256').update(text).digest('hex');

/** The same as `source_hash` in check.py. */
function sourceHash() {
  const sources = readdirSync(join(CLIENT, 'src')).filter((name) => name.endsWith('.js'));
  const paths = ['build.js', 'package-lock.json', 'package.json', ...sources.map((name) => `src/${name}`)].sort();
  return sha256(paths.map((path) => `${path}\0${read(path)}\0`).join(''));
}

const SOURCES = sourceHash();
const { version, dependencies } = readJSON('package.json');
const licence = (name) => read(`node_modules/${name}/LICENSE`).trim();
const includes = (name) => `includes ${name} ${dependencies[name]}`;

/** The scripts: where each begins, its format, and a notice for the included library. */
const SCRIPTS = {
  'djust-sse.js': {
    entry: 'index.js',
    format: 'iife',
    // Every visitor loads this file: the licence itself is in another.
    notice: `${includes('eventsource-parser')}, licence: djust-sse.esm.js`,
  },
  'djust-sse-sharing.js': { entry: 'shared-transport.js', format: 'esm' },
  'djust-sse-extras.js': { entry: 'extras.js', format: 'esm' },
  'djust-sse-morph.js': {
    entry: 'morph.js',
    format: 'esm',
    notice: `${includes('idiomorph')}, ${licence('idiomorph')}`,
  },
};

/** Import the classic script, so that a page that uses both still has one client. */
const MODULE = `/*! djust-sse ${version} as a module: import { DjustSSE } from this file */
import './djust-sse.js';

export const { DjustSSE } = globalThis;

/*! djust-sse.js ${includes('eventsource-parser')}
${licence('eventsource-parser')}
*/
`;

async function bundle(file, { entry, format }) {
  const { outputFiles } = await build({
    absWorkingDir: CLIENT,
    bundle: true,
    minify: true,
    sourcemap: 'external',
    target: 'es2022',
    charset: 'utf8',
    // Tabs with different clients do not share.
    define: { VERSION: JSON.stringify(SOURCES.slice(0, 8)) },
    entryPoints: [`src/${entry}`],
    outfile: file,
    format,
    write: false,
  });
  const [map, code] = outputFiles.map(({ text }) => text);
  return { map, code };
}

/** Return the text of a script and of its source map, by file name. */
async function script(file, { notice, ...options }) {
  const { map, code } = await bundle(file, options);
  const minified = await minify(code, {
    ecma: 2022,
    // Inlines functions that are used once, which esbuild does not.
    compress: { passes: 3 },
    module: options.format === 'esm',
    format: { preamble: `/*! djust-sse ${version}${notice ? `, ${notice}` : ''} */` },
    sourceMap: { content: map, url: `${file}.map`, includeSources: true },
  });
  return { [file]: `${minified.code}\n`, [`${file}.map`]: `${minified.map}\n` };
}

const scripts = await Promise.all(Object.entries(SCRIPTS).map(([file, options]) => script(file, options)));
const outputs = Object.assign({ 'djust-sse.esm.js': MODULE }, ...scripts);
const hashes = Object.fromEntries(Object.entries(outputs).map(([file, text]) => [file, sha256(text)]));
const record = `${JSON.stringify({ sources: SOURCES, outputs: hashes }, null, 2)}\n`;
const files = { [join(CLIENT, 'build.json')]: record };
for (const [file, text] of Object.entries(outputs)) files[join(STATIC, file)] = text;

function isStale([path, text]) {
  try {
    return readFileSync(path, 'utf8') !== text;
  } catch {
    return true;
  }
}

if (process.argv.includes('--check')) {
  const stale = Object.entries(files).filter(isStale);
  for (const [path] of stale) console.error(`${path} is not what the sources build. Run: make client`);
  process.exitCode = stale.length ? 1 : 0;
} else {
  for (const [path, text] of Object.entries(files)) writeFileSync(path, text);
}
