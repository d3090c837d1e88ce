import { readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { build, type BuildOptions, type Plugin } from 'esbuild'

/**
 * A program and the packages it starts with as one file: to find and read 1,179 of them took half a
 * second. What is imported only where it is used becomes files beside it. Nothing in them depends
 * on the time, the machine or the clone.
 */

/**
 * Keeps `import.meta.url` what it was in the file of src: what is read beside that lies beside it
 * in dist, too.
 */
const whereItWas = (root: string, entry: string): Plugin => ({
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
 * To import `node:http` is to read all that it exports, and one of that loads the whole of fetch;
 * `node:https` loads TLS, and who reaches nobody by it need not. So they are there from when
 * something of them is used: 30 ms of a start.
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
      return {
        contents:
          `let it; const used = () => (it ??= process.getBuiltinModule('node:${path}')); ` +
          'module.exports = { ' +
          `${names.map((name) => `get ${name}() { return used().${name} }`).join(', ')} }`
      }
    })
  }
}

const common = {
  bundle: true,
  format: 'esm',
  // where a licence asks for it, its text stays with the code
  legalComments: 'inline',
  // for whoever runs node with --enable-source-maps to find a fault: always on, it costs a start
  // 120 ms and 85 MB
  sourcemap: 'linked',
  sourcesContent: false,
  // links in node_modules, as the benchmarks have them, change nothing
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
    // it reads files of its own by path, and its errors are told by where it is
    external: ['whatsapp-web.js'],
    // packages of CommonJS ask for Node's own modules so
    banner: {
      js:
        "import { createRequire as requireOf } from 'node:module'\nconst require = " +
        'requireOf(import.meta.url)'
    },
    plugins: [whereItWas(root, entry), asUsed]
  })
}

/** A module that scripts import where there is no src; its packages are there. */
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
