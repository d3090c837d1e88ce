import { readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { build, type BuildOptions, type Plugin } from 'esbuild'

/**
 * Bundles a program and its packages into one file: to find and read 1,179 files took half a
 * second. A dynamic import becomes a file beside it. The content does not depend on the time, the
 * machine or the clone.
 */

/**
 * Keeps `import.meta.url` as it is in src. Files that src reads beside a module are beside it in
 * dist too.
 */
const keepModuleUrl = (root: string, entry: string): Plugin => ({
  name: 'import.meta.url of src',
  setup: ({ onLoad }) => {
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const place = relative(join(root, 'src', dirname(entry)), path).replace(/\.ts$/, '.js')
      return {
        loader: 'ts',
        contents: readFileSync(path, 'utf8').replaceAll(
          'import.meta.url',
          `new URL('./${place}', import.meta.url).href`
        )
      }
    })
  }
})

/**
 * Loads `node:http` and `node:https` when they are first used, which makes a start 30 ms faster. An
 * import reads all exports: one of `node:http` loads fetch, and `node:https` loads TLS.
 */
const asUsed: Plugin = {
  name: 'node:http and node:https as they are used',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^(node:)?https?$/ }, ({ path }) => ({
      path: path.replace('node:', ''),
      namespace: 'as-used'
    }))
    onLoad({ filter: /.*/, namespace: 'as-used' }, async ({ path }) => {
      const names = Object.keys((await import(`node:${path}`)) as object).filter(
        (name) => name !== 'default'
      )
      const getters = names.map((name) => `get ${name}() { return used().${name} }`)
      return {
        contents:
          `let it; const used = () => (it ??= process.getBuiltinModule('node:${path}')); ` +
          `module.exports = { ${getters.join(', ')} }`
      }
    })
  }
}

const common = {
  bundle: true,
  format: 'esm',
  // Some licences require that their text stays with the code.
  legalComments: 'inline',
  // They are for node --enable-source-maps. Always on, they would cost a start 120 ms and 85 MB.
  sourcemap: 'linked',
  sourcesContent: false,
  // A link in node_modules, as in the benchmarks, changes nothing.
  preserveSymlinks: true,
  logLevel: 'warning'
} satisfies BuildOptions

/**
 * @param entry of src, such as `central-hub/main.ts`
 * @param to the file of `dist` that it becomes
 */
export const bundleProgram = async (
  root: string,
  dist: string,
  entry: string,
  to: string
): Promise<void> => {
  await build({
    ...common,
    absWorkingDir: root,
    entryPoints: { [to.replace(/\.js$/, '')]: join('src', entry) },
    outdir: dist,
    splitting: true,
    chunkNames: `${dirname(entry)}/[name]-[hash]`,
    platform: 'node',
    target: 'node24',
    // It reads its own files by path, and its errors are recognized by its path.
    external: ['whatsapp-web.js'],
    // Packages of CommonJS call require for Node's own modules.
    banner: {
      js: [
        "import { createRequire as requireOf } from 'node:module'",
        'const require = requireOf(import.meta.url)'
      ].join('\n')
    },
    plugins: [keepModuleUrl(root, entry), asUsed]
  })
}

/** Bundles a module that scripts import without src. Its packages are installed there. */
export const bundleModule = async (root: string, dist: string, entry: string): Promise<void> => {
  await build({
    ...common,
    absWorkingDir: root,
    entryPoints: [join('src', entry)],
    outbase: 'src',
    outdir: dist,
    packages: 'external',
    platform: 'neutral',
    target: 'es2024'
  })
}
