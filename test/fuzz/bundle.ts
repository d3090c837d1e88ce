import { mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

/**
 * Parsers that are instrumented with our own code, and what CommonJS cannot load as our modules do;
 * other packages stay as they are.
 */
const withUs = ['eventsource-parser', 'envalid', 'leven']

/**
 * One file of CommonJS, as Jazzer.js instruments it. @returns where it is, without its extension
 */
export const bundleTarget = async (
  root: string,
  target: string,
  where: string
): Promise<string> => {
  mkdirSync(where, { recursive: true })
  rmSync(join(where, 'node_modules'), { force: true })
  symlinkSync(join(root, 'node_modules'), join(where, 'node_modules'))
  const outfile = join(where, `fuzz-${target}.cjs`)
  await build({
    entryPoints: [join(root, `test/fuzz/targets/${target}.ts`)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node22',
    define: { 'import.meta.url': JSON.stringify(`file://${outfile}`) },
    plugins: [
      {
        name: 'packages-stay',
        setup: ({ onResolve }) =>
          onResolve({ filter: /^[^./]/ }, ({ path }) =>
            withUs.includes(path.split('/')[0] ?? '') || path.startsWith('/')
              ? undefined
              : { path, external: true }
          )
      }
    ],
    logLevel: 'error'
  })
  return outfile
}
